"""Several objects of a backup, chosen in its list by mouse and keyboard for one restore."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.looking import look_at
from tests.live import People
from tests.stack import Stack

KIND = "termsAndConditions"


def test_objects_are_ticked_in_the_list_of_a_backup(open_as: Open, stack: Stack, people: People) -> None:
    manager = people("manager")
    backup = manager.start("contoso", "policy.backup", targetContext={"objectTypes": [KIND]})
    assert manager.ended(backup)["outcome"] == "succeeded"
    (number,) = stack.rows("SELECT max(id) FROM providers_backup WHERE object_types = %s", [KIND])[0]
    page = open_as("manager", f"/admin/t/contoso/backups/{number}")
    bar = page.get_by_role("form", name="Selected objects")
    expect(bar).to_contain_text("Nothing selected.")

    page.get_by_label("Select this page").check()
    count = page.locator("tbody [data-tp-pick]").count()
    assert count > 1
    expect(bar).to_contain_text(f"{count} selected.")
    bar.get_by_role("link", name="Clear selection").click()
    expect(bar).to_contain_text("Nothing selected.")
    page.keyboard.press("j")
    page.keyboard.press("x")
    name = page.locator("tr", has=page.locator("[data-tp-pick]:checked")).get_by_role("link").inner_text()
    expect(bar).to_contain_text("1 selected.")
    look_at(page, "backup-selection")

    bar.get_by_role("button", name="Restore selected…").click()
    expect(page).to_have_url(re.compile(rf"/restore-runs/new\?backup={number}&item=\d+$"))
    expect(page.get_by_role("main")).to_contain_text("1 object")
    page.get_by_role("button", name="Prepare restore").click()
    expect(page.get_by_role("main")).to_contain_text("1 object is chosen.")
    expect(page.get_by_role("heading", level=1)).to_have_text("Restore into Contoso Manufacturing")
    assert stack.rows(
        "SELECT i.name FROM providers_restoreselection s JOIN providers_backupitem i ON i.id = s.item_id "
        "ORDER BY s.id DESC LIMIT 1"
    ) == [(name,)]
