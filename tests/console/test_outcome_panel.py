"""The one component that draws the answer of a start."""

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.test import RequestFactory

from tenantpilot.console.messages import add_outcome

OUTCOME: dict[str, Any] = {"operationType": "directory.groups.sync", "operatorVerb": "Sync groups"}


def panel(**data: Any) -> str:
    return render_to_string("operations/_start_outcome.html", {**OUTCOME, **data})


def test_accepted_says_that_the_page_may_be_left_and_links_the_run() -> None:
    drawn = panel(
        status="accepted",
        operatorMessage="Sync groups queued",
        run={"id": 1, "url": "/r/1", "status": "queued"},
    )
    assert "Sync groups queued" in drawn
    assert "You can leave this page." in drawn
    assert '<a class="tp-btn" href="/r/1">View run</a>' in drawn
    assert "tp-outcome--ok" in drawn


def test_a_warning_on_accepted_takes_the_place_of_the_sentence() -> None:
    drawn = panel(
        status="accepted", operatorMessage="Sync groups queued", shortReason="No worker was seen lately."
    )
    assert "No worker was seen lately." in drawn
    assert "You can leave this page." not in drawn


@pytest.mark.parametrize(
    ("status", "tone"), [("deduped", "info"), ("scope_busy", "warn"), ("blocked", "bad")]
)
def test_each_refusal_has_its_own_tone(status: str, tone: str) -> None:
    assert f"tp-outcome--{tone}" in panel(status=status, operatorMessage="Contoso is busy")


def test_a_blocked_panel_offers_the_mend_first_and_the_reason_code_last() -> None:
    drawn = panel(
        status="blocked",
        operatorMessage="Sync groups can't start",
        shortReason="Admin consent is missing.",
        reasonCode="provider.consent_missing",
        nextSteps=[{"label": "Grant consent", "href": "/g"}, {"label": "Check connection", "href": "/c"}],
    )
    places = [
        drawn.index(text)
        for text in (
            "can&#x27;t start",
            "consent is missing",
            '<a class="tp-btn" href="/g">',
            "provider.consent_missing",
        )
    ]
    assert places == sorted(places)
    assert '<a class="tp-link" href="/c">' in drawn


def test_the_panel_takes_the_focus_and_is_no_live_region() -> None:
    drawn = panel(status="blocked", operatorMessage="Sync groups can't start")
    assert 'tabindex="-1"' in drawn
    assert "data-tp-focus" in drawn
    assert "aria-live" not in drawn
    assert 'role="status"' not in drawn


def test_a_name_from_the_provider_is_text() -> None:
    drawn = panel(status="scope_busy", operatorMessage="<script>alert(1)</script> is busy")
    assert "<script>" not in drawn


def test_an_unknown_status_is_an_error_and_not_a_blank_panel() -> None:
    with pytest.raises(KeyError):
        panel(status="maybe", operatorMessage="?")


def test_after_a_plain_post_the_next_page_shows_the_same_panel() -> None:
    request = _with_messages()
    outcome = {
        **OUTCOME,
        "status": "blocked",
        "operatorMessage": "Sync groups can't start",
        "reasonCode": "a.b",
    }
    add_outcome(request, outcome)
    drawn = render_to_string("ui/_messages.html", {"messages": get_messages(request)}, request)
    assert 'data-tp-outcome="blocked"' in drawn
    assert "a.b" in drawn


def _with_messages() -> HttpRequest:
    request = RequestFactory().get("/")

    def answer(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    SessionMiddleware(answer).process_request(request)
    MessageMiddleware(answer).process_request(request)
    return request
