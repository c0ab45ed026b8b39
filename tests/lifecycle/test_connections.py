"""Two connections of one tenant, and what becomes of runs when the default moves, is off, or is gone."""

import pytest

from operations import execution, gate, registry
from operations.choices import StartStatus
from operations.gate import Start
from operations.models import OperationRun
from providers import services
from providers.choices import Purpose
from providers.health import needs_of_everything
from providers.models import AppRegistration, DirectoryCollection, ProviderConnection
from providers.readiness import Needs
from providers.selectors import connections_for, target_for_tenant
from providers.services import ConnectionRemoved
from tenantpilot.audit.models import AuditEntry
from tenantpilot.lifecycle import connections
from tenantpilot.tenancy.grants import membership_remove
from tests import factories
from tests.console.rows import signed_in, text_of
from tests.lifecycle.conftest import end, fill, own_connection, running

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_url")]
GROUPS = "directory.groups.sync"


def start(world, connection=None, actor=None):
    actor = actor or world.operator
    target = target_for_tenant(actor.pk, world.tenant.slug, connection.pk if connection else None)
    return gate.start(Start(registry.get(GROUPS), target, actor.pk))


def default_of(world):
    return ProviderConnection.objects.filter(tenant=world.tenant, is_default=True).first()


def test_the_second_connection_is_not_the_default_and_each_has_a_scope_of_its_own(world):
    second = own_connection(world)
    assert default_of(world) == world.connection
    first_run, second_run = start(world), start(world, second)
    assert (first_run.status, second_run.status) == (StartStatus.ACCEPTED, StartStatus.ACCEPTED)
    assert start(world, second).status is StartStatus.DEDUPED


def test_a_start_without_a_name_follows_the_default_and_the_waiting_run_keeps_its_connection(world):
    second = own_connection(world)
    waiting = start(world).run
    services.connection_make_default(connection=second, actor=world.manager)
    assert start(world).status is StartStatus.ACCEPTED, "another connection, another scope"
    rows = dict(OperationRun.objects.values_list("pk", "connection"))
    assert rows[waiting.id] == world.connection.pk
    assert set(rows.values()) == {world.connection.pk, second.pk}


@pytest.mark.django_db(transaction=True)
def test_a_default_that_is_disabled_while_a_run_waits_blocks_it_when_its_turn_comes(world):
    waiting = start(world).run
    services.connection_enable(connection=world.connection, enabled=False, actor=world.manager)
    own_connection(world)
    execution.execute(waiting.id)
    row = OperationRun.objects.get(pk=waiting.id)
    assert (row.outcome, row.reason_code) == ("blocked", "provider.connection_disabled")
    assert row.connection == world.connection, "no silent change to the other one"


@pytest.mark.django_db(transaction=True)
def test_a_run_goes_on_when_its_initiator_loses_every_right(world, monkeypatch):
    waiting = start(world).run
    membership_remove(workspace=world.workspace, user=world.operator)
    asked = []
    monkeypatch.setattr(execution, "_handled", lambda run, *rest: asked.append(run) or _done())
    execution.execute(waiting.id)
    assert len(asked) == 1
    row = OperationRun.objects.get(pk=waiting.id)
    assert (row.outcome, row.initiator) == ("succeeded", world.operator)


def _done():
    from operations.context import RunResult

    return RunResult.succeeded()


def grant(connection, *names):
    ProviderConnection.objects.filter(pk=connection.pk).update(granted_permissions=list(names))


WRITES = Needs(permissions=(("DeviceManagementConfiguration.ReadWrite.All",),))


def for_writing(world, who="operator"):
    found = connections_for(getattr(world, who).pk, world.tenant.slug, WRITES, purpose=Purpose.RESTORE)
    return [(each.target.connection.id, [blocker.code for blocker in each.blockers]) for each in found]


def restore_connection(world):
    """A second connection, through an app registration that is made for writing."""
    connection = own_connection(world)
    AppRegistration.objects.filter(pk=connection.app_registration_id).update(purpose=Purpose.RESTORE)
    grant(connection, "DeviceManagementConfiguration.ReadWrite.All")
    return connection


def test_a_read_connection_alone_is_blocked_with_its_own_reason(world):
    assert for_writing(world) == [(world.connection.pk, ["provider.permission_missing"])]


def test_the_connection_that_may_write_is_the_best_for_writing(world):
    restore = restore_connection(world)
    assert for_writing(world) == [
        (restore.pk, []),
        (world.connection.pk, ["provider.permission_missing"]),
    ]
    reads = connections_for(world.operator.pk, world.tenant.slug, registry.get(GROUPS).needs)
    assert [each.is_default for each in reads] == [True, False]


def test_one_made_for_writing_that_is_broken_shows_its_own_fault_first(world):
    restore = restore_connection(world)
    services.connection_enable(connection=restore, enabled=False, actor=world.manager)
    assert for_writing(world)[0] == (restore.pk, ["provider.connection_disabled"])


def test_any_connection_that_is_ready_goes_before_one_that_is_not(world):
    restore = restore_connection(world)
    grant(restore)
    grant(world.connection, "DeviceManagementConfiguration.ReadWrite.All")
    assert [pk for pk, _blockers in for_writing(world)] == [world.connection.pk, restore.pk]


def test_candidates_leave_out_what_is_removed_and_what_is_not_visible(world):
    restore = restore_connection(world)
    connections.remove(restore, world.manager)
    assert [pk for pk, _blockers in for_writing(world)] == [world.connection.pk]
    assert for_writing(world, "outsider") == []


def test_the_tenant_page_says_what_each_of_two_is_for(world):
    client = signed_in(world.operator)
    alone = client.get("/admin/t/contoso").context["connections"]
    assert [(each["purpose"], "readyFor" in each) for each in alone] == [("Read", False)]
    restore_connection(world)
    page = client.get("/admin/t/contoso")
    first, second = page.context["connections"]
    assert (first["purpose"], first["isDefault"], first["readyFor"]) == (
        "Read",
        True,
        ["Every read can start.", "Reads only."],
    )
    assert (second["purpose"], second["isDefault"]) == ("Restore", False)
    can_start, may_write = second["readyFor"]
    assert "Check connection" in can_start
    assert "Sync groups" not in can_start
    assert may_write == "May write."
    assert "Restore" in text_of(page)


def test_without_a_default_the_page_offers_to_choose_one(world):
    second = own_connection(world)
    connections.remove(world.connection, world.manager)
    page = text_of(signed_in(world.manager).get("/admin/t/contoso"))
    assert "None is the default" in page
    assert f'action="/admin/provider-connections/{second.pk}/default"' in page
    assert "Make default" not in text_of(signed_in(world.operator).get("/admin/t/contoso"))


def test_a_write_permission_that_nobody_needs_to_read_is_not_missed(world):
    """Restore has a connection of its own: a tenant that is only read is in good order without one."""
    every = {name for any_of in needs_of_everything().permissions for name in any_of[:1]}
    assert not [name for name in every if "ReadWrite" in name]


def test_removing_the_default_leaves_none_until_somebody_chooses(world):
    second = own_connection(world)
    connections.remove(world.connection, world.manager)
    assert default_of(world) is None
    assert start(world).reason_code == "provider.connection_missing"
    assert start(world, second).status is StartStatus.ACCEPTED
    third = factories.make_connection(world.tenant, world.owner)
    assert not third.is_default
    services.connection_make_default(connection=second, actor=world.manager)
    assert start(world).status is StartStatus.DEDUPED


def test_the_first_connection_after_the_last_was_removed_is_the_default(world):
    connections.remove(world.connection, world.manager)
    assert factories.make_connection(world.tenant, world.owner).is_default


def test_a_removed_connection_is_found_by_no_start_and_can_be_made_anew(world):
    app = world.connection.app_registration
    connections.remove(world.connection, world.manager)
    assert start(world, world.connection).reason_code == "provider.connection_missing"
    assert factories.make_connection(world.tenant, world.owner, app=app).pk != world.connection.pk


def test_a_connection_with_an_active_run_stays(world):
    run = start(world).run
    with pytest.raises(connections.ConnectionBusy) as busy:
        connections.remove(world.connection, world.manager)
    assert (busy.value.run_id, busy.value.operation_type) == (run.id, GROUPS)
    assert default_of(world) == world.connection


def test_what_was_read_through_it_stays_without_its_delta_link(world):
    fill(world.tenant, world.connection)
    DirectoryCollection.objects.update(delta_link="https://graph.microsoft.com/delta")
    connections.remove(world.connection, world.manager)
    linked = DirectoryCollection.objects.get(kind="groups")
    assert (linked.connection, linked.delta_link) == (None, "")
    assert OperationRun.objects.filter(connection=world.connection).count() == 3


def test_a_credential_goes_with_the_last_connection_of_its_tenant_and_a_shared_one_stays(world):
    own = own_connection(world)
    for connection in (own, world.connection):
        connections.remove(connection, world.manager)
    own_app = AppRegistration.objects.get(pk=own.app_registration_id)
    shared = AppRegistration.objects.get(pk=world.connection.app_registration_id)
    assert (own_app.credential_encrypted, own_app.credential_version) == ("", 2)
    assert shared.credential_encrypted
    wiped = dict(
        AuditEntry.objects.filter(action="connection.removed").values_list(
            "object_id", "facts__credential_wiped"
        )
    )
    assert wiped == {str(own.pk): True, str(world.connection.pk): False}


def test_removing_twice_changes_nothing(world):
    connections.remove(world.connection, world.manager)
    with pytest.raises(ConnectionRemoved):
        connections.remove(world.connection, world.manager)
    for act in (services.connection_make_default, services.connection_enable):
        more = {"enabled": True} if act is services.connection_enable else {}
        with pytest.raises(ConnectionRemoved):
            act(connection=world.connection, actor=world.manager, **more)
    assert AuditEntry.objects.filter(action="connection.removed").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_run_that_slipped_in_while_its_connection_was_removed_is_blocked(world):
    run = running(world.connection)
    end(run)
    slipped = start(world).run
    OperationRun.objects.filter(pk=slipped.id).update(not_before="2000-01-01T00:00Z")
    ProviderConnection.objects.filter(pk=world.connection.pk).update(
        removed_at="2020-01-01T00:00Z", enabled=False, is_default=False
    )
    execution.execute(slipped.id)
    row = OperationRun.objects.get(pk=slipped.id)
    assert (row.outcome, row.reason_code) == ("blocked", "provider.connection_disabled")


def test_the_log_names_a_removed_connection_and_leads_nowhere(world):
    second = own_connection(world)
    services.connection_enable(connection=second, enabled=False, actor=world.manager)
    address = f'href="/admin/provider-connections/{second.pk}"'
    assert address in signed_in(world.manager).get("/admin/audit").content.decode()
    connections.remove(second, world.manager)
    page = signed_in(world.manager).get("/admin/audit").content.decode()
    assert second.label in page
    assert address not in page
