"""Celery carries hints: each of these settings keeps it from doing more."""

import inspect
from typing import Any

import pytest
from django.conf import settings

from operations import tasks
from operations.worker import RunKeeper
from tenantpilot.celery import app

SETTINGS: dict[str, Any] = {
    "task_acks_late": False,
    "task_reject_on_worker_lost": False,
    "task_ignore_result": True,
    "result_backend": None,
    "worker_prefetch_multiplier": 1,
    "worker_disable_prefetch": True,
    "worker_soft_shutdown_timeout": 30,
    "worker_max_tasks_per_child": 200,
    "task_serializer": "json",
    "accept_content": ["json"],
    "task_default_queue": "runs",
    "task_soft_time_limit": settings.RUN_DEADLINE - 30,
    "task_time_limit": settings.RUN_DEADLINE + 60,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
}


@pytest.mark.parametrize(("name", "value"), SETTINGS.items(), ids=SETTINGS)
def test_celery_is_set_so_that_the_database_owns_recovery(name: str, value: Any) -> None:
    assert app.conf[name] == value


def test_the_broker_gives_no_message_out_twice_within_an_hour_and_notices_a_dead_connection() -> None:
    options = app.conf.broker_transport_options
    assert options["visibility_timeout"] == 3600
    assert options["socket_timeout"] == options["socket_connect_timeout"] == 5
    assert options["socket_keepalive"] is True
    assert options["health_check_interval"] == 25


def test_publishing_is_tried_again_once_at_most() -> None:
    assert app.conf.task_publish_retry_policy["max_retries"] == 1


def test_a_worker_keeps_its_database_session_between_tasks() -> None:
    assert app.conf.get("CELERY_DB_REUSE_MAX") == 1000


def test_every_task_of_ours_acknowledges_early_keeps_no_result_and_never_retries_by_celery() -> None:
    ours = [task for name, task in app.tasks.items() if name.startswith("operations.")]
    assert {task.name for task in ours} >= {"operations.tasks.execute_run"}
    for task in ours:
        assert (task.acks_late, task.ignore_result) == (False, True), task.name
    assert "retry" not in inspect.getsource(tasks)


def test_relay_and_sweeper_start_with_the_worker_before_it_waits_for_the_broker() -> None:
    assert "operations.worker:RunKeeper" in app.steps["worker"]
    assert RunKeeper.requires == {"celery.worker.components:Pool"}
