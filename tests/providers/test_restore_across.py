"""Across tenants: targets are mapped, nothing is guessed, and rights on the source are asked again."""

import re

import pytest
from django.http import HttpResponse
from django.test import Client

from operations import execution
from operations.choices import RunOutcome
from operations.models import OperationRun
from providers.catalogue import Ref
from providers.choices import MappingChoice
from providers.models import Backup, BackupItem, RestoreRun, TargetMapping
from providers.restore import drafts
from providers.sandbox.control import Control
from providers.views import restore_targets
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


def mapping_table(there: Live, made: RestoreRun, client: Client, **fields: str) -> HttpResponse:
    """What the form of the mapping table is answered, with these fields of the one missing target."""
    kind, source_id = made.plan.items.get().missing[0]
    data = {f"{name}:{kind}:{source_id}": value for name, value in fields.items()}
    url = f"/admin/t/{there.slug}/restore-runs/{made.pk}/targets"
    answer: HttpResponse = client.post(url, {"version": made.version, **data})
    return answer


def test_the_mapping_table_names_what_is_missing_and_keeps_a_choice(
    there: Live, assigned: BackupItem, client: Client
) -> None:
    client.force_login(there.operator)
    made, group = across(there, assigned), there.sandbox.groups(there.slug)[1]["id"]
    page = client.get(f"/admin/t/{there.slug}/restore-runs/{made.pk}").content.decode()
    assert "Missing in the tenant: Only here." in page
    assert "Forget the choice" not in page
    answer = mapping_table(there, made, client, choice="map", target=group)
    assert answer.status_code == 303
    made.refresh_from_db()
    assert planned(made) == {assigned.name: "create"}
    assert "Forget the choice" in client.get(answer["Location"]).content.decode()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"choice": "skip", "reason": " "}, "Say why it is left out."),
        ({"choice": "map", "target": "../groups"}, "Say which target to use."),
        ({"choice": "map", "target": "Sales"}, "Use the object ID of a group."),
        ({"choice": "guess"}, "Choose one of the list."),
    ],
)
def test_a_choice_that_says_too_little_is_shown_again_as_it_was_entered(
    there: Live, assigned: BackupItem, client: Client, fields: dict[str, str], words: str
) -> None:
    client.force_login(there.operator)
    made = across(there, assigned)
    answer = mapping_table(there, made, client, **fields)
    page = answer.content.decode()
    assert answer.status_code == 400
    assert words in page
    assert f'value="{fields.get("target", "")}"' in page
    assert not TargetMapping.objects.filter(target_tenant=there.tenant).exists()


def test_the_second_of_two_people_finds_what_they_entered(
    there: Live, assigned: BackupItem, client: Client
) -> None:
    client.force_login(there.operator)
    made, group = across(there, assigned), there.sandbox.groups(there.slug)[1]["id"]
    seen = made.version
    decide(there, made, choice=MappingChoice.MAP, target_id=group)
    (row,) = [each for each in made.plan.resolutions if each["how"] == "mapped"]
    key = f"{row['kind']}:{row['source_id']}"
    url = f"/admin/t/{there.slug}/restore-runs/{made.pk}/targets"
    fields = {f"choice:{key}": "skip", f"reason:{key}": "Nobody there uses it"}
    answer = client.post(url, {"version": seen, **fields})
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "Somebody else changed this restore." in page
    assert 'value="Nobody there uses it"' in page
    # Sent once more from there, it counts.
    now = re.search(r'name="version" value="(\d+)"', page)
    assert now
    assert client.post(url, {"version": now[1], **fields}).status_code == 303
    assert TargetMapping.objects.get(target_tenant=there.tenant).choice == "skip"


def test_a_group_that_no_sync_saw_is_looked_up_by_the_next_preview(
    there: Live, assigned: BackupItem, client: Client
) -> None:
    client.force_login(there.operator)
    made, page = across(there, assigned), f"/admin/t/{there.slug}/restore-runs"
    nowhere = "00000000-0000-4000-8000-000000000000"
    mapping_table(there, made, client, choice="map", target=nowhere.upper())
    assert TargetMapping.objects.get(target_tenant=there.tenant).target_id == nowhere
    assert "Not seen in the tenant yet." in client.get(f"{page}/{made.pk}").content.decode()
    preview(there, made)
    assert planned(made) == {assigned.name: "unresolved"}
    shown = client.get(f"{page}/{made.pk}").content.decode()
    assert "What was chosen is not there." in shown
    assert "Forget the choice" in shown
    # An ID that exists is named by the preview.
    group = there.sandbox.groups(there.slug)[1]
    mapping_table(there, made, client, choice="map", target=group["id"])
    preview(there, made)
    assert planned(made) == {assigned.name: "create"}
    assert group["displayName"] in client.get(f"{page}/{made.pk}").content.decode()


def test_other_targets_are_chosen_from_what_the_preview_saw(
    live: Live, there: Live, assigned: BackupItem, client: Client
) -> None:
    client.force_login(there.operator)
    live.sandbox.change_object(live.slug, CONFIGURATIONS, assigned.object_id, {"roleScopeTagIds": ["0", "1"]})
    made = across(there, back_up(live, CONFIGURATIONS).items.get(object_id=assigned.object_id))
    url, key = f"/admin/t/{there.slug}/restore-runs/{made.pk}/targets", "scope_tag:1"
    fields = {f"choice:{key}": "map", f"target:{key}": "77"}
    answer = client.post(url, {"version": made.version, **fields})
    assert answer.status_code == 400
    assert "The tenant has none of this ID." in answer.content.decode()
    tag = there.sandbox.objects(there.slug, "roleScopeTags")[-1]["id"]
    assert client.post(url, {"version": made.version, **fields, f"target:{key}": tag}).status_code == 303


def test_every_kind_of_reference_has_its_place_in_the_mapping_table() -> None:
    """A choice for a kind without words would be passed over."""
    assert set(restore_targets._KINDS) == {ref.value for ref in Ref}
