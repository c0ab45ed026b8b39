"""Answers fit Microsoft's schemas, and bodies that do not fit are refused in the service's own words."""

import json
from typing import Any

import pytest

from providers.sandbox.testing import SandboxServer
from tests.sandbox.client import Graph, error_of
from tests.sandbox.schemas import assert_page, assert_valid, validator

GRAPH_APP = "00000003-0000-0000-c000-000000000000"
COLLECTIONS = {
    "organization": "organization",
    "servicePrincipals": "servicePrincipal",
    "groups": "group",
    "groups?$filter=securityEnabled eq true&$top=999": "group",
    "groups?$select=id,displayName,isArchived,theme,groupTypes": "group",
    "roleManagement/directory/roleDefinitions": "unifiedRoleDefinition",
    "deviceManagement/roleDefinitions": "roleDefinition",
}
GROUP = {
    "displayName": "Shift leads",
    "mailEnabled": False,
    "mailNickname": "shiftleads",
    "securityEnabled": True,
}
ENTRA_ROLE = {
    "displayName": "Key reader",
    "isEnabled": True,
    "rolePermissions": [{"allowedResourceActions": ["microsoft.directory/bitlockerKeys/key/read"]}],
}
INTUNE_ROLE = {
    "@odata.type": "#microsoft.graph.roleDefinition",
    "displayName": "Kiosk support",
    "description": "Restarts kiosks",
    "rolePermissions": [
        {"resourceActions": [{"allowedResourceActions": ["Microsoft.Intune_RemoteTasks_RebootNow"]}]}
    ],
}
WRITABLE: dict[str, tuple[str, dict[str, Any]]] = {
    "group": ("/groups", GROUP),
    "unifiedRoleDefinition": ("/roleManagement/directory/roleDefinitions", ENTRA_ROLE),
    "roleDefinition": ("/deviceManagement/roleDefinitions", INTUNE_ROLE),
}
WRONG: list[tuple[str, str, Any]] = [
    ("group", "displayName", 7),
    ("group", "mailEnabled", "false"),
    ("group", "groupTypes", "Unified"),
    ("group", "groupTypes", ["Security"]),
    ("group", "accessType", "everyone"),
    ("group", "visibility", "Hidden"),
    ("group", "assignedLabels", [{"label": "x"}]),
    ("unifiedRoleDefinition", "isEnabled", 1),
    ("unifiedRoleDefinition", "rolePermissions", {"allowedResourceActions": []}),
    ("unifiedRoleDefinition", "rolePermissions", [{"allowedResourceActions": [3]}]),
    ("unifiedRoleDefinition", "rolePermissions", [{"actions": []}]),
    ("roleDefinition", "displayName", ["x"]),
    ("roleDefinition", "rolePermissions", [{"resourceActions": [{"allowedResourceActions": "all"}]}]),
    ("roleDefinition", "@odata.type", "#microsoft.graph.unifiedRoleDefinition"),
]
READ_ONLY = {"group": "createdDateTime", "unifiedRoleDefinition": "isBuiltIn"}


@pytest.mark.parametrize("version", ["v1.0", "beta"])
@pytest.mark.parametrize("path", COLLECTIONS)
def test_every_collection_fits_its_schema(graph: Graph, version: str, path: str) -> None:
    answer = graph.get(f"{graph.sandbox.url}/{version}/{path}")
    assert answer.status_code == 200, answer.text
    assert_page(version, f"microsoft.graph.{COLLECTIONS[path]}", answer.json())


@pytest.mark.parametrize("version", ["v1.0", "beta"])
@pytest.mark.parametrize("path", ["groups", "servicePrincipals", "roleManagement/directory/roleDefinitions"])
def test_one_object_by_id_fits_its_schema(graph: Graph, version: str, path: str) -> None:
    root = f"{graph.sandbox.url}/{version}/{path}"
    item_id = graph.get(root).json()["value"][-1]["id"]
    item = graph.get(f"{root}/{item_id}").json()
    assert item["id"] == item_id
    assert item["@odata.context"].endswith(f"/{version}/$metadata#{path}/$entity")
    assert_valid(version, f"microsoft.graph.{COLLECTIONS[path]}", item)


@pytest.mark.parametrize("version", ["v1.0", "beta"])
def test_members_are_users_devices_and_groups_by_their_own_types(graph: Graph, version: str) -> None:
    device_group = graph.objects("/groups?$filter=displayName eq 'Intune - Windows Devices'")[0]
    groups = [device_group, *graph.objects("/groups?$top=999")[:15]]
    found = set()
    for group in groups:
        for member in graph.objects(f"{graph.sandbox.url}/{version}/groups/{group['id']}/members"):
            assert_valid(version, "microsoft.graph.directoryObject", member)
            found.add(member["@odata.type"])
    assert {"#microsoft.graph.user", "#microsoft.graph.device"} <= found


@pytest.mark.parametrize("version", ["v1.0", "beta"])
def test_granted_permissions_can_be_read_and_fit(graph: Graph, version: str) -> None:
    root = f"{graph.sandbox.url}/{version}/servicePrincipals"
    own = graph.get(f"{root}(appId='{graph.client_id}')").json()
    page = graph.get(f"{root}/{own['id']}/appRoleAssignments").json()
    assert_page(version, "microsoft.graph.appRoleAssignment", page)
    service = graph.get(f"{root}(appId='{GRAPH_APP}')?$select=id,appRoles").json()
    known = {role["id"] for role in service["appRoles"]}
    assert {item["appRoleId"] for item in graph.objects(f"{root}/{own['id']}/appRoleAssignments")} <= known


@pytest.mark.parametrize("version", ["v1.0", "beta"])
def test_delta_pages_fit_the_schema(graph: Graph, version: str) -> None:
    page = graph.get(
        f"{graph.sandbox.url}/{version}/groups/delta?$select=displayName,groupTypes,members"
    ).json()
    assert list(validator(version, "groups.delta.deltaGetResponse").iter_errors(page)) == []
    for item in page["value"]:
        assert_valid(version, "microsoft.graph.group", item)


@pytest.mark.parametrize(
    "path", ["/groups/x", "/nothing", "/groups?$top=1000", "/deviceManagement/roleDefinitions/x"]
)
def test_errors_fit_the_error_schema(graph: Graph, path: str) -> None:
    answer = graph.get(path)
    assert answer.status_code >= 400
    assert list(validator("v1.0", "odataError").iter_errors(answer.json())) == []


def test_batches_fit_the_batch_schema(graph: Graph) -> None:
    requests = [
        {"id": "1", "method": "GET", "url": "/organization"},
        {"id": "2", "method": "GET", "url": "/no"},
    ]
    answer = graph.send("POST", "/$batch", {"requests": requests})
    assert list(validator("v1.0", "batchResponse").iter_errors(answer.json())) == []


@pytest.mark.parametrize("version", ["v1.0", "beta"])
@pytest.mark.parametrize("kind", WRITABLE)
def test_a_good_body_is_created_and_read_back(graph: Graph, version: str, kind: str) -> None:
    path, body = WRITABLE[kind]
    url = f"{graph.sandbox.url}/{version}{path}"
    created = graph.send("POST", url, body)
    assert created.status_code == 201, created.text
    assert_valid(version, f"microsoft.graph.{kind}", created.json())
    read = graph.get(f"{url}/{created.json()['id']}").json()
    assert read["displayName"] == body["displayName"]
    assert_valid(version, f"microsoft.graph.{kind}", read)


def _assert_refused(kind: str, answer: Any, named: str) -> None:
    assert answer.status_code == 400, answer.text
    error = error_of(answer)
    if kind == "roleDefinition":
        assert error["code"] == "BadRequest"
        assert named in json.loads(error["message"])["Message"]
    else:
        assert error["code"] == "Request_BadRequest"
        assert named in error["message"]


@pytest.mark.parametrize("kind", WRITABLE)
def test_an_unknown_property_is_refused(graph: Graph, kind: str) -> None:
    path, body = WRITABLE[kind]
    _assert_refused(kind, graph.send("POST", path, {**body, "colour": "blue"}), "colour")


@pytest.mark.parametrize("kind", WRITABLE)
def test_each_required_property_must_be_there(graph: Graph, kind: str) -> None:
    path, body = WRITABLE[kind]
    for name in [name for name in body if name not in ("description", "@odata.type")]:
        rest = {key: value for key, value in body.items() if key != name}
        _assert_refused(kind, graph.send("POST", path, rest), name)


@pytest.mark.parametrize(("kind", "name", "value"), WRONG)
def test_a_wrong_type_or_enum_value_is_refused(graph: Graph, kind: str, name: str, value: Any) -> None:
    path, body = WRITABLE[kind]
    before = len(graph.objects(path))
    _assert_refused(kind, graph.send("POST", path, {**body, name: value}), name)
    assert len(graph.objects(path)) == before


@pytest.mark.parametrize(("kind", "name"), READ_ONLY.items())
def test_a_read_only_property_is_refused(graph: Graph, kind: str, name: str) -> None:
    path, body = WRITABLE[kind]
    value: Any = True if name == "isBuiltIn" else "2025-01-01T00:00:00Z"
    _assert_refused(kind, graph.send("POST", path, {**body, name: value}), name)


def test_app_role_assignments_check_their_body(sandbox: SandboxServer) -> None:
    with Graph.in_new_tenant(
        sandbox, "contoso", permissions=["Application.Read.All", "AppRoleAssignment.ReadWrite.All"]
    ) as graph:
        own = graph.get(f"/servicePrincipals(appId='{graph.client_id}')").json()
        service = graph.get(f"/servicePrincipals(appId='{GRAPH_APP}')").json()
        role = next(role for role in service["appRoles"] if role["value"] == "Group.Read.All")
        path = f"/servicePrincipals/{own['id']}/appRoleAssignments"
        body = {"principalId": own["id"], "resourceId": service["id"], "appRoleId": role["id"]}
        for name in body:
            rest = {key: value for key, value in body.items() if key != name}
            _assert_refused("appRoleAssignment", graph.send("POST", path, rest), name)
            _assert_refused("appRoleAssignment", graph.send("POST", path, {**body, name: "no-guid"}), name)
        _assert_refused("appRoleAssignment", graph.send("POST", path, {**body, "note": "x"}), "note")
        created = graph.send("POST", path, body)
        assert created.status_code == 201
        assert_valid("v1.0", "microsoft.graph.appRoleAssignment", created.json())
        assert "Group.Read.All" in sandbox.control.tenant("contoso")["granted"]
        assert graph.send("DELETE", f"{path}/{created.json()['id']}").status_code == 204
        assert "Group.Read.All" not in sandbox.control.tenant("contoso")["granted"]


def test_service_principals_check_their_body(graph: Graph, sandbox: SandboxServer) -> None:
    other = sandbox.control.add_app("Other", permissions=[])
    good = {"appId": other["client_id"]}
    _assert_refused("servicePrincipal", graph.send("POST", "/servicePrincipals", {}), "appId")
    _assert_refused("servicePrincipal", graph.send("POST", "/servicePrincipals", {**good, "x": 1}), "x")
    wrong = graph.send("POST", "/servicePrincipals", {**good, "accountEnabled": "yes"})
    _assert_refused("servicePrincipal", wrong, "accountEnabled")
    created = graph.send("POST", "/servicePrincipals", good)
    assert created.status_code == 201
    assert_valid("v1.0", "microsoft.graph.servicePrincipal", created.json())


def test_a_body_without_json_is_refused(graph: Graph) -> None:
    answer = graph.http.post("/v1.0/groups", content=b"displayName=x")
    assert answer.status_code == 400
    assert error_of(answer)["message"].startswith("Unable to read JSON request payload.")


def test_bodies_of_changes_are_checked_too(graph: Graph) -> None:
    group = graph.get("/groups?$top=1").json()["value"][0]["id"]
    for body in ({"colour": "blue"}, {"displayName": 7}, {"id": group}, {"mailEnabled": True}):
        assert graph.send("PATCH", f"/groups/{group}", body).status_code == 400
    roles = "/roleManagement/directory/roleDefinitions"
    custom = graph.objects(f"{roles}?$filter=isBuiltIn eq false")[0]["id"]
    assert graph.send("PATCH", f"{roles}/{custom}", {"isEnabled": "yes"}).status_code == 400
    assert graph.send("PATCH", f"{roles}/{custom}", {"isEnabled": False}).status_code == 204
    assert graph.get(f"{roles}/{custom}").json()["isEnabled"] is False
