"""What an owner does to members: roles, tenants, disable, enable, remove; and what the pages say of it."""

import pytest
from django.urls import reverse
from django.utils.html import escape

from tenantpilot.audit.models import AuditEntry
from tenantpilot.tenancy.capabilities import Capability, Role
from tenantpilot.tenancy.grants import membership_set
from tenantpilot.tenancy.models import Invitation, Membership, TenantEntitlement
from tenantpilot.tenancy.permissions import capabilities_on
from tenantpilot.tenancy.rights import tenant_rights
from tests import factories
from tests.people.conftest import invited, member, person_url

pytestmark = pytest.mark.django_db


def acts(action: str):
    return AuditEntry.objects.filter(action=action)


def test_a_changed_role_counts_at_once_and_is_written_down(world, as_):
    url = person_url(world, world.readonly)
    response = as_(world.owner).post(url, {"role": "manager", "reach": "all"})
    assert response.status_code == 302
    assert Capability.MANAGE_CONNECTIONS in capabilities_on(world.readonly, world.tenant)
    entry = acts("member.role_changed").get()
    assert entry.actor == world.owner
    assert entry.before == {"role": "readonly", "allTenants": True}
    assert entry.after == {"role": "manager", "allTenants": True}


def test_a_role_for_chosen_tenants_shows_none_until_one_is_chosen(world, as_):
    client = as_(world.owner)
    client.post(person_url(world, world.manager), {"role": "manager", "reach": "chosen"})
    assert not capabilities_on(world.manager, world.tenant)
    client.post(person_url(world, world.manager, "person_tenant", "contoso"), {"role": "operator"})
    held = capabilities_on(world.manager, world.tenant)
    assert Capability.SYNC_GROUPS in held
    assert Capability.MANAGE_CONNECTIONS not in held
    client.post(person_url(world, world.manager, "person_tenant", "contoso"), {"role": ""})
    assert not capabilities_on(world.manager, world.tenant)
    assert acts("entitlement.changed").count() == 2


@pytest.mark.parametrize(
    "data", [{"role": "root", "reach": "all"}, {"role": "owner"}, {"role": "", "reach": "x"}]
)
def test_a_role_that_does_not_exist_changes_nothing(world, as_, data):
    assert as_(world.owner).post(person_url(world, world.readonly), data).status_code == 400
    assert member(world, world.readonly).role == Role.READONLY


def test_tenants_of_another_workspace_are_no_choice(world, as_):
    theirs = factories.make_tenant(factories.make_workspace(), "proseware")
    url = person_url(world, world.readonly, "person_tenant", "proseware")
    assert as_(world.owner).post(url, {"role": "owner"}).status_code == 404
    assert as_(world.owner).get(url).status_code == 404
    data = {"addressee": "ada", "role": "operator", "reach": "chosen", "tenants": [theirs.slug]}
    asked = as_(world.owner).post(f"{reverse('people_invite')}?workspace=contoso-msp", data)
    assert asked.status_code == 400
    data["tenants"] = ["no-such-tenant"]
    missing = as_(world.owner).post(f"{reverse('people_invite')}?workspace=contoso-msp", data)
    assert missing.status_code == 400
    assert not TenantEntitlement.objects.filter(tenant=theirs).exists()
    assert not Invitation.objects.exists()


def test_an_invitation_posted_for_another_workspace_is_not_found(world, as_):
    data = {"addressee": "ada", "role": "owner", "reach": "all"}
    url = f"{reverse('people_invite')}?workspace=other-msp"
    assert as_(world.owner).post(url, data).status_code == 404
    # The workspace stands in the address; a field of the same name is none.
    as_(world.owner).post(reverse("people_invite"), {**data, "workspace": "other-msp"})
    assert set(Invitation.objects.values_list("workspace__slug", flat=True)) == {"contoso-msp"}


def test_a_disabled_member_loses_every_right_and_gets_the_same_back(world, as_):
    client = as_(world.owner)
    before = capabilities_on(world.operator, world.tenant)
    assert before
    client.post(person_url(world, world.operator, "person_disable"))
    assert not capabilities_on(world.operator, world.tenant)
    assert not world.operator.groups.exists()
    shown = client.get(person_url(world, world.operator)).content.decode()
    assert "Disabled" in shown
    assert "Enable person" in shown
    client.post(person_url(world, world.operator, "person_enable"))
    assert capabilities_on(world.operator, world.tenant) == before
    assert acts("member.disabled").count() == acts("member.enabled").count() == 1


def test_roles_given_while_disabled_count_only_after_enabling(world, as_):
    client = as_(world.owner)
    client.post(person_url(world, world.readonly, "person_disable"))
    client.post(person_url(world, world.readonly), {"role": "manager", "reach": "all"})
    client.post(person_url(world, world.readonly, "person_tenant", "contoso"), {"role": "owner"})
    assert not capabilities_on(world.readonly, world.tenant)
    client.post(person_url(world, world.readonly, "person_enable"))
    assert Capability.FORCE_RELEASE in capabilities_on(world.readonly, world.tenant)


def test_a_removed_member_keeps_nothing(world, as_):
    client, url = as_(world.owner), person_url(world, world.operator)
    response = client.post(person_url(world, world.operator, "person_remove"))
    assert response["Location"] == f"{reverse('people')}?workspace=contoso-msp"
    assert not Membership.objects.filter(user=world.operator).exists()
    assert not TenantEntitlement.objects.filter(user=world.operator).exists()
    assert not world.operator.groups.exists()
    assert client.get(url).status_code == 404
    assert acts("member.removed").get().object_label == "operator"


def test_removal_leaves_other_workspaces_alone(world, as_):
    second = factories.make_workspace("second-msp")
    theirs = factories.make_tenant(second, "proseware")
    membership_set(workspace=second, user=world.readonly, role=Role.OPERATOR, all_tenants=True)
    as_(world.owner).post(person_url(world, world.readonly, "person_remove"))
    assert Capability.SYNC_GROUPS in capabilities_on(world.readonly, theirs)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("person", {"role": "manager", "reach": "all"}),
        ("person", {"role": "owner", "reach": "chosen"}),
        ("person_disable", {}),
        ("person_remove", {}),
    ],
)
def test_the_last_owner_stays(world, as_, name, data):
    factories.make_member(world.workspace, Role.OWNER, all_tenants=False)
    client = as_(world.owner)
    response = client.post(person_url(world, world.owner, name), data, follow=True)
    assert "needs an owner for all tenants" in response.content.decode()
    kept = member(world, world.owner)
    assert (kept.role, kept.all_tenants, kept.disabled_at) == (Role.OWNER, True, None)


def test_an_owner_may_leave_once_there_is_another(world, as_):
    factories.make_member(world.workspace, Role.OWNER)
    client = as_(world.owner)
    client.post(person_url(world, world.owner, "person_remove"))
    assert not Membership.objects.filter(user=world.owner).exists()


def test_the_page_says_why_the_last_owner_cant_be_removed(world, as_):
    shown = as_(world.owner).get(person_url(world, world.owner)).content.decode()
    assert "Contoso-Msp needs an owner for all tenants." in shown
    assert 'disabled aria-describedby="keep-reason">Remove person' in shown


def test_nobody_hands_out_tenants_they_dont_reach(world, as_):
    bare = factories.make_member(world.workspace, Role.OWNER, all_tenants=False)
    client = as_(bare)
    url = person_url(world, bare)
    assert client.post(url, {"role": "owner", "reach": "all"}).status_code == 400
    assert not member(world, bare).all_tenants
    hidden = person_url(world, world.readonly, "person_tenant", "contoso")
    assert client.post(hidden, {"role": "owner"}).status_code == 404
    invite = f"{reverse('people_invite')}?workspace=contoso-msp"
    assert client.post(invite, {"addressee": "x", "role": "owner", "reach": "all"}).status_code == 400
    assert "Contoso</a>" not in client.get(person_url(world, world.readonly)).content.decode()


def test_invitations_end_with_the_rights_of_who_gave_them(world, as_):
    second = factories.make_member(world.workspace, Role.OWNER)
    data = {"addressee": "ada", "role": "owner", "reach": "all"}
    as_(second).post(f"{reverse('people_invite')}?workspace=contoso-msp", data)
    as_(world.owner).post(person_url(world, second), {"role": "operator", "reach": "all"})
    assert Invitation.objects.get().revoked_at is not None


# --- what the pages say ------------------------------------------------------------------------------------------


def test_each_right_is_explained_by_the_role_it_comes_from(world):
    both = factories.make_member(world.workspace, Role.OPERATOR)
    factories.entitle(both, world.tenant, Role.MANAGER)
    why = {right.capability: right.why for right in tenant_rights(member(world, both), world.tenant)}
    assert why["manage_connections"] == (
        "May manage connections and credentials on Contoso because of the tenant role Manager."
    )
    assert why["sync_groups"] == (
        "May sync groups on Contoso because the workspace role Operator covers all tenants, "
        "and because of the tenant role Manager."
    )
    assert why["force_release"] == "May not force-release a scope: it takes the role Owner on Contoso."
    alone = {
        right.capability: right.why for right in tenant_rights(member(world, world.readonly), world.tenant)
    }
    assert alone["view_run"] == (
        "May see operation runs on Contoso because the workspace role Readonly covers all tenants."
    )


def test_the_page_says_exactly_what_the_person_may_do(world, as_):
    disabled = factories.make_member(world.workspace, Role.OWNER)
    as_(world.owner).post(person_url(world, disabled, "person_disable"))
    bare = factories.make_member(world.workspace, Role.MANAGER, all_tenants=False)
    for person in (world.owner, world.manager, world.operator, world.readonly, disabled, bare):
        rights = tenant_rights(member(world, person), world.tenant)
        held = {right.capability for right in rights if right.held}
        assert held == {c.value for c in Capability if c.value in capabilities_on(person, world.tenant)}
        assert all(right.why.startswith("May not" if not right.held else "May ") for right in rights)
        shown = as_(world.owner).get(person_url(world, person, "person_tenant", "contoso")).content.decode()
        assert all(escape(right.why) in shown for right in rights)


def test_names_are_shown_as_text(world, as_):
    world.readonly.first_name = "<script>alert(1)</script>"
    world.readonly.save()
    for url in (
        reverse("people"),
        person_url(world, world.readonly),
        person_url(world, world.readonly, "person_remove"),
    ):
        shown = as_(world.owner).get(url).content.decode()
        assert "<script>alert" not in shown
        assert "&lt;script&gt;" in shown


def test_the_list_is_searched_and_filtered(world, as_):
    client = as_(world.owner)
    for query in ("q=perat", "role=operator"):
        shown = client.get(f"{reverse('people')}?{query}").content.decode()
        assert f'{person_url(world, world.operator)}"' in shown
        assert f'{person_url(world, world.manager)}"' not in shown
    assert "No person matches." in client.get(f"{reverse('people')}?q=nobody%00").content.decode()
    invited(world)
    assert "ada@example.org" in client.get(reverse("people")).content.decode()


def test_a_list_of_a_hundred_people_takes_few_statements(world, as_, django_assert_max_num_queries):
    for _ in range(100):
        factories.make_member(world.workspace, Role.READONLY)
    client = as_(world.owner)
    with django_assert_max_num_queries(10):
        assert client.get(f"{reverse('people')}?size=100").status_code == 200
    with django_assert_max_num_queries(12):
        assert client.get(person_url(world, world.readonly)).status_code == 200
