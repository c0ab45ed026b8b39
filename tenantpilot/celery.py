"""The Celery app, and the only way to declare a task."""

import os
from collections.abc import Callable
from typing import Any

from celery import Celery, Task

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tenantpilot.settings")

app = Celery("tenantpilot")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add("operations.worker:RunKeeper")


def run_task(function: Callable[..., None]) -> Task:
    """Make ``function`` a task that takes keyword arguments only.

    Keywords that it does not know are dropped, so that an old worker survives the message of a newer console.
    """
    names = set(function.__annotations__) - {"return"}

    def tolerant(**message: Any) -> None:
        function(**{name: value for name, value in message.items() if name in names})

    tolerant.__doc__ = function.__doc__
    return app.task(name=f"{function.__module__}.{function.__name__}", ignore_result=True, acks_late=False)(
        tolerant
    )
