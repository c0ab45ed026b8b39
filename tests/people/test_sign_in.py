"""Signing in: too many wrong passwords, a new session key, sessions listed and ended, one's own password."""

import json
from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from tenantpilot.audit.models import AuditEntry
from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.grants import membership_set
from tenantpilot.tenancy.models import UserSession
from tenantpilot.tenancy.sessions import browser_words
from tests import factories
from tests.factories import PASSWORD
from tests.people.conftest import person_url

pytestmark = pytest.mark.django_db

SIGN_IN = "/admin/login/"
INSIDE = "/admin/account/sessions"
NEW = "a-longer-and-newer-one"


def sign_in(client: Client, name: str = "operator", password: str = PASSWORD, address: str = "192.0.2.1"):
    data = {"username": name, "password": password, "next": INSIDE}
    return client.post(SIGN_IN, data, REMOTE_ADDR=address)


def fail(times: int, name: str = "operator", address: str = "192.0.2.1"):
    return [sign_in(Client(), name, "wrong", address) for _ in range(times)][-1]


# --- lockout -----------------------------------------------------------------------------------------------------


def test_four_wrong_passwords_are_forgiven(world):
    assert "Name or password is wrong." in fail(4).content.decode()
    assert sign_in(Client()).status_code == 302
    assert not AccessAttempt.objects.exists()


@pytest.mark.parametrize("name", ["operator", "nobody-has-this-name"])
def test_the_fifth_wrong_password_locks_the_name_out_known_or_not(world, name):
    response = fail(5, name)
    assert response.status_code == 429
    assert response["Retry-After"] == "900"
    assert "Too many attempts. Try again in 15 minutes." in response.content.decode()
    right = sign_in(Client(), name)
    assert right.status_code == 429
    assert Client().get(SIGN_IN).status_code == 200


def test_after_fifteen_minutes_the_right_password_counts_again(world):
    fail(5)
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=14))
    assert sign_in(Client()).status_code == 429
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
    assert sign_in(Client()).status_code == 302


def test_trying_while_locked_out_does_not_prolong_it(world):
    fail(5)
    long_ago = timezone.now() - timedelta(minutes=14)
    AccessAttempt.objects.update(attempt_time=long_ago)
    fail(3)
    assert set(AccessAttempt.objects.values_list("attempt_time", flat=True)) == {long_ago}


def test_a_stranger_elsewhere_locks_nobody_out(world):
    fail(5, address="198.51.100.7")
    assert sign_in(Client(), address="192.0.2.1").status_code == 302


def test_guessing_at_many_accounts_from_one_address_is_stopped(world):
    for number in range(settings.LOCKOUT_PER_ADDRESS):
        AccessAttempt.objects.create(
            username=f"name-{number}", ip_address="192.0.2.1", user_agent="x", failures_since_start=1
        )
    assert sign_in(Client()).status_code == 429
    assert sign_in(Client(), address="192.0.2.2").status_code == 302


def test_guessing_at_one_account_from_many_addresses_is_stopped(world):
    for number in range(settings.LOCKOUT_PER_NAME):
        AccessAttempt.objects.create(
            username="operator", ip_address=f"198.51.100.{number}", user_agent="x", failures_since_start=1
        )
    assert sign_in(Client()).status_code == 429
    assert sign_in(Client(), "manager").status_code == 302


def test_signing_in_with_ones_own_account_clears_nobody_elses_failures(world):
    fail(4, "manager")
    sign_in(Client(), "operator")
    assert fail(1, "manager").status_code == 429


def test_a_name_that_fits_no_column_is_refused_like_any_other(world):
    for name in ("x" * 10_000, "\u0000zero", "a" * 151):
        assert sign_in(Client(), name).status_code == 200


def test_the_password_that_was_tried_is_kept_nowhere(world):
    sign_in(Client(), password="canary-in-the-password")
    kept = json.dumps(list(AccessAttempt.objects.values()) + list(AuditEntry.objects.values()), default=str)
    assert "canary" not in kept


# --- sessions ----------------------------------------------------------------------------------------------------


def test_signing_in_gives_the_session_a_new_key(world):
    client = Client()
    client.get(SIGN_IN)
    planted = client.session
    planted["seen"] = 1
    planted.save()
    before = planted.session_key
    client.cookies[settings.SESSION_COOKIE_NAME] = before
    sign_in(client)
    after = client.cookies[settings.SESSION_COOKIE_NAME].value
    assert after != before
    assert not Session.objects.filter(session_key=before).exists()
    assert list(UserSession.objects.values_list("session_key", flat=True)) == [after]
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = before
    assert thief.get(INSIDE).status_code == 302


def test_signing_in_as_somebody_else_starts_a_session_of_their_own(world):
    client = Client()
    sign_in(client, "operator")
    assert sign_in(client, "manager").status_code == 302
    kept = UserSession.objects.get(session_key=client.cookies[settings.SESSION_COOKIE_NAME].value)
    assert kept.user == world.manager
    assert "manager" in client.get(INSIDE).content.decode().lower()


def test_sessions_are_listed_and_ended_one_by_one(world):
    here, there = Client(headers={"user-agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"}), Client()
    sign_in(here), sign_in(there)
    shown = here.get(INSIDE).content.decode()
    assert "Firefox on Linux" in shown
    assert shown.count("End session") == 1
    other = UserSession.objects.get(session_key=there.session.session_key)
    assert here.post(reverse("account_session_end", args=[other.pk])).status_code == 302
    assert there.get(INSIDE).status_code == 302
    assert here.get(INSIDE).status_code == 200
    assert AuditEntry.objects.filter(action="account.session_ended", actor=world.operator).count() == 1


def test_all_other_sessions_end_together(world):
    here, others = Client(), [Client() for _ in range(3)]
    for client in (here, *others):
        sign_in(client)
    here.post(reverse("account_sessions_end_others"))
    assert [client.get(INSIDE).status_code for client in (here, *others)] == [200, 302, 302, 302]


def test_nobody_ends_a_session_of_somebody_else(world, as_):
    victim = Client()
    sign_in(victim, "manager")
    theirs = UserSession.objects.get(user=world.manager)
    for pk in (theirs.pk, 10**6):
        assert as_(world.operator).post(reverse("account_session_end", args=[pk])).status_code == 404
    as_(world.operator).post(reverse("account_sessions_end_others"))
    assert victim.get(INSIDE).status_code == 200


def test_sessions_that_are_over_are_forgotten(world):
    first, second = Client(), Client()
    sign_in(first)
    first.post("/admin/logout/")
    assert not UserSession.objects.exists()
    sign_in(first)
    Session.objects.update(expire_date=timezone.now())
    sign_in(second)
    assert UserSession.objects.get().session_key == second.session.session_key


def test_a_removed_persons_sessions_end_at_once(world, as_):
    browsers = [Client(), Client()]
    for browser in browsers:
        sign_in(browser)
    as_(world.owner).post(person_url(world, world.operator, "person_remove"))
    assert [browser.get(INSIDE).status_code for browser in browsers] == [302, 302]
    assert not UserSession.objects.filter(user=world.operator).exists()


def test_a_disabled_persons_sessions_end_unless_another_workspace_needs_them(world, as_):
    elsewhere = factories.make_workspace()
    membership_set(workspace=elsewhere, user=world.manager, role=Role.READONLY, all_tenants=True)
    alone, shared = Client(), Client()
    sign_in(alone, "operator"), sign_in(shared, "manager")
    owner = as_(world.owner)
    for person in (world.operator, world.manager):
        owner.post(person_url(world, person, "person_disable"))
    assert alone.get(INSIDE).status_code == 302
    assert shared.get(INSIDE).status_code == 200
    assert shared.get(f"{reverse('people')}?workspace=contoso-msp").status_code == 404


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537 Chrome/140 Safari/537 Edg/140", "Edge on Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X) Version/18 Safari/605", "Safari on macOS"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/140 Mobile Safari/537", "Chrome on Android"),
        ("<script>", ""),
        ("", ""),
    ],
)
def test_a_session_is_named_by_its_browser(agent, words):
    assert browser_words(agent) == words


# --- how long a session lasts --------------------------------------------------------------------------------------


def test_a_session_ends_twelve_hours_after_signing_in_whatever_is_written_to_it(world):
    client = Client()
    sign_in(client)
    session = client.session
    ends = session.get_expiry_date()
    session["written"] = True
    session.save()
    assert client.session.get_expiry_date() == ends
    assert timedelta(hours=11, minutes=59) < ends - timezone.now() <= timedelta(hours=12)


def test_the_page_says_how_long_the_session_lasts_and_staying_lasts_anew(world):
    client = Client()
    sign_in(client)
    session = client.session
    session.set_expiry(timezone.now() + timedelta(seconds=90))
    session.save()
    assert 80 <= client.get(reverse("account_session")).json()["left"] <= 90
    assert 'data-left="8' in client.get(INSIDE).content.decode()
    stayed = client.post(reverse("account_session"))
    assert stayed.json()["left"] > 43_000
    assert Session.objects.get(session_key=session.session_key).expire_date > timezone.now() + timedelta(
        hours=11
    )


def test_asking_without_a_session_is_answered_without_a_sign_in_page(world):
    for method in ("get", "post"):
        response = getattr(Client(), method)(reverse("account_session"))
        assert (response.status_code, response.json()) == (401, {"left": 0})


def test_staying_needs_the_csrf_token(world):
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.operator)
    assert client.post(reverse("account_session")).status_code == 403


def test_the_script_is_on_pages_for_people_who_are_signed_in_only(world, as_):
    assert "session.js" in as_(world.operator).get(INSIDE).content.decode()
    assert "session.js" not in Client().get(SIGN_IN).content.decode()


# --- password ------------------------------------------------------------------------------------------------------


def change(client: Client, old: str = PASSWORD, new: str = NEW, again: str = ""):
    data = {"old_password": old, "new_password1": new, "new_password2": again or new}
    return client.post(reverse("account_password"), data, REMOTE_ADDR="192.0.2.1")


def test_a_new_password_ends_every_other_session(world):
    here, there = Client(), Client()
    sign_in(here), sign_in(there)
    key = here.session.session_key
    assert change(here).status_code == 302
    assert here.session.session_key != key
    assert here.get(INSIDE).content.decode().count("This session") == 1
    assert there.get(INSIDE).status_code == 302
    assert UserSession.objects.get().session_key == here.session.session_key
    assert sign_in(Client()).status_code == 200
    assert sign_in(Client(), password=NEW).status_code == 302
    assert AuditEntry.objects.filter(action="account.password_changed", actor=world.operator).count() == 1


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"old": "wrong"}, "The current password is wrong."),
        ({"new": "short"}, "too short"),
        ({"new": "password1234"}, "too common"),
        ({"new": "my-operator!"}, "too similar"),
        ({"again": "another-longer-one"}, "match"),
    ],
)
def test_the_rules_hold_for_ones_own_password(world, data, words):
    client = Client()
    sign_in(client)
    response = change(client, **data)
    assert response.status_code == 400
    assert words in response.content.decode()
    assert sign_in(Client()).status_code == 302


def test_guessing_the_current_password_is_locked_out_like_signing_in(world):
    client = Client()
    sign_in(client)
    assert [change(client, old="wrong").status_code for _ in range(5)] == [400, 400, 400, 400, 429]
    response = change(client)
    assert response.status_code == 429
    assert "Too many attempts." in response.content.decode()
    assert client.get(INSIDE).status_code == 200


def test_the_admins_own_password_page_is_no_way_around(world):
    client = Client()
    sign_in(client)
    for path in ("/admin/password_change/", "/admin/password_change/done/"):
        for response in (client.get(path), client.post(path, {"old_password": "wrong"})):
            assert (response.status_code, response["Location"]) == (302, reverse("account_password"))


def test_a_check_without_a_request_is_left_to_the_other_backends(world):
    from django.contrib.auth import authenticate

    assert authenticate(None, username="operator", password=PASSWORD) == world.operator
    assert authenticate(RequestFactory().post("/"), username="operator", password=PASSWORD) == world.operator
