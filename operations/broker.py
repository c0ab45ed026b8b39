"""Publishing to the broker, quickly or not at all.

A refused broker costs a start some milliseconds, a silent one a second, once: then a probe of its own watches for the
broker's return, and no start pays for finding out.
"""

import threading

import structlog
from django.conf import settings
from kombu.connection import Connection
from kombu.messaging import Producer

from operations.metrics import PUBLISH_FAILURES
from tenantpilot.celery import app

log = structlog.get_logger(__name__)

TASK = "operations.tasks.execute_run"
TIMEOUT = 1.0  # seconds, to connect and to answer
PROBE_EVERY = 1.0  # seconds between two looks at a broker that is away

_local = threading.local()
_guard = threading.Lock()
_probe: "Probe | None" = None


class Probe(threading.Thread):
    """Asks a lost broker for a sign of life until it gives one. The circuit is open while this thread lives.

    A forked child inherits no thread, hence a closed circuit.
    """

    def __init__(self) -> None:
        super().__init__(name="broker-probe", daemon=True)
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.wait(PROBE_EVERY):
            if ping():
                log.info("broker_back")
                return


def publish(run_id: int, operation_type: str) -> bool:
    """Send the message of one run. Return False, never raise, when the broker does not take it."""
    if is_open():
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
        _failed()
        log.warning("publish_failed", run=run_id, error=type(error).__name__)
        return False
    return True


def waiting() -> int | None:
    """Return how many messages wait in the queue, or None when the broker can't be asked."""
    if is_open():
        return None
    try:
        length: int = _producer().channel.client.llen(settings.CELERY_TASK_DEFAULT_QUEUE)
    except Exception as error:  # as above
        _failed()
        log.warning("broker_failed", error=type(error).__name__)
        return None
    return length


def is_open() -> bool:
    """Say whether publishing is skipped, since the broker failed and did not answer since."""
    probe = _probe
    return probe is not None and probe.is_alive()


def reset() -> None:
    """Close the circuit breaker and this thread's connection."""
    global _probe
    with _guard:
        probe, _probe = _probe, None
    if probe is not None:
        probe.ended.set()
    _drop()


def ping() -> bool:
    """Say whether the broker answers, within about a second."""
    try:
        with _connect() as connection:
            return bool(connection.default_channel.client.ping())
    except Exception:  # any failure means no broker
        return False


def _failed() -> None:
    global _probe
    PUBLISH_FAILURES.inc()
    _drop()
    with _guard:
        if not is_open():
            _probe = Probe()
            _probe.start()


def _connect() -> Connection:
    connection = Connection(
        settings.CELERY_BROKER_URL,
        connect_timeout=TIMEOUT,
        transport_options={
            "socket_timeout": TIMEOUT,
            "socket_connect_timeout": TIMEOUT,
            "retry_on_timeout": False,
            "visibility_timeout": 3600,
        },
    )
    # Connecting on first use instead tries twice, two seconds apart, whatever the transport options say.
    connection.ensure_connection(max_retries=0)
    return connection


def _producer() -> Producer:
    if getattr(_local, "producer", None) is None:
        _local.producer = Producer(_connect().channel())
    return _local.producer


def _drop() -> None:
    producer = getattr(_local, "producer", None)
    _local.producer = None
    if producer is not None:
        producer.connection.release()
