"""After the roles of the code change, one run brings everybody's rights in line; otherwise it changes nothing."""

import dataclasses

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from guardian.shortcuts import assign_perm

from tenantpilot.tenancy import capabilities
from tenantpilot.tenancy.capabilities import Capability, Role
from tenantpilot.tenancy.grants import membership_disable
from tenantpilot.tenancy.grants_sync import Synced, sync
from tenantpilot.tenancy.models import Membership, TenantEntitlement
from tenantpilot.tenancy.permissions import capabilities_on, workspaces_with
from tests import factories

pytestmark = pytest.mark.django_db

NOTHING = Synced(0, 0, 0, 0, 0)


@pytest.fixture
def rights(world):
    def read() -> dict[str, frozenset[str]]:
        people = (world.owner, world.manager, world.operator, world.readonly, world.outsider)
        return {person.username: capabilities_on(person, world.tenant) for person in people}

    return read


def test_what_grants_made_is_what_sync_would_make(world):
    factories.entitle(world.readonly, world.tenant, Role.MANAGER)
    membership_disable(Membership.objects.get(user=world.manager))
    assert sync() == NOTHING


def test_a_role_that_gains_and_loses_capabilities_takes_effect(world, rights, monkeypatch):
    before = rights()
    changed = capabilities.ROLE_CAPABILITIES[Role.OPERATOR] - {Capability.SYNC_GROUPS} | {
        Capability.VIEW_AUDIT
    }
    monkeypatch.setitem(capabilities.ROLE_CAPABILITIES, Role.OPERATOR, changed)
    done = sync()
    assert (done.grants_added, done.grants_removed) == (1, 1)
    after = rights()
    assert after["operator"] == before["operator"] - {"sync_groups"} | {"view_audit"}
    assert after["manager"] == before["manager"]
    monkeypatch.undo()
    sync()
    assert rights() == before


def test_rights_lost_from_the_tables_come_back(world, rights):
    before = rights()
    Group.objects.filter(name__regex="^(workspace|tenant):").delete()
    assert not any(rights().values())
    sync()
    assert rights() == before
    assert workspaces_with(world.owner, "manage_members").get() == world.workspace
    assert sync() == NOTHING


def test_rights_that_no_role_explains_are_taken_away(world, rights):
    before = rights()
    assign_perm(
        "force_release",
        Group.objects.get(name=f"workspace:{world.workspace.pk}:all:readonly"),
        world.workspace,
    )
    world.outsider.groups.add(Group.objects.get(name=f"workspace:{world.workspace.pk}:all:owner"))
    TenantEntitlement.objects.filter(user=world.operator).update(role=Role.READONLY)
    assert rights() != before
    sync()
    assert rights()["readonly"] == before["readonly"]
    assert rights()["outsider"] == frozenset()
    assert "sync_groups" not in rights()["operator"]


def test_groups_of_an_older_naming_are_replaced(world, rights):
    old = Group.objects.create(name=f"workspace:{world.workspace.pk}:owner")
    assign_perm("view_workspace", old, world.workspace)
    world.outsider.groups.add(old)
    sync()
    assert not Group.objects.filter(pk=old.pk).exists()
    assert rights()["outsider"] == frozenset()


def test_other_groups_are_left_alone(world):
    own = Group.objects.create(name="on call")
    world.owner.groups.add(own)
    sync()
    assert world.owner.groups.filter(pk=own.pk).exists()


def test_the_command_says_what_it_changed(world, capsys):
    Group.objects.filter(name=f"tenant:{world.tenant.pk}:operator").delete()
    call_command("grants_sync")
    assert "Groups made: 1." in capsys.readouterr().out
    assert dataclasses.asdict(sync()) == dataclasses.asdict(NOTHING)
