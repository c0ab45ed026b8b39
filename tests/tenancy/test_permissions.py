"""The fast permission queries and django-guardian give the same answer for every kind of person."""

import pytest
from guardian.core import ObjectPermissionChecker

from providers.selectors import target_for_tenant
from tenantpilot.tenancy.capabilities import VIEW_WORKSPACE, Capability, Role, WorkspaceCapability
from tenantpilot.tenancy.grants import (
    entitlement_remove,
    membership_disable,
    membership_enable,
    membership_remove,
)
from tenantpilot.tenancy.models import Membership, Tenant, User, Workspace
from tenantpilot.tenancy.permissions import (
    capabilities_on,
    visible_to,
    workspaces_visible_to,
    workspaces_with,
)
from tests import factories

pytestmark = pytest.mark.django_db


def guardian_answer(user: User, tenant: Tenant) -> frozenset[str]:
    checker = ObjectPermissionChecker(user)
    on_workspace = set(checker.get_perms(tenant.workspace))
    granted = on_workspace | set(checker.get_perms(tenant))
    visible = {VIEW_WORKSPACE, Capability.VIEW_TENANT.value} <= granted
    return frozenset(granted) if visible and user.is_active else frozenset()


@pytest.fixture
def people(world):
    """Every kind of person: roles by workspace, by tenant, by both, by neither; and one who was removed."""
    both = factories.make_member(world.workspace, Role.READONLY)
    factories.entitle(both, world.tenant, Role.MANAGER)
    entitled_stranger = factories.make_user()
    factories.entitle(entitled_stranger, world.tenant, Role.OWNER)
    bare_member = factories.make_member(world.workspace, Role.OWNER, all_tenants=False)
    removed = factories.make_member(world.workspace, Role.OWNER)
    factories.entitle(removed, world.tenant, Role.OWNER)
    membership_remove(workspace=world.workspace, user=removed)
    disabled = factories.make_member(world.workspace, Role.OWNER)
    factories.entitle(disabled, world.tenant, Role.OWNER)
    membership_disable(Membership.objects.get(user=disabled))
    factories.entitle(disabled, world.tenant, Role.MANAGER)
    enabled = factories.make_member(world.workspace, Role.READONLY, all_tenants=False)
    factories.entitle(enabled, world.tenant, Role.OPERATOR)
    membership_disable(Membership.objects.get(user=enabled))
    membership_enable(Membership.objects.get(user=enabled))
    return {
        "owner": world.owner, "manager": world.manager, "operator": world.operator, "readonly": world.readonly,
        "outsider": world.outsider, "both": both, "entitled stranger": entitled_stranger,
        "bare member": bare_member, "removed": removed, "disabled": disabled, "enabled again": enabled,
    }  # fmt: skip


def test_three_ways_of_asking_give_one_answer(world, people):
    for name, person in people.items():
        expected = guardian_answer(person, world.tenant)
        assert capabilities_on(person, world.tenant) == expected, name
        target = target_for_tenant(person.pk, world.tenant.slug)
        assert (target.capabilities if target else frozenset()) == expected, name
        for capability in Capability:
            listed = (
                visible_to(Tenant.objects.all(), person, capability=capability)
                .filter(pk=world.tenant.pk)
                .exists()
            )
            assert listed == (capability.value in expected), (name, capability)


def test_rights_in_the_workspace_itself_are_guardians_answer_too(world, people):
    for name, person in people.items():
        for workspace in Workspace.objects.all():
            expected = set(ObjectPermissionChecker(person).get_perms(workspace))
            for right in WorkspaceCapability:
                held = workspaces_with(person, right).filter(pk=workspace.pk).exists()
                assert held == (right.value in expected), (name, workspace.slug, right)


def test_owners_manage_people_whatever_tenants_they_reach(world, people):
    manage = WorkspaceCapability.MANAGE_MEMBERS
    able = {name for name, person in people.items() if world.workspace in workspaces_with(person, manage)}
    assert able == {"owner", "bare member"}


def test_visibility_needs_the_workspace_and_the_tenant(world, people):
    seen = {name for name, person in people.items() if capabilities_on(person, world.tenant)}
    assert seen == {"owner", "manager", "operator", "readonly", "both", "enabled again"}


def test_roles_of_workspace_and_tenant_add_up(world, people):
    assert Capability.MANAGE_CONNECTIONS in capabilities_on(people["both"], world.tenant)
    assert Capability.MANAGE_CONNECTIONS not in capabilities_on(world.readonly, world.tenant)


def test_an_entitlement_that_is_taken_away_hides_the_tenant_at_once(world):
    entitlement_remove(tenant=world.tenant, user=world.operator)
    assert not capabilities_on(world.operator, world.tenant)
    assert list(workspaces_visible_to(world.operator)) == [world.workspace]


def test_superusers_get_no_shortcut(world):
    root = User.objects.create_superuser("root", password=factories.PASSWORD)
    assert not capabilities_on(root, world.tenant)
    assert not visible_to(Tenant.objects.all(), root).exists()


def test_a_disabled_person_sees_nothing(world):
    world.owner.is_active = False
    world.owner.save()
    assert not capabilities_on(world.owner, world.tenant)
    assert not visible_to(Tenant.objects.all(), world.owner).exists()
