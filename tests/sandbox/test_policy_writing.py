"""Every object type is asked the same questions about writing; peculiarities are in test_policy_rules."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from providers.sandbox import schema
from providers.sandbox.data import permission_profile
from providers.sandbox.policies.seeds import samples
from providers.sandbox.policies.shown import narrowed
from providers.sandbox.policies.table import BY_KEY, TYPES, ObjectType
from providers.sandbox.policies.targets import assignment_type
from tests.sandbox.inprocess import JSON, Direct
from tests.sandbox.schemas import assert_valid
from tests.sandbox.writable import ZERO, comparable, writable

CREATED = [kind.key for kind in TYPES if "POST" in kind.methods and kind.key != "roleAssignments"]
CHANGED = [kind.key for kind in TYPES if "PATCH" in kind.methods and kind.key != "managedDevices"]
ASSIGNED = [kind.key for kind in TYPES if kind.assign]


@pytest.fixture(scope="module")
def tenant() -> Iterator[Direct]:
    """A tenant with every sample; each test leaves it as it was, or works on objects of its own."""
    yield Direct.tenant_of(policies=2, policy_counts={key: len(samples(key)) for key in CREATED})


def stored(tenant: Direct, key: str) -> list[JSON]:
    """The objects of a type that do not belong to the service."""
    always = {"Default", "EnrollmentNotificationInternalMEO"}
    return [
        item
        for item in tenant.control.objects("contoso", key)
        if item.get(BY_KEY[key].name) not in always
        and not item.get("isGlobalScript")
        and item.get("priority") != 0
        and item.get("policyType") != "builtIn"
    ]


def body_of(tenant: Direct, key: str, number: int = 0) -> JSON:
    return writable(BY_KEY[key], stored(tenant, key)[number])


def ids(tenant: Direct, key: str) -> set[str]:
    return {item["id"] for item in tenant.control.objects("contoso", key)}


def make(tenant: Direct, key: str) -> JSON:
    body = body_of(tenant, key)
    return tenant.json("POST", BY_KEY[key].path, {**body, BY_KEY[key].name: "Made by a test"})


@pytest.mark.parametrize("key", CREATED)
def test_every_sample_can_be_created_again_and_reads_back_alike_under_a_new_id(
    tenant: Direct, key: str
) -> None:
    kind = BY_KEY[key]
    for item in stored(tenant, key):
        body = writable(kind, item)
        before = ids(tenant, key)
        created = tenant.json("POST", kind.path, body, status=kind.statuses.create)
        assert created["id"] not in before
        assert_valid("beta", kind.full_type, created)
        (again,) = (one for one in tenant.control.objects("contoso", key) if one["id"] == created["id"])
        assert comparable(kind, again) == comparable(kind, item)
        if "createdDateTime" in item:
            assert again["createdDateTime"] > item["createdDateTime"]
        tenant.control.delete_object("contoso", key, created["id"])


@pytest.mark.parametrize("key", CREATED)
def test_an_unknown_property_is_refused_and_nothing_is_made(tenant: Direct, key: str) -> None:
    before = ids(tenant, key)
    status, words = tenant.refusal("POST", BY_KEY[key].path, {**body_of(tenant, key), "colour": "blue"})
    assert (status, "colour" in words) == (400, True)
    assert ids(tenant, key) == before


def type_of(kind: ObjectType, body: JSON) -> str:
    return str(body.get("@odata.type", kind.full_type)).removeprefix("#")


def wrong_value(definition: JSON) -> Any:
    """A value that a property of this schema cannot have."""
    if "x-ms-enum-flags" in definition:
        return "nonsense"
    target = schema.item_type(definition)
    if target and "items" not in definition:
        return "nonsense" if "enum" in schema.schema("beta", target) else 7
    kinds = definition.get("type", [])
    return 7 if "string" in kinds else "nonsense"


@pytest.mark.parametrize("key", CREATED)
def test_a_wrong_type_or_enum_value_is_refused_for_every_property(tenant: Direct, key: str) -> None:
    kind = BY_KEY[key]
    body = body_of(tenant, key)
    known = schema.properties("beta", type_of(kind, body))
    before = ids(tenant, key)
    for name in body.keys() & known.keys() - {"@odata.type"}:
        status, words = tenant.refusal("POST", kind.path, {**body, name: wrong_value(known[name])})
        assert (status, name in words) == (400, True), (name, words)
    assert ids(tenant, key) == before


@pytest.mark.parametrize("key", CREATED)
def test_a_missing_required_property_is_refused(tenant: Direct, key: str) -> None:
    body = body_of(tenant, key)
    for name in BY_KEY[key].required:
        rest = {other: value for other, value in body.items() if other != name}
        status, words = tenant.refusal("POST", BY_KEY[key].path, rest)
        assert (status, name in words) == (400, True)


@pytest.mark.parametrize("key", CREATED)
def test_what_the_service_owns_is_refused(tenant: Direct, key: str) -> None:
    kind = BY_KEY[key]
    known = schema.properties("beta", kind.full_type)
    owned = ({"id", "createdDateTime", "lastModifiedDateTime", "isAssigned", *kind.computed}) & known.keys()
    for name in owned - {*kind.accept_computed, *kind.deep}:
        status, words = tenant.refusal("POST", kind.path, {**body_of(tenant, key), name: None})
        assert (status, name in words) == (400, True), name


@pytest.mark.parametrize("key", CHANGED)
def test_a_change_is_kept_and_counted(tenant: Direct, key: str) -> None:
    kind = BY_KEY[key]
    item = stored(tenant, key)[0]
    typed = {"@odata.type": item["@odata.type"]} if "@odata.type" in item else {}
    name = "description" if kind.name in kind.immutable else kind.name
    path = f"{kind.path}/{item['id']}"
    answer = tenant.ask("PATCH", path, {**typed, name: "Renamed"})
    assert answer.status == kind.statuses.update, answer.content
    after = tenant.get(path)
    assert after[name] == "Renamed"
    assert after.get("lastModifiedDateTime", "9") > item.get("lastModifiedDateTime", "8")
    if isinstance(item.get("version"), int):
        assert after["version"] == item["version"] + 1
    assert tenant.refusal("PATCH", path, {**typed, "colour": "blue"})[0] == 400
    assert tenant.refusal("PATCH", path, {**typed, kind.name: 7})[0] == 400
    assert tenant.refusal("PATCH", path, {**typed, "id": ZERO})[0] == 400
    tenant.control.put_object("contoso", key, item)


@pytest.mark.parametrize("key", CREATED)
def test_a_deleted_object_is_gone(tenant: Direct, key: str) -> None:
    kind = BY_KEY[key]
    item = make(tenant, key)
    if item.get("isTrusted"):
        trusted = {"@odata.type": item["@odata.type"], "isTrusted": False}
        assert tenant.ask("PATCH", f"{kind.path}/{item['id']}", trusted).status == 204
    answer = tenant.ask("DELETE", f"{kind.path}/{item['id']}")
    assert (answer.status, answer.content) == (kind.statuses.delete, b"")
    for method, body in (("GET", None), ("DELETE", None), ("PATCH", {kind.name: "x"})):
        if method in (*kind.methods, "GET"):
            assert tenant.ask(method, f"{kind.path}/{item['id']}", body).status == 404


@pytest.mark.parametrize("key", CREATED)
def test_v1_takes_what_v1_knows(tenant: Direct, key: str) -> None:
    kind = BY_KEY[key]
    body = body_of(tenant, key)
    if "v1.0" not in kind.versions:
        assert tenant.refusal("POST", kind.path, body, version="v1.0")[0] == 400
        return
    bodies = [writable(kind, item) for item in stored(tenant, key)]
    body = next(one for one in bodies if schema.has_type("v1.0", type_of(kind, one)))
    plain = narrowed(kind.full_type, body)
    if plain.keys() < body.keys():
        assert tenant.refusal("POST", kind.path, body, version="v1.0")[0] == 400
    created = tenant.json("POST", kind.path, plain, version="v1.0")
    assert_valid("v1.0", kind.full_type, created)
    tenant.control.delete_object("contoso", key, created["id"])


@pytest.mark.parametrize("key", CREATED)
def test_writing_takes_the_permission_to_write(key: str) -> None:
    kind = BY_KEY[key]
    reader = Direct.tenant_of(permissions=permission_profile("read"))
    item = stored(reader, key)[0]
    path, before = f"{kind.path}/{item['id']}", reader.control.objects("contoso", key)
    attempts = [("POST", kind.path, writable(kind, item)), ("DELETE", path, None)]
    attempts += [(method, path, {kind.name: "x"}) for method in ("PATCH", "PUT") if method in kind.methods]
    if kind.assign:
        attempts.append(("POST", f"{path}/assign", {kind.assign: []}))
    for method, where, body in attempts:
        assert reader.refusal(method, where, body)[0] == 403, (method, where)
    assert reader.control.objects("contoso", key) == before


@pytest.mark.parametrize("key", CREATED)
def test_the_restore_profile_may_write(key: str) -> None:
    writer = Direct.tenant_of(permissions=permission_profile("restore"))
    created = writer.json("POST", BY_KEY[key].path, body_of(writer, key))
    assert created["id"] in ids(writer, key)


@pytest.mark.parametrize("key", ASSIGNED)
def test_assign_replaces_everything_and_an_empty_list_clears(tenant: Direct, key: str) -> None:
    kind = BY_KEY[key]
    item = next(one for one in stored(tenant, key) if one.get("publishingState", "published") == "published")
    item = next(
        one for one in stored(tenant, key) if one["id"] == item["id"] and not one.get("isDefaultProfile")
    )
    path = f"{kind.path}/{item['id']}"
    groups = [group["id"] for group in tenant.control.groups("contoso")[:3]]
    first, second, third = (assignment_for(tenant, kind, group) for group in groups)
    for wanted in ([first, second], [third], []):
        answer = tenant.ask("POST", f"{path}/assign", {str(kind.assign): wanted})
        assert answer.status == kind.statuses.assign, answer.content
        found = tenant.values(f"{path}/assignments")
        assert [one["target"]["groupId"] for one in found] == [one["target"]["groupId"] for one in wanted]
        if answer.status == 200:
            assert [one["id"] for one in json.loads(answer.content)["value"]] == [one["id"] for one in found]
    assert tenant.get(path).get("isAssigned") in (None, False)
    tenant.control.put_object("contoso", key, item)


def assignment_for(tenant: Direct, kind: ObjectType, group: str, **target: Any) -> JSON:
    extra: JSON = {}
    if kind.key == "mobileApps":
        extra = {"intent": "required"}
    elif kind.key == "deviceHealthScripts":
        extra = {"runRemediationScript": False, "runSchedule": None}
    return {
        **extra,
        "target": {"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": group, **target},
    }


@pytest.mark.parametrize("key", ASSIGNED)
def test_assignments_that_lead_nowhere_are_refused_and_change_nothing(tenant: Direct, key: str) -> None:
    kind = BY_KEY[key]
    item = stored(tenant, key)[0]
    path, body_key = f"{kind.path}/{item['id']}", str(kind.assign)
    group = tenant.control.groups("contoso")[0]["id"]
    good = assignment_for(tenant, kind, group)
    filtered = {
        "deviceAndAppManagementAssignmentFilterId": ZERO,
        "deviceAndAppManagementAssignmentFilterType": "include",
    }
    wrong: list[Any] = [
        {body_key: [assignment_for(tenant, kind, ZERO)]},
        {body_key: [assignment_for(tenant, kind, group, **filtered)]},
        {body_key: [good, good]},
        {body_key: [{**good, "colour": "blue"}]},
        {body_key: [{"target": {"@odata.type": "#microsoft.graph.nobodyAssignmentTarget"}}]},
        {body_key: [{"target": {"groupId": group}}]},
        {body_key: [{}]},
        {body_key: good},
        {"targets": [good]},
        {},
    ]
    before = tenant.values(f"{path}/assignments")
    for body in wrong:
        assert tenant.refusal("POST", f"{path}/assign", body)[0] == 400, body
    assert tenant.values(f"{path}/assignments") == before
    assert assignment_type(kind)


@pytest.mark.parametrize("key", CREATED)
def test_a_batch_writes_too_and_tells_each_status(tenant: Direct, key: str) -> None:
    kind = BY_KEY[key]
    kinds = {"Content-Type": "application/json"}
    body = body_of(tenant, key)
    requests = [
        {"id": "good", "method": "POST", "url": f"/{kind.path}", "headers": kinds, "body": body},
        {
            "id": "bad",
            "method": "POST",
            "url": f"/{kind.path}",
            "headers": kinds,
            "body": {**body, "colour": 1},
        },
    ]
    answers = tenant.json("POST", "$batch", {"requests": requests})["responses"]
    found = {item["id"]: item for item in answers}
    assert (found["good"]["status"], found["bad"]["status"]) == (kind.statuses.create, 400)
    tenant.control.delete_object("contoso", key, found["good"]["body"]["id"])


@pytest.mark.parametrize("key", [key for key in CREATED if BY_KEY[key].style == "intune"])
def test_multi_admin_approval_stops_writes_without_a_justification(key: str) -> None:
    tenant = Direct.tenant_of(approval_required=True)
    kind, body = BY_KEY[key], body_of(tenant, key)
    status, words = tenant.refusal("POST", kind.path, body)
    assert (status, "x-msft-approval-justification" in words) == (403, True)
    assert tenant.ask("GET", kind.path).status == 200
    allowed = tenant.ask("POST", kind.path, body, x_msft_approval_justification="change 4711")
    assert allowed.status == kind.statuses.create


def test_a_write_leaves_an_audit_event(tenant: Direct) -> None:
    began = tenant.values("deviceManagement/auditEvents")
    item = make(tenant, "deviceCategories")
    tenant.ask("DELETE", f"deviceManagement/deviceCategories/{item['id']}")
    events = tenant.values("deviceManagement/auditEvents")[len(began) :]
    assert [event["activity"] for event in events] == ["Create DeviceCategory", "Delete DeviceCategory"]
    assert {event["resources"][0]["resourceId"] for event in events} == {item["id"]}
    assert events[0]["actor"]["applicationDisplayName"] == "TenantPilot"
    assert_valid("beta", "microsoft.graph.auditEvent", events[0])
    since = "deviceManagement/auditEvents?$filter=activityDateTime gt 2099-01-01T00:00:00Z"
    assert tenant.values(since) == []


def test_roles_leave_audit_events_too(tenant: Direct) -> None:
    path, began = "deviceManagement/roleDefinitions", len(tenant.values("deviceManagement/auditEvents"))
    made = tenant.json("POST", path, {"displayName": "Kiosk", "rolePermissions": [{"resourceActions": []}]})
    tenant.json("PATCH", f"{path}/{made['id']}", {"description": "Front desk"})
    assert tenant.get(f"{path}/{made['id']}")["description"] == "Front desk"
    tenant.ask("DELETE", f"{path}/{made['id']}")
    events = tenant.values("deviceManagement/auditEvents")[began:]
    assert [event["activityOperationType"] for event in events] == ["Create", "Patch", "Delete"]


def test_reads_can_lag_behind_writes() -> None:
    tenant = Direct.tenant_of(consistency_delay_s=30.0)
    item = make(tenant, "deviceCategories")
    path = f"deviceManagement/deviceCategories/{item['id']}"
    assert tenant.ask("GET", path).status == 404
    tenant.state.tenants["contoso"].settle(everything=True)
    assert tenant.get(path)["displayName"] == "Made by a test"
