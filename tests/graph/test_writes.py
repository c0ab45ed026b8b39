"""Writes: sent once wherever they may have landed, and honest about what is not known."""

import json
import threading

import pytest

from providers.graph import errors
from providers.graph.costs import INTUNE, INTUNE_WRITES, write_costs
from providers.graph.transport import Transport
from tests.graph.provider import Answer, error

PATH = "/beta/deviceManagement/deviceConfigurations"
ITEM = f"{PATH}/1"


def create(client, **more):
    return client.send(
        "POST", "/deviceManagement/deviceConfigurations", {"displayName": "A"}, version="beta", **more
    )


def sent(provider):
    return [each for each in provider.graph_requests() if each.method != "GET"]


def test_a_create_returns_what_graph_made(provider, client):
    provider.on(PATH, Answer({"id": "1"}, 201))
    assert create(client) == {"id": "1"}
    (request,) = sent(provider)
    assert json.loads(request.body) == {"displayName": "A"}
    assert request.headers["content-type"] == "application/json"


def test_an_answer_without_a_body_is_no_failure(provider, client):
    provider.on(ITEM, Answer(b"", 204))
    assert client.send("PATCH", "/deviceManagement/deviceConfigurations/1", {"a": None}, version="beta") == {}
    assert client.send("DELETE", "/deviceManagement/deviceConfigurations/1", version="beta") == {}
    assert sent(provider)[1].body == b""


@pytest.mark.parametrize(
    "answer",
    [error("x", status=500), error("x", status=503, retry_after="0"), error("x", status=504), Answer(lost=True),
     Answer({"id": "1"}, 201, cut=True)],
    ids=["500", "503", "504", "connection lost", "answer cut off"],
)  # fmt: skip
def test_what_may_have_landed_is_never_sent_again_and_says_so(provider, client, answer):
    provider.on(PATH, answer)
    with pytest.raises(errors.GraphError) as caught:
        create(client)
    assert caught.value.uncertain
    assert len(sent(provider)) == 1


def test_no_answer_in_time_is_uncertain(provider, client):
    given_up = threading.Event()

    def slow(_):
        given_up.wait(5)
        return Answer({}, 201)

    provider.on(PATH, slow)
    with pytest.raises(errors.TimedOut) as caught:
        create(client)
    given_up.set()
    assert caught.value.uncertain
    assert len(sent(provider)) == 1


def test_a_throttled_write_was_not_carried_out_and_is_sent_again(provider, client):
    provider.on(PATH, error("TooManyRequests", status=429, retry_after="0.01"), Answer({"id": "1"}, 201))
    assert create(client) == {"id": "1"}
    assert len(sent(provider)) == 2


def test_a_refused_token_is_renewed_once(provider, client):
    provider.on(PATH, error("InvalidAuthenticationToken", status=401), Answer({"id": "1"}, 201))
    assert create(client) == {"id": "1"}
    assert [each.headers["authorization"] for each in sent(provider)] == ["Bearer t.1.x", "Bearer t.2.x"]
    provider.on(ITEM, error("InvalidAuthenticationToken", status=401))
    with pytest.raises(errors.Unauthorized) as caught:
        client.send("DELETE", "/deviceManagement/deviceConfigurations/1", version="beta")
    assert not caught.value.uncertain


@pytest.mark.parametrize("status", [400, 403, 404, 409, 412])
def test_a_refusal_is_certain(provider, client, status):
    provider.on(PATH, error("No", status=status))
    with pytest.raises(errors.RequestFailed) as caught:
        create(client)
    assert not caught.value.uncertain
    assert len(sent(provider)) == 1


def test_a_provider_that_was_never_reached_is_tried_again_and_certain(provider, client, transport):
    provider.on(PATH, Answer({"id": "1"}, 201))
    create(client)
    provider.stop()
    transport.close()
    left = []
    with pytest.raises(errors.Unreachable) as caught:
        create(client, sending=lambda: left.append(1))
    assert not caught.value.uncertain
    assert len(left) == 3


def test_a_token_that_cannot_be_had_leaves_nothing_uncertain(provider, make_client, tokens):
    provider.token_answers.extend(Answer({"error": "temporarily_unavailable"}, 503) for _ in range(9))
    left = []
    with pytest.raises(errors.TokenError) as caught:
        create(make_client(), sending=lambda: left.append(1))
    assert not caught.value.uncertain
    assert left == []


def test_the_sender_is_told_right_before_each_try_leaves(provider, client):
    provider.on(PATH, error("TooManyRequests", status=429, retry_after="0.01"), Answer({"id": "1"}, 201))
    seen = []
    create(client, sending=lambda: seen.append(len(sent(provider))))
    assert seen == [0, 1]


def test_a_stop_comes_before_the_request_never_after(provider, make_client):
    def stop():
        raise errors.Stopped

    seen = []
    with pytest.raises(errors.Stopped):
        create(make_client(checkpoint=stop), sending=lambda: seen.append(1))
    assert seen == []
    assert sent(provider) == []


def test_intune_counts_a_write_twice_and_others_once():
    costs = write_costs("https://graph.microsoft.com/beta/deviceManagement/intents/1/assign")
    assert [cost.service for cost in costs] == [INTUNE, INTUNE_WRITES]
    assert len(write_costs("https://graph.microsoft.com/v1.0/identity/conditionalAccess/policies")) == 1


def test_the_transport_knows_whether_a_connection_was_made(provider):
    transport = Transport(provider.host_map, connect_timeout=1, read_timeout=1)
    provider.on("/v1.0/x", Answer(lost=True))
    with pytest.raises(errors.Unreachable) as caught:
        transport.send("POST", "https://graph.microsoft.com/v1.0/x")
    assert not caught.value.unsent
    provider.stop()
    with pytest.raises(errors.Unreachable) as caught:
        transport.send("POST", "https://graph.microsoft.com/v1.0/x")
    assert caught.value.unsent
    transport.close()
