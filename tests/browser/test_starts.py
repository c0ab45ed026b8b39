"""A start, from the click to the end of the run."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, Response, expect

from tests.browser.conftest import Complaints, Open
from tests.live import People
from tests.person import Person
from tests.stack import DEMO, Stack, eventually

LONG = 60_000
HOLDER = re.compile(r"Sync groups \(Operator, since \d\d:\d\d UTC\) is using this connection")
# What a run that reads the groups asks for once the first of them are there.
LATER_PAGES = {"path": "groups/delta", "page": 2}
PROGRESS = re.compile(r"[1-9][\d,]*( of [\d,]+)?\s*Reading")


def outcome(page: Page) -> Locator:
    """The panel with the answer to a start."""
    return page.locator("#outcome .tp-outcome")


def run_in(panel: Locator) -> str:
    return str(panel.get_by_role("link", name="View run").get_attribute("href"))


@pytest.fixture(autouse=True)
def _idle(stack: Stack) -> Iterator[None]:
    """Every test begins and ends without a run on contoso."""
    yield
    query = (
        "SELECT 1 FROM operations_operationrun r JOIN tenancy_tenant t ON t.id = r.tenant_id "
        "WHERE t.slug = 'contoso' AND r.outcome IS NULL"
    )
    eventually(lambda: not stack.rows(query), seconds=60)


def test_a_sync_is_started_joined_and_watched_until_its_end(open_as: Open, stack: Stack) -> None:
    page = open_as("operator", "/admin/t/contoso")
    with stack.held("contoso", **LATER_PAGES):
        page.get_by_role("button", name="Sync groups").click()
        expect(outcome(page)).to_contain_text("Sync groups queued")
        expect(outcome(page)).to_be_focused()
        run = run_in(outcome(page))
        expect(page.locator("#recent-runs").get_by_role("link", name="Sync groups").first).to_have_attribute(
            "href", run
        )

        page.get_by_role("button", name="Sync groups").click()
        expect(outcome(page)).to_contain_text("Sync groups is already running")
        expect(outcome(page)).to_contain_text("Nothing was started twice.")
        expect(outcome(page)).to_be_focused()
        assert run_in(outcome(page)) == run

        page.get_by_role("button", name="Sync role definitions").click()
        expect(outcome(page)).to_contain_text("Contoso Manufacturing is busy")
        expect(outcome(page)).to_contain_text(HOLDER)
        expect(outcome(page)).to_be_focused()
        assert run_in(outcome(page)) == run

        # A page drawn while the run holds the connection gives that answer before the click.
        later = open_as("operator", "/admin/t/contoso")
        expect(later.get_by_role("button", name="Sync role definitions")).to_be_disabled()
        expect(later.get_by_role("button", name="Sync role definitions")).to_have_accessible_description(
            HOLDER
        )
        expect(later.get_by_role("button", name="Sync groups")).to_be_enabled()
        later.close()

        polls: list[Response] = []
        page.on("response", lambda response: polls.append(response) if "/status" in response.url else None)
        outcome(page).get_by_role("link", name="View run").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Sync groups")
        expect(page.locator("#run-badge")).to_have_text("Running", timeout=LONG)
        # A first read knows the total, a delta only how far it is.
        expect(page.locator(".tp-progress-line")).to_have_text(PROGRESS, timeout=LONG)
    expect(page.locator("#run-badge")).to_have_text("Succeeded", timeout=LONG)
    expect(page.locator("#run-actions")).to_have_text("Open result")
    expect(page.locator(".tp-counts")).to_contain_text(f"{DEMO['contoso']:,}")
    expect(page.locator("#tp-announce")).to_contain_text("Sync groups succeeded.")
    assert [poll.status for poll in polls][-1] == 286
    assert {poll.status for poll in polls[:-1]} == {200}
    asked = len(polls)
    page.wait_for_timeout(2500)
    assert len(polls) == asked, "polling goes on after the end"

    page.goto("/admin/t/contoso/directory/groups")
    expect(page.get_by_role("main")).to_contain_text("Last observed")


def test_a_run_is_cancelled_after_the_consequence_is_told(open_as: Open, stack: Stack) -> None:
    page = open_as("operator", "/admin/t/contoso/directory/groups")
    with stack.held("contoso", **LATER_PAGES):
        page.get_by_role("button", name="Sync groups").click()
        outcome(page).get_by_role("link", name="View run").click()
        expect(page.locator("#run-badge")).to_have_text("Running", timeout=LONG)
        page.get_by_role("link", name="Cancel").click()
        expect(page.get_by_role("main")).to_contain_text("This stops the run.")
        page.get_by_role("link", name="Keep running").click()
        page.get_by_role("link", name="Cancel").click()
        page.get_by_role("button", name="Stop run").click()
        expect(page.get_by_role("main")).to_contain_text("The run was asked to stop.")
    expect(page.locator("#run-badge")).to_have_text("Cancelled", timeout=LONG)
    expect(page.get_by_role("main")).to_contain_text("The run was stopped on request.")


def test_the_same_form_works_without_scripts(open_as: Open, stack: Stack) -> None:
    page = open_as("operator", "/admin/t/contoso", java_script_enabled=False)
    answers: list[Response] = []
    page.on(
        "response", lambda response: answers.append(response) if response.request.method == "POST" else None
    )
    page.get_by_role("button", name="Check connection").click()
    assert [answer.status for answer in answers] == [303]
    expect(page).to_have_url("/admin/t/contoso")
    expect(page.locator(".tp-messages .tp-outcome")).to_contain_text("Check connection queued")
    page.locator(".tp-messages").get_by_role("link", name="View run").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Check connection")


def test_a_live_list_follows_runs_without_moving_them(open_as: Open, stack: Stack, people: People) -> None:
    operator: Person = people("operator")
    with stack.held("contoso", **LATER_PAGES):
        started = operator.start("contoso", "directory.groups.sync")
        page = open_as("operator", "/admin/operations")
        row = page.locator(f"#run-{started['run']['id']}")
        expect(row).to_contain_text(re.compile("Queued|Running"))
    expect(row).to_contain_text("Succeeded", timeout=LONG)


def test_a_server_that_does_not_answer_is_told_in_a_toast_that_stays(
    open_as: Open, complaints: Complaints
) -> None:
    complaints.expect("ERR_FAILED|htmx:(afterRequest|sendError)")
    page = open_as("operator", "/admin/t/contoso")
    page.route("**/start", lambda route: route.abort())
    page.route("**/sync", lambda route: route.abort())
    page.get_by_role("button", name="Sync groups").click()
    expect(page.locator(".tp-toast--bad")).to_contain_text("No connection. Check your network and try again.")
    page.keyboard.press("Escape")
    expect(page.locator(".tp-toast")).to_have_count(0)
