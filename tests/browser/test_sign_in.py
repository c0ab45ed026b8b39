"""Signing in and out, and what happens when a session ends meanwhile."""

from playwright.sync_api import Page, expect

from tenantpilot.quickstart.people import PASSWORD
from tests.browser.conftest import Complaints, Open
from tests.stack import Stack

RUNS = "SELECT count(*) FROM operations_operationrun"


def test_a_wrong_password_is_refused_without_saying_which_part_was_wrong(open_as: Open) -> None:
    page = open_as(None, "/admin/tenants")
    for name in ("operator", "nobody-of-this-name"):
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill("not the password")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_have_text("Name or password is wrong.")
        expect(page.get_by_label("Name")).to_have_value(name)
        expect(page.get_by_label("Password")).to_have_value("")
        expect(page).to_have_title("Error: Sign in · TenantPilot")


def test_a_password_can_be_pasted_and_leads_to_the_page_that_was_asked_for(open_as: Open) -> None:
    page = open_as(None, "/admin/t/contoso")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_label("Name").fill("operator")
    page.evaluate("text => navigator.clipboard.writeText(text)", PASSWORD)
    page.get_by_label("Password").focus()
    page.keyboard.press("Control+V")
    expect(page.get_by_label("Password")).to_have_value(PASSWORD)
    assert page.get_by_label("Password").get_attribute("autocomplete") == "current-password"
    page.keyboard.press("Enter")
    expect(page).to_have_url("/admin/t/contoso")
    expect(page.get_by_role("heading", level=1)).to_have_text("Contoso Manufacturing")


def sign_in(page: Page, username: str) -> None:
    page.get_by_label("Name").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_signing_out_ends_the_session(open_as: Open) -> None:
    page = open_as(None, "/")
    sign_in(page, "readonly")
    page.get_by_text("Readonly", exact=True).click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.goto("/admin/tenants")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_a_click_after_the_session_ended_leads_to_sign_in_and_back(
    open_as: Open, stack: Stack, complaints: Complaints
) -> None:
    complaints.expect("status of 403|Error Code 403")
    page = open_as(None, "/")
    sign_in(page, "operator")
    page.goto("/admin/t/contoso")
    before = stack.rows(RUNS)
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Check connection").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    expect(page.get_by_role("status").first).to_contain_text("Signed out. Sign in and try again.")
    sign_in(page, "operator")
    expect(page).to_have_url("/admin/t/contoso")
    assert stack.rows(RUNS) == before, "a click without a session started work"
