"""Secrets that Graph masks, entered in the browser: named, kept, replaced, removed, written, and never shown."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Complaints, Open
from tests.browser.looking import look_at
from tests.live import People
from tests.person import Person
from tests.stack import Stack

KIND, PROXY = "deviceConfigurations", "WIN - Custom - Proxy"
PASSWORD = "./Device/Vendor/Contoso/Proxy/Password"
SCRIPT = "./Device/Vendor/Contoso/Proxy/Script"
VALUE = "canary of the proxy"
LONG = 60_000


def _drafted(manager: Person, stack: Stack) -> str:
    """The page of a previewed restore of a deleted object whose values the backup could not read."""
    stack.sandbox("grant", tenant="contoso", permissions=["restore"])
    assert manager.ended(manager.start("contoso", "provider.connection.check"))["outcome"] == "succeeded"
    stack.sandbox("fault", tenant="contoso", path=f"deviceManagement/{KIND}/*/getOma*", status=403)
    backup = manager.start("contoso", "policy.backup", targetContext={"objectTypes": [KIND]})
    assert manager.ended(backup)["outcome"] == "succeeded"
    stack.sandbox("clear_faults")
    stack.sandbox("delete_object", tenant="contoso", kind=KIND, name=PROXY)
    number, item = stack.rows(
        "SELECT backup_id, id FROM providers_backupitem WHERE name = %s ORDER BY id DESC LIMIT 1", PROXY
    )[0]
    fields = {"backup": number, "item": item, "update": "on", "create": "on", "assignments": "none"}
    page: str = manager.post("/admin/t/contoso/restore-runs", data=fields).headers["Location"]
    restore = int(page.rpartition("/")[2])
    preview = manager.start("contoso", "restore.preview", targetContext={"restoreRun": restore})
    assert manager.ended(preview)["outcome"] == "succeeded"
    return page


def test_masked_secrets_are_entered_and_written(
    open_as: Open, stack: Stack, people: People, complaints: Complaints
) -> None:
    page = open_as("manager", _drafted(people("manager"), stack))
    expect(page.get_by_text("Some objects wait for a secret: 1.")).to_be_visible()
    page.get_by_text(f"Enter secrets of {PROXY}").click()
    page.get_by_label(PASSWORD).wait_for()
    look_at(page, "restore-secrets-asked")

    # Nothing entered: the field is named, and focus is where the list of errors is.
    complaints.expect("status of 400")
    page.get_by_role("button", name="Keep secrets").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter a value.")
    look_at(page, "restore-secrets-refused")
    page.get_by_label(PASSWORD).fill("the wrong one")
    page.get_by_label(SCRIPT).fill(VALUE)
    page.get_by_label(SCRIPT).press("Enter")
    expect(page.get_by_text("The secrets are kept until this restore has ended.")).to_be_visible()
    expect(page.get_by_text("2 of 2 set")).to_be_visible()
    expect(page.get_by_role("heading", name="1 object will change")).to_be_visible()

    page.get_by_text(f"Enter secrets of {PROXY}").click()
    page.get_by_text(f"Replace {PASSWORD}").click()
    page.get_by_label(PASSWORD, exact=True).last.fill(VALUE)
    page.get_by_role("button", name="Keep secrets").click()
    page.get_by_text(f"Enter secrets of {PROXY}").click()
    page.get_by_role("button", name=f"Remove {SCRIPT}").click()
    expect(page.get_by_text("1 of 2 set")).to_be_visible()
    page.get_by_text(f"Enter secrets of {PROXY}").click()
    page.get_by_label(SCRIPT).wait_for()
    look_at(page, "restore-secrets-half")
    page.get_by_label(SCRIPT).fill(VALUE)
    page.get_by_role("button", name="Keep secrets").click()

    page.get_by_role("link", name="Review and execute").click()
    page.get_by_label("I understand:").check()
    with stack.held("contoso", method="POST", path=f"deviceManagement/{KIND}"):
        page.get_by_role("button", name="Execute restore").click()
        expect(page.locator("#outcome")).to_contain_text("Execute restore queued")
        # The page of the restore follows it to its end.
        page.goto(page.url.removesuffix("/review"))
        expect(page.locator("#restore-badge")).to_have_text(re.compile("Queued|Running"))
        expect(page.locator("#run-live")).to_contain_text("0 of 1", timeout=LONG)
        look_at(page, "restore-executing")
    expect(page.locator("#restore-badge")).to_have_text("Succeeded", timeout=LONG)
    expect(page.get_by_role("table").get_by_text("Verified")).to_be_visible()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    expect(page.locator("#run-live")).to_have_count(0)
    assert "canary" not in page.content()
    assert stack.rows("SELECT count(*) FROM providers_restoresecret") == [(0,)]
    made = stack.sandbox("object", tenant="contoso", kind=KIND, name=PROXY)
    assert VALUE in [each["value"] for each in made["omaSettings"]]
