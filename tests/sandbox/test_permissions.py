"""Every method of every path asks for its permission, and says no in the style of its service."""

import json

import pytest

from providers.sandbox.data import app_roles
from providers.sandbox.route import Route
from providers.sandbox.routes import ROUTES, accepted_permissions
from providers.sandbox.testing import SandboxServer
from tests.sandbox.client import Graph, error_of

CASES = [(route, method) for route in ROUTES for method in route.handlers]
OF_NO_USE = next(
    name
    for name in app_roles()
    if not any(name in accepted_permissions(route, method) for route, method in CASES)
)


def path_of(route: Route) -> str:
    return f"/{route.template.replace('{}', '00000000-0000-4000-8000-000000000000')}"


@pytest.fixture(scope="module")
def denied(server: SandboxServer) -> Graph:
    server.control.reset()
    return Graph.in_new_tenant(server, "contoso", permissions=[OF_NO_USE], throttle_intune=False)


@pytest.mark.parametrize(
    ("route", "method"), CASES, ids=[f"{method} {route.template}" for route, method in CASES]
)
def test_without_the_permission_the_answer_is_403(denied: Graph, route: Route, method: str) -> None:
    url = f"{denied.sandbox.url}/{route.versions[-1]}{path_of(route)}"
    answer = denied.send(method, url, {} if method in ("POST", "PATCH", "PUT") else None)
    assert answer.status_code == 403
    error = error_of(answer)
    if route.style == "intune":
        words = json.loads(error["message"])["Message"]
        assert error["code"] == "Forbidden"
        assert all(name in words for name in accepted_permissions(route, method))
    elif route.style == "identity":
        assert error["code"] == "AccessDenied"
    else:
        assert error["code"] == "Authorization_RequestDenied"
        assert error["message"] == "Insufficient privileges to complete the operation."


@pytest.mark.parametrize(
    ("route", "method"), CASES, ids=[f"{method} {route.template}" for route, method in CASES]
)
def test_every_permission_named_is_one_that_can_be_granted(route: Route, method: str) -> None:
    accepted = accepted_permissions(route, method)
    grantable = set(app_roles()) | {"AppRegistration.Create"}
    assert accepted
    assert set(accepted) <= grantable


@pytest.mark.parametrize("permission", ["GroupMember.Read.All", "Group.Read.All", "Directory.Read.All"])
def test_any_of_the_accepted_permissions_opens_the_groups(sandbox: SandboxServer, permission: str) -> None:
    with Graph.in_new_tenant(sandbox, "contoso", permissions=[permission]) as graph:
        assert graph.get("/groups").status_code == 200
        assert graph.send("POST", "/groups", {}).status_code == 403
        assert graph.get("/organization").status_code == (200 if permission == "Directory.Read.All" else 403)


def test_a_tenant_without_intune_licence_names_no_scopes(sandbox: SandboxServer) -> None:
    with Graph.in_new_tenant(sandbox, "contoso", intune=False) as graph:
        answer = graph.get("/deviceManagement/roleDefinitions")
        assert (answer.status_code, error_of(answer)["code"]) == (403, "Forbidden")
        assert "scopes" not in json.loads(error_of(answer)["message"])["Message"]
        plans = graph.get("/organization").json()["value"][0]["assignedPlans"]
        assert "c1ec4a95-1f05-45b3-a911-aa3fa01094f5" not in {plan["servicePlanId"] for plan in plans}


def test_multi_admin_approval_stops_intune_writes_only(graph: Graph) -> None:
    graph.sandbox.control.set("contoso", "approval_required", True)
    path = "/deviceManagement/roleDefinitions"
    body = {"displayName": "x", "rolePermissions": [{"resourceActions": []}]}
    refused = graph.send("POST", path, body)
    assert refused.status_code == 403
    assert "x-msft-approval-justification" in json.loads(error_of(refused)["message"])["Message"]
    assert graph.get(path).status_code == 200
    asked = graph.send("POST", path, body, **{"x-msft-approval-justification": "change 4711"})
    assert asked.status_code == 201


def test_intune_counts_unasked_clamps_and_skips(graph: Graph) -> None:
    path = "/deviceManagement/roleDefinitions"
    page = graph.get(f"{path}?$top=5000").json()
    assert page["@odata.count"] == len(page["value"]) >= 8
    assert len(graph.pages(f"{path}?$top=3")) == -(-page["@odata.count"] // 3)
    assert graph.get(f"{path}?$skip=2&$top=1").json()["value"][0]["id"] == page["value"][2]["id"]
    custom = graph.objects(f"{path}?$filter=isBuiltIn eq false")
    assert {role["isBuiltIn"] for role in custom} == {False}
    missing = graph.get(f"{path}/00000000-0000-4000-8000-000000000000")
    assert (missing.status_code, error_of(missing)["code"]) == (404, "ResourceNotFound")
    assert json.loads(error_of(missing)["message"])["_version"] == 3


def test_built_in_roles_are_protected_and_custom_ones_are_not(graph: Graph) -> None:
    for path, updated, deleted in (
        ("/deviceManagement/roleDefinitions", 200, 200),
        ("/roleManagement/directory/roleDefinitions", 204, 204),
    ):
        roles = graph.objects(path)
        built_in = next(role for role in roles if role["isBuiltIn"])["id"]
        custom = next(role for role in roles if not role["isBuiltIn"])["id"]
        assert graph.send("PATCH", f"{path}/{built_in}", {"description": "x"}).status_code == 400
        assert graph.send("DELETE", f"{path}/{built_in}").status_code == 400
        assert graph.send("PATCH", f"{path}/{custom}", {"description": "x"}).status_code == updated
        assert graph.get(f"{path}/{custom}").json()["description"] == "x"
        assert graph.send("DELETE", f"{path}/{custom}").status_code == deleted
        assert graph.get(f"{path}/{custom}").status_code == 404
