import time
import tracemalloc

import pytest

from providers.graph import errors
from providers.graph.retry import RetryPolicy
from providers.graph.urls import path_of
from tests.graph.conftest import QUICK
from tests.graph.provider import GRAPH, Answer, error, page

GROUPS = "/v1.0/groups"


def ids(pages):
    return [[item["id"] for item in each.value] for each in pages]


def test_get_sends_what_graph_needs_and_nothing_else(provider, client):
    provider.on("/v1.0/organization", Answer({"id": "1"}))
    assert client.get("/organization", select=["id", "displayName"], params={"$top": "1"}) == {"id": "1"}
    (request,) = provider.graph_requests()
    assert request.target == "/v1.0/organization?$top=1&$select=id,displayName"
    assert request.headers["authorization"] == "Bearer t.1.x"
    assert request.headers["accept"] == "application/json;odata.metadata=minimal"
    assert "gzip" in request.headers["accept-encoding"]
    assert len(request.headers["client-request-id"]) == 36


def test_each_request_has_an_id_of_its_own_and_the_meter_keeps_them(provider, client):
    provider.on("/v1.0/organization", Answer({}, headers={"request-id": "theirs"}))
    client.get("/organization")
    client.get("/organization")
    kept = client.meter.last_request_ids
    assert [entry["clientRequestId"] for entry in kept] == [
        each.headers["client-request-id"] for each in provider.graph_requests()
    ]
    assert kept[0]["clientRequestId"] != kept[1]["clientRequestId"]
    assert (kept[0]["requestId"], kept[0]["status"], kept[0]["path"]) == (
        "theirs", 200, "/v1.0/organization",
    )  # fmt: skip


def test_meter_counts_requests_retries_and_bytes(provider, client):
    provider.on("/v1.0/organization", Answer(status=500), Answer({"id": "1"}))
    client.get("/organization")
    counted = client.meter.snapshot()
    assert counted == {"requests": 2, "retries": 1, "throttledSeconds": 0, "bytes": 2 + len('{"id": "1"}')}


@pytest.mark.parametrize(
    "path",
    ["groups", "", "/", "//evil.example/x", "/groups?x=1", "/groups#x", "/a/../b", "/a b", "/a\n", "https://x/y",
     "/..", "/a//b", "/a\\b"],
)  # fmt: skip
def test_path_that_is_none_is_refused_before_anything_is_sent(provider, client, path):
    with pytest.raises(ValueError, match="Not a Graph path"):
        client.get(path)
    assert provider.asked == []


def test_unknown_version_is_refused(client):
    with pytest.raises(ValueError, match="version"):
        client.get("/groups", version="v2.0")


def test_path_segments_are_quoted():
    assert path_of("/groups/{}/members", "a/b?c") == "/groups/a%2Fb%3Fc/members"
    with pytest.raises(ValueError, match="segment"):
        path_of("/groups/{}", "..")


@pytest.mark.parametrize(
    "path",
    [
        "/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')",
        "/groups/$count",
        "/groups('1')/members/microsoft.graph.user",
    ],
)
def test_every_form_of_key_is_a_path(provider, client, path):
    provider.on(f"/v1.0{path}", Answer({"id": "1"}))
    assert client.get(path) == {"id": "1"}


def test_pages_follow_the_links_verbatim_and_repeat_the_headers(provider, client):
    link = f"{GRAPH}/v1.0/groups?$skiptoken=%5Bcosmosdb%5D+a%2Fb&x"
    provider.on(GROUPS, page("1", "2", nextLink=link, count=3), page(nextLink=f"{link}2"), page("3"))
    pages = list(client.pages("/groups", select="id", top=2, filter="displayName eq 'a b'", count=True))
    assert ids(pages) == [["1", "2"], [], ["3"]]
    assert [each.count for each in pages] == [3, None, None]
    first, second, third = provider.graph_requests()
    assert first.target == ("/v1.0/groups?$select=id&$filter=displayName%20eq%20'a%20b'&$top=2&$count=true")
    assert second.target == "/v1.0/groups?$skiptoken=%5Bcosmosdb%5D+a%2Fb&x"
    assert third.target == "/v1.0/groups?$skiptoken=%5Bcosmosdb%5D+a%2Fb&x2"
    assert {each.headers["consistencylevel"] for each in (first, second, third)} == {"eventual"}


@pytest.mark.parametrize("name", ["nextLink", "deltaLink"])
def test_link_to_another_host_is_refused_and_the_token_stays(provider, client, name):
    provider.on(GROUPS, page("1", **{name: "https://graph.microsoft.us/v1.0/groups?$skiptoken=x"}))
    with pytest.raises(errors.ResponseInvalid, match="away"):
        list(client.pages("/groups"))
    assert len(provider.graph_requests()) == 1


def test_stored_delta_link_to_another_host_is_refused(provider, client):
    with pytest.raises(errors.ResponseInvalid):
        list(client.delta("/groups", link="https://evil.example/v1.0/groups/delta?$deltatoken=x"))
    assert provider.asked == []


@pytest.mark.parametrize(
    "body", [{}, {"value": None}, {"value": {}}, {"value": ["x"]}, {"value": [], "@odata.nextLink": 3}]
)
def test_page_without_its_list_is_no_empty_page(provider, client, body):
    provider.on(GROUPS, Answer(body))
    with pytest.raises(errors.ResponseInvalid) as caught:
        list(client.pages("/groups"))
    assert caught.value.reason_code == "provider.response_invalid"


def test_page_that_links_to_itself_ends_the_read(provider, client):
    provider.on(GROUPS, page("1", nextLink=f"{GRAPH}/v1.0/groups?$skiptoken=a"))
    with pytest.raises(errors.ResponseInvalid, match="circle"):
        list(client.pages("/groups"))


@pytest.mark.parametrize(
    "answer", [Answer(b"<html>"), Answer({"value": ["x" * 999]}, cut=True), Answer(b"[1]")]
)
def test_broken_answer_is_asked_for_again_and_then_invalid(provider, client, answer):
    provider.on(GROUPS, answer, page("1"))
    assert ids(client.pages("/groups")) == [["1"]]
    provider.on("/v1.0/users", answer)
    with pytest.raises(errors.ResponseInvalid):
        client.get("/users")


def test_failure_in_the_middle_of_a_chain_is_raised_after_the_pages_before_it(provider, client):
    provider.on(
        GROUPS, page("1", nextLink=f"{GRAPH}/v1.0/groups?$skiptoken=2"), error("Forbidden", status=403)
    )
    pages = client.pages("/groups")
    assert [item["id"] for item in next(pages).value] == ["1"]
    with pytest.raises(errors.Forbidden):
        next(pages)


def test_delta_starts_at_the_collection_and_ends_with_a_link(provider, client):
    link = f"{GRAPH}/v1.0/groups/delta?$deltatoken=abc"
    provider.on(
        "/v1.0/groups/delta",
        page("1", nextLink=f"{GRAPH}/v1.0/groups/delta?$skiptoken=a"),
        page("2", deltaLink=link),
    )
    pages = list(client.delta("/groups", select=("id", "displayName")))
    assert ids(pages) == [["1"], ["2"]]
    assert [each.delta_link for each in pages] == [None, link]
    assert provider.graph_requests()[0].target == "/v1.0/groups/delta?$select=id,displayName"
    list(client.delta("/groups", link=link, select=["ignored"]))
    assert provider.graph_requests()[-1].target == "/v1.0/groups/delta?$deltatoken=abc"


def test_delta_that_ends_without_a_link_was_not_complete(provider, client):
    provider.on("/v1.0/groups/delta", page("1"))
    with pytest.raises(errors.ResponseInvalid, match="without a link"):
        list(client.delta("/groups/delta"))


@pytest.mark.parametrize(
    ("location", "kept"),
    [(f"{GRAPH}/v1.0/groups/delta?$deltatoken=", True), ("https://evil.example/", False), (None, False)],
)
def test_expired_delta_says_where_to_start_again(provider, client, location, kept):
    headers = {"Location": location} if location else {}
    provider.on("/v1.0/groups/delta", error("syncStateNotFound", status=410, **headers))
    with pytest.raises(errors.DeltaExpired) as caught:
        list(client.delta("/groups", link=f"{GRAPH}/v1.0/groups/delta?$deltatoken=old"))
    assert caught.value.location == (location if kept else None)


def test_401_renews_the_token_once(provider, client):
    provider.on("/v1.0/organization", error("InvalidAuthenticationToken", status=401), Answer({"id": "1"}))
    assert client.get("/organization") == {"id": "1"}
    sent = [each.headers["authorization"] for each in provider.graph_requests()]
    assert sent == ["Bearer t.1.x", "Bearer t.2.x"]


def test_second_401_is_final(provider, client):
    provider.on("/v1.0/organization", error("InvalidAuthenticationToken", status=401))
    with pytest.raises(errors.Unauthorized):
        client.get("/organization")
    assert len(provider.graph_requests()) == 2


@pytest.mark.parametrize(("retry_after", "least"), [("0.25", 0.25), ("0", 0.005), (None, 0.005)])
def test_429_waits_as_told_or_backs_off(provider, client, retry_after, least):
    headers = {"Retry_After": retry_after} if retry_after else {}
    provider.on("/v1.0/organization", error("TooManyRequests", status=429, **headers), Answer({"id": "1"}))
    started = time.monotonic()
    assert client.get("/organization") == {"id": "1"}
    assert least <= time.monotonic() - started < least + 0.5
    assert client.meter.snapshot()["throttledSeconds"] >= least


def test_429_that_asks_for_too_long_a_wait_goes_up_at_once(provider, client):
    provider.on("/v1.0/organization", error("TooManyRequests", status=429, Retry_After="300"))
    started = time.monotonic()
    with pytest.raises(errors.Throttled) as caught:
        client.get("/organization")
    assert time.monotonic() - started < 1
    assert (caught.value.retry_after, caught.value.transient) == (300, True)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_server_error_is_tried_a_few_times_only(provider, client, status):
    provider.on("/v1.0/organization", error("x", status=status))
    with pytest.raises(errors.ServerError):
        client.get("/organization")
    assert len(provider.graph_requests()) == QUICK.tries


@pytest.mark.parametrize("status", [400, 403, 404, 409, 501])
def test_failure_that_trying_again_cannot_help_is_not_tried_again(provider, client, status):
    provider.on("/v1.0/organization", error("x", status=status))
    with pytest.raises(errors.GraphError) as caught:
        client.get("/organization")
    assert not caught.value.transient
    assert caught.value.request_id == "req-1"
    assert len(provider.graph_requests()) == 1


def test_token_service_that_hiccups_is_asked_again(provider, client):
    provider.token_answers.append(Answer({"error": "temporarily_unavailable", "error_codes": [90024]}, 503))
    provider.on("/v1.0/organization", Answer({"id": "1"}))
    assert client.get("/organization") == {"id": "1"}


class Checkpoint:
    """Lets `allowed` questions pass, then stops."""

    def __init__(self, allowed: int) -> None:
        self.allowed = allowed
        self.asked = 0

    def __call__(self) -> None:
        self.asked += 1
        if self.asked > self.allowed:
            raise errors.Stopped


def test_stopped_run_sends_no_request_at_all(provider, make_client):
    with pytest.raises(errors.Stopped):
        make_client(checkpoint=Checkpoint(0)).get("/organization")
    assert provider.asked == []


def test_run_that_is_stopped_between_pages_sends_no_more(provider, make_client):
    provider.on(GROUPS, page("1", nextLink=f"{GRAPH}/v1.0/groups?$skiptoken=2"))
    checkpoint = Checkpoint(100)
    pages = make_client(checkpoint=checkpoint).pages("/groups")
    next(pages)
    checkpoint.allowed = 0
    with pytest.raises(errors.Stopped):
        next(pages)
    assert len(provider.graph_requests()) == 1


def test_run_that_is_stopped_while_it_waits_ends_within_a_second(provider, make_client):
    provider.on("/v1.0/organization", error("TooManyRequests", status=429, Retry_After="60"))
    started = time.monotonic()

    def stop_soon() -> None:
        if time.monotonic() - started > 0.3:
            raise errors.Stopped

    with pytest.raises(errors.Stopped):
        make_client(checkpoint=stop_soon, retry=RetryPolicy()).get("/organization")
    assert time.monotonic() - started < 1.8
    assert len(provider.graph_requests()) == 1


def test_memory_stays_flat_however_many_pages_there_are(provider, client):
    few, many = peak_memory(provider, client, 4), peak_memory(provider, client, 16)
    assert many < few * 1.25


def peak_memory(provider, client, number_of_pages) -> int:
    """Bytes at the peak of reading pages of 1 MB each; this includes the server's own copies."""
    path = f"/v1.0/groups/{number_of_pages}"
    filler = [{"id": str(number), "description": "x" * 1000} for number in range(1000)]
    left = [number_of_pages]

    def next_page(_asked):
        left[0] -= 1
        links = {"@odata.nextLink": f"{GRAPH}{path}?$skiptoken={left[0]}"} if left[0] else {}
        return Answer({"value": filler, **links})

    provider.on(path, next_page)
    tracemalloc.start()
    try:
        seen = sum(len(each.value) for each in client.pages(path.removeprefix("/v1.0")))
        assert seen == 1000 * number_of_pages
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
