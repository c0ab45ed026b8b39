"""Every page by machine, light and dark, on a desk and on a phone; with a picture of each to look at."""

import pytest

from tests.browser.conftest import Complaints, Open
from tests.browser.looking import look_at
from tests.browser.pages import LOOKS, Look, page_names, places
from tests.live import People
from tests.person import Person
from tests.stack import Stack


@pytest.fixture(scope="package")
def ids(stack: Stack, people: People) -> dict[str, str]:
    """What paths need; syncs and a backup have ended before, so that lists have rows, and an onboarding has begun."""
    operator: Person = people("operator")
    for operation in (
        "directory.groups.sync",
        "directory.role_definitions.sync",
        "inventory.sync",
        "compliance.snapshot",
    ):
        assert operator.ended(operator.start("contoso", operation))["outcome"] == "succeeded"
    types = {"objectTypes": ["configurationPolicies", "deviceConfigurations"]}
    outcome = operator.start("contoso", "policy.backup", targetContext=types)
    assert operator.ended(outcome)["outcome"] == "succeeded"
    assert people("manager").post("/admin/onboarding").status_code == 302
    _restore(people("manager"), stack)
    return places(stack)


def _restore(manager: Person, stack: Stack) -> None:
    """A previewed restore of what was deleted since: all objects of two types, and a Wi-Fi profile."""
    types = ["conditionalAccessPolicies", "deviceCategories", "deviceConfigurations"]
    backup = manager.start("contoso", "policy.backup", targetContext={"objectTypes": types})
    assert manager.ended(backup)["outcome"] == "succeeded"
    for kind in types[:2]:
        stack.sandbox("wipe", tenant="contoso", kind=kind)
    # Its key is one that Microsoft never gives back.
    stack.sandbox("delete_object", tenant="contoso", kind=types[2], name="WIN - Wi-Fi - Corp PSK")
    number = stack.rows("SELECT max(id) FROM providers_backup")[0][0]
    draft = manager.post(
        "/admin/t/contoso/restore-runs",
        data={"backup": number, "types": types, "update": "on", "create": "on", "assignments": "backed_up"},
    )
    assert draft.status_code == 303
    restore = int(draft.headers["Location"].rpartition("/")[2])
    seen = manager.start("contoso", "restore.preview", targetContext={"restoreRun": restore})
    assert manager.ended(seen)["outcome"] == "succeeded"


def test_every_page_of_the_console_is_looked_at() -> None:
    assert page_names() - {look.url_name for look in LOOKS} == set()


@pytest.mark.parametrize("look", LOOKS, ids=[look.name for look in LOOKS])
def test_a_page_has_no_violations_and_fits(
    open_as: Open, ids: dict[str, str], complaints: Complaints, look: Look
) -> None:
    if look.status != 200:
        complaints.expect(f"status of {look.status}")
    page = open_as(look.who or None, "about:blank")
    answer = page.goto(look.path.format(**ids))
    assert answer is not None and answer.status == look.status
    if look.click:
        page.locator(look.click).first.click()
    assert page.locator("h1").count() == 1
    look_at(page, look.name)
