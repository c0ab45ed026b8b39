"""`$batch`: each item for itself, and the batches that are refused as a whole."""

import base64
from typing import Any

import pytest

from tests.sandbox.client import JSON, Graph


def batch(graph: Graph, *requests: JSON) -> dict[str, JSON]:
    answer = graph.send("POST", "/$batch", {"requests": list(requests)})
    assert answer.status_code == 200, answer.text
    return {item["id"]: item for item in answer.json()["responses"]}


def get(identifier: Any, url: str, **more: Any) -> JSON:
    return {"id": identifier, "method": "GET", "url": url, **more}


def test_every_item_has_its_own_status(graph: Graph) -> None:
    found = batch(
        graph,
        get("a", "/groups?$top=2&$select=id"),
        get("b", "organization"),
        get("c", "/groups/x"),
        get("d", "/no"),
    )
    assert {name: item["status"] for name, item in found.items()} == {"a": 200, "b": 200, "c": 404, "d": 400}
    assert len(found["a"]["body"]["value"]) == 2
    assert found["a"]["headers"]["Content-Type"].startswith("application/json;odata.metadata=minimal")
    assert found["c"]["body"]["error"]["code"] == "Request_ResourceNotFound"


def test_ids_may_be_numbers_and_come_back_as_text(graph: Graph) -> None:
    assert set(batch(graph, get(1, "/organization"), get(2, "/groups?$top=1"))) == {"1", "2"}


def test_answers_need_not_come_in_order(graph: Graph) -> None:
    requests = [get("1", "/organization"), get("2", "/organization")]
    answer = graph.send("POST", f"{graph.sandbox.url}/beta/%24batch/", {"requests": requests})
    assert [item["id"] for item in answer.json()["responses"]] == ["2", "1"]


def test_links_in_a_batch_are_absolute(graph: Graph) -> None:
    requests = {"requests": [get("1", "/groups?$top=2")]}
    answer = graph.send("POST", "/$batch", requests, Host="graph.microsoft.com")
    link = answer.json()["responses"][0]["body"]["@odata.nextLink"]
    assert link.startswith("https://graph.microsoft.com/v1.0/groups?$top=2&$skiptoken=")


def test_writes_and_headers_work_inside_a_batch(graph: Graph) -> None:
    body = {
        "displayName": "Batched",
        "mailEnabled": False,
        "mailNickname": "batched",
        "securityEnabled": True,
    }
    headers = {"Content-Type": "application/json"}
    write = {"id": "1", "method": "POST", "url": "/groups", "headers": headers, "body": body}
    count = get("2", "/groups/$count", headers={"ConsistencyLevel": "eventual"}, dependsOn=["1"])
    found = batch(graph, write, count)
    assert found["1"]["status"] == 201
    assert base64.b64decode(found["2"]["body"]) == b"251"


def test_a_failed_dependency_fails_what_depends_on_it(graph: Graph) -> None:
    found = batch(
        graph, get("1", "/groups/x"), get("2", "/organization", dependsOn=["1"]), get("3", "/organization")
    )
    assert [found[name]["status"] for name in "123"] == [404, 424, 200]


def test_items_are_throttled_and_broken_one_by_one(graph: Graph) -> None:
    graph.sandbox.control.throttle("contoso", units=3)
    found = batch(graph, *(get(str(number), "/organization") for number in range(5)))
    assert [found[str(number)]["status"] for number in range(5)] == [200, 200, 200, 429, 429]
    assert int(found["4"]["headers"]["Retry-After"]) >= 1
    graph.sandbox.control.throttle("contoso", units=1000)
    graph.sandbox.control.fault(path="/groups*", batch=True, status=503, times=1)
    found = batch(graph, get("1", "/organization"), get("2", "/groups?$top=1"), get("3", "/groups?$top=1"))
    assert [found[name]["status"] for name in "123"] == [200, 503, 200]


REFUSED: list[Any] = [
    {},
    [],
    {"requests": []},
    {"requests": [get(str(number), "/organization") for number in range(21)]},
    {"requests": [get("1", "/organization"), get("1", "/organization")]},
    {"requests": [get(1, "/organization"), get("1", "/organization")]},
    {"requests": [{"id": "1", "method": "GET"}]},
    {"requests": [{"method": "GET", "url": "/organization"}]},
    {"requests": [{"id": "1", "method": "LOOK", "url": "/organization"}]},
    {"requests": [{"id": "1", "method": "POST", "url": "/groups", "body": {}}]},
    {"requests": [get("1", "/organization", dependsOn=["2"])]},
]


@pytest.mark.parametrize("body", REFUSED)
def test_a_malformed_batch_is_refused_as_a_whole(graph: Graph, body: Any) -> None:
    assert graph.send("POST", "/$batch", body).status_code == 400


def test_a_batch_needs_a_token(graph: Graph) -> None:
    answer = graph.send("POST", "/$batch", {"requests": [get("1", "/organization")]}, Authorization="")
    assert answer.status_code == 401
