"""Admin consent: the link, what comes back, and who may record it."""

import uuid
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.core import signing
from django.http import QueryDict
from django.test import Client, override_settings

from operations.models import OperationRun
from providers import consent
from providers.consent import Answer, State, browser_url, read_answer, read_state, sign_state
from tests import factories
from tests.console.rows import signed_in, text_of

pytestmark = pytest.mark.django_db

RETURN = "/admin/consent/return"


@pytest.fixture
def page(world):
    return f"/admin/provider-connections/{world.connection.pk}/consent"


def link_of(world, page, person=None):
    return signed_in(person or world.manager).get(page).context["consentUrl"]


def state_of(world, person=None):
    return sign_state(State((person or world.manager).pk, world.connection.pk))


def back(world, person=None, **query):
    asked = {
        "state": state_of(world),
        "admin_consent": "True",
        "tenant": str(world.tenant.entra_tenant_id),
        **query,
    }
    return signed_in(person or world.manager).get(f"{RETURN}?{urlencode(asked)}")


def test_the_page_is_for_managers_and_hidden_from_outsiders(world, page):
    for person, status in [
        (world.owner, 200),
        (world.operator, 403),
        (world.readonly, 403),
        (world.outsider, 404),
    ]:
        assert signed_in(person).get(page).status_code == status


def test_the_link_asks_this_tenant_for_what_is_registered_on_this_app(world, page):
    parts = urlsplit(link_of(world, page))
    assert f"{parts.scheme}://{parts.netloc}" == "https://login.microsoftonline.com"
    assert parts.path == f"/{world.tenant.entra_tenant_id}/v2.0/adminconsent"
    query = parse_qs(parts.query)
    assert query["client_id"] == [str(world.connection.app_registration.client_id)]
    assert query["redirect_uri"] == [f"http://testserver{RETURN}"]
    assert read_state(query["state"][0]) == State(world.manager.pk, world.connection.pk)


def test_the_page_lists_each_permission_with_its_purpose_and_marks_missing_ones(world, page):
    world.connection.granted_permissions = ["Organization.Read.All"]
    world.connection.save()
    listed = {each["name"]: each for each in signed_in(world.manager).get(page).context["permissions"]}
    assert listed["GroupMember.Read.All"]["why"] == ["Read groups and their members."]
    assert listed["GroupMember.Read.All"]["missing"]
    assert not listed["Organization.Read.All"]["missing"]


def test_the_link_is_a_plain_link_with_a_copy_button(world, page):
    text = text_of(signed_in(world.manager).get(page))
    assert 'href="https://login.microsoftonline.com/' in text
    assert 'data-tp-copy="https://login.microsoftonline.com/' in text
    assert 'action="https://' not in text


@override_settings(GRAPH_HOST_MAP={"https://login.microsoftonline.com": "http://127.0.0.1:8400"})
def test_with_a_host_map_the_link_leads_where_a_browser_can_go(world, page):
    assert link_of(world, page).startswith(
        f"http://127.0.0.1:8400/{world.tenant.entra_tenant_id}/v2.0/adminconsent?"
    )


@override_settings(GRAPH_HOST_MAP={"https://login.microsoftonline.com": "http://127.0.0.1:8400"})
def test_only_the_mapped_origin_is_replaced():
    assert browser_url("https://login.microsoftonline.com") == "http://127.0.0.1:8400"
    assert (
        browser_url("https://login.microsoftonline.com.evil.example/x")
        == "https://login.microsoftonline.com.evil.example/x"
    )
    assert browser_url("https://login.microsoftonline.us/x") == "https://login.microsoftonline.us/x"


@override_settings(PUBLIC_URL="https://tp.example")
def test_the_way_back_is_the_public_address(world, page):
    assert parse_qs(urlsplit(link_of(world, page)).query)["redirect_uri"] == [f"https://tp.example{RETURN}"]


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("admin_consent=True&tenant={tenant}", Answer.GRANTED),
        ("admin_consent=true", Answer.GRANTED),
        ("admin_consent=True&tenant={TENANT}", Answer.GRANTED),
        ("admin_consent=True&error=access_denied", Answer.DECLINED),
        ("error=consent_required&admin_consent=True&tenant={tenant}", Answer.DECLINED),
        ("admin_consent=True&tenant=other", Answer.OTHER_TENANT),
        ("admin_consent=False&tenant={tenant}", Answer.UNCLEAR),
        ("", Answer.UNCLEAR),
    ],
)
def test_errors_are_read_before_the_promise(query, answer):
    tenant = uuid.uuid4()
    params = QueryDict(query.format(tenant=tenant, TENANT=str(tenant).upper()))
    assert read_answer(params, tenant) is answer


def test_a_state_that_was_changed_or_is_too_old_is_none_of_ours(monkeypatch):
    good = sign_state(State(1, 2))
    assert read_state(good) == State(1, 2)
    other = sign_state(State(1, 3))
    mixed = other.split(":")[0] + ":" + ":".join(good.split(":")[1:])
    for bad in (
        "",
        "x",
        good + "x",
        good[:-2],
        mixed,
        signing.dumps([1, 2]),
        signing.dumps(["x"], salt=consent.SALT),
    ):
        assert read_state(bad) is None
    monkeypatch.setattr(consent, "STATE_MAX_AGE", -1)
    assert read_state(good) is None


def test_coming_back_changes_nothing_until_the_button_is_pressed(world):
    answer = back(world)
    assert answer.status_code == 200
    text = text_of(answer)
    assert "Microsoft says that consent was granted." in text and "Check connection" in text
    world.connection.refresh_from_db()
    assert world.connection.consent_version == 0
    assert not OperationRun.objects.exists()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"error": "consent_required"}, "Consent was declined."),
        ({"tenant": str(uuid.uuid4())}, "Consent was granted in another tenant."),
        ({"admin_consent": ""}, "Microsoft did not say whether consent was granted."),
    ],
)
def test_anything_but_consent_says_so_and_offers_the_link_again(world, query, words):
    answer = back(world, **query)
    assert words in text_of(answer)
    assert answer.context["consentUrl"].startswith("https://login.microsoftonline.com/")
    assert '<form method="post" action="/admin/consent/return"' not in text_of(answer)


def test_words_of_the_provider_are_never_shown(world):
    text = text_of(back(world, error="<b>x</b>", error_description="<script>alert(1)</script>"))
    assert "alert(1)" not in text and "<b>x</b>" not in text


def test_the_state_belongs_to_one_person(world):
    for person in (world.owner, world.operator, world.outsider):
        answer = back(world, person)
        assert answer.status_code == 400
        assert "This link is not yours, or it is too old." in text_of(answer)
        assert "Contoso connection" not in text_of(answer)
        assert signed_in(person).post(RETURN, {"state": state_of(world)}).status_code == 400
    world.connection.refresh_from_db()
    assert world.connection.consent_version == 0


def test_a_state_for_a_connection_out_of_reach_is_a_404_and_without_rights_a_403(world):
    fabrikam = factories.make_connection(
        factories.make_tenant(factories.make_workspace("x-msp"), "far"), world.owner
    )
    state = sign_state(State(world.manager.pk, fabrikam.pk))
    assert signed_in(world.manager).post(RETURN, {"state": state}).status_code == 404
    own = state_of(world, world.operator)
    assert signed_in(world.operator).post(RETURN, {"state": own}).status_code == 403


def test_strangers_get_a_page_without_names_and_only_with_a_signed_state(world):
    query = urlencode({"state": state_of(world), "admin_consent": "True"})
    answer = Client().get(f"{RETURN}?{query}")
    text = text_of(answer)
    assert answer.status_code == 200
    assert "You can close this page." in text
    assert "Contoso" not in text
    assert "Consent was not granted" in text_of(Client().get(f"{RETURN}?{query}&error=x"))
    for url in (RETURN, f"{RETURN}?state=forged&admin_consent=True"):
        assert Client().get(url)["Location"].startswith("/admin/login/")
    assert Client().post(RETURN, {"state": state_of(world)})["Location"].startswith("/admin/login/")


@pytest.mark.django_db(transaction=True)
def test_the_button_records_consent_and_starts_the_check_through_the_gate(world, redis_url):
    world.connection.consent_state = "missing"
    world.connection.verified_at = None
    world.connection.save()
    client = signed_in(world.manager)
    answer = client.post(RETURN, {"state": state_of(world)})
    assert answer["Location"] == f"/admin/provider-connections/{world.connection.pk}"
    world.connection.refresh_from_db()
    assert world.connection.consent_version == 1 and world.connection.consent_state == "unknown"
    run = OperationRun.objects.get()
    assert (run.operation_type, run.initiator, run.status) == (
        "provider.connection.check",
        world.manager,
        "queued",
    )
    shown = text_of(client.get(answer["Location"]))
    assert "Check connection queued" in shown and f"/admin/operations/{run.pk}" in shown


@pytest.mark.django_db(transaction=True)
def test_a_check_that_cannot_start_shows_its_outcome_all_the_same(world, redis_url):
    world.connection.enabled = False
    world.connection.save()
    client = signed_in(world.manager)
    answer = client.post(RETURN, {"state": state_of(world)})
    assert "Check connection can&#x27;t start" in text_of(client.get(answer["Location"]))
    assert not OperationRun.objects.exists()
