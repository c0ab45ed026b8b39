"""What the wizard's live parts cost while nothing changes: session, person, and one statement more."""

import re

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext

from operations import execution
from operations.models import OperationRun
from tests import budgets
from tests.console.rows import signed_in, text_of
from tests.contracts.conftest import HTMX

pytestmark = [pytest.mark.django_db(transaction=True)]
GROUPS, ROLES = "directory.groups.sync", "directory.role_definitions.sync"


def poll(wizard, url) -> tuple[HttpResponse, int]:
    with CaptureQueriesContext(connection) as queries:
        answer = wizard.client.get(url, headers=HTMX)
    return answer, len(queries)


def asks(answer) -> str:
    """Where the part that was drawn asks next."""
    found = re.search(r'hx-get="([^"]+/live/[^"]+)"', answer.content.decode())
    assert found is not None
    return found[1]


def test_a_check_at_work_costs_three_statements_a_poll_until_it_moves(wizard):
    wizard.connect()
    wizard.start_check()
    drawn, _cost = poll(wizard, f"{wizard.url}/live/verify")
    same, cost = poll(wizard, asks(drawn))
    assert (same.status_code, same.content, cost) == (204, b"", 3)
    wizard.work()
    moved, _cost = poll(wizard, asks(drawn))
    assert moved.status_code == 286 and "Access works" in text_of(moved)


def test_a_chain_costs_three_statements_a_poll_until_one_of_its_steps_moves(wizard):
    wizard.verify()
    form = {"providerConnectionId": wizard.session.connection_id, "selectedOperations": [GROUPS, ROLES]}
    wizard.client.post(f"{wizard.url}/provider-bootstrap/start", form)
    url = f"{wizard.url}/live/bootstrap"
    for ended in ("0 of 2", "1 of 2"):
        drawn, _cost = poll(wizard, url)
        assert drawn.status_code == 200 and ended in text_of(drawn)
        url = asks(drawn)
        same, cost = poll(wizard, url)
        assert (same.status_code, cost) == (204, 3)
        wizard.work()
    assert poll(wizard, url)[0].status_code == 286
    assert OperationRun.objects.filter(status="queued").count() == 0


def test_the_panel_of_the_first_syncs_follows_the_first_of_them_and_a_busy_one_offers_no_other_start(wizard):
    wizard.verify()
    form = {"providerConnectionId": wizard.session.connection_id, "selectedOperations": [GROUPS, ROLES]}
    start = f"{wizard.url}/provider-bootstrap/start"
    accepted = text_of(wizard.client.post(start, form, headers=HTMX))
    url = re.search(r'hx-get="(/admin/operations/[0-9]+/follow)"', accepted)[1]
    busy = text_of(wizard.client.post(start, form | {"selectedOperations": [ROLES]}, headers=HTMX))
    assert "Alpine" in busy and "/ready" not in busy
    wizard.work()
    ended = wizard.client.get(url, headers=HTMX)
    assert ended.status_code == 286 and "Sync groups succeeded." in text_of(ended)


def test_a_poll_tells_nobody_more_than_the_page_does(wizard, world):
    wizard.connect()
    wizard.start_check()
    url = asks(poll(wizard, f"{wizard.url}/live/verify")[0])
    assert signed_in(world.operator).get(url).status_code == 404
    assert signed_in(world.outsider).get(url).status_code == 404
    assert wizard.client.get(f"{wizard.url}/live/verify?at=").status_code == 200
    assert wizard.client.get("/admin/onboarding/99999999999999999999/live/verify?at=x").status_code == 404


def test_a_throttled_check_says_until_when_and_passes_later(wizard):
    wizard.connect()
    wizard.sandbox.fault(kind="status", tenant="alpine", status=429, retry_after="600")
    wizard.start_check()
    url = asks(poll(wizard, f"{wizard.url}/live/verify")[0])
    execution.execute(OperationRun.objects.latest("id").pk)
    # It waits for its next attempt: the poll finds that out, and the page says why nothing moves.
    drawn = text_of(poll(wizard, url)[0])
    assert (
        "Microsoft throttles" in drawn and "The check goes on by itself" in drawn and "Checking now" in drawn
    )
    assert wizard.work().reason_code == "provider.throttled"
    states, page = wizard.lines(), text_of(wizard.page("verify"))
    assert (states["token"], states["directory"]) == ("ok", "missing") and wizard.step() == "verify"
    assert "Microsoft throttles" in page and "Try again after" in page and "Access works" not in page
    wizard.sandbox.clear_faults()
    budgets.forget()
    wizard.start_check()
    wizard.work()
    assert set(wizard.lines().values()) == {"ok"} and wizard.step() == "bootstrap"
