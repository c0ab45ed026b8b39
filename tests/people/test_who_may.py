"""Each screen of people for each kind of person: 404 before 403, on the server, for GET and POST alike."""

import pytest
from django.test import Client
from django.urls import reverse

from tenantpilot.tenancy import invitations
from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.grants import membership_disable, membership_set
from tenantpilot.tenancy.models import Invitation, Membership
from tests import factories
from tests.people.conftest import invited, member, person_url

pytestmark = pytest.mark.django_db


@pytest.fixture
def pages(world):
    """Address and method of each page about people of the workspace."""
    invited(world)
    invitation = Invitation.objects.get()
    people = reverse("people")
    return {
        "list": ("get", f"{people}?workspace=contoso-msp"),
        "invite": ("get", f"{reverse('people_invite')}?workspace=contoso-msp"),
        "invite, sent": ("post", f"{reverse('people_invite')}?workspace=contoso-msp"),
        "person": ("get", person_url(world, world.readonly)),
        "person, sent": ("post", person_url(world, world.readonly)),
        "tenant": ("get", person_url(world, world.readonly, "person_tenant", "contoso")),
        "tenant, sent": ("post", person_url(world, world.readonly, "person_tenant", "contoso")),
        "disable": ("get", person_url(world, world.readonly, "person_disable")),
        "disable, sent": ("post", person_url(world, world.readonly, "person_disable")),
        "enable": ("post", person_url(world, world.readonly, "person_enable")),
        "remove": ("get", person_url(world, world.readonly, "person_remove")),
        "remove, sent": ("post", person_url(world, world.readonly, "person_remove")),
        "renew": ("post", reverse("invitation_renew", args=[invitation.pk])),
        "withdraw": ("get", reverse("invitation_withdraw", args=[invitation.pk])),
        "withdraw, sent": ("post", reverse("invitation_withdraw", args=[invitation.pk])),
    }


def answers(client: Client, pages) -> dict[str, int]:
    return {name: getattr(client, method)(url).status_code for name, (method, url) in pages.items()}


def test_strangers_are_sent_to_the_sign_in_page(pages):
    assert set(answers(Client(), pages).values()) == {302}


def test_people_of_another_workspace_find_nothing(world, pages, as_):
    assert set(answers(as_(world.outsider), pages).values()) == {404}


@pytest.mark.parametrize("role", ["manager", "operator", "readonly"])
def test_people_of_the_workspace_who_are_not_owners_are_refused(world, pages, as_, role):
    assert set(answers(as_(getattr(world, role)), pages).values()) == {403}


def test_the_refusal_names_the_role_to_ask_for(world, as_):
    text = as_(world.manager).get(reverse("people")).content.decode()
    assert "You need Owner in this workspace." in text


def test_a_superuser_gets_no_shortcut(world, pages, as_):
    world.outsider.is_superuser = True
    world.outsider.save()
    assert set(answers(as_(world.outsider), pages).values()) == {404}


def test_a_tenant_role_of_owner_manages_no_people(world, pages, as_):
    factories.entitle(world.operator, world.tenant, Role.OWNER)
    assert set(answers(as_(world.operator), pages).values()) == {403}


def test_a_disabled_owner_finds_nothing(world, pages, as_):
    second = factories.make_member(world.workspace, Role.OWNER)
    client = as_(second)
    membership_disable(member(world, second))
    assert set(answers(client, pages).values()) == {404}


def test_an_owner_opens_every_page(world, pages, as_):
    found = answers(as_(world.owner), {name: page for name, page in pages.items() if page[0] == "get"})
    assert set(found.values()) == {200}


def test_missing_people_and_those_of_elsewhere_are_the_same_404(world, as_):
    theirs = Membership.objects.get(user=world.outsider).pk
    client = as_(world.owner)
    for name in ("person", "person_disable", "person_remove"):
        for pk in (theirs, 10**6, 10**30):
            assert client.get(reverse(name, args=[pk])).status_code == 404
    assert client.get(f"{reverse('people')}?workspace=other-msp").status_code == 404
    assert client.get(f"{reverse('people')}?workspace=no-such").status_code == 404


def test_only_owners_are_offered_the_page(world, as_):
    link = f'href="{reverse("people")}"'
    assert link in as_(world.owner).get(reverse("account_sessions")).content.decode()
    for person in (world.manager, world.operator, world.readonly):
        assert link not in as_(person).get(reverse("account_sessions")).content.decode()


def test_an_owner_of_two_workspaces_switches_between_them(world, as_):
    second = factories.make_workspace("second-msp")
    membership_set(workspace=second, user=world.owner, role=Role.OWNER, all_tenants=True)
    client = as_(world.owner)
    assert "?workspace=second-msp" in client.get(reverse("people")).content.decode()
    shown = client.get(f"{reverse('people')}?workspace=second-msp").content.decode()
    assert f'href="{person_url(world, world.manager)}"' not in shown


def test_nothing_changes_on_get(world, pages, as_):
    before = (Membership.objects.count(), Invitation.objects.filter(revoked_at=None).count())
    answers(as_(world.owner), {name: page for name, page in pages.items() if page[0] == "get"})
    assert (Membership.objects.count(), Invitation.objects.filter(revoked_at=None).count()) == before
    assert as_(world.owner).get(person_url(world, world.readonly, "person_enable")).status_code == 405


def test_domain_acts_ask_for_the_right_themselves(world):
    from django.core.exceptions import PermissionDenied

    from tenantpilot.tenancy import people

    target = member(world, world.readonly)
    acts = (
        lambda: people.member_remove(membership=target, actor=world.manager),
        lambda: people.member_disable(membership=target, actor=world.manager),
        lambda: people.member_enable(membership=target, actor=world.manager),
        lambda: people.member_role_set(
            membership=target, role=Role.OWNER, all_tenants=True, actor=world.manager
        ),
        lambda: people.tenant_role_set(
            membership=target, tenant=world.tenant, role=Role.OWNER, actor=world.manager
        ),
        lambda: invitations.invitation_create(
            workspace=world.workspace, addressee="x", role=Role.OWNER, all_tenants=True, tenants=[],
            actor=world.manager,
        ),
    )  # fmt: skip
    for act in acts:
        with pytest.raises(PermissionDenied):
            act()
