"""Limits: counted in resource units, announced from 80 %, and deaf to clients that do not wait."""

import time

import pytest

from providers.sandbox.testing import SandboxServer
from providers.sandbox.throttle import Window, resource_units
from tests.sandbox.client import Graph, error_of


def test_a_client_is_warned_then_refused_and_the_log_knows(graph: Graph) -> None:
    graph.sandbox.control.throttle("contoso", units=10, window_s=60.0)
    answers = [graph.get("/organization") for _ in range(12)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429] * 2
    shares = [answer.headers.get("x-ms-throttle-limit-percentage") for answer in answers]
    assert shares == [None] * 7 + ["0.80", "0.90", "1.00", "1.10", "1.20"]
    refused = answers[-1]
    assert error_of(refused)["code"] == "TooManyRequests"
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    scope = f"Tenant_Application/ReadWrite/{graph.client_id}/{graph.tenant_id}"
    assert refused.headers["x-ms-throttle-scope"] == scope
    assert refused.headers["x-ms-throttle-information"] == "ResourceUnitLimitExceeded"
    control = graph.sandbox.control
    assert control.counts("contoso", "graph") == {200: 10, 429: 2}
    assert control.share(429, "contoso") == pytest.approx(2 / 12)


def test_waiting_as_told_is_enough(graph: Graph) -> None:
    graph.sandbox.control.throttle("contoso", units=4, window_s=1.0, retry_after="fraction")
    answers = [graph.get("/organization") for _ in range(5)]
    wait = float(answers[-1].headers["retry-after"])
    assert 0 < wait <= 1
    time.sleep(wait + 0.05)
    assert graph.get("/organization").status_code == 200


def test_requests_sent_while_throttled_still_count() -> None:
    window = Window(limit=2, seconds=10.0)
    for at in (0.0, 1.0, 2.0, 3.0):
        window.add(1, at)
    assert window.wait(3.0) == pytest.approx(9.0), "the first three have to be gone"
    window.add(1, 9.0)
    assert window.wait(9.0) == pytest.approx(4.0)


@pytest.mark.parametrize(("mode", "expected"), [("missing", None), ("zero", "0")])
def test_retry_after_can_be_missing_or_zero(graph: Graph, mode: str, expected: str | None) -> None:
    graph.sandbox.control.throttle("contoso", units=1, retry_after=mode)
    graph.get("/organization")
    assert graph.get("/organization").headers.get("retry-after") == expected


def test_limits_are_for_one_tenant_and_one_service(graph: Graph, sandbox: SandboxServer) -> None:
    sandbox.control.throttle("contoso", units=1)
    graph.get("/organization")
    assert graph.get("/organization").status_code == 429
    assert graph.get("/deviceManagement/roleDefinitions").status_code == 200
    with Graph.in_new_tenant(sandbox, "fabrikam") as other:
        assert other.get("/organization").status_code == 200


def test_intune_writes_have_a_limit_of_their_own(graph: Graph) -> None:
    path = "/deviceManagement/roleDefinitions/00000000-0000-4000-8000-000000000000"
    requests = [{"id": str(number), "method": "DELETE", "url": path} for number in range(20)]
    statuses = []
    for _ in range(6):
        answer = graph.send("POST", "/$batch", {"requests": requests}).json()
        statuses += [item["status"] for item in answer["responses"]]
    assert (statuses.count(404), statuses.count(429)) == (100, 20)
    assert graph.get("/deviceManagement/roleDefinitions").status_code == 200


@pytest.mark.parametrize(
    ("path", "select", "expand", "top", "units"),
    [("groups", False, False, None, 1), ("groups", True, False, 10, 1), ("groups/x/members", False, False, None, 3),
     ("groups/x/members", True, False, None, 2), ("serviceprincipals/x/approleassignments", False, False, None, 2),
     ("applications", False, True, None, 3), ("groups", False, True, 5, 1)],
)  # fmt: skip
def test_resource_units_follow_the_published_table(
    path: str, select: bool, expand: bool, top: int | None, units: int
) -> None:
    assert resource_units(path, select=select, expand=expand, top=top) == units
