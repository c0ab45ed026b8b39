"""The picture above the run list, and the busy panel that turns into "Ready now"."""

import re
from datetime import date, timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from operations import daily
from operations.choices import ExecutionStatus, RunOutcome
from operations.models import OperationRun
from tests.console.rows import make_runs, make_tenants, signed_in, text_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis_url")]
HTMX = {"HX-Request": "true"}
DAYS = "/admin/operations/days"
GROUPS, ROLES = "/admin/t/contoso/directory/groups/sync", "/admin/t/contoso/directory/role-definitions/sync"
TODAY = date(2026, 3, 20)


def counts(answer) -> list[list[int]]:
    return [day["counts"] for day in answer.context["picture"]["days"]]


def test_the_bars_stack_from_the_bottom_with_a_gap_and_show_days_without_runs():
    rows = [(TODAY, "failed", 1), (TODAY, "succeeded", 9), (TODAY - timedelta(days=13), "succeeded", 5)]
    picture = daily.picture(rows, TODAY)
    assert len(picture["days"]) == 14
    first, last = picture["days"][0], picture["days"][-1]
    assert [part["outcome"] for part in last["parts"]] == ["succeeded", "failed"]
    assert last["parts"][0] == {"outcome": "succeeded", "y": "12.0", "height": "107.0"}
    assert last["parts"][1] == {"outcome": "failed", "y": "0.0", "height": "11.0"}
    assert first["parts"][0]["y"] == "60.0"
    assert all(day["parts"] == [] for day in picture["days"][1:-1])


@pytest.mark.parametrize(
    ("sums", "words"),
    [
        ([0, 0, 0], "No run has ended in 14 days."),
        ([1, 0, 0], "1 run in 14 days, succeeded."),
        ([9, 0, 0], "All 9 runs in 14 days succeeded."),
        ([7, 2, 1], "1 of 10 runs failed and 2 partly failed in 14 days."),
    ],
)
def test_the_sentence_says_what_the_bars_show(sums, words):
    assert daily.sentence(sums) == words


def test_runs_are_counted_by_day_and_outcome_and_older_ones_are_not(world):
    now = timezone.now()
    old = make_runs(world.connection, 1, created_at=now - timedelta(days=15))
    make_runs(world.connection, 2, outcome=RunOutcome.FAILED, created_at=now - timedelta(days=3))
    make_runs(world.connection, 3)
    make_runs(world.connection, 1, status=ExecutionStatus.RUNNING)
    answer = signed_in(world.owner).get(DAYS, headers=HTMX)
    assert old[0].pk < OperationRun.objects.latest("id").pk
    found = counts(answer)
    assert found[-1] == [3, 0, 0] and found[-4] == [0, 0, 2]
    assert sum(map(sum, found)) == 5
    page = text_of(answer)
    assert 'role="img" aria-label="2 of 5 runs failed and 0 partly failed in 14 days."' in page
    assert "<html" not in page


def test_everybody_sees_only_the_bars_of_their_tenants(world):
    hidden = make_tenants(world.workspace, world.owner, 1, prefix="hidden")[0]
    make_runs(hidden.connections.get(), 4)
    make_runs(world.connection, 1)
    sums = {
        person.username: sum(map(sum, counts(signed_in(person).get(DAYS))))
        for person in (world.owner, world.operator, world.outsider)
    }
    assert sums == {"owner": 5, "operator": 1, "outsider": 0}
    assert sum(map(sum, counts(signed_in(world.operator).get(f"{DAYS}?tenant={hidden.slug}")))) == 0


def test_the_list_fetches_its_picture_and_keeps_the_filters(world):
    make_runs(world.connection, 1)
    client = signed_in(world.owner)
    page = text_of(client.get("/admin/operations?tenant=contoso"))
    assert 'hx-get="/admin/operations/days?tenant=contoso" hx-trigger="load"' in page
    table = text_of(client.get(f"{DAYS}?show=table"))
    assert "<h1>" in table and table.count('<th scope="row">') == 14


def test_the_picture_costs_little(world):
    make_runs(world.connection, 500)
    client = signed_in(world.owner)
    with CaptureQueriesContext(database) as queries:
        client.get(DAYS, headers=HTMX)
    assert len(queries) <= 10


def busy_panel(client) -> str:
    assert client.post(GROUPS, headers=HTMX).status_code == 200
    return text_of(client.post(ROLES, {"next": "/admin/t/contoso"}, headers=HTMX))


def poll_url(panel: str) -> str:
    return re.search(r'hx-get="([^"]+/ready[^"]+)"', panel).group(1).replace("&amp;", "&")


def end_all(outcome: str = "succeeded", reason_code: str = "") -> None:
    OperationRun.objects.update(
        status="completed",
        outcome=outcome,
        reason_code=reason_code,
        completed_at=timezone.now(),
        claim_token=None,
        lease_until=None,
    )


def test_a_busy_panel_asks_and_turns_to_ready_now_when_the_holder_ended(world):
    client = signed_in(world.operator)
    url = poll_url(busy_panel(client))
    waiting = client.get(url, headers=HTMX)
    assert (waiting.status_code, waiting.content) == (204, b"")
    end_all()
    ready = client.get(url, headers=HTMX)
    assert ready.status_code == 286
    assert "Ready now" in text_of(ready) and f'hx-post="{ROLES}"' in text_of(ready)
    assert "queued" in text_of(client.post(ROLES, headers=HTMX))


def test_the_input_of_the_start_comes_back_with_the_button(world):
    client = signed_in(world.operator)
    client.post(ROLES, headers=HTMX)
    url = poll_url(text_of(client.post(GROUPS, {"selectionKey": "security_groups_v1"}, headers=HTMX)))
    end_all()
    assert '<input type="hidden" name="selectionKey" value="security_groups_v1">' in text_of(
        client.get(url, headers=HTMX)
    )


def test_no_other_outcome_asks_and_json_has_no_such_key(world):
    client = signed_in(world.operator)
    assert "/ready" not in text_of(client.post(GROUPS, headers=HTMX))
    assert "/ready" not in text_of(client.post(GROUPS, headers=HTMX))
    json = "application/vnd.tenantpilot.provider-start-outcome+json"
    assert b"wait" not in client.post(ROLES, headers={"Accept": json}).content


@pytest.mark.parametrize(
    "again",
    [
        "https://evil.example/x",
        "//evil.example",
        "/admin/logout/",
        "/admin/t/contoso",
        "/",
        "",
        "javascript:1",
    ],
)
def test_the_button_leads_only_to_our_own_starts(world, again):
    run = make_runs(world.connection, 1)[0]
    answer = signed_in(world.owner).get(f"/admin/operations/{run.pk}/ready", {"again": again}, headers=HTMX)
    assert answer.status_code == 404


def test_who_cannot_see_the_run_learns_nothing_of_its_end(world):
    run = make_runs(world.connection, 1)[0]
    for pk in (run.pk, 999_999, "9" * 30):
        answer = signed_in(world.outsider).get(
            f"/admin/operations/{pk}/ready", {"again": GROUPS}, headers=HTMX
        )
        assert answer.status_code == 404


def test_the_poll_costs_three_statements(world):
    run = make_runs(world.connection, 1)[0]
    client = signed_in(world.operator)
    with CaptureQueriesContext(database) as queries:
        client.get(f"/admin/operations/{run.pk}/ready", {"again": GROUPS}, headers=HTMX)
    assert len(queries) <= 3


def follow_url(panel: str) -> str:
    return re.search(r'hx-get="(/admin/operations/\d+/follow)"', panel).group(1)


def test_the_panel_of_a_start_follows_its_run_to_the_end(world):
    client = signed_in(world.operator)
    accepted, joined = (text_of(client.post(GROUPS, headers=HTMX)) for _ in range(2))
    url = follow_url(accepted)
    assert follow_url(joined) == url
    waiting = client.get(url, headers=HTMX)
    assert (waiting.status_code, waiting.content) == (204, b"")
    end_all()
    ended = client.get(url, headers=HTMX)
    assert (ended.status_code, ended["HX-Trigger"]) == (286, "tp:run-ended")
    shown = text_of(ended)
    assert "Sync groups succeeded." in shown
    assert 'href="/admin/t/contoso/directory/groups"' in shown and "Open result" in shown
    assert 'id="tp-announce"' in shown


def test_the_panel_has_no_link_to_the_page_that_it_stands_on(world):
    client = signed_in(world.operator)
    url = follow_url(text_of(client.post(GROUPS, headers=HTMX)))
    end_all()
    here = HTMX | {"HX-Current-URL": "https://console.example/admin/t/contoso/directory/groups?search=a"}
    shown = text_of(client.get(url, headers=here))
    assert "Open result" not in shown and "View run" in shown


def test_a_run_that_failed_says_why_in_the_panel(world):
    client = signed_in(world.operator)
    url = follow_url(text_of(client.post(GROUPS, headers=HTMX)))
    end_all("failed", "provider.unreachable")
    shown = text_of(client.get(url, headers=HTMX))
    assert "Sync groups failed." in shown and "tp-ended--bad" in shown
    assert "provider.unreachable" in shown
    assert "Open result" not in shown and "View run" in shown


def test_a_run_that_brings_nothing_to_open_ends_in_the_panel_too(world):
    client = signed_in(world.operator)
    check = f"/admin/provider-connections/{world.connection.pk}/actions/provider.connection.check/start"
    url = follow_url(text_of(client.post(check, headers=HTMX)))
    end_all()
    shown = text_of(client.get(url, headers=HTMX))
    assert "Check connection succeeded." in shown
    assert "Open result" not in shown and "View run" in shown


def test_following_a_run_costs_three_statements_and_shows_nothing_to_strangers(world):
    client = signed_in(world.operator)
    url = follow_url(text_of(client.post(GROUPS, headers=HTMX)))
    end_all()
    with CaptureQueriesContext(database) as queries:
        assert client.get(url, headers=HTMX).status_code == 286
    assert len(queries) <= 3
    for pk in (OperationRun.objects.get().pk, 999_999, "9" * 30):
        answer = signed_in(world.outsider).get(f"/admin/operations/{pk}/follow", headers=HTMX)
        assert answer.status_code == 404
