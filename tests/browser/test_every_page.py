"""Every page by machine, light and dark, on a desk and on a phone; with a picture of each to look at."""

from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Page

from tenantpilot.quickstart.home import PROJECT
from tests.browser.conftest import DESK, PHONE, Complaints, Open
from tests.browser.pages import LOOKS, Look, page_names, places
from tests.live import People
from tests.person import Person
from tests.stack import Stack

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PICTURES = PROJECT / "build" / "screenshots"
NARROWEST = {"width": 320, "height": 800}


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
    """A previewed restore of two types of which one object was changed and one deleted since."""
    types = ["conditionalAccessPolicies", "deviceCategories", "deviceConfigurations"]
    backup = manager.start("contoso", "policy.backup", targetContext={"objectTypes": types})
    assert manager.ended(backup)["outcome"] == "succeeded"
    for kind in types[:2]:
        stack.sandbox("wipe", tenant="contoso", kind=kind)
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
    page.evaluate(AXE)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for size in (DESK, PHONE):
            page.set_viewport_size(size)
            page.screenshot(path=PICTURES / f"{look.name}-{scheme}-{size['width']}.png", full_page=True)
            assert violations(page) == [], f"{scheme}, {size['width']} px"
    page.set_viewport_size(NARROWEST)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= NARROWEST["width"], f"{wide} px wide at {NARROWEST['width']} px"


def violations(page: Page) -> list[tuple[str, str]]:
    """What axe finds, as rule and element. Without preloading: it would fetch style sheets by wrong addresses."""
    options = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"], "preload": False}
    found = page.evaluate("options => axe.run(document, options)", options)
    return [(rule["id"], node["html"][:200]) for rule in found["violations"] for node in rule["nodes"]]
