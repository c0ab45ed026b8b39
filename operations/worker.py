"""Threads of a Celery worker's main process: the relay, the sweeper, the sign of life, and tenants that leave.

They need neither beat nor a live broker, and no leader: any number of workers may run them.
"""

import threading
from collections.abc import Callable
from typing import Any

import structlog
from celery import bootsteps
from django.conf import settings
from django.db import close_old_connections, connection

from operations import identity, recovery, relay
from tenantpilot.lifecycle import sweep

log = structlog.get_logger(__name__)


class Ticker:
    """Calls ``tick`` every ``interval`` seconds on a thread with a database connection of its own."""

    def __init__(self, name: str, interval: float, tick: Callable[[], Any]) -> None:
        self._interval = interval
        self._tick = tick
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                close_old_connections()
                self._tick()
            except Exception as error:  # the database may be away; the next tick tries again
                log.warning("tick_failed", thread=self._thread.name, error=type(error).__name__)
                connection.close()
            self._ended.wait(self._interval)
        connection.close()


class RunKeeper(bootsteps.StartStopStep):
    """Starts and stops the threads with the worker, whatever the broker does."""

    requires = {"celery.worker.components:Pool"}

    def __init__(self, parent: Any, **options: Any) -> None:
        self._tickers: list[Ticker] = []
        super().__init__(parent, **options)

    def start(self, parent: Any) -> None:
        sweeper = recovery.Sweeper(identity.worker())
        self._tickers = [
            Ticker("relay", settings.RUN_RELAY, relay.offer_all),
            Ticker("children", settings.RUN_RELAY, sweeper.bury_children),
            Ticker("sweeper", settings.RUN_REAPER, sweeper.look),
            Ticker("leaving", settings.RUN_RELAY, sweep.sweep),
        ]
        for ticker in self._tickers:
            ticker.start()

    def stop(self, parent: Any) -> None:
        for ticker in self._tickers:
            ticker.stop()
        self._tickers = []
