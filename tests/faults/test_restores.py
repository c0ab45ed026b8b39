"""A worker that is killed with SIGKILL at the boundaries of a restore's journal: what is said, and how it goes on."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from operations.choices import RunOutcome, StartStatus
from operations.outcomes import StartOutcome
from providers.models import Backup, RestoreResult, RestoreStep
from providers.restore import drafts
from providers.sandbox.testing import SandboxServer
from tests.faults.stage import Worker, end_database_sessions, ended, row, wait_for
from tests.providers.conftest import Live
from tests.providers.restoring import draft, make_restorable, start_execution

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.timeout(150)]
CATEGORIES = "deviceCategories"
PATH = "deviceManagement/deviceCategories"
SOON = 45.0
DETAIL = "application/vnd.tenantpilot.provider-backed-run-detail+json"


@pytest.fixture(scope="session")
def provider() -> Iterator[SandboxServer]:
    """It answers at once: where a run is stopped, is said by each test."""
    with SandboxServer() as server:
        yield server


@pytest.fixture
def live(transactional_db: None, provider: SandboxServer) -> Live:
    found = make_restorable(provider.control, policies=0, throttle_intune=False)
    for name in ("First", "Second", "Third"):
        found.sandbox.add_object(found.slug, CATEGORIES, name)
    return found


@dataclass(frozen=True)
class Boundary:
    """Where the worker hangs when it is killed: in the database before a note is kept, or at the provider.

    ``begun``: whether a request had left. ``there``: how many objects had been made.
    """

    name: str
    when: str = ""
    landed: bool = False
    begun: bool = True
    there: int = 0

    def __str__(self) -> str:
        return self.name


BOUNDARIES = (
    Boundary("planned, not yet noted as sent", when="NEW.state = 'sent'", begun=False),
    Boundary("noted as sent, not yet carried out"),
    Boundary("noted as sent and carried out", landed=True, there=1),
    Boundary("answered, not yet noted as confirmed", when="NEW.state = 'confirmed'", there=1),
)


@pytest.mark.parametrize("boundary", BOUNDARIES, ids=str)
def test_a_restore_whose_worker_is_killed_is_lost_and_resumed_with_exactly_its_rest(
    boundary: Boundary, live: Live, worker: Worker, client: Client
) -> None:
    backup, since = backed_up_and_wiped(live), live.sandbox.mark()
    restore = draft(live, backup)
    finished(live.start("restore.preview", restoreRun=restore.pk))
    restore.refresh_from_db()

    run_id = accepted(start_execution(live, restore))
    with held_at(live, boundary) as holding:
        wait_for(holding, SOON, "The boundary")
        os.kill(worker.child_of(run_id), signal.SIGKILL)
    wait_for(lambda: ended(run_id), SOON, "The end of the lost run")
    run = row(run_id)
    assert (run.outcome, run.reason_code) == (RunOutcome.FAILED, "operation.worker_lost")
    assert len(names(live)) == boundary.there
    assert not RestoreResult.objects.filter(run=run_id).exists()
    sent = RestoreStep.objects.filter(run=run_id, sent_count__gt=0).count()
    assert sent == int(boundary.begun), "the journal tells what may have landed"
    assert offers_resume(client, live, run_id)

    restore.refresh_from_db()
    rest = drafts.resume_create(restore=restore, actor=live.operator) if boundary.begun else restore
    finished(live.start("restore.preview", restoreRun=rest.pk))
    rest.refresh_from_db()
    assert rest.plan is not None
    actions = Counter(rest.plan.items.values_list("action", flat=True))
    assert actions["create"] == 3 - boundary.there
    assert sum(actions.values()) == 3
    assert row(finished(start_execution(live, rest))).outcome == RunOutcome.SUCCEEDED

    assert names(live) == ["First", "Second", "Third"]
    landed = [each for each in live.sandbox.writes(live.slug, since) if each["applied"]]
    assert len(landed) == len({(each["path"], each["body_hash"]) for each in landed}) == 3


@contextmanager
def held_at(live: Live, boundary: Boundary) -> Iterator[Callable[[], bool]]:
    """Let the worker hang at the boundary; the call says whether it does. Afterwards nothing is in the way."""
    if not boundary.when:
        since = live.sandbox.mark()
        live.fail(PATH, method="POST", kind="hang", after_write=boundary.landed, times=1)
        try:
            yield lambda: any(each["number"] > since for each in live.sandbox.writes(live.slug, since))
        finally:
            live.heal()
        return
    with connection.cursor() as cursor:
        cursor.execute(_HOLD + f" WHEN ({boundary.when}) EXECUTE FUNCTION test_hold()")
    try:
        yield _sleeps
    finally:
        # PostgreSQL does not see at once that whoever asked is dead.
        end_database_sessions()
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION test_hold CASCADE")


_HOLD = """
CREATE FUNCTION test_hold() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$;
CREATE TRIGGER test_hold BEFORE UPDATE ON providers_restorestep FOR EACH ROW"""


def _sleeps() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
        )
        return bool(cursor.fetchone()[0])


def backed_up_and_wiped(live: Live) -> Backup:
    run_id = finished(live.start("policy.backup", objectTypes=[CATEGORIES]))
    live.sandbox.wipe(live.slug, CATEGORIES)
    return Backup.objects.get(run_id=run_id)


def accepted(outcome: StartOutcome) -> int:
    assert outcome.status is StartStatus.ACCEPTED, outcome
    assert outcome.run is not None
    return outcome.run.id


def finished(outcome: StartOutcome) -> int:
    run_id = accepted(outcome)
    wait_for(lambda: ended(run_id), SOON, "The end of the run")
    assert row(run_id).outcome == RunOutcome.SUCCEEDED, (row(run_id).reason_code, row(run_id).failures)
    return run_id


def names(live: Live) -> list[str]:
    return sorted(item["displayName"] for item in live.sandbox.objects(live.slug, CATEGORIES))


def offers_resume(client: Client, live: Live, run_id: int) -> bool:
    client.force_login(live.operator)
    answer = client.get(reverse("run", args=[run_id]), headers={"Accept": DETAIL})
    assert answer.status_code == 200, answer.content
    return any(step["actionType"] == "resume" and "href" in step for step in answer.json()["nextSteps"])
