"""Every blocked tenant of the demo: its reason, who can mend it, the mend itself, and the start afterwards."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints, Open
from tests.live import People
from tests.stack import DEMO, Stack

GROUPS = "directory.groups.sync"
CHECK = "provider.connection.check"
LONG = 60_000


def mend_tailspin(page: Page, stack: Stack) -> None:
    page.get_by_role("link", name="Replace secret").first.click()
    page.get_by_label("Client secret").fill(DEMO["renewed_secret"])
    page.get_by_label("Ends on").fill("2099-01-01")
    page.get_by_role("button", name="Replace secret").click()
    expect(page.locator(".tp-messages")).to_have_text(
        "The credential is replaced. Check the connection next."
    )
    assert DEMO["renewed_secret"] not in page.content()


def mend_adatum(page: Page, stack: Stack) -> None:
    page.get_by_role("link", name="Enable connection").first.click()
    page.get_by_role("button", name="Enable connection").click()
    expect(page.locator("#page-badge")).not_to_have_text("Disabled")


def mend_relecloud(page: Page, stack: Stack) -> None:
    page.get_by_role("link", name="Add connection").first.click()
    page.get_by_label("App registration").select_option(label="TenantPilot for Contoso MSP")
    page.get_by_role("button", name="Add connection").click()
    expect(page.locator(".tp-messages")).to_contain_text("is added. Check it next.")


def consent(page: Page, stack: Stack) -> None:
    page.get_by_role("link", name="Grant consent").first.click()
    page.get_by_role("link", name="Open consent").click()
    assert page.url.startswith(stack.sandbox_url)
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Consent was granted")
    assert page.url.startswith(stack.address)


def mend_woodgrove(page: Page, stack: Stack) -> None:
    stack.sandbox("grant", tenant="woodgrove", permissions=["GroupMember.Read.All"])


def mend_wingtip(page: Page, stack: Stack) -> None:
    stack.sandbox("reach", tenant="wingtip")


BLOCKED: list[tuple[str, str, str, Callable[[Page, Stack], None]]] = [
    ("tailspin", "The credential of TenantPilot for Tailspin has expired.", "Replace secret", mend_tailspin),
    ("adatum", "The connection TenantPilot for Contoso MSP is disabled.", "Enable connection", mend_adatum),
    ("relecloud", "Relecloud Hosting has no", "Add connection", mend_relecloud),
    ("northwind", "Northwind Legal has not granted admin consent.", "Grant consent", consent),
    ("woodgrove", "The permission GroupMember.Read.All is missing.", "Grant consent", mend_woodgrove),
    ("wingtip", "Microsoft did not answer for Wingtip Dental Group.", "Check connection", mend_wingtip),
]


@pytest.mark.parametrize(("slug", "reason", "mend", "do_it"), BLOCKED, ids=[row[0] for row in BLOCKED])
def test_a_blocked_tenant_leads_to_its_mend(
    open_as: Open,
    stack: Stack,
    people: People,
    complaints: Complaints,
    slug: str,
    reason: str,
    mend: str,
    do_it: Callable[[Page, Stack], None],
) -> None:
    if slug == "wingtip":
        people("operator").ended(people("operator").start(slug, CHECK))

    page = open_as("operator", f"/admin/t/{slug}")
    expect(page.locator("#page-banner")).to_contain_text(reason)
    expect(page.get_by_role("button", name="Sync groups")).to_be_disabled()
    expect(page.get_by_role("button", name="Sync groups")).to_have_accessible_description(reason_of(page))
    if mend != "Check connection":
        expect(page.locator("#page-banner")).to_contain_text("Ask a Manager of Contoso MSP.")
        expect(page.get_by_role("link", name=mend)).to_have_count(0)

    page = open_as("manager", f"/admin/t/{slug}")
    expect(page.get_by_role("button", name="Sync groups")).to_be_disabled()
    expect(page.locator("#page-banner")).to_contain_text(mend)
    do_it(page, stack)

    if slug == "northwind":
        page.get_by_role("button", name="Check connection").click()  # where the provider sent us back to
        expect(page.get_by_role("main")).to_contain_text("Check connection queued")
    else:
        page.goto(f"/admin/t/{slug}")
        page.get_by_role("button", name="Check connection").click()
        expect(page.locator("#outcome .tp-outcome")).to_contain_text("Check connection queued")
        # Badge, banner and buttons are drawn anew when the check has ended.
        expect(page.locator("#page-badge")).to_have_text("Healthy", timeout=LONG)
        expect(page.locator("#page-banner .tp-outcome")).to_have_count(0)
    expect(page.get_by_role("button", name="Sync groups")).to_be_enabled(timeout=LONG)
    page.get_by_role("button", name="Sync groups").click()
    expect(page.locator("#outcome .tp-outcome")).to_contain_text("Sync groups queued")
    page.locator("#outcome").get_by_role("link", name="View run").click()
    expect(page.locator("#run-badge")).to_have_text("Succeeded", timeout=LONG)


def reason_of(page: Page) -> str:
    """The text under the disabled buttons."""
    return page.locator(".tp-starts__why p").first.inner_text().strip()
