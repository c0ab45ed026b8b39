"""A tenant's way out through the browser: archived while work runs, brought back, archived again, deleted."""

from playwright.sync_api import expect

from tests.browser.conftest import Complaints, Open
from tests.browser.looking import PICTURES, look_at
from tests.live import People
from tests.stack import Stack, eventually

TENANT = "/admin/t/wingtip"


def test_a_tenant_leaves(open_as: Open, stack: Stack, people: People, complaints: Complaints) -> None:
    owner = people("owner")
    stack.sandbox("reach", tenant="wingtip")
    owner.ended(owner.start("wingtip", "provider.connection.check"))
    with stack.held("wingtip"):
        run = owner.start("wingtip", "directory.groups.sync")
        assert run["status"] == "accepted"
        eventually(lambda: owner.run(run)["executionStatus"] == "running")
        page = open_as("owner", TENANT)
        page.get_by_role("link", name="Archive tenant").click()
        expect(page.get_by_text("This ends all work on")).to_be_visible()
        page.get_by_role("button", name="Archive tenant").click()
        expect(page.locator("#page-leaving")).to_contain_text("It waits for a run to end.")
        page.screenshot(path=PICTURES / "tenant-archiving.png", full_page=True)
    # Without a reload: what it waited for ends, and the page says so.
    expect(page.locator("#page-leaving")).to_contain_text("is archived.", timeout=60_000)
    expect(page.locator("#page-badge")).to_have_text("Archived")
    look_at(page, "tenant-archived")

    page.goto("/admin/tenants?life=archived")
    look_at(page, "tenants-archived")
    page.get_by_role("link", name="Wingtip").click()
    page.get_by_role("button", name="Bring back").click()
    expect(page.get_by_text("is back.")).to_be_visible()
    expect(page.locator("#page-banner")).to_contain_text("is disabled")

    page.get_by_role("link", name="Archive tenant").click()
    page.get_by_role("button", name="Archive tenant").click()
    expect(page.locator("#page-leaving")).to_contain_text("is archived.")
    page.get_by_role("link", name="Delete tenant").click()
    complaints.expect("status of 400")
    page.get_by_role("button", name="Delete tenant").click()
    expect(page.get_by_role("alert")).to_be_visible()
    look_at(page, "tenant-delete")
    page.get_by_label("Name of the tenant").fill(page.locator("h1").inner_text())
    page.get_by_role("button", name="Delete tenant").click()
    expect(page.get_by_text("is being deleted.")).to_be_visible()

    gone = "SELECT 1 FROM tenancy_tenant WHERE slug = 'wingtip' AND deleted_at IS NOT NULL"
    eventually(lambda: stack.rows(gone))
    page.goto(TENANT)
    expect(page.get_by_text("was deleted.")).to_be_visible()
    look_at(page, "tenant-deleted")
    assert people("operator").get(TENANT).status_code == 404
