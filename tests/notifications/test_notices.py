"""The bell: who is told, what is counted, and what marking does."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone

from operations import expiring, gate, notices, registry, transitions
from operations.choices import Origin, RunOutcome
from operations.models import Notification, OperationRun
from operations.transitions import Ending
from providers.models import AppRegistration
from providers.selectors import target_for_system
from tenantpilot.lifecycle import archive
from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.grants import membership_remove
from tenantpilot.tenancy.models import Tenant, User
from tests.conftest import World
from tests.factories import entitle, make_app, make_connection, make_member, make_tenant, start

CHECK = "provider.connection.check"
LIST = "/admin/notifications"

pytestmark = pytest.mark.django_db


def ended(world: World, person: User, outcome: RunOutcome = RunOutcome.SUCCEEDED) -> int:
    """A run of this person that ended."""
    accepted = start(CHECK, world.tenant, person)
    assert accepted.run
    return end(accepted.run.id, outcome)


def end(run_id: int, outcome: RunOutcome = RunOutcome.SUCCEEDED) -> int:
    OperationRun.objects.filter(pk=run_id).update(not_before=timezone.now() - timedelta(minutes=1))
    claim = transitions.claim(run_id, "host:test:1:2")
    assert claim
    assert transitions.finish(claim, Ending(outcome, "", {}, {}, {}, [], {}, []))
    return run_id


def unread(client: Client) -> str:
    html = client.get(f"{LIST}/bell").content.decode()
    found = re.search(r'tp-bell__count">([^<]*)<', html)
    return found[1] if found else ""


def signed_in(client: Client, user: User) -> Client:
    client.logout()
    client.force_login(user)
    return client


def test_the_end_of_a_run_is_told_to_its_initiator_only(client: Client, world: World) -> None:
    ended(world, world.operator, RunOutcome.FAILED)
    assert unread(signed_in(client, world.operator)) == "1"
    html = client.get(LIST).content.decode()
    assert "Check connection on Contoso" in html
    assert "Failed" in html
    for other in (world.owner, world.manager, world.outsider):
        assert unread(signed_in(client, other)) == ""
        assert "Check connection on Contoso" not in client.get(LIST).content.decode()


def test_system_runs_tell_nobody(world: World) -> None:
    target = target_for_system(world.connection.pk)
    assert target
    outcome = gate.start(gate.Start(registry.get(CHECK), target, actor_id=None, origin=Origin.SYSTEM))
    assert outcome.run
    end(outcome.run.id)
    assert Notification.objects.count() == 0


def test_every_page_shows_the_count_for_one_statement(
    client: Client, world: World, django_assert_num_queries: Any
) -> None:
    ended(world, world.operator)
    html = signed_in(client, world.operator).get("/admin/tenants").content.decode()
    assert 'tp-bell__count">1<' in html
    with django_assert_num_queries(1):
        bar = notices.bar_of(world.operator)
    assert (bar.unread, bar.unread_text) == (1, "1")


def test_the_count_stops_at_ninety_nine() -> None:
    assert notices.Bar(unread=100).unread_text == "99+"


def test_marking_one_and_all_read(client: Client, world: World) -> None:
    for _turn in range(3):
        ended(world, world.operator)
    signed_in(client, world.operator)
    first = Notification.objects.order_by("id").first()
    assert first
    assert client.post(f"{LIST}/{first.pk}/read").headers["Location"] == LIST
    assert unread(client) == "2"
    newest = Notification.objects.latest("id").pk
    ended(world, world.operator)
    client.post(f"{LIST}/read", {"newest": newest})
    assert unread(client) == "1", "what came in after the page was drawn stays unread"
    answer = client.post(f"{LIST}/read", {"newest": newest + 1}, headers={"HX-Request": "true"})
    assert answer.headers["HX-Trigger"] == "tp:notices-changed"
    assert "Mark all read" not in answer.content.decode()
    assert unread(client) == ""


@pytest.mark.parametrize("newest", ["", "x", "-1", "9" * 40, "0"])
def test_a_mark_that_can_not_be_read_marks_nothing(client: Client, world: World, newest: str) -> None:
    ended(world, world.operator)
    signed_in(client, world.operator).post(f"{LIST}/read", {"newest": newest})
    assert unread(client) == "1"


def test_nobody_marks_somebody_elses(client: Client, world: World) -> None:
    ended(world, world.operator)
    notice = Notification.objects.get()
    signed_in(client, world.owner)
    assert client.post(f"{LIST}/{notice.pk}/read").status_code == 404
    client.post(f"{LIST}/read", {"newest": notice.pk})
    notice.refresh_from_db()
    assert notice.read_at is None


@pytest.mark.parametrize("path", ["read", "1/read", "email"])
def test_nothing_changes_on_get(client: Client, world: World, path: str) -> None:
    assert signed_in(client, world.operator).get(f"{LIST}/{path}").status_code == 405


@pytest.mark.parametrize("path", ["", "/bell"])
def test_strangers_are_sent_to_sign_in(client: Client, world: World, path: str) -> None:
    assert client.get(LIST + path).headers["Location"].startswith("/admin/login/")


def test_a_tenant_that_is_lost_takes_its_notices_along(client: Client, world: World) -> None:
    ended(world, world.operator)
    notice = Notification.objects.get()
    membership_remove(workspace=world.workspace, user=world.operator)
    assert unread(signed_in(client, world.operator)) == ""
    assert "Contoso" not in client.get(LIST).content.decode()
    assert client.post(f"{LIST}/{notice.pk}/read").status_code == 404


def test_names_from_outside_are_text(client: Client, world: World) -> None:
    type(world.tenant).objects.update(name="<script>alert(1)</script>")
    ended(world, world.operator)
    assert "<script>alert" not in signed_in(client, world.operator).get(LIST).content.decode()


def set_expiry(app: AppRegistration, days: float) -> None:
    AppRegistration.objects.filter(pk=app.pk).update(
        credential_expires_at=timezone.now() + timedelta(days=days)
    )


def told(app: AppRegistration) -> list[tuple[str, int]]:
    rows = Notification.objects.filter(app_registration=app).order_by("id")
    return sorted(rows.values_list("recipient__username", "days_left"))


def test_a_secret_that_ends_soon_is_told_to_those_who_manage_it(world: World) -> None:
    app = world.connection.app_registration
    own_manager = make_member(world.workspace, Role.READONLY, all_tenants=False, username="tenant-manager")
    entitle(own_manager, world.tenant, Role.MANAGER)
    set_expiry(app, 20)
    expiring.tell()
    assert told(app) == [("manager", 30), ("owner", 30), ("tenant-manager", 30)]


def test_each_threshold_is_told_once_per_credential(world: World) -> None:
    app = world.connection.app_registration
    for days, expected in [(31, []), (29, [30]), (28, [30]), (6.5, [7, 30]), (2, [7, 30]), (-1, [7, 30])]:
        set_expiry(app, days)
        expiring.tell()
        expiring.tell()
        assert [left for name, left in told(app) if name == "owner"] == expected, days
    AppRegistration.objects.filter(pk=app.pk).update(credential_version=app.credential_version + 1)
    set_expiry(app, 5)
    expiring.tell()
    assert [left for name, left in told(app) if name == "owner"] == [7, 7, 30]


def test_a_tenants_own_secret_is_nothing_to_managers_of_other_tenants(world: World) -> None:
    other = make_tenant(world.workspace)
    stranger = make_member(world.workspace, Role.READONLY, all_tenants=False, username="elsewhere")
    entitle(stranger, other, Role.OWNER)
    app = make_app(world.workspace, world.owner, tenant=world.tenant)
    make_connection(world.tenant, world.owner, app=app)
    set_expiry(app, 3)
    expiring.tell()
    assert told(app) == [("manager", 7), ("owner", 7)]


def test_an_ending_secret_shows_in_the_bell_and_leads_to_its_mend(client: Client, world: World) -> None:
    set_expiry(world.connection.app_registration, 3)
    expiring.tell()
    assert unread(signed_in(client, world.manager)) == "1"
    html = client.get(LIST).content.decode()
    assert "ends soon" in html
    assert f'href="/admin/provider-connections/{world.connection.pk}/' in html


def test_the_list_pages_by_place_and_shows_the_unread_alone(client: Client, world: World) -> None:
    for _turn in range(27):
        ended(world, world.operator)
    ids = list(Notification.objects.order_by("-id").values_list("pk", flat=True))
    signed_in(client, world.operator)

    def shown(query: str) -> tuple[list[int], dict[str, str]]:
        html = client.get(LIST + query).content.decode()
        links = {
            rel: url.replace("&amp;", "&")
            for rel, url in re.findall(r'rel="(prev|next)" href="([^"]+)"', html)
        }
        marked = [int(pk) for pk in re.findall(r'action="/admin/notifications/(\d+)/read"', html)]
        return marked, links

    first, links = shown("?size=25")
    assert (first, set(links)) == (ids[:25], {"next"})
    second, links = shown(links["next"])
    assert (second, set(links)) == (ids[25:], {"prev"})
    assert shown(links["prev"])[0] == ids[:25]
    client.post(f"{LIST}/{ids[0]}/read")
    assert shown("?size=25&unread=1")[0] == ids[1:26]
    client.post(f"{LIST}/read", {"newest": ids[0]})
    assert "Nothing unread." in client.get(f"{LIST}?unread=1").content.decode()


def archived(tenant: Tenant, days: float) -> None:
    """As archiving left it, with this many days to go."""
    now = timezone.now()
    Tenant.objects.filter(pk=tenant.pk).update(
        archived_at=now, sealed_at=now, keep_until=now + timedelta(days=days)
    )


def deletions(tenant: Tenant) -> list[tuple[str, int]]:
    rows = Notification.objects.filter(tenant=tenant)
    return sorted(rows.values_list("recipient__username", "days_left"))


def test_a_deletion_is_told_to_managers_and_owners_once_at_each_threshold(world: World) -> None:
    archived(world.tenant, 6.5)
    for shift in (0, 0, 3, 0, 2.75, 0):
        Tenant.objects.filter(pk=world.tenant.pk).update(keep_until=F("keep_until") - timedelta(days=shift))
        Notification.objects.update(expires_at=F("expires_at") - timedelta(days=shift))
        expiring.tell()
    assert deletions(world.tenant) == [("manager", 1), ("manager", 7), ("owner", 1), ("owner", 7)]


def test_far_ones_and_those_that_go_already_are_not_told(world: World) -> None:
    archived(world.tenant, 8)
    expiring.tell()
    archived(world.tenant, 0.5)
    Tenant.objects.filter(pk=world.tenant.pk).update(deleting_at=timezone.now())
    expiring.tell()
    assert deletions(world.tenant) == []


def test_the_bell_leads_to_the_tenant_until_it_is_brought_back(client: Client, world: World) -> None:
    archived(world.tenant, 3)
    expiring.tell()
    assert unread(signed_in(client, world.manager)) == "1"
    html = client.get(LIST).content.decode()
    assert f"{world.tenant.name} is deleted soon" in html
    assert "It goes within 7 days" in html
    archive.bring_back(world.tenant, world.manager)
    assert unread(client) == ""
    assert "is deleted soon" not in client.get(LIST).content.decode()


def test_who_lost_the_tenant_hears_nothing_more_of_its_end(client: Client, world: World) -> None:
    archived(world.tenant, 3)
    expiring.tell()
    membership_remove(workspace=world.workspace, user=world.manager)
    assert not notices.notices_of(world.manager.pk)
    assert len(notices.notices_of(world.owner.pk)) == 1
