"""Across tenants: targets are mapped, nothing is guessed, and rights on the source are asked again."""

import pytest
from django.test import Client

from operations import execution
from operations.choices import RunOutcome
from operations.models import OperationRun
from providers.catalogue import Ref
from providers.choices import MappingChoice
from providers.models import Backup, BackupItem, RestoreRun, TargetMapping
from providers.restore import drafts
from providers.sandbox.control import Control
from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.grants import entitlement_set, membership_set
from tests import factories
from tests.providers.conftest import Live
from tests.providers.restoring import (
    back_up,
    draft,
    execute,
    make_restorable,
    planned,
    preview,
    start_execution,
)
from tests.providers.restoring import live as live
from tests.providers.restoring import quick as quick

CATEGORIES, CONFIGURATIONS = "deviceCategories", "deviceConfigurations"


@pytest.fixture
def there(live: Live, sandbox: Control) -> Live:
    """Another tenant of the same workspace, without device configurations of its own."""
    made = make_restorable(sandbox, workspace=live.tenant.workspace)
    made.operator = live.operator
    sandbox.wipe(made.slug, CONFIGURATIONS)
    return made


@pytest.fixture
def assigned(live: Live) -> BackupItem:
    """A configuration that is assigned to a group of this tenant."""
    found = live.sandbox.objects(live.slug, CONFIGURATIONS)
    group = live.sandbox.groups(live.slug)[0]
    live.sandbox.rename_group(live.slug, group["id"], "Only here")
    target = {"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": group["id"]}
    assignment = {
        "id": f"{found[0]['id']}_{group['id']}",
        "target": target,
        "intent": "apply",
        "source": "direct",
    }
    live.sandbox.change_object(
        live.slug, CONFIGURATIONS, found[0]["id"], {"assignments": [assignment], "roleScopeTagIds": ["0"]}
    )
    backup = back_up(live, CONFIGURATIONS)
    return backup.items.get(object_id=found[0]["id"])


def across(there: Live, item: BackupItem) -> RestoreRun:
    made = draft(there, item.backup, items=[item])
    preview(there, made)
    return made


def decide(there: Live, made: RestoreRun, **decision: str) -> None:
    (key,) = made.plan.items.get().missing
    drafts.targets_map(
        restore_id=made.pk, version=made.version, decisions={tuple(key): decision}, actor=there.operator
    )
    made.refresh_from_db()


def groups_of(there: Live) -> list[str]:
    (found,) = there.sandbox.objects(there.slug, CONFIGURATIONS)
    return [each["target"]["groupId"] for each in found["assignments"]]


def test_a_missing_group_wants_a_choice_before_anything_is_written(there: Live, assigned: BackupItem) -> None:
    made = across(there, assigned)
    assert planned(made) == {assigned.name: "unresolved"}
    outcome = start_execution(there, made)
    assert outcome.reason_code == "restore.target_unresolved"


def test_a_mapped_group_is_assigned_and_the_choice_is_remembered(there: Live, assigned: BackupItem) -> None:
    made, group = across(there, assigned), there.sandbox.groups(there.slug)[1]["id"]
    read_at, before = made.plan.read_at, made.plan.hash
    decide(there, made, choice=MappingChoice.MAP, target_id=group)
    assert made.plan.read_at == read_at
    assert made.plan.hash != before
    run = execute(there, made)
    assert run.outcome == RunOutcome.SUCCEEDED, run.failures
    assert groups_of(there) == [group]
    there.sandbox.wipe(there.slug, CONFIGURATIONS)
    assert planned(across(there, assigned)) == {assigned.name: "create"}


def test_a_group_is_created_under_its_name_and_assigned(there: Live, assigned: BackupItem) -> None:
    made = across(there, assigned)
    decide(there, made, choice=MappingChoice.CREATE)
    assert sorted(made.plan.items.values_list("object_type", flat=True)) == [CONFIGURATIONS, "groups"]
    run = execute(there, made)
    assert run.outcome == RunOutcome.SUCCEEDED, run.failures
    (created,) = groups_of(there)
    name = made.plan.items.get(object_type="groups").name
    assert [group["id"] for group in there.sandbox.groups(there.slug) if group["displayName"] == name] == [
        created
    ]


def test_a_target_is_left_out_only_with_its_reason_in_the_plan(there: Live, assigned: BackupItem) -> None:
    made = across(there, assigned)
    decide(there, made, choice=MappingChoice.SKIP, reason="No such team here")
    (note,) = [note for note in made.plan.items.get().warnings if note["code"] == "left_out"]
    assert note["facts"]["reason"] == "No such team here"
    run = execute(there, made)
    assert run.outcome == RunOutcome.SUCCEEDED, run.failures
    assert groups_of(there) == []


def test_a_mapped_group_that_vanished_stops_the_run_before_its_first_write(
    there: Live, assigned: BackupItem
) -> None:
    made, group = across(there, assigned), there.sandbox.groups(there.slug)[1]["id"]
    decide(there, made, choice=MappingChoice.MAP, target_id=group)
    there.sandbox.delete_group(there.slug, group)
    run = execute(there, made)
    assert (run.outcome, run.reason_code) == (RunOutcome.BLOCKED, "restore.plan_changed")
    assert there.sandbox.objects(there.slug, CONFIGURATIONS) == []


def test_rights_on_the_source_are_asked_at_every_step(there: Live, assigned: BackupItem) -> None:
    """Who has none on the source sees "another tenant" and executes nothing."""
    made = across(there, assigned)
    decide(there, made, choice=MappingChoice.SKIP, reason="No such team here")
    stranger = factories.make_user()
    membership_set(workspace=there.tenant.workspace, user=stranger, role=Role.MANAGER, all_tenants=False)
    entitlement_set(tenant=there.tenant, user=stranger, role=Role.MANAGER)
    client = Client()
    client.force_login(stranger)
    url = f"/admin/t/{there.slug}/restore-runs/{made.pk}"
    page = client.get(url).content.decode()
    assert "another tenant" in page
    assert assigned.backup.tenant.name not in page
    assert client.post(f"{url}/execute").status_code == 403
    assert client.get(f"{url}/review").status_code == 404
    assert (
        client.get(f"/admin/t/{there.slug}/restore-runs/new?backup={assigned.backup_id}").status_code == 404
    )


def test_rights_that_were_lost_while_the_run_waited_stop_it(there: Live, assigned: BackupItem) -> None:
    made = across(there, assigned)
    decide(there, made, choice=MappingChoice.SKIP, reason="No such team here")
    outcome = start_execution(there, made)
    assert outcome.run is not None
    membership_set(
        workspace=there.tenant.workspace, user=there.operator, role=Role.OPERATOR, all_tenants=True
    )
    execution.execute(outcome.run.id)
    run = OperationRun.objects.get(pk=outcome.run.id)
    assert (run.outcome, run.reason_code) == (RunOutcome.BLOCKED, "restore.source_hidden")
    assert there.sandbox.objects(there.slug, CONFIGURATIONS) == []


def test_mappings_are_of_one_pair_of_tenants(there: Live, assigned: BackupItem) -> None:
    made = across(there, assigned)
    decide(there, made, choice=MappingChoice.SKIP, reason="No such team here")
    row = TargetMapping.objects.get(target_tenant=there.tenant)
    assert (row.source_tenant_id, row.kind) == (
        Backup.objects.get(pk=assigned.backup_id).tenant_id,
        Ref.GROUP.value,
    )
