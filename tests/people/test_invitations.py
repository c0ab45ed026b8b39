"""The life of an invitation: shown once, used once, seven days; wrong, used, old and withdrawn links look alike."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tenantpilot.audit.models import AuditEntry
from tenantpilot.tenancy.capabilities import Capability, Role
from tenantpilot.tenancy.grants import membership_disable
from tenantpilot.tenancy.models import Invitation, Membership, User, UserSession
from tenantpilot.tenancy.permissions import capabilities_on
from tests import factories
from tests.people.conftest import invited, member

pytestmark = pytest.mark.django_db

GOOD = {
    "username": "ada",
    "full_name": "Ada Lovelace",
    "password1": "engines-of-analysis",
    "password2": "engines-of-analysis",
}


def words(response) -> str:
    """The answer but for its token, the link and exact times."""
    return re.sub(
        r'value="\w{64}"|(?:/|%2F)admin(?:/|%2F)join(?:/|%2F)[\w-]+|<time.*?</time>',
        "",
        response.content.decode(),
    )


def invite(client: Client, **data: str) -> str:
    """Invite through the page; returns the link it shows."""
    wanted = {"addressee": "ada@example.org", "role": "operator", "reach": "all", **data}
    response = client.post(f"{reverse('people_invite')}?workspace=contoso-msp", wanted)
    assert response.status_code == 200
    return re.search(r"http://testserver(/admin/join/[\w-]+)", response.content.decode()).group(1)


def test_somebody_new_joins_with_name_and_password_and_is_signed_in(world, as_):
    link, browser = invite(as_(world.owner)), Client()
    assert "Make account and join" in browser.get(link).content.decode()
    assert browser.post(link, GOOD).status_code == 302
    ada = User.objects.get(username="ada")
    assert (ada.get_full_name(), ada.email) == ("Ada Lovelace", "ada@example.org")
    assert Capability.SYNC_GROUPS in capabilities_on(ada, world.tenant)
    assert browser.get(reverse("account_sessions")).status_code == 200
    assert Client().login(username="ada", password="engines-of-analysis")
    accepted = AuditEntry.objects.get(action="invitation.accepted")
    assert (accepted.actor, accepted.object_label) == (ada, "ada@example.org")


def test_somebody_with_an_account_joins_with_it(world, as_):
    link, browser = invite(as_(world.owner), role="manager"), as_(world.outsider)
    assert "Join workspace" in browser.get(link).content.decode()
    assert not Membership.objects.filter(workspace=world.workspace, user=world.outsider).exists()
    browser.post(link)
    assert member(world, world.outsider).role == Role.MANAGER
    assert Capability.MANAGE_CONNECTIONS in capabilities_on(world.outsider, world.tenant)


def test_chosen_tenants_are_entitled_with_the_role(world, as_):
    other = factories.make_tenant(world.workspace)
    token = invited(world)
    as_(world.outsider).post(reverse("join", args=[token]))
    assert Capability.SYNC_GROUPS in capabilities_on(world.outsider, world.tenant)
    assert not capabilities_on(world.outsider, other)


def test_a_link_works_once(world, as_):
    link = invite(as_(world.owner))
    assert Client().post(link, GOOD).status_code == 302
    assert Client().post(link, {**GOOD, "username": "eve"}).status_code == 404
    assert as_(world.outsider).post(link).status_code == 404
    assert not User.objects.filter(username="eve").exists()


def test_links_that_dont_work_all_look_alike(world, as_):
    used, old, withdrawn, renewed = (invite(as_(world.owner)) for _ in range(4))
    Client().post(used, GOOD)
    ids = list(Invitation.objects.order_by("pk").values_list("pk", flat=True))
    Invitation.objects.filter(pk=ids[1]).update(expires_at=timezone.now())
    as_(world.owner).post(reverse("invitation_withdraw", args=[ids[2]]))
    as_(world.owner).post(reverse("invitation_renew", args=[ids[3]]))
    bodies = set()
    for link in (used, old, withdrawn, renewed, "/admin/join/never-given-out", f"{used}x"):
        for method in ("get", "post"):
            response = getattr(Client(), method)(link, GOOD)
            assert response.status_code == 404, (link, method)
            bodies.add(words(response))
    assert len(bodies) == 1


def test_a_link_lasts_seven_days(world):
    invited(world)
    left = Invitation.objects.get().expires_at - timezone.now()
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7)


def test_only_a_hash_of_the_link_is_kept_and_nothing_shows_it_again(world, as_):
    client = as_(world.owner)
    token = invite(client).rpartition("/")[2]
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(i::text, '') FROM tenancy_invitation i")
        assert token not in cursor.fetchone()[0]
        cursor.execute("SELECT coalesce(string_agg(e::text, ''), '') FROM audit_auditentry e")
        assert token not in cursor.fetchone()[0]
        cursor.execute("SELECT string_agg(s::text, '') FROM django_session s")
        assert token not in cursor.fetchone()[0]
    assert token not in client.get(reverse("people")).content.decode()


def test_inviting_says_the_same_whether_or_not_somebody_has_an_account(world, as_):
    def answer(addressee: str) -> str:
        data = {"addressee": addressee, "role": "operator", "reach": "all"}
        response = as_(world.owner).post(f"{reverse('people_invite')}?workspace=contoso-msp", data)
        return words(response).replace(addressee, "X")

    world.outsider.email = "them@example.org"
    world.outsider.save()
    assert len({answer(name) for name in ("outsider", "nobody", "them@example.org", "none@example.org")}) == 1
    pages = {
        words(Client().get(reverse("join", args=[invited(world, addressee=a)])))
        for a in ("outsider", "nobody")
    }
    assert len(pages) == 1


def test_a_new_link_replaces_the_old_one_and_lasts_anew(world, as_):
    old = invite(as_(world.owner))
    row = Invitation.objects.get()
    Invitation.objects.update(expires_at=timezone.now() + timedelta(hours=1))
    response = as_(world.owner).post(reverse("invitation_renew", args=[row.pk]))
    new = re.search(r"http://testserver(/admin/join/[\w-]+)", response.content.decode()).group(1)
    assert Client().get(old).status_code == 404
    assert Client().get(new).status_code == 200
    row.refresh_from_db()
    assert row.expires_at > timezone.now() + timedelta(days=6)


def test_members_cant_use_a_link_and_dont_use_it_up(world, as_):
    link = invite(as_(world.owner), role="owner")
    response = as_(world.readonly).post(link)
    assert response.status_code == 409
    assert "You belong to Contoso-Msp already." in response.content.decode()
    assert member(world, world.readonly).role == Role.READONLY
    assert Client().get(link).status_code == 200


def test_a_disabled_member_cant_come_back_by_a_link(world, as_):
    link = invite(as_(world.owner))
    membership_disable(member(world, world.readonly))
    assert as_(world.readonly).post(link).status_code == 409
    assert not capabilities_on(world.readonly, world.tenant)


@pytest.mark.parametrize(
    ("data", "words_of_refusal"),
    [
        ({"password1": "short", "password2": "short"}, "too short"),
        ({"password1": "123456789012", "password2": "123456789012"}, "entirely numeric"),
        ({"username": "engines-of-analysi"}, "too similar to the username"),
        ({"password2": "something-else-here"}, "match"),
        ({"username": "Owner"}, "This name is taken."),
        ({"username": "owner"}, "This name is taken."),
        ({"username": ""}, "This field is required."),
    ],
)
def test_the_rules_hold_for_who_joins(world, as_, data, words_of_refusal):
    link, before = invite(as_(world.owner)), User.objects.count()
    response = Client().post(link, GOOD | data)
    assert response.status_code == 400
    assert words_of_refusal in response.content.decode()
    assert User.objects.count() == before
    assert Client().get(link).status_code == 200


def test_the_password_typed_is_never_drawn(world, as_):
    response = Client().post(invite(as_(world.owner)), {**GOOD, "username": "owner"})
    assert GOOD["password1"] not in response.content.decode()


def test_joining_ties_the_session_to_the_new_person(world, as_):
    Client().post(invite(as_(world.owner)), GOOD)
    assert UserSession.objects.filter(user__username="ada").count() == 1


def test_the_link_page_is_kept_by_no_cache(world):
    response = Client().get(reverse("join", args=[invited(world)]))
    assert response["Cache-Control"] == "no-store, private"
    assert response["Referrer-Policy"] == "same-origin"


def test_an_unusable_id_of_an_invitation_is_not_found(world, as_):
    client = as_(world.owner)
    for name in ("invitation_renew", "invitation_withdraw"):
        assert client.post(reverse(name, args=[10**6])).status_code == 404
    invited(world)
    row = Invitation.objects.get()
    client.post(reverse("invitation_withdraw", args=[row.pk]))
    for name in ("invitation_renew", "invitation_withdraw"):
        assert client.post(reverse(name, args=[row.pk])).status_code == 404
