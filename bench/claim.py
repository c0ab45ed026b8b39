"""Queued to claimed on an idle worker, beside a bare Celery task from sent to running.

python -m bench.claim [--times 100]
"""

import argparse
import os
import subprocess
import sys
import time
from typing import Any

from bench.common import servers, show


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=100)
    with servers():
        _measure(parser.parse_args().times)


def _measure(times: int) -> None:
    import redis
    from django.conf import settings

    from bench.world import Scopes
    from operations import gate
    from operations.models import OperationRun

    scopes = Scopes(times + 10)
    store = redis.Redis.from_url(settings.REDIS_URL)
    command = [sys.executable, "-m", "celery", "-A", "bench.bare_task", "worker", "--concurrency", "1",
               "--without-gossip", "--without-mingle", "--loglevel", "ERROR"]  # fmt: skip
    worker = subprocess.Popen(command, env=os.environ | {"TENANTPILOT_PROCESS": "worker"})
    try:
        _warm(store)
        bare, claimed = [], []
        for _ in range(times):
            bare.append(_bare_once(store))
            time.sleep(0.02)
            outcome = gate.start(scopes.fresh())
            assert outcome.run is not None
            claimed.append(_claimed(OperationRun, outcome.run.id))
            time.sleep(0.02)
        show(
            "Queued to claimed",
            {"bare Celery task": bare, "run: accepted to claimed": claimed},
            beside="bare Celery task",
        )
    finally:
        worker.terminate()
        worker.wait()


def _warm(store: Any) -> None:
    for _ in range(5):
        _bare_once(store)


def _bare_once(store: Any) -> float:
    """Send the bare task and return the ms until it ran, both ends on the same machine's clock."""
    from bench.bare_task import ran

    began = time.time()
    ran.apply_async(ignore_result=True)
    answer = store.blpop("bench:ran", timeout=60)
    assert answer is not None
    return (float(answer[1]) - began) * 1000


def _claimed(model: Any, run_id: int) -> float:
    """Return the ms between the run's row and its claim, by the database's clock."""
    for _ in range(2000):
        run = model.objects.get(pk=run_id)
        if run.started_at is not None and run.completed_at is not None:
            return (run.started_at - run.created_at).total_seconds() * 1000
        time.sleep(0.005)
    raise RuntimeError("The run was not claimed within 10 s.")


if __name__ == "__main__":
    main()
