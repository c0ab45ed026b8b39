"""A customer is brought in, in real browsers: the whole way, both ways, with what goes wrong on it."""

import json

from playwright.sync_api import Page, expect

from tenantpilot.quickstart.home import PROJECT
from tests.browser.conftest import Complaints, Open
from tests.browser.looking import look_at
from tests.stack import Stack

LONG = 60_000
_DATA = json.loads((PROJECT / "tenantpilot" / "quickstart" / "demo_data.json").read_text())
OWN = next(app for app in _DATA["app_registrations"] if app["key"] == "alpine-own")
ALPINE = next(tenant for tenant in _DATA["tenants"] if tenant["slug"] == "alpine")
GROUPS = "GroupMember.Read.All"


def begin(page: Page, tenant_id: str = ALPINE["entra_tenant_id"], *, asked: str = "alpine.example") -> None:
    page.goto("/admin/onboarding")
    page.get_by_role("button", name="Add tenant").click()
    page.get_by_label("Domain or tenant ID").fill(asked)
    page.get_by_role("main").get_by_role("button", name="Find tenant").click()
    expect(page.locator("#step .tp-facts")).to_contain_text(tenant_id)
    page.get_by_role("button", name="Continue").click()


def now(page: Page) -> str:
    """The step that the page shows."""
    return page.locator(".tp-wizard [aria-current=step] .tp-wizard__words > :first-child").inner_text()


def test_a_tenant_comes_in_by_consent_and_each_failure_shows_a_way_on(
    open_as: Open, stack: Stack, complaints: Complaints
) -> None:
    complaints.expect("status of 409")
    page = open_as("manager", "/admin/onboarding")
    begin(page)
    page.get_by_role("button", name="Ask for consent").click()
    expect(page.get_by_role("main")).to_contain_text("Waiting for consent")
    session = page.url.partition("?")[0]

    # The customer's administrator, who has no account here, declines, is none, and then accepts.
    customer = open_as(None, page.locator(".tp-code code").first.inner_text())
    expect(customer.get_by_role("main")).to_contain_text("Read groups and their members.")
    look_at(customer, "consent-link")
    look_at(page, "onboarding-connect-consent")
    customer.get_by_role("link", name="Continue to Microsoft").click()
    assert customer.url.startswith(stack.sandbox_url)
    customer.get_by_role("button", name="Cancel").click()
    expect(customer.get_by_role("main")).to_contain_text("Consent was declined.")
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("Consent was declined.")
    expect(page.get_by_role("link", name="Try again")).to_be_visible()
    customer.get_by_role("link", name="Try again").click()
    customer.get_by_role("button", name="Sign in as somebody").click()
    expect(customer.get_by_role("main")).to_contain_text("It takes a Global Administrator.")
    customer.get_by_role("link", name="Try again").click()
    # Somebody who administrates another tenant, too, picks that one.
    customer.goto(customer.url.replace(ALPINE["entra_tenant_id"], "organizations"))
    customer.get_by_label("Sign in as administrator of").select_option(label="Contoso Manufacturing")
    customer.get_by_role("button", name="Accept").click()
    expect(customer.get_by_role("main")).to_contain_text("Consent was granted in another tenant.")
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("Consent was granted in another tenant.")
    customer.get_by_role("link", name="Try again").click()
    customer.get_by_role("button", name="Accept").click()
    expect(customer.get_by_role("main")).to_contain_text("You are done and can close this page.")
    # Nobody touches the wizard: it has noticed.
    expect(page.locator("#consent-wait")).to_contain_text("the whole set was granted", timeout=LONG)

    # A permission is taken back before the check, and granted later.
    stack.sandbox("revoke", tenant="alpine", permissions=[GROUPS])
    page.locator("#consent-wait").get_by_role("link", name="Continue").click()
    page.get_by_role("button", name="Verify access").click()
    missing = page.locator(".tp-checks li", has_text=GROUPS)
    expect(missing).to_contain_text("Without it these will not work: Sync groups", timeout=LONG)
    expect(missing).to_contain_text("Missing")
    expect(page.get_by_role("main")).not_to_contain_text("Access works")
    look_at(page, "onboarding-verify-missing")
    stack.sandbox("grant", tenant="alpine", permissions=[GROUPS])
    page.get_by_role("button", name="Verify again").click()
    expect(page.get_by_role("main")).to_contain_text("Access works", timeout=LONG)
    assert page.locator(".tp-checks .tp-badge--bad").count() == 0
    look_at(page, "onboarding-verified")

    # Two people in one session: the second is told, and goes on from where it stands.
    other = open_as("owner", f"{session}/hand-over")
    page.goto(f"{session}/hand-over")
    page.get_by_role("button", name="Hand over").click()
    expect(page.locator(".tp-messages")).to_contain_text("is in charge now.")
    other.get_by_role("button", name="Hand over").click()
    expect(other.locator(".tp-messages")).to_contain_text("Manager was faster.")

    # The browser is closed while the first syncs go on.
    page.goto(session)
    look_at(page, "onboarding-bootstrap")
    for box in page.locator("[name=selectedOperations]").all():
        box.set_checked(box.input_value().startswith("directory."))
    page.get_by_role("button", name="Start first syncs").click()
    expect(page.locator("#chain")).to_contain_text("Sync role definitions")
    page.context.close()

    page = open_as("owner", "/admin/onboarding")
    page.get_by_role("row", name="Alpine Ski House").get_by_role("link").click()
    expect(page.locator("#chain .tp-badge--ok")).to_have_count(2, timeout=LONG)
    expect(page.get_by_role("main")).to_contain_text("What we know of Alpine Ski House")
    look_at(page, "onboarding-done")
    page.get_by_role("button", name="Open tenant").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Alpine Ski House")
    expect(page.locator("#page-badge")).to_have_text("Healthy")


def test_a_tenant_comes_in_by_its_own_app_registration(
    open_as: Open, stack: Stack, complaints: Complaints
) -> None:
    complaints.expect("status of 400")
    page = open_as("outsider", "/admin/onboarding")
    begin(page)
    page.get_by_role("link", name="Own app registration").click()
    page.get_by_text("Show 13 permissions").click()
    look_at(page, "onboarding-connect-own")
    expect(page.locator(".tp-howto")).to_contain_text("DeviceManagementScripts.Read.All")
    page.get_by_label("Client ID").fill(OWN["client_id"])
    page.get_by_label("Client secret").fill("wrong")
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.locator(".tp-field--bad")).to_contain_text("Microsoft refuses it.")

    secret = stack.sandbox("add_secret", client_id=OWN["client_id"], valid_s=0.01)
    page.get_by_label("Client secret").fill(secret)
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.locator(".tp-field--bad")).to_contain_text("It has expired.")

    page.get_by_label("Client secret").fill(OWN["client_secret"])
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.locator(".tp-messages")).to_contain_text("Signing in works.")
    assert OWN["client_secret"] not in page.content()
    page.get_by_role("button", name="Verify access").click()
    expect(page.get_by_role("main")).to_contain_text("Access works", timeout=LONG)
    page.get_by_role("link", name="Continue", exact=True).click()
    with stack.held("alpine"):
        page.get_by_role("button", name="Start first syncs").click()
        expect(page.locator("#chain")).to_contain_text("Waiting")
        page.get_by_role("button", name="Stop first syncs").click()
        expect(page.locator(".tp-messages")).to_be_visible()
    page.get_by_role("link", name="Continue", exact=True).click()
    page.get_by_role("button", name="Open tenant").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Alpine Ski House")


def test_a_tenant_that_microsoft_throttles_says_until_when(open_as: Open, stack: Stack) -> None:
    app = stack.sandbox("add_app")
    busy = stack.sandbox("add_tenant", tenant="busy", display_name="Busy Bees", client_id=app["client_id"])
    page = open_as("manager", "/admin/onboarding")
    begin(page, busy["tenant_id"], asked=busy["tenant_id"])
    page.get_by_role("link", name="Own app registration").click()
    page.get_by_label("Client ID").fill(app["client_id"])
    page.get_by_label("Client secret").fill(app["client_secret"])
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.locator(".tp-messages")).to_contain_text("Signing in works.")
    stack.sandbox("fault", status=429, tenant="busy", retry_after="600")
    try:
        page.get_by_role("button", name="Verify access").click()
        expect(page.locator("#verify-live")).to_contain_text("Microsoft throttles", timeout=LONG)
        expect(page.locator("#verify-live")).to_contain_text("The check goes on by itself")
        look_at(page, "onboarding-throttled")
    finally:
        stack.sandbox("clear_faults")
