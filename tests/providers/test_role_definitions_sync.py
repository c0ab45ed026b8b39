"""Role definitions sync: two services, each of which can fail without undoing the other."""

from typing import Any

import pytest

from operations.choices import RunOutcome, StartStatus
from operations.models import OperationRun
from providers.models import RoleDefinition
from providers.sandbox.control import Control
from tests.providers.conftest import Live, make_live

ENTRA, INTUNE = "entra_role_definitions", "intune_role_definitions"
ENTRA_PATH, INTUNE_PATH = "roleManagement/directory/roleDefinitions", "deviceManagement/roleDefinitions"
KEY = "all_role_definitions_v1"


def sync(live: Live) -> OperationRun:
    return live.run("directory.role_definitions.sync")


def roles(live: Live, kind: str, **conditions: Any) -> dict[str, RoleDefinition]:
    rows = RoleDefinition.objects.filter(collection__tenant=live.tenant, collection__kind=kind, **conditions)
    return {row.object_id: row for row in rows}


def test_both_services_are_read_with_the_actions_that_each_role_allows(live: Live) -> None:
    run = sync(live)
    there = live.sandbox.role_definitions(live.slug)
    assert run.outcome == RunOutcome.SUCCEEDED
    assert run.counts == {ENTRA: len(there["entra"]), INTUNE: len(there["intune"])}
    entra, intune = roles(live, ENTRA), roles(live, INTUNE)
    assert entra.keys() == {role["id"] for role in there["entra"]}
    assert intune.keys() == {role["id"] for role in there["intune"]}
    for role in there["entra"]:
        row = entra[role["id"]]
        allowed = {action for each in role["rolePermissions"] for action in each["allowedResourceActions"]}
        assert (row.display_name, row.template_id) == (role["displayName"], role["templateId"])
        assert (row.is_built_in, row.is_enabled) == (role["isBuiltIn"], role["isEnabled"])
        assert row.allowed_actions == sorted(allowed)
    for role in there["intune"]:
        nested = [each for permission in role["rolePermissions"] for each in permission["resourceActions"]]
        allowed = {action for each in nested for action in each["allowedResourceActions"]}
        assert intune[role["id"]].allowed_actions == sorted(allowed)
        assert intune[role["id"]].is_built_in == role["isBuiltIn"]


def test_a_second_sync_of_unchanged_roles_rewrites_none(live: Live) -> None:
    sync(live)
    before = {key: row.fence for kind in (ENTRA, INTUNE) for key, row in roles(live, kind).items()}
    sync(live)
    after = {key: row.fence for kind in (ENTRA, INTUNE) for key, row in roles(live, kind).items()}
    assert after == before


def test_a_role_that_vanished_is_gone_after_a_complete_read_only(live: Live) -> None:
    sync(live)
    store = live.sandbox._state.tenants[live.slug].entra_roles
    gone = next(key for key, role in store.items() if not role["isBuiltIn"])
    store.pop(gone)
    live.fail(ENTRA_PATH, status=503)
    sync(live)
    assert roles(live, ENTRA)[gone].gone_at is None
    live.heal()
    sync(live)
    assert roles(live, ENTRA)[gone].gone_at is not None
    assert gone not in roles(live, ENTRA, gone_at=None)


def test_a_missing_intune_licence_is_a_partial_result(transactional_db: None, sandbox: Control) -> None:
    live = make_live(sandbox, intune=False)
    run = sync(live)
    assert (run.outcome, run.attempt) == (RunOutcome.PARTIALLY_SUCCEEDED, 1)
    assert run.reason_code == "operation.partly_read"
    assert run.reason_facts == {"failed": 1, "requested": 2}
    assert run.failures == [
        {"type": INTUNE, "code": "provider.licence_missing", "facts": {"licence": "Microsoft Intune"}}
    ]
    assert run.counts == {ENTRA: len(roles(live, ENTRA))}
    assert roles(live, ENTRA)
    assert live.collection(INTUNE, KEY).reason_code == "provider.licence_missing"
    assert live.collection(INTUNE, KEY).complete_at is None
    assert live.start("directory.groups.sync").status is StartStatus.ACCEPTED, (
        "What Intune lacks blocks no groups."
    )


@pytest.mark.parametrize(
    ("path", "kept", "lost"),
    [(ENTRA_PATH, INTUNE, ENTRA), (INTUNE_PATH, ENTRA, INTUNE)],
    ids=["entra", "intune"],
)
def test_a_refused_service_does_not_undo_the_other(live: Live, path: str, kept: str, lost: str) -> None:
    live.fail(path, status=403, code="Authorization_RequestDenied")
    run = sync(live)
    assert run.outcome == RunOutcome.PARTIALLY_SUCCEEDED
    assert [(each["type"], each["code"]) for each in run.failures] == [(lost, "provider.permission_missing")]
    assert run.failures[0]["facts"]["permissions"]
    assert roles(live, kept)
    assert not roles(live, lost)


def test_a_passing_fault_is_tried_again_and_leaves_no_trace(live: Live) -> None:
    live.fail(INTUNE_PATH, status=503, times=2)
    run = sync(live)
    assert (run.outcome, run.attempt, run.failures) == (RunOutcome.SUCCEEDED, 2, [])
    assert live.collection(INTUNE, KEY).reason_code == ""


def test_a_fault_that_stays_is_a_partial_result_after_the_last_attempt(live: Live) -> None:
    live.fail(ENTRA_PATH, status=503)
    run = sync(live)
    assert (run.outcome, run.attempt) == (RunOutcome.PARTIALLY_SUCCEEDED, 3)
    assert [each["code"] for each in run.failures] == ["provider.unreachable"]
    assert run.counts == {INTUNE: len(roles(live, INTUNE))}
    assert live.start("directory.groups.sync").status is StartStatus.ACCEPTED


def test_two_refused_services_are_a_failed_run(live: Live) -> None:
    live.fail("*roleDefinitions", status=403, code="Authorization_RequestDenied")
    run = sync(live)
    assert (run.outcome, run.reason_code) == (RunOutcome.FAILED, "provider.permission_missing")
    assert run.reason_facts == {"permissions": "RoleManagement.Read.Directory"}
    assert [each["type"] for each in run.failures] == [ENTRA, INTUNE]


def test_two_services_that_do_not_answer_make_the_tenant_unreachable(live: Live) -> None:
    live.fail("*roleDefinitions", kind="drop")
    run = sync(live)
    assert (run.outcome, run.reason_code, run.attempt) == (RunOutcome.FAILED, "provider.unreachable", 3)
    assert live.start("directory.groups.sync").reason_code == "provider.unreachable"


def test_without_a_token_neither_service_is_asked(live: Live) -> None:
    live.sandbox.expire_secrets(live.slug)
    run = sync(live)
    assert (run.outcome, run.reason_code) == (RunOutcome.FAILED, "provider.credential_expired")
    assert run.cost["requests"] == 0


def test_each_service_wants_its_own_permission(live: Live) -> None:
    live.sandbox.revoke(
        live.slug, ["DeviceManagementRBAC.Read.All", "DeviceManagementConfiguration.Read.All"]
    )
    live.check()
    outcome = live.start("directory.role_definitions.sync")
    assert (outcome.status, outcome.reason_code) == (StartStatus.BLOCKED, "provider.permission_missing")
    assert outcome.reason_facts == {"permissions": "DeviceManagementRBAC.Read.All"}


def test_roles_in_pages_are_read_to_the_end(transactional_db: None, sandbox: Control) -> None:
    live = make_live(sandbox, page_size=5)
    sync(live)
    there = sandbox.role_definitions(live.slug)
    assert len(roles(live, ENTRA)) == len(there["entra"])
    assert len(roles(live, INTUNE)) == len(there["intune"])
