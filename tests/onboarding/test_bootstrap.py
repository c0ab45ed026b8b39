"""Bootstrap: the first syncs one after another, as one thing that can be followed and stopped."""

import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from onboarding.bootstrap import selectable
from onboarding.models import OnboardingSession
from operations import chains
from operations.models import OperationRun
from providers.models import DirectoryCollection, ProviderConnection
from providers.permissions import PURPOSES
from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.grants import membership_set
from tests import factories
from tests.console.rows import signed_in, text_of
from tests.contracts.conftest import BOOTSTRAP, OUTCOME
from tests.onboarding.conftest import Wizard

pytestmark = [pytest.mark.django_db(transaction=True)]
GROUPS, ROLES = "directory.groups.sync", "directory.role_definitions.sync"


@pytest.fixture
def ready(wizard) -> Wizard:
    """A session whose access was verified, without the check itself."""
    wizard.connect()
    factories.make_ready(wizard.session.connection)
    assert wizard.step() == "bootstrap"
    return wizard


def start(wizard, *names, client=None, connection=None, **more):
    body = {
        "providerConnectionId": connection or wizard.session.connection_id,
        "selectedOperations": [*names],
        **more,
    }
    url = f"{wizard.url}/provider-bootstrap/start"
    headers = {"Accept": BOOTSTRAP, **more.pop("headers", {})}
    body.pop("headers", None)
    return (client or wizard.client).post(
        url, json.dumps(body), content_type="application/json", headers=headers
    )


def states(wizard):
    chain = wizard.page("bootstrap").context["chain"]
    return [step["state"] for step in chain["steps"]]


def test_the_first_is_accepted_and_each_end_admits_the_next(ready):
    answer = start(ready, GROUPS, ROLES)
    assert answer["Content-Type"] == BOOTSTRAP
    data = answer.json()
    assert (data["status"], data["acceptedOperation"], data["pendingOperations"]) == (
        "accepted",
        GROUPS,
        [ROLES],
    )
    assert data["run"]["id"] == OperationRun.objects.get().pk
    assert OperationRun.objects.get().surface == "onboarding.bootstrap"
    assert states(ready) == ["queued", "pending"]
    live = ready.client.get(f"{ready.url}/live/bootstrap")
    assert live.status_code == 200 and "every 2s" in text_of(live) and "Stop first syncs" in text_of(live)
    ready.work()
    assert states(ready) == ["succeeded", "queued"]
    ready.work()
    assert states(ready) == ["succeeded", "succeeded"]
    assert ready.client.get(f"{ready.url}/live/bootstrap").status_code == 286
    assert ready.step() == "done"
    done = ready.page("done")
    assert {item["label"]: item["count"] for item in done.context["directory"]}["Groups"] == 40
    assert ready.act("finish")["Location"] == "/admin/t/alpine"
    assert ready.session.state == "done"
    assert "/admin/onboarding/" not in text_of(ready.client.get("/admin/onboarding"))


def test_the_form_has_every_read_ticked_and_goes_back_to_the_wizard(ready):
    page = ready.page()
    names = [item["name"] for item in page.context["operations"]]
    assert names == [kind.name for kind in selectable()] and {GROUPS, ROLES} <= set(names)
    assert "provider.connection.check" not in names
    assert len(re.findall(r"selectedOperations\" value=\"[a-z_.]+\" checked", text_of(page))) == len(names)
    sent = {
        "providerConnectionId": ready.session.connection_id,
        "selectedOperations": names,
        "next": f"{ready.url}?step=bootstrap",
    }
    answer = ready.client.post(f"{ready.url}/provider-bootstrap/start", sent)
    assert (answer.status_code, answer["Location"]) == (303, f"{ready.url}?step=bootstrap")
    assert len(states(ready)) == len(names)


def test_the_same_selection_joins_and_another_waits(ready):
    first = start(ready, GROUPS, ROLES).json()
    again = start(ready, ROLES, GROUPS).json()
    assert (again["status"], again["run"]["id"]) == ("deduped", first["run"]["id"])
    assert again["pendingOperations"] == [ROLES] and "acceptedOperation" not in again
    assert start(ready, GROUPS).json()["status"] == "scope_busy"
    assert OperationRun.objects.count() == 1


def test_foreign_work_on_the_connection_makes_no_chain(ready):
    ready.start_check()
    busy = start(ready, GROUPS).json()
    assert busy["status"] == "scope_busy" and chains.latest(f"onboarding:{ready.pk}") is None
    assert ready.step() == "bootstrap"


def test_a_blocked_one_is_recorded_and_the_next_is_tried(ready):
    ProviderConnection.objects.update(granted_permissions=sorted({*PURPOSES} - {"GroupMember.Read.All"}))
    OnboardingSession.objects.update(left_out=["GroupMember.Read.All"])
    data = start(ready, GROUPS, ROLES).json()
    assert (data["status"], data["acceptedOperation"]) == ("accepted", ROLES)
    steps = ready.page("bootstrap").context["chain"]["steps"]
    assert steps[0]["state"] == "blocked" and "GroupMember.Read.All" in steps[0]["shortReason"]


def test_when_all_are_blocked_nothing_begins(ready):
    ProviderConnection.objects.update(enabled=False)
    data = start(ready, GROUPS, ROLES).json()
    # A disabled connection is not verified: the step before is open again.
    assert (data["status"], data["reasonCode"]) == ("blocked", "onboarding.step_incomplete")
    assert "acceptedOperation" not in data and not OperationRun.objects.exists()


def test_it_is_stopped_as_a_whole_at_each_step(ready):
    start(ready, GROUPS, ROLES)
    ready.client.post(f"{ready.url}/cancel")
    assert states(ready) == ["cancelled", "cancelled"]
    start(ready, GROUPS, ROLES)
    ready.work()
    ready.client.post(f"{ready.url}/cancel")
    assert states(ready) == ["succeeded", "cancelled"]
    assert "They had ended already." in text_of(
        ready.client.get(ready.client.post(f"{ready.url}/cancel")["Location"])
    )
    assert start(ready, GROUPS).json()["status"] == "accepted"


def test_whoever_started_it_and_loses_the_right_stops_it_with_the_reason(ready):
    start(ready, GROUPS, ROLES)
    membership_set(workspace=ready.app.workspace, user=ready.person, role=Role.READONLY, all_tenants=True)
    ready.work()
    owner = Wizard(ready.sandbox, signed_in(ready.session.workspace.memberships.get(role="owner").user), ready.person,
                   ready.app, ready.pk)  # fmt: skip
    chain = owner.page("bootstrap").context["chain"]
    assert [step["state"] for step in chain["steps"]] == ["succeeded", "skipped"]
    assert chain["reasonCode"] == "operation.rights_lost"


def test_two_people_who_start_at_once_start_one_chain(ready, world):
    clients = [signed_in(world.manager), signed_in(world.owner)]
    gate = threading.Barrier(2)

    def click(client):
        try:
            gate.wait(10)
            return start(ready, GROUPS, ROLES, client=client).json()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as both:
        answers = list(both.map(click, clients))
    assert sorted(answer["status"] for answer in answers) == ["accepted", "deduped"]
    assert len({answer["run"]["id"] for answer in answers}) == 1 and OperationRun.objects.count() == 1


def test_a_browser_that_was_closed_comes_back_to_where_it_stands(ready):
    start(ready, GROUPS)
    assert ready.step() == "done"
    ready.work()
    assert DirectoryCollection.objects.filter(tenant=ready.session.tenant).exists()
    assert "Succeeded" in text_of(ready.page("bootstrap"))


@pytest.mark.django_db(transaction=False)
class TestBody:
    @pytest.mark.parametrize(
        ("selection", "words"),
        [
            ([], "Choose at least one operation."),
            (None, "Choose at least one operation."),
            ("x", "Send the names of operations."),
            (["x"], "Unknown: x."),
            ([1], "Send the names of operations."),
            ([GROUPS, GROUPS], f"Named twice: {GROUPS}."),
            ([GROUPS, "no.such", "also.none"], "Unknown: no.such, also.none."),
            (
                [f"no.{n}" for n in range(5_000)],
                f"Unknown: {', '.join(f'no.{n}' for n in range(10))} and 4990 more.",
            ),
            (GROUPS, "Send the names of operations."),
            (["provider.connection.check"], "Can't be chosen: provider.connection.check."),
        ],
    )
    def test_a_selection_that_cannot_be_is_a_400_that_names_it(self, ready, selection, words):
        url = f"{ready.url}/provider-bootstrap/start"
        body = {"providerConnectionId": ready.session.connection_id, "selectedOperations": selection}
        answer = ready.client.post(
            url, json.dumps(body), content_type="application/json", headers={"Accept": BOOTSTRAP}
        )
        assert answer.status_code == 400 and answer.json()["errors"] == {"selectedOperations": words}
        assert answer["Content-Type"] == "application/problem+json"

    def test_the_connection_is_required_and_the_sessions_own(self, ready, world):
        for absent in (None, "", "12", True):
            url = f"{ready.url}/provider-bootstrap/start"
            body = json.dumps({"providerConnectionId": absent, "selectedOperations": [GROUPS]})
            answer = ready.client.post(
                url, body, content_type="application/json", headers={"Accept": BOOTSTRAP}
            )
            assert (answer.status_code, list(answer.json()["errors"])) == (400, ["providerConnectionId"]), (
                absent
            )
        answers = {
            start(ready, GROUPS, connection=pk).content for pk in (world.connection.pk, 987654321, 2**63, -1)
        }
        assert len(answers) == 1 and b"provider.connection_missing" in answers.pop()

    def test_without_a_body_both_fields_are_named(self, ready):
        answer = ready.client.post(f"{ready.url}/provider-bootstrap/start", headers={"Accept": BOOTSTRAP})
        assert (answer.status_code, set(answer.json()["errors"])) == (
            400, {"providerConnectionId", "selectedOperations"},
        )  # fmt: skip

    def test_only_its_own_media_type_and_html_are_served(self, ready):
        for accept, status in [
            (OUTCOME, 406),
            ("application/json", 406),
            ("application/*", 200),
            ("*/*", 200),
        ]:
            answer = start(ready, GROUPS, headers={"Accept": accept})
            assert answer.status_code == status, accept

    def test_an_earlier_step_that_is_open_blocks_it(self, wizard):
        wizard.begin()
        data = start(wizard, GROUPS, connection=1).json()
        assert (data["status"], data["reasonCode"]) == ("blocked", "onboarding.step_incomplete")
        assert data["nextSteps"][0]["href"] == wizard.url

    def test_an_idempotency_key_gives_the_first_answer_again(self, ready):
        first = start(ready, GROUPS, ROLES, headers={"Idempotency-Key": "k"})
        again = start(ready, GROUPS, ROLES, headers={"Idempotency-Key": "k"})
        assert again.content == first.content and again.json()["status"] == "accepted"
        assert start(ready, GROUPS, headers={"Idempotency-Key": "k"}).status_code == 422
