import json

import pytest

from providers.graph import errors
from providers.graph.client import BatchRequest
from tests.graph.provider import Answer, error

PATH = "/v1.0/$batch"


class Batches:
    """Answers each part with what was queued for its URL; parts come back in reverse order."""

    def __init__(self, **answers):
        self.answers = {f"/{name}": list(each) for name, each in answers.items()}
        self.sent: list[list[str]] = []

    def __call__(self, asked):
        requests = json.loads(asked.body)["requests"]
        self.sent.append([each["url"] for each in requests])
        responses = [self._part(each) for each in requests]
        return Answer({"responses": [each for each in reversed(responses) if each]})

    def _part(self, request):
        queue = self.answers.get(request["url"], [{"status": 200, "body": {"url": request["url"]}}])
        part = queue.pop(0) if len(queue) > 1 else queue[0]
        return part and {"id": request["id"], "headers": {}, **part}


OK = {"status": 200, "body": {"id": "1"}}


def throttled(retry_after):
    return {
        "status": 429,
        "headers": {"Retry-After": retry_after},
        "body": {"error": {"code": "TooManyRequests"}},
    }


def requests(*names):
    return [BatchRequest(f"my {name}", name) for name in names]


def test_more_than_twenty_requests_go_in_chunks_and_come_back_in_order(provider, client):
    batches = Batches()
    provider.on(PATH, batches)
    found = client.batch([BatchRequest(f"n{number}", f"/groups/{number}") for number in range(45)])
    assert [len(each) for each in batches.sent] == [20, 20, 5]
    assert [each.id for each in found] == [f"n{number}" for number in range(45)]
    assert [each.body["url"] for each in found] == [f"/groups/{number}" for number in range(45)]
    assert {each.error for each in found} == {None}


def test_request_headers_travel_with_their_part(provider, client):
    provider.on(PATH, Batches())
    client.batch([BatchRequest("a", "groups/$count", {"ConsistencyLevel": "eventual"})])
    (sent,) = json.loads(provider.graph_requests()[0].body)["requests"]
    assert sent == {
        "id": "1", "method": "GET", "url": "/groups/$count", "headers": {"ConsistencyLevel": "eventual"},
    }  # fmt: skip


def test_only_the_throttled_parts_are_sent_again_after_the_longest_wait(provider, client):
    batches = Batches(a=[OK], b=[throttled("0.05"), OK], c=[throttled("0.2"), OK])
    provider.on(PATH, batches)
    found = client.batch(requests("a", "b", "c"))
    assert batches.sent == [["/a", "/b", "/c"], ["/b", "/c"]]
    assert [each.status for each in found] == [200, 200, 200]
    assert 0.2 <= client.meter.snapshot()["throttledSeconds"] < 0.25


def test_part_that_fails_for_good_is_told_and_the_rest_is_kept(provider, client):
    denied = {"status": 403, "body": {"error": {"code": "Authorization_RequestDenied", "message": "No."}}}
    batches = Batches(a=[OK], b=[denied], c=[{"status": 404, "body": {"error": {"code": "x"}}}])
    provider.on(PATH, batches)
    fine, forbidden, missing = client.batch(requests("a", "b", "c"))
    assert fine.error is None
    assert isinstance(forbidden.error, errors.Forbidden)
    assert forbidden.error.reason_code == "provider.permission_missing"
    assert isinstance(missing.error, errors.NotFound)
    assert len(batches.sent) == 1


def test_part_that_stays_throttled_is_an_error_of_its_own(provider, client):
    provider.on(PATH, Batches(a=[OK], b=[throttled("0.01")], c=[throttled("900")]))
    fine, short, long = client.batch(requests("a", "b", "c"))
    assert fine.error is None
    assert isinstance(short.error, errors.Throttled)
    assert (long.error.retry_after, long.error.transient) == (900, True)


def test_part_without_an_answer_is_asked_for_again_and_never_taken_for_empty(provider, client):
    batches = Batches(a=[OK], b=[None, OK], c=[None])
    provider.on(PATH, batches)
    fine, late, never = client.batch(requests("a", "b", "c"))
    assert (fine.error, late.error) == (None, None)
    assert isinstance(never.error, errors.ResponseInvalid)
    assert batches.sent[1] == ["/b", "/c"]


def test_numbers_as_ids_are_understood(provider, client):
    provider.on(PATH, Answer({"responses": [{"id": 1, "status": 200, "body": {"id": "x"}}]}))
    assert client.batch(requests("a"))[0].body == {"id": "x"}


def test_batch_that_fails_as_a_whole_is_raised(provider, client):
    provider.on(PATH, error("BadRequest", status=400))
    with pytest.raises(errors.BadRequest):
        client.batch(requests("a"))


def test_answer_without_responses_is_invalid(provider, client):
    provider.on(PATH, Answer({"value": []}))
    with pytest.raises(errors.ResponseInvalid):
        client.batch(requests("a"))


def test_same_id_twice_is_refused_and_nothing_is_no_request(provider, client):
    with pytest.raises(ValueError, match="unique"):
        client.batch([BatchRequest("a", "x"), BatchRequest("a", "y")])
    assert client.batch([]) == []
    assert provider.asked == []


class Recorder:
    """A budget that never waits and writes down what it is asked and told."""

    def __init__(self):
        self.acquired = []
        self.observed = []

    def acquire(self, cost, *, service, **_):
        self.acquired.append((service, cost))
        return 0.0

    def observe(self, status, headers, *, service, cost):
        self.observed.append((service, cost, status, headers.get("x-ms-resource-unit")))


def test_budget_is_charged_for_every_part_and_learns_from_each(provider, make_client):
    costly = {"status": 200, "headers": {"X-Ms-Resource-Unit": "4"}, "body": {}}
    names = ("groups/1/members", "groups/2", "deviceManagement/roleDefinitions")
    provider.on(PATH, error("TooManyRequests", status=429), Batches(**{names[0]: [costly]}))
    budget = Recorder()
    make_client(budget=budget).batch(requests(*names))
    assert budget.acquired == [("directory", 4), ("intune", 1)] * 2
    assert budget.observed == [
        ("directory", 4, 429, None),
        ("intune", 1, 429, None),
        ("directory", 3, 200, "4"),
        ("directory", 1, 200, None),
        ("intune", 1, 200, None),
    ]
