"""Follows the log files and picks out the lines that somebody at the terminal should see."""

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_PLAIN_ERROR = re.compile(r"\b(ERROR|CRITICAL|FATAL|PANIC)\b")
_HARMLESS = re.compile(r"the database system is (starting up|shutting down)")
_CHANGING = re.compile(r"[0-9a-f-]{8,}|\d+")
_LONGEST = 300
_REPEAT_SECONDS = 60


class ErrorWatch:
    """Reads what was added to ``<name>.log`` files since the last look."""

    def __init__(
        self, folder: Path, names: tuple[str, ...], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._shown: dict[str, float] = {}
        paths = [folder / f"{name}.log" for name in names]
        self._offsets = {path: path.stat().st_size if path.exists() else 0 for path in paths}

    def new_errors(self) -> Iterator[str]:
        """One short line for each new error, the log's name before it; the same error once a minute."""
        for path in self._offsets:
            for line in self._new_lines(path):
                text = error_in(line)
                if text and not self._shown_lately(text):
                    yield f"[{path.stem}] {text}"

    def _shown_lately(self, text: str) -> bool:
        kind, now = _CHANGING.sub("", text), self._clock()
        if now - self._shown.get(kind, -_REPEAT_SECONDS) < _REPEAT_SECONDS:
            return True
        self._shown[kind] = now
        return False

    def _new_lines(self, path: Path) -> list[str]:
        if not path.exists():
            return []
        with path.open("rb") as log:
            if log.seek(0, 2) < self._offsets[path]:
                self._offsets[path] = 0  # the file was rotated
            log.seek(self._offsets[path])
            whole = log.read().rpartition(b"\n")[0]
        self._offsets[path] += len(whole) + 1 if whole else 0
        return whole.decode(errors="replace").splitlines()


def error_in(line: str) -> str:
    """What an error line says in short, or an empty string for a line that is none."""
    try:
        entry = json.loads(line)
    except ValueError:
        shown = _PLAIN_ERROR.search(line) and not _HARMLESS.search(line)
        return line.strip()[:_LONGEST] if shown else ""
    if not isinstance(entry, dict) or str(entry.get("level", "")).lower() not in {"error", "critical"}:
        return ""
    return " ".join(str(entry.get("event", line)).split())[:_LONGEST]
