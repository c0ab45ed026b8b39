"""The parts every page is made of."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.messages.storage.base import Message
from django.template import Context, Template
from django.utils import timezone, translation

from tenantpilot.console.icons import ICONS
from tenantpilot.console.states import BADGES, OUTCOMES, TONE_ICONS
from tenantpilot.console.templatetags import ui
from tenantpilot.console.times import one_unit

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def draw(source: str, **context: Any) -> str:
    return Template("{% load ui %}" + source).render(Context(context))


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        (timedelta(seconds=-59), "now"),
        (timedelta(seconds=59), "now"),
        (timedelta(minutes=-1), "1 minute ago"),
        (timedelta(minutes=-119), "1 hour ago"),
        (timedelta(hours=-47), "1 day ago"),
        (timedelta(days=-41), "41 days ago"),
        (timedelta(days=-100), "3 months ago"),
        (timedelta(days=-800), "2 years ago"),
        (timedelta(minutes=5), "in 5 minutes"),
        (timedelta(days=12), "in 12 days"),
        (timedelta(days=12, seconds=-1), "in 12 days"),
    ],
)
def test_times_are_told_in_one_unit(distance: timedelta, words: str) -> None:
    assert one_unit(NOW + distance, NOW) == words


def test_a_relative_time_keeps_the_exact_one_in_reach() -> None:
    at = timezone.now() - timedelta(days=2)
    with timezone.override("Europe/Berlin"):
        drawn = draw("{% relative_time at %}", at=at)
        zone = timezone.localtime(at).tzname()
    assert f'datetime="{at.isoformat()}"' in drawn
    assert ">2 days ago</time>" in drawn
    assert zone is not None
    assert zone in drawn


def test_serialised_times_read_like_datetimes() -> None:
    at = timezone.now() - timedelta(hours=3)
    assert draw("{% relative_time at %}", at=at.isoformat()) == draw("{% relative_time at %}", at=at)


def test_no_time_is_a_word_and_never_an_empty_cell() -> None:
    assert "Never" in draw("{% relative_time at %}", at=None)
    assert "Not checked" in draw('{% relative_time at "Not checked" %}', at=None)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(48, "48 s"), (60, "1 min"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (7200, "2 h"), (None, "–")],
)
def test_lengths_of_time_are_short(seconds: int | None, words: str) -> None:
    assert ui.seconds_text(seconds) == words


def test_every_badge_has_a_word_a_known_tone_and_a_sign() -> None:
    for kind, values in BADGES.items():
        for value, badge in values.items():
            assert badge.word, (kind, value)
            assert badge.tone in TONE_ICONS, (kind, value)
            assert badge.icon in ICONS, (kind, value)


def test_every_outcome_of_a_start_has_a_look() -> None:
    assert set(OUTCOMES) == {"accepted", "deduped", "scope_busy", "blocked"}
    assert all(tone in TONE_ICONS and icon in ICONS for tone, icon in OUTCOMES.values())


def test_a_reason_code_gets_the_badge_of_its_last_part() -> None:
    assert "Consent missing" in draw('{% badge "connection" "provider.consent_missing" %}')


def test_an_unknown_state_is_shown_as_it_is_and_escaped() -> None:
    assert "&lt;b&gt;" in draw('{% badge "run" value %}', value="<b>")


def test_an_icon_is_decoration() -> None:
    assert 'aria-hidden="true"' in draw('{% icon "tick" %}')


def test_progress_is_a_named_bar_and_text() -> None:
    drawn = draw('{% progress 98 240 "Sync groups" %}')
    assert '<progress value="98" max="240" aria-label="Sync groups"' in drawn
    assert ">98 of 240<" in drawn
    assert "style=" not in drawn


def test_progress_beyond_its_total_fills_the_bar_and_tells_the_count() -> None:
    drawn = draw("{% progress 250 240 %}")
    assert 'value="240"' in drawn
    assert "250 of 240" in drawn


def test_progress_without_a_total_is_a_count_alone() -> None:
    drawn = draw("{% progress 1200 %}")
    assert "1,200" in drawn
    assert "<progress" not in drawn


@pytest.mark.parametrize(
    ("progress", "percent"),
    [(None, 0), ({"done": 3}, 0), ({"done": 1, "total": 3}, 33), ({"done": 9, "total": 3}, 100)],
)
def test_percent_copes_with_what_is_not_known(progress: dict[str, int] | None, percent: int) -> None:
    assert ui.percent(progress) == percent


def test_numbers_follow_the_language() -> None:
    with translation.override("de"):
        assert ui.number(12000) == "12.000"


def test_a_copy_button_names_what_it_copies_and_escapes_it() -> None:
    drawn = draw('{% copy_button value "reason code" %}', value='"><script>')
    assert 'aria-label="Copy reason code"' in drawn
    assert "<script>" not in drawn


def test_the_first_step_is_the_button_and_the_others_are_links() -> None:
    plan = ui.steps([{"label": "Grant consent", "href": "/a"}, {"label": "Check connection", "href": "/b"}])
    assert plan["primary"]["label"] == "Grant consent"
    assert [step["label"] for step in plan["links"]] == ["Check connection"]


def test_steps_end_at_three_and_name_each_address_once() -> None:
    steps = [{"label": str(n), "href": f"/{n}"} for n in range(5)]
    plan = ui.steps(steps, [{"label": "again", "href": "/0"}])
    assert [plan["primary"]["label"], *(step["label"] for step in plan["links"])] == ["0", "1", "2"]


def test_what_only_somebody_else_can_do_is_a_sentence_and_no_button() -> None:
    plan = ui.steps(
        [
            {"label": "Ask a Manager of Contoso MSP.", "href": "/c", "actionType": "grant_consent"},
            {"label": "Try again after 14:05", "href": "/c2", "actionType": "wait"},
        ]
    )
    assert plan["primary"] is None
    assert len(plan["notes"]) == 2


def test_a_run_without_an_action_can_be_viewed() -> None:
    assert ui.steps([], [], {"id": 13, "url": "/r/13"})["primary"] == {"label": "View run", "href": "/r/13"}
    named = ui.steps([{"label": "See it", "href": "/r/13"}], [], {"id": 13, "url": "/r/13"})
    assert (named["primary"]["label"], named["links"]) == ("See it", [])


def test_only_a_retry_that_leads_to_the_retry_address_is_posted() -> None:
    assert ui.starts_work({"label": "Retry", "href": "/admin/operations/1/retry", "actionType": "retry"})
    assert not ui.starts_work({"label": "Retry", "href": "/admin/operations/1", "actionType": "retry"})


def test_a_plain_message_is_no_outcome() -> None:
    assert ui.message_outcome(Message(20, '{"status": "accepted"}')) is None


def test_an_unknown_count_is_written_as_words() -> None:
    assert ui.count_word("pages_read") == "Pages read"
