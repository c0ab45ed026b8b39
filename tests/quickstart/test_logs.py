"""Of the logs, the terminal shows the errors and nothing else."""

from pathlib import Path

import pytest

from tenantpilot.quickstart.logs import ErrorWatch, error_in


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('{"event": "run failed", "level": "error", "run": 3}', "run failed"),
        ('{"event": "claimed", "level": "info", "error": "none"}', ""),
        ("[2026-01-01 00:00:00,000: ERROR/MainProcess] consumer: Cannot connect", "consumer: Cannot connect"),
        ("2026-01-01 UTC [7] FATAL:  could not write: No space left", "FATAL:  could not write"),
        ("2026-01-01 UTC [7] FATAL:  the database system is starting up", ""),
        ("GET /errors 200", ""),
        ("[1, 2]", ""),
    ],
)
def test_an_error_line_is_told_from_others(line: str, shown: str) -> None:
    assert shown in error_in(line) if shown else error_in(line) == ""


def test_only_what_is_new_is_shown_and_half_a_line_waits_for_its_rest(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_text("ERROR old\n")
    watch = ErrorWatch(tmp_path, ("web", "worker"))
    assert list(watch.new_errors()) == []

    with log.open("a") as out:
        out.write("ERROR new\nERROR ha")
        out.flush()
        assert list(watch.new_errors()) == ["[web] ERROR new"]
        out.write("lf\n")
    assert list(watch.new_errors()) == ["[web] ERROR half"]


def test_an_error_that_repeats_is_shown_once_a_minute(tmp_path: Path) -> None:
    now = 0.0
    watch = ErrorWatch(tmp_path, ("web",), clock=lambda: now)
    with (tmp_path / "web.log").open("a") as out:
        for reference in ("1a2b3c4d5e", "5e4d3c2b1a"):
            out.write(f"ERROR page failed, reference {reference}\n")
        out.flush()
        assert len(list(watch.new_errors())) == 1
        now = 61.0
        out.write("ERROR page failed, reference 99\n")
    assert len(list(watch.new_errors())) == 1


def test_a_rotated_log_is_read_from_its_start(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    log.write_text("INFO a long line before the rotation\n")
    watch = ErrorWatch(tmp_path, ("worker",))
    log.write_text("ERROR after\n")
    assert list(watch.new_errors()) == ["[worker] ERROR after"]
