"""What machines ask: alive, ready, how well."""

import pytest
from django.db import connection
from django.test import Client

from operations import broker
from tenantpilot.core import health
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def nobody() -> Client:
    return Client()


def test_alive_needs_no_statement(nobody, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = nobody.get("/livez")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


def test_ready_when_everything_is_there(nobody, redis_url):
    answer = nobody.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "checks": {"database": True, "migrations": True, "broker": True},
        "oldestQueuedSeconds": 0.0,
    }


def test_the_oldest_waiting_run_is_told(nobody, redis_url, world):
    factories.start("directory.groups.sync", world.tenant, world.operator)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE operations_operationrun SET not_before = now() - interval '5 minutes'")
    assert nobody.get("/readyz").json()["oldestQueuedSeconds"] >= 300


def test_not_ready_without_the_broker(nobody, settings):
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    broker.reset()
    answer = nobody.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"database": True, "migrations": True, "broker": False}
    assert "127.0.0.1" not in answer.content.decode()


def test_not_ready_before_the_migrations(nobody, redis_url, monkeypatch):
    monkeypatch.setattr(health, "_migrated", False)
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(name) FROM django_migrations WHERE app = 'operations'")
        [(name,)] = cursor.fetchall()
        cursor.execute("DELETE FROM django_migrations WHERE app = 'operations' AND name = %s", [name])
    try:
        answer = nobody.get("/readyz")
    finally:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO django_migrations (app, name, applied) VALUES ('operations', %s, now())", [name]
            )
    assert answer.status_code == 503
    assert answer.json()["checks"]["migrations"] is False


class TestMetrics:
    def test_there_is_no_page_without_a_token_in_the_settings(self, nobody, settings):
        settings.METRICS_TOKEN = ""
        assert nobody.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404

    @pytest.mark.parametrize("sent", [None, "", "Bearer", "Bearer wrong", "secret-token", "Bearer ünicode"])
    def test_another_token_is_refused(self, nobody, settings, sent):
        settings.METRICS_TOKEN = "secret-token"
        answer = nobody.get("/metrics", headers={"Authorization": sent} if sent is not None else {})
        assert answer.status_code == 401
        assert answer.content == b""

    def test_counters_and_gauges(self, nobody, settings, world, redis_url):
        settings.METRICS_TOKEN = "secret-token"
        factories.start("directory.groups.sync", world.tenant, world.operator)
        text = nobody.get("/metrics", headers={"Authorization": "Bearer secret-token"}).content.decode()
        assert "tenantpilot_runs_queued 1.0" in text
        assert 'tenantpilot_start_answers_total{operation="directory.groups.sync",outcome="accepted"' in text

    def test_processes_that_share_a_directory_are_counted_together(
        self, nobody, settings, tmp_path, monkeypatch
    ):
        settings.METRICS_TOKEN = "secret-token"
        monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
        text = nobody.get("/metrics", headers={"Authorization": "Bearer secret-token"}).content.decode()
        assert "tenantpilot_runs_queued 0.0" in text
        assert "start_answers" not in text
