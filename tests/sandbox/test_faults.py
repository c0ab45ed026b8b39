"""Failure scripts: each thing that can go wrong, where and when it was asked for."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from providers.sandbox.control import Control
from providers.sandbox.lookups import ControlError
from tests.sandbox.client import Graph, error_of, token_request

GROUP = {"displayName": "Once", "mailEnabled": False, "mailNickname": "once", "securityEnabled": True}


@pytest.fixture
def control(graph: Graph) -> Control:
    graph.sandbox.control.set("contoso", "page_size", 50)
    return graph.sandbox.control


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429, 403, 423])
def test_a_status_is_answered_as_often_as_asked(graph: Graph, control: Control, status: int) -> None:
    control.fault(path="/groups", method="GET", status=status, times=2, retry_after="3")
    answers = [graph.get("/groups") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [status, status, 200]
    assert answers[0].headers["retry-after"] == "3"
    assert graph.get("/organization").status_code == 200


def test_a_403_comes_in_each_style(graph: Graph, control: Control) -> None:
    codes = []
    for style in ("directory", "identity", "intune"):
        control.fault(path="/organization", status=403, style=style, times=1)
        codes.append(error_of(graph.get("/organization"))["code"])
    assert codes == ["Authorization_RequestDenied", "AccessDenied", "Forbidden"]


def test_a_fault_can_wait_for_a_page(graph: Graph, control: Control) -> None:
    control.fault(tenant="contoso", path="/groups", page=3, status=503, times=1)
    first = graph.get("/groups").json()
    second = graph.get(first["@odata.nextLink"]).json()
    assert graph.get(second["@odata.nextLink"]).status_code == 503
    assert graph.get(second["@odata.nextLink"]).status_code == 200


def test_a_fault_can_wait_for_a_delta_page_and_for_the_nth_request(graph: Graph, control: Control) -> None:
    control.set("contoso", "delta_page_size", 100)
    control.fault(path="/groups/delta", page=2, status=500, times=1)
    first = graph.get("/groups/delta?$select=id").json()
    assert graph.get(first["@odata.nextLink"]).status_code == 500
    control.fault(path="/organization", nth=3, status=502)
    assert [graph.get("/organization").status_code for _ in range(4)] == [200, 200, 502, 200]


def test_a_write_may_have_landed_before_the_504(graph: Graph, control: Control) -> None:
    control.fault(path="/groups", method="POST", status=504, after_write=True, times=1)
    assert graph.send("POST", "/groups", GROUP).status_code == 504
    assert control.count("contoso") == 251
    control.fault(path="/groups", method="POST", status=504, times=1)
    assert graph.send("POST", "/groups", GROUP).status_code == 504
    assert control.count("contoso") == 251


def test_a_connection_can_be_dropped_or_cut(graph: Graph, control: Control) -> None:
    control.fault(kind="drop", path="/groups", times=1)
    with pytest.raises(httpx.TransportError):
        graph.get("/groups")
    control.fault(kind="truncate", path="/groups", times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        graph.get("/groups")
    assert graph.get("/groups").status_code == 200
    assert control.counts("contoso")[0] == 1


def test_a_page_can_be_empty_or_short_and_nothing_is_lost(graph: Graph, control: Control) -> None:
    control.fault(kind="empty_page", path="/groups", page=2, times=1)
    control.fault(kind="short_page", path="/groups", page=4, times=1)
    pages = graph.pages("/groups")
    assert [len(page["value"]) for page in pages] == [50, 0, 50, 3, 50, 50, 47]
    ids = [group["id"] for page in pages for group in page["value"]]
    assert len(set(ids)) == len(ids) == 250


def test_a_page_can_be_slow_or_never_come(graph: Graph, control: Control) -> None:
    control.fault(kind="slow", path="/groups", delay_s=0.3, times=1)
    started = time.monotonic()
    assert graph.get("/groups").status_code == 200
    assert time.monotonic() - started >= 0.3
    control.fault(kind="hang", path="/groups", times=1)
    with pytest.raises(httpx.ReadTimeout):
        graph.http.get("/v1.0/groups", timeout=0.2)


@pytest.mark.parametrize("batch", [False, True])
def test_an_answer_can_be_held_until_it_is_let_go(graph: Graph, control: Control, batch: bool) -> None:
    control.fault(kind="hold", path="/organization")
    item = {"id": "1", "method": "GET", "url": "/organization"}
    with ThreadPoolExecutor(1) as other:
        asked = other.submit(
            (lambda: graph.send("POST", "/$batch", {"requests": [item]}))
            if batch
            else (lambda: graph.get("/organization"))
        )
        with pytest.raises(TimeoutError):
            asked.result(0.3)
        assert graph.get("/groups").status_code == 200, "it holds what it names and nothing else"
        control.clear_faults()
        assert asked.result(10).status_code == 200
    assert graph.get("/organization").status_code == 200


def test_a_token_can_expire_in_the_middle(graph: Graph, control: Control) -> None:
    control.fault(kind="expire_token", path="/groups", page=2, times=1)
    link = graph.get("/groups").json()["@odata.nextLink"]
    expired = graph.get(link)
    assert (expired.status_code, error_of(expired)["code"]) == (401, "InvalidAuthenticationToken")
    assert graph.get("/organization").status_code == 401, "the same token stays expired"
    graph.renew()
    assert graph.get(link).status_code == 200


def test_consent_can_be_revoked_in_the_middle(graph: Graph, control: Control) -> None:
    control.fault(kind="revoke_consent", path="/groups", page=2, times=1)
    link = graph.get("/groups").json()["@odata.nextLink"]
    refused = graph.get(link)
    assert (refused.status_code, error_of(refused)["code"]) == (401, "Authorization_IdentityNotFound")
    answer = token_request(graph.sandbox, graph.tenant_id, graph.client_id, graph.secret)
    assert answer.json()["error_codes"] == [7000229]


def test_approval_and_licence_can_be_scripted(graph: Graph, control: Control) -> None:
    control.fault(kind="licence", path="/deviceManagement/*", times=1)
    assert graph.get("/deviceManagement/roleDefinitions").status_code == 403
    control.fault(kind="approval", path="/groups")
    assert graph.get("/groups").status_code == 200
    assert graph.send("POST", "/groups", GROUP).status_code == 403


def test_the_token_endpoint_can_fail_too(graph: Graph, control: Control) -> None:
    control.fault(service="token", status=429, retry_after="2", times=1)
    control.fault(service="token", status=503, nth=2)
    answers = [token_request(graph.sandbox, graph.tenant_id, graph.client_id, graph.secret) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 503, 200]
    assert answers[0].headers["retry-after"] == "2"
    control.fault(service="token", kind="drop", times=1)
    with pytest.raises(httpx.TransportError):
        graph.renew()
    assert graph.get("/organization").status_code == 200


@pytest.mark.parametrize("mode", ["close", "hang"])
def test_an_unreachable_tenant_answers_nothing_at_all(graph: Graph, control: Control, mode: str) -> None:
    control.unreach("contoso", mode)
    graph.http.timeout = httpx.Timeout(0.3)
    expected = httpx.ReadTimeout if mode == "hang" else httpx.RemoteProtocolError
    with pytest.raises(expected):
        graph.get("/organization")
    if mode == "close":
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            token_request(graph.sandbox, graph.tenant_id, graph.client_id, graph.secret)
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            graph.http.get("/contoso.example/v2.0/.well-known/openid-configuration")
    control.reach("contoso")
    assert graph.get("/organization").status_code == 200


def test_scripts_are_listed_and_cleared_and_mistakes_in_them_refused(graph: Graph, control: Control) -> None:
    number = control.fault(path="/groups", status=500)
    assert [fault["id"] for fault in control.faults()] == [number]
    assert control.clear_faults() == 1
    assert graph.get("/groups").status_code == 200
    for wrong in ({"kind": "explode"}, {"pathh": "/groups"}, {"id": 4}):
        with pytest.raises(ControlError):
            control.fault(**wrong)
