"""A start over HTTP: the four outcomes, in every rendering, on every surface."""

import json

import pytest

from operations.models import OperationRun
from providers.models import ProviderConnection
from tenantpilot.audit.models import AuditEntry
from tests import factories
from tests.contracts.conftest import OUTCOME

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis_url")]

GROUPS = "/admin/t/contoso/directory/groups/sync"
ROLES = "/admin/t/contoso/directory/role-definitions/sync"


def tenant_start(operation="directory.groups.sync", tenant="contoso"):
    return f"/admin/t/{tenant}/provider-actions/{operation}/start"


def connection_start(connection_id, operation="directory.groups.sync"):
    return f"/admin/provider-connections/{connection_id}/actions/{operation}/start"


@pytest.fixture
def operator(world, as_):
    return as_(world.operator, accept=OUTCOME)


def send(client, url, body=None, **more):
    return client.post(url, json.dumps(body or {}), content_type="application/json", **more)


def test_a_first_start_is_accepted(operator):
    answer = send(operator, GROUPS)
    assert answer.status_code == 200
    data = answer.json()
    run = OperationRun.objects.get()
    assert data["status"] == "accepted"
    assert data["operatorVerb"] == "Sync groups"
    assert data["operatorMessage"] == "Sync groups queued"
    assert data["run"] == {"id": run.pk, "url": f"/admin/operations/{run.pk}", "status": "queued"}
    assert data["reasonCode"] == "operation.worker_unavailable"


def test_a_second_start_joins_the_first_whatever_the_surface(operator, world):
    first = send(operator, GROUPS).json()
    for url in (GROUPS, tenant_start(), connection_start(world.connection.pk)):
        again = send(operator, url).json()
        assert again["status"] == "deduped", url
        assert again["run"]["id"] == first["run"]["id"]
        assert again["reasonCode"] == "operation.already_running"
    assert OperationRun.objects.count() == 1
    assert OperationRun.objects.get().surface == "directory/groups/sync"


def test_other_work_is_refused_and_the_holder_named(operator):
    first = send(operator, GROUPS).json()
    busy = send(operator, ROLES).json()
    assert busy["status"] == "scope_busy"
    assert busy["operatorMessage"] == "Contoso is busy"
    assert busy["shortReason"].startswith("Sync groups (operator, since ")
    assert busy["run"]["id"] == first["run"]["id"]
    assert busy["nextSteps"][0]["href"] == first["run"]["url"]


def test_other_input_of_the_same_operation_is_other_work(operator):
    send(operator, GROUPS)
    assert send(operator, GROUPS, {"selectionKey": "security_groups_v1"}).json()["status"] == "scope_busy"


def test_a_blocked_start_says_why_and_is_audited(operator, world):
    ProviderConnection.objects.update(enabled=False)
    blocked = send(operator, tenant_start(), {"sourceSurface": "a.page"}).json()
    assert blocked["status"] == "blocked"
    assert blocked["reasonCode"] == "provider.connection_disabled"
    assert "run" not in blocked
    entry = AuditEntry.objects.get(action="start.blocked")
    assert (entry.surface, entry.reason_code) == ("a.page", "provider.connection_disabled")


def test_who_may_not_mend_it_is_told_who_may_and_where_to_look(world, as_):
    ProviderConnection.objects.update(enabled=False)
    page = f"/admin/provider-connections/{world.connection.pk}"
    told = send(as_(world.operator, accept=OUTCOME), GROUPS).json()["nextSteps"]
    assert told == [{"label": "Ask a Manager of Contoso-Msp.", "actionType": "ask_role", "href": page}]
    mend = send(as_(world.manager, accept=OUTCOME), GROUPS).json()["nextSteps"]
    assert mend == [{"label": "Enable connection", "actionType": "enable_connection", "href": page}]


def test_no_key_of_an_outcome_is_null(operator):
    for url in (GROUPS, GROUPS, ROLES):
        assert None not in send(operator, url).json().values()


class TestConnections:
    def test_another_tenants_a_missing_and_an_impossible_id_answer_alike_to_the_byte(self, operator, world):
        other = factories.make_tenant(world.workspace, "fabrikam")
        foreign = factories.make_connection(other, world.owner).pk
        ids = [foreign, 987654321, 2**63, 10**30, 0, -1]
        answers = {send(operator, GROUPS, {"providerConnectionId": pk}).content for pk in ids}
        assert len(answers) == 1
        data = json.loads(answers.pop())
        assert (data["status"], data["reasonCode"]) == ("blocked", "provider.connection_missing")
        assert "providerConnection" not in data

    def test_null_and_absent_mean_the_default(self, operator):
        first = send(operator, GROUPS, {"providerConnectionId": None}).json()
        assert first["status"] == "accepted"
        assert send(operator, GROUPS).json()["run"]["id"] == first["run"]["id"]

    @pytest.mark.parametrize("value", ["12", True, 1.5, [], {}])
    def test_json_types_are_strict(self, operator, value):
        answer = send(operator, GROUPS, {"providerConnectionId": value})
        assert answer.status_code == 400
        assert list(answer.json()["errors"]) == ["providerConnectionId"]

    def test_forms_are_coerced(self, operator, world):
        for value in (str(world.connection.pk), ""):
            answer = operator.post(GROUPS, {"providerConnectionId": value})
            assert answer.json()["status"] in {"accepted", "deduped"}
        assert operator.post(GROUPS, {"providerConnectionId": "ten"}).status_code == 400
        assert operator.post(GROUPS, {"providerConnectionId": "9" * 5000}).json()["status"] == "blocked"


class TestBodies:
    @pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"1", b"\xff", b"{" * 100_000, b'{"a": NaN}'])
    def test_what_is_no_json_object_is_a_400(self, operator, body):
        answer = operator.post(GROUPS, body, content_type="application/json")
        assert answer.status_code == 400
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["code"] == "bad_request"

    @pytest.mark.parametrize("body", [b"", b"null", b"{}"])
    def test_no_body_null_and_an_empty_object_are_alike(self, operator, body):
        answer = operator.post(GROUPS, body, content_type="application/json")
        assert answer.json()["status"] == "accepted"

    @pytest.mark.parametrize("body", [b"{", b"[]", b'{"selectionKey": "nope"}'])
    def test_a_surface_without_a_body_ignores_one(self, operator, world, body):
        for url in (ROLES, connection_start(world.connection.pk, "directory.role_definitions.sync")):
            assert operator.post(url, body, content_type="application/json").status_code == 200

    def test_an_unknown_selection_is_refused_and_the_known_ones_named(self, operator):
        answer = send(operator, GROUPS, {"selectionKey": "nope"})
        assert answer.status_code == 400
        assert answer.json()["code"] == "invalid_input"
        assert "all_groups_v1" in answer.json()["errors"]["selectionKey"]

    def test_input_of_the_tenant_surface_stands_in_its_context(self, operator):
        answer = send(operator, tenant_start(), {"targetContext": {"selectionKey": 7}})
        assert list(answer.json()["errors"]) == ["targetContext.selectionKey"]
        answer = operator.post(tenant_start(), {"targetContext.selectionKey": "security_groups_v1"})
        assert answer.json()["status"] == "accepted"
        assert OperationRun.objects.get().params == {"selectionKey": "security_groups_v1"}

    @pytest.mark.parametrize("context", [[], "x", 3])
    def test_a_context_that_is_no_object_is_a_400(self, operator, context):
        assert send(operator, tenant_start(), {"targetContext": context}).status_code == 400

    def test_unknown_keys_are_ignored(self, operator):
        body = {"extra": 1, "targetContext": {"other": [1]}}
        assert send(operator, tenant_start(), body).json()["status"] == "accepted"

    @pytest.mark.parametrize("surface", ["x" * 65, 7, "a\x00b", "\ud800"])
    def test_a_source_surface_that_can_not_be_kept_is_a_400(self, operator, surface):
        answer = send(operator, tenant_start(), {"sourceSurface": surface})
        assert list(answer.json()["errors"]) == ["sourceSurface"]


class TestPages:
    @pytest.fixture
    def browser(self, world, as_):
        return as_(world.operator, accept="text/html")

    def test_a_plain_post_goes_back_to_the_page_it_names_with_a_message(self, browser):
        answer = browser.post(GROUPS, {"next": "/admin/t/contoso?tab=1"})
        assert (answer.status_code, answer["Location"]) == (303, "/admin/t/contoso?tab=1")
        assert "messages" in answer.cookies

    @pytest.mark.parametrize("where", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
    def test_a_page_elsewhere_is_not_gone_to(self, browser, where):
        answer = browser.post(GROUPS, {"next": where})
        assert answer.status_code == 200
        assert "Location" not in answer

    def test_without_a_page_to_go_back_to_it_is_one_itself(self, browser):
        answer = browser.post(GROUPS)
        assert "<!DOCTYPE html>" in answer.content.decode()
        assert "Sync groups queued" in answer.content.decode()

    def test_htmx_gets_the_panel_alone_and_the_lists_hear_of_the_run(self, browser):
        answer = browser.post(GROUPS, {"next": "/admin/"}, headers={"HX-Request": "true"})
        assert answer.status_code == 200
        assert "<html" not in answer.content.decode()
        assert list(json.loads(answer["HX-Trigger"])) == ["tp:runs-changed"]
        again = browser.post(GROUPS, headers={"HX-Request": "true"})
        assert "HX-Trigger" not in again

    def test_a_page_without_a_slot_gets_a_toast_in_place_of_the_panel(self, browser):
        answer = browser.post(GROUPS, {"slot": "none"}, headers={"HX-Request": "true"})
        shown = json.loads(answer["HX-Trigger"])["tp:toast"]
        assert shown["outcome"] == "accepted"
        assert shown["href"] == f"/admin/operations/{OperationRun.objects.get().pk}"
        assert answer["HX-Reswap"] == "none"


class TestIdempotencyKey:
    def test_a_key_gives_the_first_answer_again(self, operator):
        first = send(operator, GROUPS, headers={"Idempotency-Key": "k1"})
        again = send(operator, GROUPS, headers={"Idempotency-Key": "k1"})
        assert again.content == first.content
        assert again.json()["status"] == "accepted"
        assert OperationRun.objects.count() == 1

    def test_another_payload_under_the_key_is_a_422(self, operator):
        send(operator, GROUPS, headers={"Idempotency-Key": "k1"})
        answer = send(
            operator, GROUPS, {"selectionKey": "security_groups_v1"}, headers={"Idempotency-Key": "k1"}
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")

    def test_a_key_is_the_persons_and_the_paths_own(self, operator, world, as_):
        send(operator, GROUPS, headers={"Idempotency-Key": "k1"})
        other = as_(world.manager, accept=OUTCOME)
        assert send(other, GROUPS, headers={"Idempotency-Key": "k1"}).json()["status"] == "deduped"
        assert send(operator, tenant_start(), headers={"Idempotency-Key": "k1"}).json()["status"] == "deduped"

    def test_a_key_that_can_not_be_kept_is_a_400(self, operator):
        assert send(operator, GROUPS, headers={"Idempotency-Key": "k" * 256}).status_code == 400
