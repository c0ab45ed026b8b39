"""The live part of a run's page."""

import re
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.utils import timezone

RUN: dict[str, Any] = {
    "runId": 15,
    "operationType": "directory.groups.sync",
    "operatorVerb": "Sync groups",
    "tenant": {"name": "Contoso", "url": "/admin/t/contoso"},
    "executionStatus": "running",
    "startedAt": timezone.now().isoformat(),
    "createdAt": timezone.now().isoformat(),
    "progress": {"done": 1200, "total": 2400},
    "poll": {"url": "/admin/operations/15/status", "seconds": 2},
}
ENDED = {"executionStatus": "completed", "completedAt": timezone.now().isoformat(), "poll": None}


def status(**changes: Any) -> str:
    return render_to_string("operations/_run_status.html", {**RUN, **changes})


def test_a_running_run_asks_again_and_replaces_itself() -> None:
    drawn = status()
    assert 'hx-get="/admin/operations/15/status" hx-trigger="every 2s" hx-swap="outerHTML"' in drawn
    assert 'data-tp-percent="50"' in drawn
    assert "Sync groups: 1,200 of 2,400." in drawn


def test_an_ended_run_asks_nothing() -> None:
    drawn = status(**ENDED, outcome="succeeded")
    assert "hx-trigger" not in drawn
    assert "Sync groups succeeded." in drawn


def test_the_last_poll_brings_actions_and_facts_of_the_ended_run() -> None:
    last = status(**ENDED, outcome="succeeded", fragment=True)
    assert last.count('hx-swap-oob="true"') == 3
    running = status(fragment=True)
    assert running.count('hx-swap-oob="true"') == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"executionStatus": "queued"}, "Waiting for a worker."),
        ({"executionStatus": "queued", "waitingLong": True}, "Still waiting for a worker."),
        ({"silentMinutes": 5}, "No news for 5 min."),
        ({"cancelRequested": True}, "Stopping."),
        ({"executionStatus": "queued", "retryAt": timezone.now().isoformat()}, "Trying again"),
    ],
)
def test_waiting_and_silence_are_told_in_words(changes: dict[str, Any], words: str) -> None:
    drawn = status(**changes)
    assert words in drawn
    assert "failed" not in drawn


def test_a_failed_run_leads_with_the_reason_and_its_mend() -> None:
    drawn = status(
        **ENDED,
        outcome="failed",
        shortReason="Microsoft did not answer for Contoso.",
        reasonCode="provider.unreachable",
        nextSteps=[{"label": "Retry", "href": "/admin/operations/15/retry", "actionType": "retry"}],
    )
    assert drawn.index("did not answer") < drawn.index("Result")
    assert '<form class="tp-inline" method="post" action="/admin/operations/15/retry"' in drawn
    assert "provider.unreachable" in drawn


def test_a_partly_failed_run_names_what_failed() -> None:
    drawn = status(
        **ENDED,
        outcome="partially_succeeded",
        failures=[
            {"type": "Intune role definitions", "reason": "Refused.", "reasonCode": "provider.role_missing"}
        ],
    )
    assert "Intune role definitions" in drawn
    assert "provider.role_missing" in drawn


def test_rows_of_a_list_are_refreshed_in_place() -> None:
    row = {**RUN, "url": "/admin/operations/15"}
    drawn = render_to_string(
        "operations/_run_rows.html", {"runs": [row], "newRuns": {"count": 3, "url": "?"}}
    )
    assert '<tr id="run-15" hx-swap-oob="true">' in drawn
    assert "3 new runs." in drawn
    assert "hx-trigger" not in drawn


GRANT = {
    "label": "Grant consent",
    "href": "/admin/provider-connections/1/consent",
    "actionType": "grant_consent",
}
RETRY = {"label": "Retry", "href": "/admin/operations/15/retry", "kind": "retry"}
ASK = {"label": "Ask a Manager of Contoso MSP.", "href": "/admin/t/contoso", "actionType": "ask_role"}


@pytest.mark.parametrize(
    ("next_steps", "primary"),
    [([GRANT], "Grant consent"), ([ASK], "Retry"), ([], "Retry")],
)
def test_the_one_primary_action_is_the_mend_and_retry_where_there_is_none(
    next_steps: list[dict[str, str]], primary: str
) -> None:
    drawn = status(
        **ENDED,
        outcome="failed",
        fragment=True,
        shortReason="Contoso has not granted admin consent.",
        nextSteps=next_steps,
        actions=[RETRY],
    )
    assert re.findall(r'tp-btn--primary"[^>]*>([^<]+)<', drawn) == [primary]
    assert ">Retry<" in drawn


def test_what_failed_stands_before_the_counts() -> None:
    failures = [{"type": "Groups", "reason": "Refused.", "reasonCode": "provider.role_missing"}]
    drawn = status(**ENDED, outcome="partially_succeeded", failures=failures, counts={"seen": 7})
    assert drawn.index("What failed") < drawn.index("tp-counts")
