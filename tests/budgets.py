"""Rate budgets live in Redis, and outlast what a test did to them."""

import redis
from django.conf import settings


def forget() -> None:
    """Let every budget begin anew, as if the time that a 429 asked for were over."""
    cache = redis.Redis.from_url(settings.REDIS_URL)
    for key in cache.scan_iter("graph:budget:*"):
        cache.delete(key)
