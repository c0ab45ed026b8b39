"""Errors come in one order, so that none tells more than the one before it."""

import pytest
from django.test import Client

from providers.models import ProviderConnection
from tests import factories
from tests.contracts.conftest import BOOTSTRAP, OUTCOME, RUN

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis_url")]

GROUPS = "/admin/t/contoso/directory/groups/sync"
HIDDEN = "/admin/t/nowhere/directory/groups/sync"
UNKNOWN = "/admin/t/contoso/provider-actions/no.such/start"
VERIFY = "/admin/onboarding/1/provider-actions/provider.connection.check/start"
FIRST_SYNCS = "/admin/onboarding/1/provider-bootstrap/start"
ADDRESSES = [GROUPS, HIDDEN, UNKNOWN, VERIFY, FIRST_SYNCS]
BAD_BODY = {"data": b"{", "content_type": "application/json"}


def client_of(person, **options) -> Client:
    client = Client(headers={"Accept": f"{OUTCOME}, {BOOTSTRAP}"}, **options)
    if person:
        client.force_login(person)
    return client


def code(answer) -> tuple[int, str]:
    assert answer["Content-Type"] == "application/problem+json", answer.content
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("url", ADDRESSES)
def test_method_media_type_and_accept_come_before_everything(url):
    stranger = client_of(None)
    refused = stranger.get(url)
    assert code(refused) == (405, "method_not_allowed")
    assert refused["Allow"] == "POST"
    assert code(stranger.options(url)) == (405, "method_not_allowed")
    text = {"data": "x", "content_type": "text/plain"}
    assert code(stranger.post(url, **text)) == (415, "unsupported_media_type")
    assert code(stranger.put(url, **text)) == (405, "method_not_allowed")
    wrong = {"headers": {"Accept": "application/json"}}
    assert code(stranger.post(url, **text, **wrong)) == (415, "unsupported_media_type")
    assert code(stranger.post(url, **wrong)) == (406, "not_acceptable")


@pytest.mark.parametrize("url", ADDRESSES)
def test_then_being_signed_in_comes_before_the_token(url):
    strict = client_of(None, enforce_csrf_checks=True)
    assert code(strict.post(url, **BAD_BODY)) == (403, "not_authenticated")


@pytest.mark.parametrize("url", ADDRESSES)
def test_then_the_token_comes_before_what_the_url_names(world, url):
    strict = client_of(world.operator, enforce_csrf_checks=True)
    assert code(strict.post(url, **BAD_BODY)) == (403, "csrf_failed")


def test_then_visibility_then_operation_then_capability_then_body(world):
    assert code(client_of(world.outsider).post(GROUPS, **BAD_BODY)) == (404, "not_found")
    assert code(client_of(world.readonly).post(UNKNOWN, **BAD_BODY)) == (404, "not_found")
    assert code(client_of(world.readonly).post(GROUPS, **BAD_BODY)) == (403, "permission_denied")
    assert code(client_of(world.operator).post(GROUPS, **BAD_BODY)) == (400, "bad_request")


def test_an_onboarding_asks_in_the_same_order(world):
    pk = factories.make_session(world.tenant, world.manager).pk
    verify, first = VERIFY.replace("/1/", f"/{pk}/"), FIRST_SYNCS.replace("/1/", f"/{pk}/")
    for url in (verify, first):
        assert code(client_of(world.outsider).post(url, **BAD_BODY)) == (404, "not_found")
        assert code(client_of(world.readonly).post(url, **BAD_BODY)) == (403, "permission_denied")
        assert code(client_of(world.manager).post(url, **BAD_BODY)) == (400, "bad_request")
    unknown = verify.replace("provider.connection.check", "directory.groups.sync")
    assert code(client_of(world.readonly).post(unknown, **BAD_BODY)) == (404, "not_found")


def test_a_bad_body_wins_over_a_blocked_start_and_a_key_over_nothing_before_it(world):
    ProviderConnection.objects.update(enabled=False)
    operator = client_of(world.operator)
    assert code(operator.post(GROUPS, **BAD_BODY, headers={"Idempotency-Key": "k"})) == (400, "bad_request")


def test_a_missing_capability_names_the_role(world):
    assert client_of(world.readonly).post(GROUPS).json()["detail"] == "You need Operator on this tenant."


def test_the_body_of_a_strangers_answer_is_the_same_at_every_address(world):
    stranger = client_of(None)
    run = f"/admin/operations/{factories.start('directory.groups.sync', world.tenant, world.owner).run.id}"
    addresses = [
        GROUPS,
        HIDDEN,
        UNKNOWN,
        f"{run}/retry",
        "/admin/operations/99999/retry",
        "/admin/no-such-page",
    ]
    bodies = {stranger.post(url).content for url in addresses}
    bodies |= {
        stranger.get(url, headers={"Accept": RUN}).content
        for url in (run, "/admin/tenants", "/admin/nowhere")
    }
    assert len(bodies) == 1


def test_a_strangers_browser_goes_to_the_sign_in_page_and_comes_back(world):
    stranger = Client()
    run = "/admin/operations/1?x=1"
    assert stranger.get(run)["Location"] == "/admin/login/?next=%2Fadmin%2Foperations%2F1%3Fx%3D1"
    sent = stranger.post(GROUPS, headers={"Referer": "http://testserver/admin/t/contoso"})
    assert (sent.status_code, sent["Location"]) == (302, "/admin/login/?next=%2Fadmin%2Ft%2Fcontoso")
    elsewhere = stranger.post(GROUPS, headers={"Referer": "https://evil.example/"})
    assert elsewhere["Location"] == "/admin/login/"


def test_a_strangers_htmx_loads_the_sign_in_page(world):
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/admin/t/contoso"}
    answer = Client().post(GROUPS, headers=headers)
    assert answer.status_code == 200
    assert answer["HX-Redirect"].startswith("/admin/login/?next=%2Fadmin%2Ft%2Fcontoso")
    assert answer.content == b""


def test_a_person_without_a_place_in_the_console_counts_as_a_stranger(world):
    world.operator.is_staff = False
    world.operator.save()
    assert code(client_of(world.operator).post(GROUPS)) == (403, "not_authenticated")


def test_an_unreadable_form_is_a_400(world):
    broken = {"data": b"x", "content_type": "multipart/form-data"}
    answer = client_of(world.operator).post(GROUPS, **broken)
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


def test_an_error_for_htmx_is_a_fragment_in_the_frame_of_an_outcome(world):
    browser = Client(headers={"HX-Request": "true"})
    browser.force_login(world.readonly)
    answer = browser.post(GROUPS)
    assert answer.status_code == 403
    assert "tp-outcome--bad" in answer.content.decode()
    assert "<html" not in answer.content.decode()
