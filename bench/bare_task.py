"""The worker of ``bench.claim``: the product's own app with one task more that only says when it ran."""

import time

import django

django.setup()

import redis  # noqa: E402
from django.conf import settings  # noqa: E402

from tenantpilot.celery import app  # noqa: E402

store = redis.Redis.from_url(settings.REDIS_URL)


@app.task(name="bench.ran")
def ran() -> None:
    store.rpush("bench:ran", time.time())
