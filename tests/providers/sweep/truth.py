"""What must hold after a run that met a fault, judged by the sandbox: its objects and its own log of requests."""

from collections import Counter

from operations.choices import RunOutcome
from operations.models import OperationRun
from providers import catalogue
from providers.choices import WRITING_ACTIONS, ItemOutcome, RestoreState
from providers.models import Backup, BackupItem, RestoreResult, RestoreRun
from tests.providers.backups import hashes
from tests.providers.conftest import Live

Names = Counter[tuple[str, str]]


def there(live: Live, kinds: frozenset[str]) -> Names:
    """How many objects of each name the tenant really has."""
    found: Names = Counter()
    for key in kinds:
        kind = catalogue.get(key)
        found.update((key, kind.name_of(item)) for item in live.sandbox.objects(live.slug, key))
    return found


def of_backup(live: Live, run: OperationRun, earlier: Backup) -> list[str]:
    """The tenant did not change, so whatever is said to be complete equals the ``earlier`` backup."""
    made = Backup.objects.filter(run_id=run.pk).first()
    if made is None:
        return [] if run.outcome == RunOutcome.FAILED else [f"{run.outcome} without a backup"]
    wrong, before, now = [], hashes(earlier), hashes(made)
    stopped = run.outcome == RunOutcome.CANCELLED
    whole = {item.object_id for item in BackupItem.objects.filter(backup=made, complete=True)}
    for key, result in made.results.items():
        expected = {place: value for place, value in before.items() if place[0] == key}
        found = {place: value for place, value in now.items() if place[0] == key}
        if result["complete"] and found != expected:
            wrong.append(f"{key} is said to be complete and is not")
        if not (result["complete"] or stopped or key in {failure["type"] for failure in run.failures}):
            wrong.append(f"{key} is not complete and the run does not say so")
        wrong += [f"{place} differs" for place, value in found.items()
                  if place[1] in whole and expected.get(place) != value]  # fmt: skip
    complete = {key for key, result in made.results.items() if result["complete"]}
    if not stopped and (run.outcome == RunOutcome.SUCCEEDED) != (complete == set(earlier.results)):
        wrong.append(f"the run ended {run.outcome} with {len(complete)} types complete")
    return wrong


def of_restore(live: Live, restore: RestoreRun, run: OperationRun, wanted: Names) -> list[str]:
    """What the run says of each object is so, and no object is there twice."""
    found = there(live, frozenset(key for key, _name in wanted))
    wrong = [
        f"{place} is there {count} times" for place, count in found.items() if count > max(1, wanted[place])
    ]
    if restore.state != RestoreState.EXECUTED:
        if run.outcome == RunOutcome.SUCCEEDED:
            wrong.append("succeeded without having begun")
        return wrong
    assert restore.plan is not None
    items = list(restore.plan.items.filter(action__in=WRITING_ACTIONS))
    said = dict(RestoreResult.objects.filter(run=run.pk).values_list("item_id", "outcome"))
    for item in items:
        outcome, exists = said.get(item.pk), found[item.object_type, item.name] > 0
        if outcome == ItemOutcome.VERIFIED and not exists:
            wrong.append(f"{item.name} is said to be restored and is not there")
        if outcome is None and run.outcome != RunOutcome.FAILED:
            wrong.append(f"nothing is said of {item.name}")
    verified = [said.get(item.pk) == ItemOutcome.VERIFIED for item in items]
    if (run.outcome == RunOutcome.SUCCEEDED) != all(verified):
        wrong.append(f"the run ended {run.outcome} with {verified.count(False)} objects not verified")
    return wrong


def of_log(live: Live, since: int, wanted: Names) -> list[str]:
    """The sandbox's own log: no create of the same content was carried out more often than it was wanted."""
    collections = {catalogue.get(key).path.strip("/").lower() for key, _name in wanted}
    creates = Counter(
        (entry["path"], entry["body_hash"])
        for entry in live.sandbox.writes(live.slug, since)
        if entry["method"] == "POST" and entry["applied"] and entry["path"].strip("/").lower() in collections
    )
    return [f"{path} was created {count} times" for (path, _hash), count in creates.items() if count > 1]
