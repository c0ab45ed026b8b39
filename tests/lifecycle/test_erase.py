"""Deleting: only archived tenants, all of their data, none of the audit; in batches that a crash can't harm."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from operations.models import OperationRun, RunEvent
from providers.models import (
    AppRegistration,
    Backup,
    ContentVersion,
    DirectoryCollection,
    DirectoryGroup,
    ProviderConnection,
    RestorePlan,
    RestorePlanItem,
    RestoreRun,
    RestoreSelection,
    TargetMapping,
)
from providers.selectors import target_for_connection, target_for_tenant
from tenantpilot.audit import chain
from tenantpilot.audit.models import AuditEntry
from tenantpilot.lifecycle import archive, erase, sweep, tasks
from tenantpilot.lifecycle.parts import parts
from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.choices import TenantState
from tenantpilot.tenancy.models import Tenant, TenantEntitlement
from tests import factories
from tests.lifecycle.conftest import actions, end, fill, own_connection, running

pytestmark = pytest.mark.django_db


def state_of(tenant):
    return Tenant.objects.get(pk=tenant.pk).state


def left_of(tenant):
    counts = {part.model._meta.label: sum(rows.count() for rows in part.rows(tenant.pk)) for part in parts()}
    return {label: count for label, count in counts.items() if count}


@pytest.fixture
def full(world):
    """An archived tenant with data of every kind, and a second one like it that nobody deletes."""
    fill(world.tenant, own_connection(world))
    neighbour = factories.make_tenant(world.workspace, "neighbour")
    fill(neighbour, factories.make_connection(neighbour, world.owner, app=world.connection.app_registration))
    factories.entitle(world.operator, neighbour, Role.OPERATOR)
    archive.archive(world.tenant, world.manager)
    return world


def test_only_an_archived_tenant_is_deleted(world):
    assert not erase.delete(world.tenant, world.owner)
    running(world.connection)
    archive.archive(world.tenant, world.manager)
    assert not erase.delete(world.tenant, world.owner), "it still waits for its run"
    assert actions(world.tenant) == ["tenant.archiving"]


def test_all_of_its_data_goes_and_nothing_of_its_neighbour(full):
    neighbour = Tenant.objects.get(slug="neighbour")
    before = left_of(neighbour)
    assert set(left_of(full.tenant)) > {"providers.DirectoryGroup", "providers.RoleDefinition"}
    assert erase.delete(full.tenant, full.owner)
    assert state_of(full.tenant) is TenantState.DELETING
    sweep.sweep()
    assert state_of(full.tenant) is TenantState.DELETED
    assert left_of(full.tenant) == {}
    assert left_of(neighbour) == before
    assert actions(full.tenant)[-2:] == ["tenant.deleting", "tenant.deleted"]


@pytest.mark.django_db(transaction=True)
def test_audit_and_the_facts_of_runs_stay_and_what_the_provider_said_goes(full):
    entries, events = AuditEntry.objects.count(), RunEvent.objects.count()
    facts = (
        "id",
        "operation_type",
        "outcome",
        "reason_code",
        "initiator",
        "created_at",
        "completed_at",
        "counts",
    )
    runs = OperationRun.objects.filter(tenant=full.tenant).order_by("pk")
    before = list(runs.values(*facts))
    assert len(before) == 3
    erase.delete(full.tenant, full.owner)
    sweep.sweep()
    assert list(runs.values(*facts)) == before
    assert set(map(str, runs.values_list("failures", flat=True))) == {"[]"}
    assert set(map(str, runs.values_list("diagnostics", flat=True))) == {"[]"}
    assert OperationRun.objects.exclude(tenant=full.tenant).exclude(failures=[]).count() == 3
    assert RunEvent.objects.count() == events
    assert AuditEntry.objects.count() == entries + 2
    assert not [link for link in chain.walk() if link.wrong]


def test_the_tombstone_keeps_names_and_ids_and_nothing_else(full):
    erase.delete(full.tenant, full.owner)
    sweep.sweep()
    tombstone = Tenant.objects.get(pk=full.tenant.pk)
    assert (tombstone.slug, tombstone.name, tombstone.primary_domain) == ("contoso", "Contoso", "")
    kept = {
        "id", "tenant", "app_registration", "provider", "label", "created_at", "removed_at", "enabled",
        "consent_version", "facts_fence",
    }  # fmt: skip
    facts = [field for field in ProviderConnection._meta.concrete_fields if field.name not in kept]
    for row in ProviderConnection.objects.filter(tenant=tombstone):
        assert {field.name: getattr(row, field.name) for field in facts} == {
            field.name: field.get_default() for field in facts
        }
        assert row.removed_at is not None
    own = AppRegistration.objects.get(tenant=tombstone)
    assert (own.credential_encrypted, own.certificate_pem) == ("", "")
    full.connection.app_registration.refresh_from_db()
    assert full.connection.app_registration.credential_encrypted, "the workspace's own one serves others"


def test_a_restore_into_another_tenant_keeps_its_record_and_loses_what_it_came_from(full):
    neighbour = Tenant.objects.get(slug="neighbour")
    backup = Backup.objects.get(tenant=full.tenant)
    item = backup.items.first()
    restore = RestoreRun.objects.create(tenant=neighbour, backup=backup)
    RestoreSelection.objects.create(restore_run=restore, item=item)
    plan = RestorePlan.objects.create(restore_run=restore, hash="a", read_at=timezone.now())
    planned = RestorePlanItem.objects.create(
        plan=plan, position=1, object_type="policies", key="1", action="create", source_item=item
    )
    TargetMapping.objects.create(
        source_tenant=neighbour, target_tenant=full.tenant, kind="group", source_id="1", choice="drop"
    )
    erase.delete(full.tenant, full.owner)
    sweep.sweep()
    assert state_of(full.tenant) is TenantState.DELETED
    planned.refresh_from_db()
    assert planned.source_item is None
    assert not RestoreSelection.objects.filter(restore_run=restore).exists()
    assert not TargetMapping.objects.exists()
    shell = Backup.objects.get(tenant=full.tenant)
    assert shell == RestoreRun.objects.get(pk=restore.pk).backup
    assert not shell.items.exists()
    assert not ContentVersion.objects.filter(tenant=full.tenant).exists()


def test_its_slug_never_comes_back_and_its_entra_tenant_may(full):
    erase.delete(full.tenant, full.owner)
    with pytest.raises(IntegrityError), transaction.atomic():
        factories.make_tenant(full.workspace, "again", entra_tenant_id=full.tenant.entra_tenant_id)
    sweep.sweep()
    with pytest.raises(IntegrityError), transaction.atomic():
        factories.make_tenant(full.workspace, full.tenant.slug)
    factories.make_tenant(full.workspace, "again", entra_tenant_id=full.tenant.entra_tenant_id)


def test_from_the_first_moment_nobody_is_shown_anything_of_it(full):
    erase.delete(full.tenant, full.owner)
    for person in (full.owner, full.manager, full.operator):
        assert target_for_tenant(person.pk, full.tenant.slug) is None
        assert target_for_connection(person.pk, full.connection.pk) is None
    assert not archive.bring_back(full.tenant, full.owner)
    assert state_of(full.tenant) is TenantState.DELETING


def test_rights_on_it_go_with_it(full):
    erase.delete(full.tenant, full.owner)
    sweep.sweep()
    assert not TenantEntitlement.objects.filter(tenant=full.tenant).exists()
    assert not full.operator.groups.filter(name__startswith=f"tenant:{full.tenant.pk}:").exists()
    assert full.operator.groups.filter(name__startswith="tenant:").exists(), "its rights elsewhere stay"


@pytest.mark.parametrize("place", range(12))
def test_a_crash_at_any_batch_only_makes_it_later(full, monkeypatch, place):
    """Each turn dies at another batch; whatever had been committed by then, the next turns finish it."""
    monkeypatch.setattr(erase, "BATCH", 2)
    erase.delete(full.tenant, full.owner)
    real, calls = erase._delete, iter(range(1000))

    def dies(part, tenant_id):
        done = real(part, tenant_id)
        return 1 / 0 if done and next(calls) == place else done

    with monkeypatch.context() as patch:
        patch.setattr(erase, "_delete", dies)
        sweep.sweep()
    assert (state_of(full.tenant) is TenantState.DELETED) == (next(calls) <= place)
    sweep.sweep()
    assert state_of(full.tenant) is TenantState.DELETED
    assert left_of(full.tenant) == {}
    assert actions(full.tenant).count("tenant.deleted") == 1


def test_a_crash_at_the_last_step_leaves_it_deleting(full, monkeypatch):
    erase.delete(full.tenant, full.owner)
    with monkeypatch.context() as patch:
        patch.setattr(erase, "tenant_record", lambda *args, **kwargs: 1 / 0)
        sweep.sweep()
    assert state_of(full.tenant) is TenantState.DELETING
    assert Tenant.objects.get(pk=full.tenant.pk).primary_domain
    sweep.sweep()
    assert state_of(full.tenant) is TenantState.DELETED


def test_it_works_in_turns_so_that_other_tenants_are_not_kept_waiting(full, monkeypatch):
    monkeypatch.setattr(erase, "BATCH", 1)
    monkeypatch.setattr(erase, "TURN", 0.0)
    erase.delete(full.tenant, full.owner)
    assert not erase.go_on(full.tenant.pk)
    assert DirectoryGroup.objects.filter(collection__tenant=full.tenant).count() == 3


def test_it_waits_for_a_run_that_slipped_in(full):
    run = running(full.connection)
    erase.delete(full.tenant, full.owner)
    sweep.sweep()
    assert state_of(full.tenant) is TenantState.DELETING
    assert DirectoryCollection.objects.filter(tenant=full.tenant).exists()
    end(run, "blocked")
    sweep.sweep()
    assert state_of(full.tenant) is TenantState.DELETED


def test_ended_runs_of_a_tenant_that_stays_can_not_be_emptied(full):
    runs = OperationRun.objects.filter(tenant=full.tenant)
    with pytest.raises(IntegrityError, match="completed is final"), transaction.atomic():
        runs.update(failures=[], diagnostics=[])
    erase.delete(full.tenant, full.owner)
    with pytest.raises(IntegrityError, match="completed is final"), transaction.atomic():
        runs.update(failures=[], diagnostics=[], outcome="succeeded")
    with pytest.raises(IntegrityError, match="completed is final"), transaction.atomic():
        runs.update(failures=[{"type": "groups"}], diagnostics=[])


def test_every_column_of_a_run_is_either_kept_or_emptied():
    """A column that the trigger does not compare could be rewritten while its tenant is deleted."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = 'lifecycle_only_emptied'")
        source = cursor.fetchone()[0]
    idle = {"claim_token", "lease_until", "not_before", "deadline_at", "last_offered_at", "offer_count"}
    columns = {field.column for field in OperationRun._meta.concrete_fields} - idle
    assert {column for column in columns if f"becomes.{column}" not in source} == set()


def test_the_daily_task_deletes_what_was_kept_as_long_as_promised(full):
    tasks.delete_expired()
    assert state_of(full.tenant) is TenantState.ARCHIVED
    Tenant.objects.filter(pk=full.tenant.pk).update(keep_until=timezone.now() - timedelta(minutes=1))
    tasks.delete_expired()
    assert state_of(full.tenant) is TenantState.DELETING
    assert state_of(Tenant.objects.get(slug="neighbour")) is TenantState.ACTIVE
    entry = AuditEntry.objects.get(action="tenant.deleting")
    assert entry.actor is None
    assert "kept_until" in entry.facts
