import random
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import redis

from providers.graph import errors
from providers.graph.costs import IDENTITY, INTUNE_WRITES, cost_of
from providers.graph.throttle import LIMITS, RateBudget, ServiceLimits, budget_redis
from tests.graph.provider import Answer, error

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture
def key():
    return f"test:{uuid4()}"


def grants(budget, seconds, cost=1.0):
    """How many units are granted to somebody who never stops asking."""
    until = time.monotonic() + seconds
    granted = 0.0
    while time.monotonic() < until:
        try:
            budget.acquire(cost, longest=max(0.0, until - time.monotonic()))
        except errors.Throttled:
            break
        granted += cost
    return granted


def test_quiet_tenant_is_soon_read_at_full_speed(redis_url, key):
    budget = RateBudget(redis_url, key=key)
    assert budget.acquire() == 0
    assert grants(budget, 1.6) > 80
    assert budget.rate() > 2 * LIMITS["directory"].initial


def test_warning_of_the_provider_slows_all_workers_before_the_limit(redis_url, key):
    one, two = RateBudget(redis_url, key=key), RateBudget(redis_url, key=key)
    used = 0
    while used < 16:
        one.acquire()
        used += 1
    one.observe(200, {"x-ms-throttle-limit-percentage": "0.8"})
    with ThreadPoolExecutor(2) as pool:
        more = sum(pool.map(lambda budget: grants(budget, 1.5), (one, two)))
    assert used + more <= 0.85 * 20


def test_retry_after_of_one_worker_pauses_all(redis_url, key):
    one, two = RateBudget(redis_url, key=key), RateBudget(redis_url, key=key)
    two.acquire()
    one.observe(429, {"retry-after": "0.6"})
    started = time.monotonic()
    waited = two.acquire()
    assert 0.5 < time.monotonic() - started < 2
    assert waited > 0.5


def test_429_slows_down_once_however_many_answers_carry_it(redis_url, key):
    budget = RateBudget(redis_url, key=key)
    budget.acquire()
    budget.observe(429, {})
    first = budget.rate()
    assert 1 < first < LIMITS["directory"].initial / 2
    for _ in range(5):
        budget.observe(429, {})
    assert budget.rate() == first
    time.sleep(1.01)
    budget.observe(429, {})
    assert budget.rate() == pytest.approx(0.7 * first)


def test_emptied_redis_neither_frees_nor_strangles_a_worker_that_knew_its_rate(redis_url, key):
    limits = {"directory": ServiceLimits(window=10, initial=100, highest=100)}
    budget = RateBudget(redis_url, key=key, limits=limits)
    budget.observe(429, {"retry-after": "0.01"})
    known = budget.rate()
    redis.Redis.from_url(redis_url).delete(f"graph:budget:{key}:directory")
    budget.acquire()
    assert budget.rate() == known
    for _ in range(5):
        budget.acquire()
        budget.observe(200, {"x-ms-throttle-limit-percentage": "0.84"})
    assert budget.rate() == pytest.approx(0.85 * 0.7 * known)


def test_other_tenants_and_services_keep_their_own_speed(redis_url, key):
    budget = RateBudget(redis_url, key=key)
    budget.observe(429, {"retry-after": "30"})
    assert RateBudget(redis_url, key=f"{key}:other").acquire() == 0
    assert budget.acquire(service="intune") == 0


def test_identity_policies_are_asked_for_once_a_second(redis_url, key):
    budget = RateBudget(redis_url, key=key)
    assert budget.acquire(service=IDENTITY) == 0
    assert 0.8 < budget.acquire(service=IDENTITY) < 2


DOCUMENTED = {"directory": ServiceLimits(window=1, initial=5, highest=100, documented=20)}


def test_what_is_documented_may_be_used_at_once_and_no_more_of_it(redis_url, key):
    """Intune takes 100 writes in 20 s from an app in a tenant: a small restore waits for nothing."""
    budget = RateBudget(redis_url, key=key)
    assert sum(budget.acquire(service=INTUNE_WRITES) for _ in range(85)) == 0
    with pytest.raises(errors.Throttled) as caught:
        budget.acquire(service=INTUNE_WRITES, longest=1)
    assert 15 < caught.value.retry_after <= 21


def test_a_warning_that_confirms_the_documented_limit_takes_none_of_it_away(redis_url, key):
    budget = RateBudget(redis_url, key=key)
    assert sum(budget.acquire(service=INTUNE_WRITES) for _ in range(80)) == 0
    budget.observe(200, {"x-ms-throttle-limit-percentage": "0.8"}, service=INTUNE_WRITES)
    assert sum(budget.acquire(service=INTUNE_WRITES) for _ in range(5)) == 0
    with pytest.raises(errors.Throttled):
        budget.acquire(service=INTUNE_WRITES, longest=1)


def test_a_warning_of_less_than_is_documented_slows_down(redis_url, key):
    budget = RateBudget(redis_url, key=key)
    for _ in range(40):
        budget.acquire(service=INTUNE_WRITES)
    budget.observe(200, {"x-ms-throttle-limit-percentage": "0.8"}, service=INTUNE_WRITES)
    with pytest.raises(errors.Throttled):
        budget.acquire(service=INTUNE_WRITES, longest=0.1)


def test_whenever_its_users_come_no_window_holds_more_than_is_documented(redis_url, key):
    at, seed = [], random.Random(7)
    naps = [[seed.choice((0, 0, 0, 0.01, 0.3)) for _ in range(16)] for _ in range(3)]

    def use(sleeps):
        budget = RateBudget(redis_url, key=key, limits=DOCUMENTED)
        for nap in sleeps:
            time.sleep(nap)
            budget.acquire()
            at.append(time.monotonic())

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(use, naps))
    at.sort()
    assert max(sum(1 for other in at if 0 <= other - one < 1) for one in at) <= 20
    assert len(at) == 48


def test_a_429_within_what_is_documented_is_believed(redis_url, key):
    budget = RateBudget(redis_url, key=key, limits=DOCUMENTED)
    for _ in range(10):
        budget.acquire()
    budget.observe(429, {"retry-after": "0.1"})
    assert budget.rate() == pytest.approx(0.85 * 0.7 * 10)
    assert grants(budget, 1) <= 7


def test_redis_that_lost_its_count_gives_no_second_burst(redis_url, key):
    budget = RateBudget(redis_url, key=key, limits=DOCUMENTED)
    while not budget.acquire():
        pass
    redis.Redis.from_url(redis_url).delete(f"graph:budget:{key}:directory")
    assert grants(budget, 0.5) < 10


def test_units_really_charged_are_made_up_for(redis_url, key):
    limits = {"directory": ServiceLimits(window=10, initial=10, highest=10)}
    budget = RateBudget(redis_url, key=key, limits=limits)
    budget.acquire(1)
    budget.observe(200, {"x-ms-resource-unit": "11"}, cost=1)
    assert 0.5 < budget.acquire(1) < 1.5


def test_batch_may_cost_more_than_is_ever_saved_up(redis_url, key):
    limits = {"directory": ServiceLimits(window=10, initial=20, highest=20)}
    budget = RateBudget(redis_url, key=key, limits=limits)
    assert budget.acquire(20) == 0
    assert 0.4 < budget.acquire(20) < 2


def test_too_long_a_wait_goes_up_with_its_length(redis_url, key):
    budget = RateBudget(redis_url, key=key)
    budget.observe(429, {"retry-after": "120"})
    with pytest.raises(errors.Throttled) as caught:
        budget.acquire(longest=10)
    assert caught.value.retry_after == pytest.approx(120, abs=1)


@pytest.mark.parametrize("value", ["", "x", "-1", "nan", "0"])
def test_nonsense_in_headers_changes_nothing(redis_url, key, value):
    budget = RateBudget(redis_url, key=key)
    budget.acquire()
    before = budget.rate()
    budget.observe(200, {"x-ms-throttle-limit-percentage": value, "x-ms-resource-unit": value})
    assert budget.acquire() == 0
    assert budget.rate() == before


def test_state_of_a_tenant_nobody_reads_is_forgotten(redis_url, key):
    RateBudget(redis_url, key=key).acquire()
    assert 0 < redis.Redis.from_url(redis_url).ttl(f"graph:budget:{key}:directory") <= 3600


class Switchable:
    """A way to Redis that can be cut."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self.url = parts._replace(netloc=parts.netloc.replace(f":{parts.port}", f":{self._port}")).geturl()
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._open:
            each.close()

    def mend(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self._port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._target)
            self._open += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=_copy, args=(source, sink), daemon=True).start()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass


def test_without_redis_each_worker_keeps_to_half_of_the_rate_it_knew_and_returns(redis_url, key):
    way = Switchable(redis_url)
    limits = {"directory": ServiceLimits(window=10, initial=40, highest=40)}
    budget = RateBudget(way.url, key=key, limits=limits, redis_rest=1.2)
    budget.acquire()
    assert budget.rate() == 40
    way.cut()
    budget.acquire()
    assert 15 <= grants(budget, 1) <= 31
    way.mend()
    time.sleep(0.3)
    other = RateBudget(redis_url, key=key, limits=limits)
    other.observe(429, {"retry-after": "0.8"})
    assert budget.acquire() > 0.3
    way.cut()


def test_redis_that_goes_after_a_burst_leaves_no_window_too_full(redis_url, key):
    way = Switchable(redis_url)
    budget = RateBudget(way.url, key=key)
    used = 0
    while used < 85:
        budget.acquire(service=INTUNE_WRITES)
        used += 1
    way.cut()
    with pytest.raises(errors.Throttled) as caught:
        budget.acquire(service=INTUNE_WRITES, longest=1)
    assert 15 < caught.value.retry_after <= 21


def test_without_redis_a_429_still_slows_this_worker(key):
    budget = RateBudget(NOWHERE, key=key)
    budget.acquire()
    budget.observe(429, {"retry-after": "0.5"})
    assert budget.acquire() >= 0.45
    budget.observe(200, {"x-ms-throttle-limit-percentage": "0.9"})
    assert budget.acquire() > 0


def test_redis_that_never_answers_costs_one_short_timeout(key):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        budget = RateBudget(f"redis://127.0.0.1:{silent.getsockname()[1]}/0", key=key)
        started = time.monotonic()
        for _ in range(5):
            budget.acquire()
        budget.observe(200, {"x-ms-throttle-limit-percentage": "0.8"})
        assert time.monotonic() - started < 1.2


def test_budgets_of_one_address_share_their_connections():
    assert budget_redis(NOWHERE) is budget_redis(NOWHERE)


@pytest.mark.parametrize(
    ("url", "service", "units"),
    [
        ("https://graph.microsoft.com/v1.0/groups?$select=id&$top=999", "directory", 1),
        ("/groups/1/members", "directory", 3),
        ("groups/1/members?$select=id", "directory", 2),
        ("/groups('1')/transitiveMembers", "directory", 5),
        ("/groups/1/members/$count", "directory", 3),
        ("/users?$expand=manager", "directory", 3),
        ("/users?$top=5", "directory", 1),
        ("/servicePrincipals/1/appRoleAssignments", "directory", 2),
        ("https://graph.microsoft.com/beta/deviceManagement/managedDevices?$expand=x", "intune", 1),
        ("/deviceAppManagement/mobileApps", "intune", 1),
        ("/identity/conditionalAccess/policies", "identity", 1),
    ],
)
def test_cost_follows_the_published_table(url, service, units):
    found = cost_of(url)
    assert (found.service, found.units) == (service, units)


def test_client_asks_the_budget_before_and_tells_it_after_each_request(provider, make_client, redis_url, key):
    provider.on("/v1.0/organization", error("TooManyRequests", status=429, Retry_After="0.3"), Answer({}))
    budget = RateBudget(redis_url, key=key)
    client = make_client(budget=budget)
    client.get("/organization")
    assert budget.rate() < LIMITS["directory"].initial
    assert client.meter.snapshot()["throttledSeconds"] >= 0.3
    assert client.meter.snapshot()["requests"] == 2


def test_client_that_would_wait_too_long_for_the_budget_raises(provider, make_client, redis_url, key):
    budget = RateBudget(redis_url, key=key)
    budget.observe(429, {"retry-after": "100"})
    with pytest.raises(errors.Throttled) as caught:
        make_client(budget=budget).get("/organization")
    assert caught.value.retry_after > 90
    assert provider.graph_requests() == []


def test_client_is_stopped_while_it_waits_for_the_budget(provider, make_client, redis_url, key):
    budget = RateBudget(redis_url, key=key)
    budget.observe(429, {"retry-after": "1.5"})
    started = time.monotonic()

    def stop_soon() -> None:
        if time.monotonic() - started > 0.2:
            raise errors.Stopped

    with pytest.raises(errors.Stopped):
        make_client(budget=budget, checkpoint=stop_soon).get("/organization")
    assert provider.graph_requests() == []
