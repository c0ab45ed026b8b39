"""A run over HTTP: page, polled part, JSON, and what may be done to it."""

import dataclasses
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from operations import reasons as run_reasons
from operations import registry, transitions
from operations.choices import Access, RunOutcome
from operations.models import OperationRun, RunEvent
from operations.registry import Page
from operations.transitions import Ending
from providers import reasons as provider_reasons
from tenantpilot.core import reasons as catalogue
from tenantpilot.tenancy.capabilities import Capability
from tests import factories
from tests.contracts.conftest import OUTCOME, RUN
from tests.operations import probes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis_url")]


@pytest.fixture
def run(world) -> OperationRun:
    outcome = factories.start("directory.groups.sync", world.tenant, world.operator)
    return OperationRun.objects.get(pk=outcome.run.id)


@pytest.fixture
def operator(world, as_):
    return as_(world.operator, accept=RUN)


def url(run, act="") -> str:
    return f"/admin/operations/{run.pk}" + (f"/{act}" if act else "")


def ended(run, outcome=RunOutcome.FAILED, code="provider.unreachable", **more):
    """End the run as a worker does."""
    claim = transitions.claim(run.pk, "host:1:2")
    assert claim is not None
    ending = {
        "reason_facts": {}, "progress": {"stage": "groups", "done": 5, "total": 9}, "counts": {"groups": 5},
        "failures": [], "cost": {"requests": 3, "retries": 1, "throttledSeconds": 0.5, "bytes": 10},
        "diagnostics": [{"requestId": "r-1", "status": 503, "path": "/groups", "at": "2026-01-01T00:00:00Z"}],
    }  # fmt: skip
    assert transitions.finish(claim, Ending(outcome, code, **{**ending, **more}))
    return claim


def test_a_queued_run_is_told_with_the_contracts_keys_and_ours(operator, run, world):
    data = operator.get(url(run)).json()
    assert data["runId"] == run.pk
    assert data["operationType"] == "directory.groups.sync"
    assert data["operatorVerb"] == "Sync groups"
    assert data["executionStatus"] == "queued"
    assert data["protectedScope"] == {
        "kind": "connection", "id": world.connection.pk, "label": "Contoso connection",
    }  # fmt: skip
    assert data["initiator"] == {"name": "operator"}
    assert data["attempts"] == 0
    assert data["timeline"] == [
        {"at": data["timeline"][0]["at"], "label": "Accepted", "tone": "mute", "detail": "By operator"}
    ]
    assert data["diagnosticsAvailable"] is False
    assert [action["kind"] for action in data["actions"]] == ["cancel"]
    assert not {"outcome", "shortReason", "reasonCode", "startedAt", "completedAt", "progress"} & set(data)


def test_an_ended_run_says_why_and_what_to_do(operator, run):
    ended(run)
    data = operator.get(url(run)).json()
    assert (data["executionStatus"], data["outcome"]) == ("completed", "failed")
    assert data["reasonCode"] == "provider.unreachable"
    assert data["shortReason"] == "Microsoft did not answer for Contoso."
    assert data["nextSteps"][0]["actionType"] == "check_connection"
    assert data["progress"] == {"stage": "Reading groups", "done": 5, "total": 9}
    assert data["counts"] == {"groups": 5}
    assert data["cost"]["requests"] == 3
    assert data["actions"] == [{"label": "Retry", "href": f"{url(run)}/retry", "kind": "retry"}]
    assert [line["label"] for line in data["timeline"]] == ["Accepted", "Started", "Failed"]


def test_a_retry_that_the_reason_offers_is_not_offered_twice(operator, run):
    ended(run, code="operation.timed_out")
    data = operator.get(url(run)).json()
    assert data["nextSteps"] == [{"label": "Retry", "href": f"{url(run)}/retry", "actionType": "retry"}]
    assert "actions" not in data


def test_partly_failed_names_each_type_and_its_reason(operator, run):
    failures = [
        {
            "type": "intune_role_definitions",
            "code": "provider.licence_missing",
            "facts": {"licence": "Microsoft Intune"},
        }
    ]
    facts = {"failed": 1, "requested": 2}
    ended(run, RunOutcome.PARTIALLY_SUCCEEDED, "operation.partly_read", failures=failures, reason_facts=facts)
    data = operator.get(url(run)).json()
    assert data["shortReason"] == "1 of 2 object types could not be read."
    assert data["failures"] == [
        {
            "type": "Intune role definitions",
            "reason": "Contoso has no licence for Microsoft Intune.",
            "reasonCode": "provider.licence_missing",
        }
    ]


def test_diagnostics_are_for_operators_and_up(world, as_, run):
    ended(run)
    assert as_(world.operator, accept=RUN).get(url(run)).json()["diagnosticsAvailable"] is True
    hidden = as_(world.readonly, accept=RUN).get(url(run)).json()
    assert hidden["diagnosticsAvailable"] is False
    assert "diagnostics" not in hidden
    assert "r-1" not in as_(world.readonly).get(url(run)).content.decode()
    assert "r-1" in as_(world.operator).get(url(run)).content.decode()


def test_who_sees_the_tenant_but_not_its_runs_gets_a_403(world, as_, run):
    with connection.cursor() as cursor:
        for table in ("workspace", "tenant"):
            cursor.execute(
                f"DELETE FROM tenancy_{table}groupobjectpermission WHERE permission_id IN"
                " (SELECT id FROM auth_permission WHERE codename = %s)",
                [Capability.VIEW_RUN],
            )
    for act in ("", "status"):
        assert as_(world.operator).get(url(run, act)).status_code == 403
    assert as_(world.operator).post(url(run, "cancel")).status_code == 403
    assert as_(world.operator).post(url(run, "retry")).status_code == 403
    assert as_(world.outsider).get(url(run)).status_code == 404


@pytest.mark.parametrize("text", ["0", "999999", str(2**63 - 1), str(2**63), "9" * 30])
def test_a_run_that_no_row_can_be_is_a_404(operator, world, text):
    assert operator.get(f"/admin/operations/{text}").status_code == 404
    assert operator.post(f"/admin/operations/{text}/retry", headers={"Accept": OUTCOME}).status_code == 404


def test_the_slash_form_leads_to_the_page(operator, run):
    answer = operator.get(f"{url(run)}/?x=1")
    assert (answer.status_code, answer["Location"]) == (301, f"{url(run)}?x=1")
    assert operator.post(f"{url(run)}/").status_code == 405


class TestPolling:
    @pytest.fixture
    def page(self, world, as_):
        return as_(world.operator)

    def test_it_goes_on_while_the_run_is_active_and_slows_down(self, page, run):
        answer = page.get(url(run, "status"), headers={"HX-Request": "true"})
        assert answer.status_code == 200
        assert f'hx-get="{url(run)}/status" hx-trigger="every 2s"' in answer.content.decode()
        transitions.claim(run.pk, "host:1:2")
        with connection.cursor() as cursor:
            cursor.execute("UPDATE operations_operationrun SET started_at = now() - interval '61 seconds'")
        assert "every 5s" in page.get(url(run, "status")).content.decode()

    def test_it_stops_with_the_end(self, page, run):
        ended(run)
        answer = page.get(url(run, "status"), headers={"HX-Request": "true"})
        assert answer.status_code == 286
        assert "hx-trigger" not in answer.content.decode()
        assert 'hx-swap-oob="true"' in answer.content.decode()
        assert answer["HX-Trigger"] == "tp:run-ended"
        assert 'hx-trigger="every' not in page.get(url(run)).content.decode()

    def test_waiting_long_and_silence_are_told_and_never_called_a_failure(self, page, run):
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE operations_operationrun SET not_before = now() - interval '5 min',"
                " created_at = now() - interval '5 min'"
            )
        assert "Still waiting" in page.get(url(run, "status")).content.decode()
        transitions.claim(run.pk, "host:1:2")
        with connection.cursor() as cursor:
            cursor.execute("UPDATE operations_operationrun SET lease_until = now() - interval '6 minutes'")
        shown = page.get(url(run, "status")).content.decode()
        assert "No news for 6 min." in shown
        assert "Failed" not in shown


class TestRetry:
    def test_it_starts_the_same_work_with_the_same_input(self, world, as_, run):
        ended(run)
        answer = as_(world.manager, accept=OUTCOME).post(url(run, "retry"))
        assert answer.json()["status"] == "accepted"
        again = OperationRun.objects.get(pk=answer.json()["run"]["id"])
        assert (again.retry_of_id, again.params, again.origin) == (run.pk, run.params, "retry")
        assert again.initiator == world.manager

    def test_of_an_active_run_is_that_run(self, world, as_, run):
        answer = as_(world.operator, accept=OUTCOME).post(url(run, "retry"))
        assert (answer.json()["status"], answer.json()["run"]["id"]) == ("deduped", run.pk)

    def test_needs_what_the_start_needs(self, world, as_, run):
        ended(run)
        assert as_(world.readonly, accept=OUTCOME).post(url(run, "retry")).status_code == 403
        told = as_(world.readonly, accept=RUN).get(url(run)).json()
        assert "actions" not in told

    def test_of_a_type_that_is_gone_is_a_404(self, world, as_, run):
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO operations_operationrun"
                " (tenant_id, connection_id, operation_type, op_key, identity, scope_key, params, origin)"
                " SELECT tenant_id, connection_id, 'old.work', 'x', '{}', 'connection:0', '{}', 'console'"
                " FROM operations_operationrun RETURNING id"
            )
            old = cursor.fetchone()[0]
        assert as_(world.operator, accept=OUTCOME).post(f"/admin/operations/{old}/retry").status_code == 404
        assert (
            as_(world.operator, accept=RUN).get(f"/admin/operations/{old}").json()["operatorVerb"]
            == "old.work"
        )


class TestCancel:
    def test_asks_first(self, world, as_, run):
        page = as_(world.operator).get(url(run, "cancel")).content.decode()
        assert "This stops the run." in page
        assert f'action="{url(run)}/cancel"' in page
        assert OperationRun.objects.get(pk=run.pk).status == "queued"

    def test_ends_a_waiting_run_and_goes_back_to_it(self, world, as_, run):
        answer = as_(world.operator).post(url(run, "cancel"))
        assert (answer.status_code, answer["Location"]) == (303, url(run))
        run.refresh_from_db()
        assert (run.status, run.outcome, run.cancel_requested_by) == (
            "completed",
            "cancelled",
            world.operator,
        )

    def test_asks_a_running_run_to_stop(self, operator, run):
        transitions.claim(run.pk, "host:1:2")
        data = operator.post(url(run, "cancel")).json()
        assert data["executionStatus"] == "running"
        assert "actions" not in data
        assert RunEvent.objects.filter(run=run, kind="cancel_requested").count() == 1

    def test_of_an_ended_run_changes_nothing(self, operator, run):
        ended(run, RunOutcome.SUCCEEDED, "")
        assert operator.post(url(run, "cancel")).json()["outcome"] == "succeeded"

    def test_is_for_whoever_could_start_it(self, world, as_, run):
        assert as_(world.readonly).get(url(run, "cancel")).status_code == 403
        assert as_(world.readonly).post(url(run, "cancel")).status_code == 403
        assert as_(world.outsider).post(url(run, "cancel")).status_code == 404


class TestForceRelease:
    @pytest.fixture
    def asked(self, world, run):
        transitions.claim(run.pk, "host:1:2")
        transitions.cancel(run.pk, world.operator.pk)
        return run

    def later(self):
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE operations_operationrun SET cancel_requested_at = now() - interval '61 seconds'"
            )

    def test_waits_a_minute_after_the_cancel(self, world, as_, asked):
        owner = as_(world.owner, accept=RUN)
        assert owner.post(url(asked, "force-release")).json()["code"] == "not_releasable"
        self.later()
        assert [step["kind"] for step in owner.get(url(asked)).json()["actions"]] == ["force_release"]
        data = owner.post(url(asked, "force-release")).json()
        assert (data["outcome"], data["reasonCode"]) == ("failed", "operation.force_released")

    def test_frees_the_scope_and_fences_the_worker_out(self, world, as_, run):
        claim = transitions.claim(run.pk, "host:1:2")
        transitions.cancel(run.pk, world.operator.pk)
        self.later()
        as_(world.owner).post(url(run, "force-release"))
        assert transitions.renew(claim) is None
        started = factories.start("directory.groups.sync", world.tenant, world.owner)
        assert started.status == "accepted"

    def test_is_for_owners(self, world, as_, asked):
        self.later()
        for person in (world.manager, world.operator):
            assert as_(person).post(url(asked, "force-release")).status_code == 403
            assert "actions" not in as_(person, accept=RUN).get(url(asked)).json()

    def test_asks_first(self, world, as_, asked):
        assert "frees its connection" in as_(world.owner).get(url(asked, "force-release")).content.decode()


def test_every_reason_has_words_for_a_run_that_ends_with_it(world, as_, run):
    assert run_reasons.CANCELLED and provider_reasons.UNREACHABLE
    page = as_(world.operator, accept=RUN)
    ended(run)
    for reason in catalogue.all_reasons():
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            cursor.execute("UPDATE operations_operationrun SET reason_code = %s", [reason.code])
            cursor.execute("SET session_replication_role = origin")
        data = page.get(url(run)).json()
        assert data["reasonCode"] == reason.code
        assert data["shortReason"] != reason.code
        for step in data.get("nextSteps", []):
            assert "%(" not in step["label"]
            assert step.get("href", "/").startswith("/")


def test_times_in_facts_are_local_words(world, as_, run):
    until = timezone.now() + timedelta(minutes=5)
    ended(run, code="provider.throttled", reason_facts={"until": until.isoformat()})
    words = as_(world.operator, accept=RUN).get(url(run)).json()["shortReason"]
    assert words.startswith("Microsoft throttles Contoso until ")
    assert words.endswith(" UTC.")
    assert "T" not in words.replace("UTC", "")


def test_a_run_that_brought_something_leads_there(world, as_, run):
    ended(run, RunOutcome.SUCCEEDED, "")
    assert as_(world.operator, accept=RUN).get(url(run)).json()["actions"] == [
        {"label": "Open result", "href": "/admin/t/contoso/directory/groups", "kind": "open_result"}
    ]


def test_a_run_that_failed_brought_nothing(operator, run):
    ended(run, RunOutcome.FAILED)
    assert [action["kind"] for action in operator.get(url(run)).json()["actions"]] == ["retry"]


class TestAWrite:
    """What is said of a run that changes a directory."""

    @pytest.fixture
    def write(self, world, monkeypatch) -> OperationRun:
        resume = Page("tenant_start", "key")  # any page of a tenant with one more argument
        kind = probes.declare(monkeypatch, probes.WRITE, access=Access.WRITE)
        monkeypatch.setitem(registry._types, kind.name, dataclasses.replace(kind, resume=resume))
        outcome = factories.start(probes.WRITE, world.tenant, world.operator, key="7")
        return OperationRun.objects.get(pk=outcome.run.id)

    def test_keeps_its_directory_to_itself(self, operator, write, world):
        scope = operator.get(url(write)).json()["protectedScope"]
        assert (scope["kind"], scope["id"]) == ("directory", str(world.tenant.entra_tenant_id))
        assert scope["label"] == "The directory of Contoso, and Contoso connection"

    def test_that_lost_its_worker_offers_resume_and_no_retry(self, operator, write):
        ended(write, RunOutcome.FAILED, "operation.worker_lost")
        data = operator.get(url(write)).json()
        assert data["nextSteps"] == [
            {"label": "Resume", "href": "/admin/t/contoso/provider-actions/7/start", "actionType": "resume"}
        ]
        assert "actions" not in data
        assert operator.post(url(write, "retry"), headers={"Accept": OUTCOME}).status_code == 404

    def test_that_was_cancelled_offers_resume_too(self, operator, write):
        ended(write, RunOutcome.CANCELLED, "operation.cancelled")
        assert [action["kind"] for action in operator.get(url(write)).json()["actions"]] == ["resume"]

    def test_tells_who_may_resume_it(self, world, as_, write):
        ended(write, RunOutcome.FAILED, "operation.worker_lost")
        steps = as_(world.readonly, accept=RUN).get(url(write)).json()["nextSteps"]
        assert [step["actionType"] for step in steps] == ["ask_role"]

    def test_without_a_way_to_resume_offers_none(self, operator, write, monkeypatch):
        kind = registry.get(probes.WRITE)
        monkeypatch.setitem(registry._types, kind.name, dataclasses.replace(kind, resume=None))
        ended(write, RunOutcome.FAILED, "operation.worker_lost")
        assert not {"nextSteps", "actions"} & set(operator.get(url(write)).json())

    def test_that_is_force_released_may_still_land(self, world, as_, write):
        page = as_(world.owner).get(url(write, "force-release")).content.decode()
        assert "frees its directory" in page
        assert "A request under way may still land." in page

    def test_names_the_directory_to_whom_it_keeps_waiting(self, world, as_, write):
        second = factories.make_connection(world.tenant, world.owner)
        start_url = f"/admin/provider-connections/{second.pk}/actions/directory.groups.sync/start"
        words = as_(world.operator, accept=OUTCOME).post(start_url).json()["shortReason"]
        assert words.startswith("Probe (operator, since ")
        assert words.endswith("is using this directory. Try again when it ends.")
