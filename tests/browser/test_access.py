"""What people see who may not see or start everything."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Complaints, Open
from tests.live import People
from tests.stack import Stack


def test_an_operator_finds_no_trace_of_fabrikam(open_as: Open, stack: Stack, complaints: Complaints) -> None:
    complaints.expect("status of 404")
    page = open_as("operator", "/admin/tenants")
    expect(page.get_by_role("main")).not_to_contain_text("Fabrikam")
    for path in ("/admin/t/fabrikam", f"/admin/provider-connections/{stack.connection_id('fabrikam')}"):
        answer = page.goto(path)
        assert answer is not None and answer.status == 404
        expect(page.get_by_role("heading", level=1)).to_have_text("Not found, or you have no access")
        expect(page.locator("body")).not_to_contain_text("Fabrikam")


@pytest.mark.parametrize("path", ["/admin/t/contoso", "/admin/provider-connections/{connection}"])
def test_a_reader_sees_facts_and_no_start_buttons(open_as: Open, stack: Stack, path: str) -> None:
    page = open_as("readonly", path.format(connection=stack.connection_id("contoso")))
    main = page.get_by_role("main")
    expect(main).to_contain_text("Connected")
    expect(main.locator("form[method=post]")).to_have_count(0)
    for name in ("Replace secret", "Add connection", "Grant consent", "Disable connection", "Edit tenant ID"):
        expect(main.get_by_role("link", name=name)).to_have_count(0)


def test_a_start_that_a_reader_sends_anyway_is_refused_in_the_panel(
    open_as: Open, stack: Stack, people: People, complaints: Complaints
) -> None:
    """A role may be lost while the page is open: the answer is shown where an outcome would be."""
    complaints.expect("status of 403|Error Code 403")
    page = open_as("operator", "/admin/t/contoso")
    reader = people("readonly").client.cookies
    page.context.add_cookies(
        [{"name": name, "value": value, "url": stack.address} for name, value in reader.items()]
    )
    # The token in the page is the operator's; the reader's own goes with the reader's cookie.
    page.evaluate(
        "token => document.querySelectorAll('[name=csrfmiddlewaretoken]').forEach((field) => { field.value = token; })",
        reader["csrftoken"],
    )
    page.get_by_role("button", name="Sync groups").click()
    panel = page.locator("#outcome .tp-outcome")
    expect(panel).to_contain_text("You need Operator on this tenant.")
    expect(panel).to_be_focused()


def test_an_outsider_sees_only_the_other_workspace(open_as: Open, complaints: Complaints) -> None:
    complaints.expect("status of 404")
    page = open_as("outsider", "/admin/tenants")
    expect(page.get_by_role("main")).to_contain_text("Proseware Publishing")
    expect(page.get_by_role("main")).not_to_contain_text("Contoso")
    for slug in ("contoso", "northwind", "relecloud"):
        answer = page.goto(f"/admin/t/{slug}")
        assert answer is not None and answer.status == 404
