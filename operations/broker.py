"""Publishing to the broker, quickly or not at all.

A refused broker costs a start some milliseconds, a silent one a second; then a circuit breaker skips it for a while.
"""

import threading
import time

import structlog
from django.conf import settings
from kombu.connection import Connection
from kombu.messaging import Producer

from operations.metrics import PUBLISH_FAILURES
from tenantpilot.celery import app

log = structlog.get_logger(__name__)

TASK = "operations.tasks.execute_run"
TIMEOUT = 1.0  # seconds, to connect and to answer
OPEN_FOR = 5.0  # seconds that a failed broker is left alone

_local = threading.local()
_open_until = 0.0


def publish(run_id: int, operation_type: str) -> bool:
    """Send the message of one run. Return False, never raise, when the broker does not take it."""
    global _open_until
    if time.monotonic() < _open_until:
        return False
    try:
        app.send_task(
            TASK,
            kwargs={"run_id": run_id, "operation_type": operation_type},
            producer=_producer(),
            retry=False,
            ignore_result=True,
        )
    except Exception as error:  # whatever the transport raises, the run is safe in its row
        _open_until = time.monotonic() + OPEN_FOR
        _drop()
        PUBLISH_FAILURES.inc()
        log.warning("publish_failed", run=run_id, error=type(error).__name__)
        return False
    return True


def reset() -> None:
    """Close the circuit breaker and this thread's connection."""
    global _open_until
    _open_until = 0.0
    _drop()


def ping() -> bool:
    """Say whether the broker answers."""
    try:
        with _connect() as connection:
            connection.ensure_connection(max_retries=1, timeout=TIMEOUT)
            return bool(connection.default_channel.client.ping())
    except Exception:  # any failure means no broker
        return False


def _connect() -> Connection:
    return Connection(
        settings.CELERY_BROKER_URL,
        connect_timeout=TIMEOUT,
        transport_options={
            "socket_timeout": TIMEOUT,
            "socket_connect_timeout": TIMEOUT,
            "max_retries": 0,
            "retry_on_timeout": False,
            "visibility_timeout": 3600,
        },
    )


def _producer() -> Producer:
    if getattr(_local, "producer", None) is None:
        _local.producer = Producer(_connect().channel())
    return _local.producer


def _drop() -> None:
    producer = getattr(_local, "producer", None)
    _local.producer = None
    if producer is not None:
        producer.connection.release()
