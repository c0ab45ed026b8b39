"""Archiving: nothing starts, what runs ends first, credentials go, data stays; and back again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from operations import acts, chains, execution, registry
from operations.choices import StartStatus
from operations.models import OperationRun
from providers import removal, services
from providers.models import DirectoryGroup, ProviderConnection
from providers.selectors import target_for_connection, target_for_tenant
from tenantpilot.audit.models import AuditEntry
from tenantpilot.lifecycle import archive, sweep
from tenantpilot.tenancy.archive import TenantArchived
from tenantpilot.tenancy.choices import TenantState
from tenantpilot.tenancy.models import Tenant
from tests import factories
from tests.console.rows import make_runs
from tests.lifecycle.conftest import actions, end, fill, own_connection, running

pytestmark = pytest.mark.django_db


def state_of(tenant):
    return Tenant.objects.get(pk=tenant.pk).state


def start(world, name="directory.groups.sync"):
    return factories.start(name, world.tenant, world.operator)


@pytest.mark.usefixtures("redis_url")
def test_queued_runs_are_cancelled_at_once_and_the_tenant_is_archived(world):
    run = start(world).run
    assert archive.archive(world.tenant, world.manager)
    row = OperationRun.objects.get(pk=run.id)
    assert (row.status, row.outcome, row.cancel_requested_by) == ("completed", "cancelled", world.manager)
    assert state_of(world.tenant) is TenantState.ARCHIVED
    assert actions(world.tenant) == ["tenant.archiving", "tenant.archived"]


def test_what_runs_is_asked_to_stop_and_waited_for(world):
    run = running(world.connection)
    archive.archive(world.tenant, world.manager)
    run.refresh_from_db()
    assert run.cancel_requested_by == world.manager
    assert state_of(world.tenant) is TenantState.ARCHIVING
    world.connection.refresh_from_db()
    assert world.connection.enabled, "its worker still works with it"

    sweep.sweep()
    assert state_of(world.tenant) is TenantState.ARCHIVING
    end(run)
    sweep.sweep()
    assert state_of(world.tenant) is TenantState.ARCHIVED
    sweep.sweep()
    assert actions(world.tenant) == ["tenant.archiving", "tenant.archived"], (
        "said once, however often it sweeps"
    )


@pytest.mark.usefixtures("redis_url")
def test_nothing_starts_from_the_first_moment(world):
    run = running(world.connection, operation_type="directory.role_definitions.sync")
    archive.archive(world.tenant, world.manager)
    end(run)
    for name in ("provider.connection.check", "directory.groups.sync", "directory.role_definitions.sync"):
        outcome = start(world, name)
        assert (outcome.status, outcome.reason_code) == (StartStatus.BLOCKED, "tenant.archived")


@pytest.mark.usefixtures("redis_url")
def test_a_run_that_slipped_in_while_archiving_is_cancelled_by_the_sweep(world):
    blocker = running(own_connection(world))
    Tenant.objects.filter(pk=world.tenant.pk).update(archived_at=None)
    archive.archive(world.tenant, world.manager)
    slipped = running(world.connection)
    sweep.sweep()
    slipped.refresh_from_db()
    assert slipped.cancel_requested_at is not None
    end(blocker)
    end(slipped)
    sweep.sweep()
    assert state_of(world.tenant) is TenantState.ARCHIVED


@pytest.mark.django_db(transaction=True)
def test_the_worker_blocks_a_run_that_was_admitted_while_its_tenant_was_archived(archived):
    scope = f"connection:{archived.connection.pk}"
    run = make_runs(archived.connection, 1, status="queued", scope_key=scope, attempt=0)[0]
    execution.execute(run.pk)
    run.refresh_from_db()
    assert (run.status, run.outcome, run.reason_code) == ("completed", "blocked", "tenant.archived")


def test_own_credentials_are_wiped_and_the_shared_one_is_not(world):
    own, shared = own_connection(world), world.connection
    before = own.app_registration.credential_version
    archive.archive(world.tenant, world.manager)
    for connection in (own, shared):
        connection.refresh_from_db()
        assert not connection.enabled
        assert connection.consent_version == 1, "a new cache key: the tokens at hand are never used again"
    own.app_registration.refresh_from_db()
    shared.app_registration.refresh_from_db()
    assert (own.app_registration.credential_encrypted, own.app_registration.certificate_pem) == ("", "")
    assert own.app_registration.credential_version == before + 1
    assert shared.app_registration.credential_encrypted
    entry = AuditEntry.objects.get(action="tenant.archived")
    assert (entry.facts["credentials_wiped"], entry.facts["connections_disabled"]) == (1, 2)
    assert entry.actor == world.manager


def test_data_is_kept_until_the_day_that_was_promised(world, settings):
    fill(world.tenant, world.connection)
    settings.ARCHIVE_KEEP_DAYS = 30
    archive.archive(world.tenant, world.manager)
    settings.ARCHIVE_KEEP_DAYS = 1
    sweep.sweep()
    kept = Tenant.objects.get(pk=world.tenant.pk).keep_until
    assert timedelta(days=29) < kept - timezone.now() < timedelta(days=31)
    assert DirectoryGroup.objects.count() == 3


def test_a_tenant_that_was_archived_without_these_acts_is_finished_all_the_same(world):
    Tenant.objects.filter(pk=world.tenant.pk).update(archived_at=timezone.now())
    sweep.sweep()
    tenant = Tenant.objects.get(pk=world.tenant.pk)
    assert tenant.state is TenantState.ARCHIVED
    assert tenant.keep_until is not None
    assert not ProviderConnection.objects.get(pk=world.connection.pk).enabled


def test_archiving_twice_is_once(archived):
    assert not archive.archive(archived.tenant, archived.owner)
    assert actions(archived.tenant) == ["tenant.archiving", "tenant.archived"]
    assert Tenant.objects.get(pk=archived.tenant.pk).archived_by == archived.manager


@pytest.mark.parametrize("broken", ["connections_put_away", "tenant_record"])
def test_a_crash_in_the_middle_leaves_it_archiving_and_the_next_sweep_finishes(world, monkeypatch, broken):
    own = own_connection(world)
    Tenant.objects.filter(pk=world.tenant.pk).update(archived_at=timezone.now(), archived_by=world.manager)
    with monkeypatch.context() as patch:
        patch.setattr(archive, broken, lambda *args, **kwargs: 1 / 0)
        sweep.sweep()
    assert state_of(world.tenant) is TenantState.ARCHIVING
    own.app_registration.refresh_from_db()
    assert own.app_registration.credential_encrypted
    sweep.sweep()
    assert state_of(world.tenant) is TenantState.ARCHIVED


def test_one_tenant_that_fails_keeps_no_other_waiting(world, monkeypatch):
    other = factories.make_tenant(world.workspace, "other")
    Tenant.objects.update(archived_at=timezone.now())
    settle = archive.settle
    monkeypatch.setattr(
        archive, "settle", lambda tenant_id: 1 / 0 if tenant_id == world.tenant.pk else settle(tenant_id)
    )
    sweep.sweep()
    assert state_of(world.tenant) is TenantState.ARCHIVING
    assert state_of(other) is TenantState.ARCHIVED


@pytest.mark.parametrize(
    "change",
    [
        lambda world, own: services.connection_enable(connection=own, enabled=True, actor=world.owner),
        lambda world, own: services.connection_make_default(connection=own, actor=world.owner),
        lambda world, own: services.consent_record(connection=own, actor=world.owner),
        lambda world, own: services.credential_replace(
            app_registration=own.app_registration, secret="new", expires_at=None, actor=world.owner
        ),
        lambda world, own: services.tenant_id_change(
            tenant=world.tenant, entra_tenant_id="0" * 32, actor=world.owner
        ),
        lambda world, own: factories.make_connection(world.tenant, world.owner),
        lambda world, own: removal.connection_remove(connection=own, actor=world.owner),
    ],
)
def test_connections_and_credentials_of_an_archived_tenant_do_not_change(world, change):
    own = own_connection(world)
    archive.archive(world.tenant, world.manager)
    before = list(ProviderConnection.objects.order_by("pk").values())
    with pytest.raises(TenantArchived):
        change(world, own)
    assert list(ProviderConnection.objects.order_by("pk").values()) == before


@pytest.mark.usefixtures("redis_url")
def test_brought_back_it_starts_nothing_until_its_connection_is_mended(world):
    own = own_connection(world)
    services.connection_make_default(connection=own, actor=world.owner)
    archive.archive(world.tenant, world.manager)
    assert archive.bring_back(world.tenant, world.manager)
    tenant = Tenant.objects.get(pk=world.tenant.pk)
    assert (tenant.state, tenant.slug, tenant.keep_until) == (TenantState.ACTIVE, world.tenant.slug, None)
    assert actions(tenant)[-1] == "tenant.brought_back"
    assert start(world, "provider.connection.check").reason_code == "provider.connection_disabled"

    services.connection_enable(connection=own, enabled=True, actor=world.manager)
    assert start(world, "provider.connection.check").reason_code == "provider.credential_missing"
    app = target_for_connection(world.owner.pk, own.pk).connection
    assert not app.has_credential
    own.app_registration.refresh_from_db()
    services.credential_replace(
        app_registration=own.app_registration, secret="new", expires_at=None, actor=world.owner
    )
    assert start(world, "provider.connection.check").status is StartStatus.ACCEPTED


def test_brought_back_while_it_still_waits_nothing_was_wiped(world):
    run = running(own_connection(world))
    archive.archive(world.tenant, world.manager)
    assert archive.bring_back(world.tenant, world.manager)
    end(run)
    sweep.sweep()
    assert state_of(world.tenant) is TenantState.ACTIVE
    assert ProviderConnection.objects.filter(enabled=True).count() == 2


def test_what_is_in_use_is_not_brought_back(world):
    assert not archive.bring_back(world.tenant, world.manager)
    assert actions(world.tenant) == []


def test_the_run_of_a_cancel_says_who_archived(world):
    running(world.connection)
    archive.archive(world.tenant, world.manager)
    entry = AuditEntry.objects.get(action="run.cancel_requested")
    assert entry.actor == world.manager
    assert acts.cancel(OperationRun.objects.get().pk, world.owner.pk) is None


@pytest.mark.usefixtures("redis_url")
def test_a_chain_is_ended_with_every_step_told_why(world):
    target = target_for_tenant(world.operator.pk, world.tenant.slug)
    names = ("provider.connection.check", "directory.groups.sync", "directory.role_definitions.sync")
    request = chains.ChainStart([registry.get(name) for name in names], target, world.operator.pk)
    chain = chains.start(request).chain_id
    archive.archive(world.tenant, world.manager)
    assert state_of(world.tenant) is TenantState.ARCHIVED
    steps = chains.view(chain).steps
    assert [step.reason_code for step in steps[1:]] == ["tenant.archived"] * 2
    assert not OperationRun.objects.exclude(status="completed").exists()
