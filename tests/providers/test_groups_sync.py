"""Groups sync: what it reads, and what it claims of it when something goes wrong on the way."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from operations import execution, transitions
from operations.choices import RunOutcome, StartStatus
from operations.models import OperationRun
from operations.params import InvalidInput
from operations.pulse import Cancelled
from providers import directory_store, sessions
from providers.graph.transport import Transport
from providers.models import DirectoryCollection
from providers.operation_types.directory_groups_sync import SELECTIONS, GroupsSyncParams
from providers.sandbox import groups as sandbox_groups
from providers.sandbox.calls import Call, Reply
from tests.providers.conftest import Live


def deleted(live: Live) -> str:
    """Delete a group at the provider; return its id."""
    return live.sandbox.delete_group(live.slug, live.sandbox.groups(live.slug)[3]["id"])


def test_the_first_sync_brings_exactly_the_groups_of_the_tenant(live: Live) -> None:
    run = live.sync()
    assert run.outcome == RunOutcome.SUCCEEDED
    assert run.counts == {"groups": 120, "changed": 120, "gone": 0}
    assert run.progress == {"stage": "groups", "done": 120, "total": 120}
    there = {group["id"]: group for group in live.sandbox.groups(live.slug)}
    here = {group.object_id: group for group in live.groups()}
    assert here.keys() == there.keys()
    for object_id, group in here.items():
        assert group.display_name == there[object_id]["displayName"]
        assert group.group_types == there[object_id]["groupTypes"]
        assert group.description == (there[object_id]["description"] or "")
        assert group.membership_rule == (there[object_id]["membershipRule"] or "")
        assert group.mail_enabled == there[object_id]["mailEnabled"]
        assert group.security_enabled == there[object_id]["securityEnabled"]
        assert group.is_assignable_to_role == bool(there[object_id]["isAssignableToRole"])
        assert group.on_premises_sync_enabled == bool(there[object_id]["onPremisesSyncEnabled"])
        assert group.created_date_time is not None
        assert group.created_date_time.strftime("%Y-%m-%dT%H:%M:%SZ") == there[object_id]["createdDateTime"]


def test_a_complete_read_leaves_the_collection_with_its_dates_and_count(live: Live) -> None:
    run = live.sync()
    collection = live.collection()
    assert collection.object_count == 120
    assert collection.reason_code == ""
    assert collection.complete_at == collection.attempted_at
    assert run.started_at is not None
    assert run.completed_at is not None
    assert collection.complete_at is not None
    assert run.started_at <= collection.complete_at <= run.completed_at
    assert collection.delta_link.startswith("https://graph.microsoft.com/v1.0/groups/delta?")
    assert collection.connection_id == live.connection.pk


def test_the_second_sync_asks_for_changes_only(live: Live) -> None:
    live.sync()
    before = live.collection().complete_at
    renamed = live.sandbox.rename_group(live.slug, live.sandbox.groups(live.slug)[0]["id"], "Renamed")
    added = live.sandbox.add_group(live.slug, "Added")
    gone = deleted(live)
    kept = live.sandbox.groups(live.slug)[7]["id"]
    observed = live.group(kept).observed_at
    run = live.sync()
    assert run.cost["requests"] == 1
    assert run.counts == {"groups": 120, "changed": 2, "gone": 1}
    assert live.group(renamed).display_name == "Renamed"
    assert live.group(added).gone_at is None
    assert live.group(gone).gone_at is not None
    assert live.group(kept).observed_at == observed
    after = live.collection().complete_at
    assert before is not None
    assert after is not None
    assert after > before


def test_a_group_that_comes_back_is_not_gone_any_more(live: Live) -> None:
    live.sync()
    target = live.sandbox.groups(live.slug)[3]["id"]
    first_observed = live.group(target).first_observed_at
    live.sandbox.delete_group(live.slug, target)
    live.sync()
    assert live.group(target).gone_at is not None
    store = live.sandbox._state.tenants[live.slug].groups
    store.gone.clear()
    live.sandbox.reset_deltas(live.slug)
    run = live.sync()
    assert run.counts == {"groups": 120, "changed": 1, "gone": 0}
    assert live.group(target).gone_at is None
    assert live.group(target).first_observed_at == first_observed


@pytest.mark.parametrize("replay", [False, True], ids=["changes", "replayed"])
def test_a_deleted_group_is_gone_only_after_a_chain_that_reached_its_end(live: Live, replay: bool) -> None:
    """The deletion itself may well stand on the page that did arrive."""
    live.sync()
    link, complete_at = live.collection().delta_link, live.collection().complete_at
    live.sandbox.set(live.slug, "replay_deltas", replay)
    gone = deleted(live)
    for number in range(60):
        live.sandbox.rename_group(live.slug, live.sandbox.groups(live.slug)[number]["id"], f"Group {number}")
    live.fail("groups/delta", page=2, status=503)
    run = live.sync()
    assert (run.outcome, run.attempt) == (RunOutcome.FAILED, 3)
    assert live.group(gone).gone_at is None
    collection = live.collection()
    assert collection.reason_code == "provider.unreachable"
    assert (collection.complete_at, collection.delta_link) == (complete_at, link)
    assert collection.attempted_at is not None
    assert collection.complete_at is not None
    assert collection.attempted_at > collection.complete_at
    live.heal()
    live.check()
    run = live.sync()
    assert run.outcome == RunOutcome.SUCCEEDED
    assert live.group(gone).gone_at is not None
    assert live.present() == live.sandbox.count(live.slug)
    assert live.collection().reason_code == ""


@pytest.mark.parametrize("key", ["all_groups_v1", "security_groups_v1"])
def test_a_deleted_group_is_gone_only_after_a_whole_read(live: Live, key: str) -> None:
    live.sync(selectionKey=key)
    there = live.sandbox.groups(live.slug)
    security = [group for group in there if group["securityEnabled"] and not group["mailEnabled"]]
    gone = live.sandbox.delete_group(live.slug, security[-1]["id"])
    live.sandbox.reset_deltas(live.slug)
    path = "groups/delta" if key == "all_groups_v1" else "groups"
    live.fail(path, page=2, status=503)
    assert live.sync(selectionKey=key).outcome == RunOutcome.FAILED
    assert live.group(gone, key).gone_at is None
    live.heal()
    live.check()
    run = live.sync(selectionKey=key)
    assert run.outcome == RunOutcome.SUCCEEDED
    assert run.counts["gone"] == 1
    assert live.group(gone, key).gone_at is not None


def test_an_expired_delta_link_makes_the_sync_start_over(live: Live) -> None:
    live.sync()
    old = live.collection().delta_link
    gone = deleted(live)
    live.sandbox.reset_deltas(live.slug)
    run = live.sync()
    assert run.outcome == RunOutcome.SUCCEEDED
    assert run.attempt == 1
    assert run.counts == {"groups": 119, "changed": 0, "gone": 1}
    assert live.group(gone).gone_at is not None
    assert live.collection().delta_link != old
    stages = [event.data["stage"] for event in run.events.filter(kind="stage").order_by("seq")]
    assert stages == ["changes", "groups"]


def test_a_link_that_expires_between_two_pages_starts_over_too(live: Live) -> None:
    live.sync()
    live.sandbox.set(live.slug, "replay_deltas", True)
    gone = deleted(live)
    live.fail("groups/delta", page=2, nth=1, status=410)
    run = live.sync()
    assert run.outcome == RunOutcome.SUCCEEDED
    assert live.group(gone).gone_at is not None
    assert live.present() == live.sandbox.count(live.slug) == 119


@pytest.mark.parametrize(
    ("fault", "code", "attempts"),
    [
        ({"status": 403}, "provider.permission_missing", 1),
        ({"status": 500}, "provider.unreachable", 3),
        ({"status": 503}, "provider.unreachable", 3),
        ({"kind": "drop"}, "provider.unreachable", 3),
        ({"kind": "truncate"}, "provider.response_invalid", 3),
    ],
    ids=["403", "500", "503", "drop", "truncate"],
)
@pytest.mark.parametrize("page", [1, 3], ids=["first page", "last page"])
def test_a_fault_anywhere_in_the_chain_leaves_what_was_there(
    live: Live, fault: dict[str, Any], code: str, attempts: int, page: int
) -> None:
    live.sync()
    gone = deleted(live)
    live.sandbox.reset_deltas(live.slug)
    live.fail("groups/delta", page=page, nth=None, **fault)
    run = live.sync()
    assert (run.outcome, run.reason_code, run.attempt) == (RunOutcome.FAILED, code, attempts)
    assert live.present() == 120
    assert live.group(gone).gone_at is None
    assert live.collection().reason_code == code


def test_a_provider_that_keeps_throttling_cools_the_tenant_down(live: Live) -> None:
    live.sync()
    live.sandbox.reset_deltas(live.slug)
    live.fail("groups/delta", page=2, status=429, retry_after="3")
    run = live.sync()
    assert (run.outcome, run.reason_code, run.attempt) == (RunOutcome.FAILED, "provider.throttled", 3)
    assert live.present() == 120
    outcome = live.start("directory.groups.sync")
    assert (outcome.status, outcome.reason_code) == (StartStatus.BLOCKED, "provider.throttled")


def test_a_server_that_never_answers_is_left_after_its_timeout(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "Transport", partial(Transport, read_timeout=0.2))
    sessions.transport.cache_clear()
    sessions.tokens.cache_clear()
    live.fail("groups/delta", kind="hang", page=2)
    run = live.sync()
    assert (run.outcome, run.reason_code, run.attempt) == (RunOutcome.FAILED, "provider.unreachable", 3)
    assert live.collection().complete_at is None
    assert live.present() == 50


@pytest.mark.parametrize("kind", ["short_page", "empty_page"])
def test_short_pages_are_followed_to_their_end(live: Live, kind: str) -> None:
    live.fail("groups/delta", kind=kind, times=2)
    run = live.sync()
    assert run.outcome == RunOutcome.SUCCEEDED
    assert live.present() == 120


@pytest.mark.parametrize("key", ["all_groups_v1", "security_groups_v1"])
def test_a_chain_that_ends_before_the_provider_s_own_count_is_no_complete_read(
    live: Live, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    live.sync(selectionKey=key)
    held = live.present(key)
    DirectoryCollection.objects.filter(tenant=live.tenant).update(delta_link="")
    cut_short(monkeypatch)
    run = live.sync(selectionKey=key)
    assert (run.outcome, run.reason_code, run.attempt) == (RunOutcome.FAILED, "provider.response_invalid", 3)
    assert live.present(key) == held
    assert live.collection(key=key).reason_code == "provider.response_invalid"


def cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the sandbox's chains end after their first page, as if that were all."""
    from providers.sandbox import delta

    def answer(call: Call, state: dict[str, Any], entries: list[Any], following: int | None) -> Reply:
        return honest_answer(call, state, entries, None)

    def page(*arguments: Any) -> tuple[Any, int, int | None]:
        items, objects, _ = honest_page(*arguments)
        return items, objects, None

    honest_answer, honest_page = delta._answer, sandbox_groups._page
    monkeypatch.setattr(delta, "_answer", answer)
    monkeypatch.setattr(sandbox_groups, "_page", page)


def test_groups_deleted_while_they_are_read_do_not_make_the_read_incomplete(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = live.sandbox.groups(live.slug)[-1]["id"]
    add = directory_store.Reading.add

    def add_and_delete(read: directory_store.Reading, items: Any) -> None:
        add(read, items)
        if live.sandbox.count(live.slug) == 120:
            live.sandbox.delete_group(live.slug, last)

    monkeypatch.setattr(directory_store.Reading, "add", add_and_delete)
    run = live.sync()
    assert (run.outcome, run.attempt) == (RunOutcome.SUCCEEDED, 1)
    assert live.present() == 119


def test_a_token_that_expires_between_two_pages_is_renewed_and_the_read_goes_on(live: Live) -> None:
    live.fail("groups/delta", kind="expire_token", page=2, times=1)
    run = live.sync()
    assert (run.outcome, run.attempt) == (RunOutcome.SUCCEEDED, 1)
    assert live.present() == 120


def test_consent_that_is_revoked_between_two_pages_ends_the_run_and_is_known_to_the_gate(live: Live) -> None:
    live.fail("groups/delta", kind="revoke_consent", page=2, times=1)
    run = live.sync()
    assert (run.outcome, run.reason_code) == (RunOutcome.FAILED, "provider.consent_revoked")
    outcome = live.start("directory.groups.sync")
    assert (outcome.status, outcome.reason_code) == (StartStatus.BLOCKED, "provider.consent_revoked")


def test_an_aborted_read_keeps_what_it_saw(live: Live) -> None:
    live.fail("groups/delta", page=3, status=403)
    live.sync()
    assert live.present() == 100
    collection = live.collection()
    assert collection.complete_at is None
    assert collection.reason_facts == {"permissions": "GroupMember.Read.All"}


def test_a_permission_that_was_taken_away_blocks_the_next_start(live: Live) -> None:
    """The run's own fresh token shows what is granted now, whatever the last check saw."""
    live.sandbox.revoke(live.slug, ["GroupMember.Read.All"])
    run = live.sync()
    assert (run.outcome, run.reason_code) == (RunOutcome.FAILED, "provider.permission_missing")
    assert run.reason_facts == {"permissions": "GroupMember.Read.All"}
    outcome = live.start("directory.groups.sync")
    assert (outcome.status, outcome.reason_code) == (StartStatus.BLOCKED, "provider.permission_missing")


def test_a_run_that_got_a_token_refreshes_what_it_observed(live: Live) -> None:
    long_ago = timezone.now() - timedelta(days=6)
    type(live.connection).objects.filter(pk=live.connection.pk).update(
        permissions_observed_at=long_ago, credential_state="unknown"
    )
    live.sync()
    facts = live.facts()
    assert facts.credential_state == "valid"
    observed = facts.permissions_observed_at
    assert observed is not None
    assert observed > long_ago
    live.sync()
    assert live.facts().permissions_observed_at == observed, "A token from the cache shows nothing new."


def test_selections_are_kept_apart_and_read_with_their_filter(live: Live) -> None:
    there = live.sandbox.groups(live.slug)
    wanted = {
        "security_groups_v1": [each for each in there if each["securityEnabled"] and not each["mailEnabled"]],
        "microsoft365_groups_v1": [each for each in there if "Unified" in each["groupTypes"]],
        "dynamic_groups_v1": [each for each in there if "DynamicMembership" in each["groupTypes"]],
        "role_assignable_groups_v1": [each for each in there if each["isAssignableToRole"]],
    }
    assert {"all_groups_v1", *wanted} == set(SELECTIONS)
    for key, groups in wanted.items():
        run = live.sync(selectionKey=key)
        assert run.outcome == RunOutcome.SUCCEEDED
        assert {group.object_id for group in live.groups(key)} == {group["id"] for group in groups}
        assert live.collection(key=key).delta_link == ""


def test_a_repeated_read_of_a_selection_rewrites_only_what_changed(live: Live) -> None:
    key = "security_groups_v1"
    live.sync(selectionKey=key)
    before = dict(live.groups(key).values_list("object_id", "fence"))
    renamed = live.sandbox.rename_group(live.slug, next(iter(before)), "Renamed")
    run = live.sync(selectionKey=key)
    assert run.counts == {"groups": len(before), "changed": 1, "gone": 0}
    after = dict(live.groups(key).values_list("object_id", "fence"))
    assert {each for each in before if before[each] != after[each]} == {renamed}


@pytest.mark.parametrize("key", ["", "everything", 12, True, ["all_groups_v1"], {}])
def test_an_unknown_selection_names_the_known_ones(key: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        GroupsSyncParams.parse({"selectionKey": key})
    assert all(known in caught.value.errors["selectionKey"] for known in SELECTIONS)


@pytest.mark.parametrize("data", [{}, {"selectionKey": None}, {"somethingElse": 1}])
def test_without_a_selection_all_groups_are_meant(data: dict[str, Any]) -> None:
    params = GroupsSyncParams.parse(data)
    assert params.identity() == {"selectionKey": "all_groups_v1"}
    assert GroupsSyncParams.parse(params.identity()) == params


def test_the_same_selection_is_the_same_work_and_another_is_not(live: Live) -> None:
    live.start("directory.groups.sync")
    assert live.start("directory.groups.sync", selectionKey="all_groups_v1").status is StartStatus.DEDUPED
    assert (
        live.start("directory.groups.sync", selectionKey="security_groups_v1").status
        is StartStatus.SCOPE_BUSY
    )


def test_equal_names_are_different_groups(live: Live) -> None:
    ids = [live.sandbox.add_group(live.slug, "Twins") for _ in range(2)]
    live.sync()
    assert {live.group(object_id).display_name for object_id in ids} == {"Twins"}


def test_a_worker_that_lost_its_run_writes_nothing_more(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    add = directory_store.Reading.add

    def lose_and_add(read: directory_store.Reading, items: Any) -> None:
        OperationRun.objects.filter(fence=read.scope.fence, status="running").update(
            status="queued", claim_token=None, lease_until=None
        )
        add(read, items)

    monkeypatch.setattr(directory_store.Reading, "add", lose_and_add)
    outcome = live.start("directory.groups.sync")
    assert outcome.run is not None
    execution.execute(outcome.run.id)
    assert OperationRun.objects.get(pk=outcome.run.id).status == "queued"
    assert live.groups().count() == 0
    assert live.collection().complete_at is None
    monkeypatch.undo()


def test_a_cancelled_sync_stops_at_the_next_request_and_marks_nothing_gone(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.sync()
    gone = deleted(live)
    live.sandbox.reset_deltas(live.slug)
    live.sandbox.set(live.slug, "delta_page_size", 10)
    add = directory_store.Reading.add

    def add_and_cancel(read: directory_store.Reading, items: Any) -> None:
        add(read, items)
        run = OperationRun.objects.get(fence=read.scope.fence)
        transitions.cancel(run.pk, live.operator.pk)
        current.append(run.pk)

    current: list[int] = []
    monkeypatch.setattr(directory_store.Reading, "add", add_and_cancel)
    monkeypatch.setattr("operations.pulse.Pulse.checkpoint", cancelled_after(current))
    run = live.sync()
    assert run.outcome == RunOutcome.CANCELLED
    assert run.cost["requests"] < 12
    assert live.group(gone).gone_at is None
    assert live.collection().reason_code == "operation.cancelled"


def cancelled_after(current: list[int]) -> Any:
    """A heartbeat that hears of the cancel at once, where the real one does so within seconds."""

    def checkpoint(pulse: object) -> None:
        if current:
            raise Cancelled

    return checkpoint


def test_a_superseded_sync_fails_with_its_own_reason(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    add = directory_store.Reading.add

    def overtaken(read: directory_store.Reading, items: Any) -> None:
        DirectoryCollection.objects.filter(pk=read.collection_id).update(fence=read.scope.fence + 1)
        add(read, items)

    monkeypatch.setattr(directory_store.Reading, "add", overtaken)
    run = live.sync()
    assert (run.outcome, run.reason_code) == (RunOutcome.FAILED, "provider.superseded")
    assert live.groups().count() == 0


def test_batches_of_any_size_give_the_same_rows(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory_store, "BATCH", 20)
    live.sync()
    assert live.present() == 120
    live.sandbox.reset_deltas(live.slug)
    gone = deleted(live)
    assert live.sync().counts == {"groups": 119, "changed": 0, "gone": 1}
    assert live.group(gone).gone_at is not None


def test_without_the_permission_the_start_is_blocked_with_its_name(live: Live) -> None:
    live.sandbox.revoke(live.slug, ["GroupMember.Read.All"])
    live.check()
    outcome = live.start("directory.groups.sync")
    assert (outcome.status, outcome.reason_code) == (StartStatus.BLOCKED, "provider.permission_missing")
    assert outcome.reason_facts == {"permissions": "GroupMember.Read.All"}


def test_a_stronger_permission_will_do(live: Live) -> None:
    live.sandbox.revoke(live.slug, ["GroupMember.Read.All"])
    live.sandbox.grant(live.slug, ["Directory.Read.All"])
    live.check()
    assert live.sync().outcome == RunOutcome.SUCCEEDED


def test_a_throttled_request_is_sent_again_when_the_provider_says_so(live: Live) -> None:
    live.fail("groups/delta", page=2, status=429, retry_after="0.05", times=1)
    run = live.sync()
    assert (run.outcome, run.attempt, run.cost["retries"]) == (RunOutcome.SUCCEEDED, 1, 1)
    assert live.present() == 120
