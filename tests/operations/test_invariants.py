"""The invariants of a run's life, walked at random on a real PostgreSQL.

Time never passes by itself: leases are expired and waits ended by SQL, so that every interleaving takes milliseconds.
"""

import itertools
import os
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from operations import broker, chains, gate, registry, relay, transitions
from operations.answers import Key, payload_hash
from operations.chains import ChainStart
from operations.choices import RunOutcome
from operations.gate import Start
from operations.models import Chain, OperationRun, RunEvent
from operations.outcomes import StartOutcome
from operations.transitions import Claim
from providers.models import ProviderConnection
from providers.selectors import target_for_connection, target_for_system
from tests.conftest import World
from tests.factories import make_connection, make_tenant, make_workspace
from tests.operations import probes
from tests.operations.probes import OTHER, READ, WRITE, ending

EXAMPLES = int(os.environ.get("INVARIANT_EXAMPLES", "40"))
# Another walk at each release; this one is known to meet every kind of event.
SEED = int(os.environ.get("INVARIANT_SEED", "1"))
STEPS = int(os.environ.get("INVARIANT_STEPS", "35"))
THIRD = "probe.third"
WAYS = st.integers(0, 2)
NAMES = st.sampled_from([READ, READ, READ, OTHER, WRITE])
# Written for "latest of its scope" data; takes the fence and refuses a lower one.
CREATE = "CREATE TEMP TABLE IF NOT EXISTS latest (scope text PRIMARY KEY, fence bigint, run bigint)"
UPSERT = """
INSERT INTO latest VALUES (%s, %s, %s) ON CONFLICT (scope) DO UPDATE
SET fence = excluded.fence, run = excluded.run WHERE latest.fence <= excluded.fence RETURNING fence
"""


@dataclass
class Attempt:
    """A worker that believes that it holds a run."""

    claim: Claim
    paused: bool = False
    wrote: list[int] = field(default_factory=list)


def _state(run: OperationRun) -> str:
    now = timezone.now()
    if run.status == "queued":
        return "waiting" if run.not_before > now else "due"
    return "expired" if run.lease_until and run.lease_until < now else "running"


def some(*states: str) -> Any:
    """The rule makes sense while a run is in one of these states."""
    return precondition(lambda machine: bool(set(states) & set(machine.active)))


messages = precondition(lambda machine: bool(machine.queue))


class RunLife(RuleBasedStateMachine):
    """Clicks, a broker that loses and doubles, workers that pause and crash, a reaper; one step at a time."""

    attempts = Bundle("attempts")
    world: World

    def __init__(self) -> None:
        super().__init__()
        self.queue: list[int] = []
        self.accepted: set[int] = set()
        self.ended: dict[int, dict[str, Any]] = {}
        self.fences: dict[str, int] = {}
        self.answers: dict[str, StartOutcome] = {}
        self.connections: list[int] = []
        self.active: list[str] = []  # the states there are, so that no step is spent on nothing

    @initialize(name=NAMES)
    def connect(self, name: str) -> None:
        """Three ways to one directory: two connections of a tenant, and a tenant of another workspace."""
        tenant = make_tenant(self.world.workspace)
        foreign = make_tenant(make_workspace(), entra_tenant_id=tenant.entra_tenant_id)
        self.connections = [make_connection(of, self.world.owner).pk for of in (tenant, tenant, foreign)]
        with connection.cursor() as cursor:
            cursor.execute(CREATE)
        self.click(name, 0, "")

    # -- starts

    @rule(name=NAMES, which=WAYS, key=st.sampled_from(["", "", "a", "b"]))
    def click(self, name: str, which: int, key: str) -> None:
        connection_id = self.connections[which]
        holder = self._in_the_way(name, connection_id)
        outcome = self._start(name, connection_id, key)
        stored = f"{key}:{name}:{connection_id}" if key else ""
        if stored in self.answers:
            assert outcome == self.answers[stored], "I10"
            return
        if stored:
            self.answers[stored] = outcome
        self._judge(outcome, name, connection_id, holder)

    def _in_the_way(self, name: str, connection_id: int) -> OperationRun | None:
        """The run on the connection; else a write in the directory; else, for a write, its oldest read."""
        active = OperationRun.objects.filter(
            connection__in=self.connections, status__in=("queued", "running")
        ).order_by("pk")
        writes, reads = active.filter(operation_type=WRITE), active.exclude(operation_type=WRITE)
        beside = writes.first() or (reads.first() if name == WRITE else None)
        return self._active(connection_id) or beside

    def _judge(
        self, outcome: StartOutcome, name: str, connection_id: int, holder: OperationRun | None
    ) -> None:
        """I9: nothing else runs meanwhile, so the answer must be the one that the row gives."""
        if holder is None:
            assert outcome.status == "accepted"
            assert outcome.run is not None
            self.accepted.add(outcome.run.id)
            return
        assert outcome.run is not None
        assert outcome.run.id == holder.pk
        here = ProviderConnection.objects.get(pk=connection_id)
        same = holder.operation_type == name and holder.tenant_id == here.tenant_id
        assert outcome.status == ("deduped" if same else "scope_busy")

    def _start(self, name: str, connection_id: int, key: str) -> StartOutcome:
        target = target_for_system(connection_id)
        assert target is not None
        initiator = self.world.operator.pk
        request = Start(registry.get(name), target, None)
        stored = Key(initiator, f"{name} {connection_id}", key, payload_hash({})) if key else None
        return gate.start(request, key=stored)

    @rule(which=WAYS, both=st.booleans())
    def begin_a_chain(self, which: int, both: bool) -> None:
        """Blocked and deduped chains have tests of their own; here a chain is one more holder that goes on."""
        connection_id = self.connections[which]
        holder = self._in_the_way(READ, connection_id)
        target = target_for_connection(self.world.owner.pk, connection_id)
        if target is None:  # the other workspace's
            return
        kinds = [registry.get(name) for name in ((READ, OTHER) if both else (OTHER, READ, THIRD))]
        outcome = chains.start(ChainStart(kinds, target, self.world.owner.pk))
        assert outcome.status == "accepted" if holder is None else outcome.status in ("scope_busy", "deduped")

    @rule(which=WAYS)
    @some("due", "waiting", "running", "expired")
    def cancel_a_chain(self, which: int) -> None:
        run = self._active(self.connections[which])
        if run is not None and run.chain_id is not None:
            chains.cancel(run.chain_id, self.world.owner.pk)

    # -- the broker

    @precondition(lambda machine: "due" in machine.active and not machine.queue)
    @rule()
    def relay_ticks(self) -> None:
        OperationRun.objects.filter(status="queued").update(
            created_at=timezone.now() - timedelta(minutes=1), last_offered_at=None
        )
        relay.offer_waiting()

    @messages
    @rule(data=st.data(), everything=st.booleans())
    def drop(self, data: st.DataObject, everything: bool) -> None:
        if everything:
            self.queue.clear()
        elif self.queue:
            self.queue.remove(data.draw(st.sampled_from(self.queue)))

    @messages
    @rule(data=st.data())
    def duplicate(self, data: st.DataObject) -> None:
        if self.queue:
            self.queue.append(data.draw(st.sampled_from(self.queue)))

    # -- workers

    @some("due", "waiting")
    @rule(target=attempts, data=st.data())
    def deliver(self, data: st.DataObject) -> Any:
        if not self.queue:
            self.relay_ticks()
        if not self.queue:
            return None
        run_id = self.queue.pop(data.draw(st.integers(0, len(self.queue) - 1)))
        before = probes.row(run_id)
        claim = transitions.claim(run_id, probes.WORKER)
        if claim is None:
            assert before.status != "queued" or before.not_before > timezone.now()
            return None
        assert before.status == "queued", "only what is queued is claimed"
        assert before.fence is None or claim.fence > before.fence, "I8"
        return Attempt(claim)

    @rule(attempt=attempts)
    def heartbeat(self, attempt: Attempt | None) -> None:
        if attempt is not None and not attempt.paused:
            answer = transitions.renew(attempt.claim)
            assert (answer is not None) == self._holds(attempt), "I2"

    @rule(attempt=attempts)
    def pause_or_go_on(self, attempt: Attempt | None) -> None:
        if attempt is not None:
            attempt.paused = not attempt.paused

    @rule(attempt=consumes(attempts))
    def crash(self, attempt: Attempt | None) -> None:
        """The worker is gone; its row stays as it is."""

    @rule(attempt=attempts)
    def write(self, attempt: Attempt | None) -> None:
        if attempt is None or attempt.paused:
            return
        mine = transitions.report(attempt.claim, progress={"done": 1}, counts={}, cost={})
        assert mine == self._holds(attempt), "I4"
        if mine:
            self._write_latest(attempt)

    def _write_latest(self, attempt: Attempt) -> None:
        scope = probes.row(attempt.claim.run_id).scope_key
        assert attempt.claim.fence >= self.fences.get(scope, 0), "I3"
        with connection.cursor() as cursor:
            cursor.execute(UPSERT, [scope, attempt.claim.fence, attempt.claim.run_id])
            assert cursor.fetchone() is not None, "I3"
        self.fences[scope] = attempt.claim.fence

    @rule(attempt=attempts, outcome=st.sampled_from(list(RunOutcome)))
    def finish(self, attempt: Attempt | None, outcome: RunOutcome) -> None:
        if attempt is None or attempt.paused:
            return
        held = self._holds(attempt)
        assert transitions.finish(attempt.claim, ending(outcome)) == held, "I4"
        assert not transitions.finish(attempt.claim, ending(outcome)), "I5"

    @rule(attempt=attempts)
    def fail_for_a_moment(self, attempt: Attempt | None) -> None:
        if attempt is None or attempt.paused or attempt.claim.attempt >= 3:
            return
        run = probes.row(attempt.claim.run_id)
        allowed = self._holds(attempt) and run.cancel_requested_at is None
        assert transitions.retry_later(attempt.claim, ending(RunOutcome.FAILED), delay=30) == allowed

    # -- time, the reaper, people

    @some("running")
    @rule()
    def lease_ends_and_is_reaped(self) -> None:
        self.lease_ends()
        self.reap()

    @some("running")
    @rule()
    def lease_ends(self) -> None:
        OperationRun.objects.filter(connection__in=self.connections, status="running").update(
            lease_until=probes.ago(1)
        )

    @some("waiting")
    @rule()
    def wait_is_over(self) -> None:
        OperationRun.objects.filter(status="queued").update(not_before=probes.ago(1))

    @some("expired")
    @rule()
    def reap(self) -> None:
        before = {run.pk: run for run in OperationRun.objects.filter(status="running")}
        for reaped in transitions.reap([READ, OTHER, THIRD], []):
            run = before[reaped.run_id]
            assert run.lease_until is not None
            assert run.lease_until < timezone.now(), "a lease that lasts is nobody's to take"
            if reaped.status == "queued":
                assert run.operation_type != WRITE, "writes are never tried again"
                assert run.cancel_requested_at is None

    @some("due", "waiting", "running", "expired")
    @rule(which=WAYS)
    def cancel(self, which: int) -> None:
        run = self._active(self.connections[which])
        if run is None:
            return
        answer = transitions.cancel(run.pk, self.world.operator.pk)
        if run.status == "queued":
            assert answer == "ended"
            return
        assert answer == (None if run.cancel_requested_at else "requested")
        assert probes.row(run.pk).status == "running", "I11"

    @some("running", "expired")
    @rule()
    def force_release(self) -> None:
        run = OperationRun.objects.filter(connection__in=self.connections, status="running").first()
        if run is None:
            return
        transitions.cancel(run.pk, self.world.operator.pk)
        past = timezone.now() - timedelta(seconds=61)
        OperationRun.objects.filter(pk=run.pk).update(cancel_requested_at=past)
        assert transitions.force_release(run.pk, self.world.owner.pk)

    # -- what always holds

    @invariant()
    def one_active_run_a_scope(self) -> None:
        runs = OperationRun.objects.filter(connection__in=self.connections, status__in=("queued", "running"))
        assert len({run.connection_id for run in runs}) == len(runs), "I1"
        self.active = [_state(run) for run in runs]

    @invariant()
    def nothing_else_is_active_beside_a_write_of_the_directory(self) -> None:
        active = OperationRun.objects.filter(
            connection__in=self.connections, status__in=("queued", "running")
        )
        names = list(active.values_list("operation_type", flat=True))
        assert WRITE not in names or len(names) == 1, "I1"

    @invariant()
    def a_chain_has_one_active_run_and_its_steps_follow_each_other(self) -> None:
        for chain in Chain.objects.filter(connection__in=self.connections):
            runs = list(chain.runs.order_by("pk"))
            active = [run for run in runs if run.status != "completed"]
            assert len(active) == 1 if chain.state == "active" else len(active) < 2, "I12"
            assert [run.chain_step for run in runs] == sorted(run.chain_step or 0 for run in runs), "I12"
            between = OperationRun.objects.filter(connection=chain.connection_id, chain=None)
            for one, following in itertools.pairwise(runs):
                assert one.completed_at is not None, "I12"
                assert not between.filter(pk__gt=one.pk, pk__lt=following.pk).exists(), "I12"

    @invariant()
    def the_ended_stay_as_they_are(self) -> None:
        mine = OperationRun.objects.filter(connection__in=self.connections, status="completed")
        now = {row["id"]: row for row in mine.values()}
        assert all(now[pk] == row for pk, row in self.ended.items()), "I4, I6"
        self.ended = now

    @invariant()
    def histories_add_up(self) -> None:
        for run in OperationRun.objects.filter(connection__in=self.connections):
            kinds = list(run.events.order_by("seq").values_list("kind", flat=True))
            assert kinds.count("ended") == (run.status == "completed"), "I5"
            assert kinds.count("claimed") == run.attempt
            assert run.attempt <= 1 + kinds.count("retry_scheduled") + kinds.count("lost"), "I8"
            assert run.attempt <= 3
            assert run.event_seq == len(kinds)

    @invariant()
    def nobody_holds_what_another_holds(self) -> None:
        fences = list(OperationRun.objects.filter(status="running").values_list("fence", flat=True))
        assert len(fences) == len(set(fences)), "I2"

    def teardown(self) -> None:
        """L1, L2: with a relay, one worker and the reaper every accepted run comes to its end."""
        self.queue.clear()
        for _ in range(8):
            OperationRun.objects.filter(status="running").update(lease_until=probes.ago(1))
            self.reap()
            self.wait_is_over()
            self.relay_ticks()
            self._work_off()
        left = OperationRun.objects.filter(connection__in=self.connections).exclude(status="completed")
        assert not left.exists(), "L1"
        assert set(self.ended) <= self.accepted | set(OperationRun.objects.values_list("pk", flat=True))

    def _work_off(self) -> None:
        for run_id in self.queue:
            if claim := transitions.claim(run_id, probes.WORKER):
                transitions.finish(claim, ending())
        self.queue.clear()

    def _active(self, connection_id: int) -> OperationRun | None:
        return OperationRun.objects.filter(connection=connection_id, status__in=("queued", "running")).first()

    def _holds(self, attempt: Attempt) -> bool:
        run = probes.row(attempt.claim.run_id)
        return run.status == "running" and run.fence == attempt.claim.fence


@pytest.mark.django_db(transaction=True)
def test_the_invariants_hold_whatever_happens(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every example has a tenant of its own."""
    machine: list[RunLife] = []

    class Walk(RunLife):
        def __init__(self) -> None:
            super().__init__()
            machine[:] = [self]

    def publish(run_id: int, operation_type: str) -> bool:
        machine[0].queue.append(run_id)
        return True

    Walk.world = world
    probes.declare(monkeypatch, THIRD)
    monkeypatch.setattr(broker, "publish", publish)
    monkeypatch.setattr(broker, "waiting", lambda: 1)
    walk = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    run_state_machine_as_test(seed(SEED)(Walk), settings=walk)
    walked = Counter(RunEvent.objects.values_list("kind", flat=True))
    assert set(walked) >= {"accepted", "claimed", "lost", "retry_scheduled", "cancel_requested", "ended"}, (
        walked
    )
    assert RunEvent.objects.filter(kind="ended", data__forced=True).exists()
    assert OperationRun.objects.filter(chain_step=2).exists()
    assert Chain.objects.filter(state="cancelled").exists()
