"""What must hold after a run that met a fault, judged by the sandbox: its objects and its own log of requests."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from operations.choices import RunOutcome
from operations.models import OperationRun
from providers import catalogue
from providers.choices import WRITING_ACTIONS, ItemOutcome, RestoreState
from providers.models import Backup, BackupItem, RestoreResult, RestoreRun, RestoreStep
from tests.providers.backups import hashes
from tests.providers.conftest import Live

State = dict[str, dict[str, list[str]]]
"""The objects of the tenant by type and name, each as text without what the service makes anew for every object."""
Names = dict[str, str]
"""Type and name of every object that was seen, by its id."""

# Made by the service, whoever writes: ids, times, and what it derives from the rest.
_OWNED = frozenset(
    {
        "id", "createdDateTime", "lastModifiedDateTime", "modifiedDateTime", "version", "isAssigned",
        "supportsScopeTags", "secretReferenceValueId", "policyConfigurationIngestionType",
        "isMigratingToConfigurationPolicy", "outOfBoxExperienceSettings", "deployableContentDisplayName",
        "releaseDateDisplayName", "deviceReporting", "inventorySyncStatus",
    }
)  # fmt: skip
_A_GUID = 36


def there(live: Live, kinds: frozenset[str], names: Names) -> State:
    """What the tenant really holds, with ids of its objects told by the names that they had when first seen.

    Not by those that they have now: a policy does not change when a location that it leads to is renamed.
    """
    raw = {key: live.sandbox.objects(live.slug, key) for key in sorted(kinds)}
    for key, items in raw.items():
        for item in items:
            if len(item["id"]) >= _A_GUID:
                names.setdefault(item["id"], f"{key}/{catalogue.get(key).name_of(item)}")
    found: State = {}
    for key, items in raw.items():
        rows = found.setdefault(key, {})
        for item in items:
            text = json.dumps(_plain(item, names), sort_keys=True)
            rows.setdefault(catalogue.get(key).name_of(item), []).append(text)
            rows[catalogue.get(key).name_of(item)].sort()
    return found


def _plain(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            name: _plain(each, names)
            for name, each in value.items()
            if name not in _OWNED and each is not None
        }
    if isinstance(value, list):
        plain = [_plain(each, names) for each in value]
        return sorted(plain, key=lambda each: json.dumps(each, sort_keys=True))
    if isinstance(value, str):
        for object_id, name in names.items():
            value = value.replace(object_id, name)
    return value


def differing(state: State, other: State) -> list[str]:
    """The types whose objects are not the same."""
    return sorted(key for key in {*state, *other} if state.get(key) != other.get(key))


def of_backup(live: Live, run: OperationRun, earlier: Backup) -> list[str]:
    """The tenant did not change, so whatever is said to be complete equals the ``earlier`` backup.

    But for a secret that is said not to have been read: its object is whole without it.
    """
    made = Backup.objects.filter(run_id=run.pk).first()
    if made is None:
        return [] if run.outcome == RunOutcome.FAILED else [f"{run.outcome} without a backup"]
    wrong, before, now = [], hashes(earlier), hashes(made)
    stopped = run.outcome == RunOutcome.CANCELLED
    whole = {item.object_id for item in BackupItem.objects.filter(backup=made, complete=True)}
    unread = _flags(made) - _flags(earlier)
    for key, result in made.results.items():
        aside = {object_id for kind, object_id, _code in unread if kind == key}
        expected = {
            place: value for place, value in before.items() if place[0] == key and place[1] not in aside
        }
        found = {place: value for place, value in now.items() if place[0] == key and place[1] not in aside}
        if not aside <= whole:
            wrong.append(f"{key} lost more than a secret")
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


def _flags(backup: Backup) -> set[tuple[str, str, str]]:
    return {
        (item.object_type, item.object_id, flag["code"])
        for item in BackupItem.objects.filter(backup=backup)
        for flag in item.flags
    }


def of_restore(
    live: Live,
    restore: RestoreRun,
    run: OperationRun,
    wanted: State,
    before: State,
    names: Names,
    aside: frozenset[str] = frozenset(),
) -> list[str]:
    """What the run says of each object is so, what it did not write is as it was, and no object is there twice.

    ``aside``: types that somebody else changed meanwhile.
    """
    found = there(live, frozenset(wanted), names)
    assert restore.plan is not None
    items = list(restore.plan.items.filter(action__in=WRITING_ACTIONS))
    said = dict(RestoreResult.objects.filter(run=run.pk).values_list("item_id", "outcome"))
    sent = RestoreStep.objects.filter(run=run.pk, sent_count__gt=0)
    wrong = _doubled(found, wanted, before, aside)
    written = {*sent.values_list("item__object_type", flat=True), *aside}
    wrong += [
        f"{key} changed without a step: {_apart(before[key], found[key])}"
        for key in differing(found, before)
        if key not in written
    ]
    for item in items:
        if item.object_type in aside:
            continue
        holds = found[item.object_type].get(item.name) == wanted[item.object_type][item.name]
        if said.get(item.pk) == ItemOutcome.VERIFIED and not holds:
            wrong.append(f"{item.name} is said to be restored and is not")
        if item.pk not in said and restore.state == RestoreState.EXECUTED:
            wrong.append(f"nothing is said of {item.name}")
    verified = [said.get(item.pk) == ItemOutcome.VERIFIED for item in items]
    if (run.outcome == RunOutcome.SUCCEEDED) != all(verified):
        wrong.append(f"the run ended {run.outcome} with {verified.count(False)} objects not verified")
    if run.outcome == RunOutcome.BLOCKED and sent.exists():
        wrong.append("the run was blocked after it had written")
    if run.outcome != RunOutcome.SUCCEEDED and not run.reason_code:
        wrong.append(f"the run ended {run.outcome} without a reason")
    return wrong


def _apart(before: Mapping[str, list[str]], now: Mapping[str, list[str]]) -> dict[str, Any]:
    """The objects that are not the same, before and now: seldom seen twice, so it is told at once."""
    names = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    return {name: (before.get(name), now.get(name)) for name in names}


def _doubled(found: State, wanted: State, before: State, aside: frozenset[str]) -> list[str]:
    return [
        f"{key}/{name} is there {len(rows)} times"
        for key in found
        if key not in aside
        for name, rows in found[key].items()
        if len(rows) > max(1, len(wanted[key].get(name, ())), len(before[key].get(name, ())))
    ]


def of_log(live: Live, since: int, until: int, steps_after: int) -> list[str]:
    """The sandbox's own log: nothing landed twice, no create left again but after a clear refusal, and the journal
    knows of every request that came.

    ``since`` and ``until`` are marks around one execution, ``steps_after`` the newest journal step before it.
    """
    entries = [each for each in live.sandbox.writes(live.slug, since) if each["number"] <= until]
    kinds = catalogue.backup_types()
    collections = {kind.path.strip("/").lower() for kind in kinds}
    landed = Counter(_request(each) for each in entries if each["applied"])
    wrong = [
        f"{method} {path} landed {count} times" for (method, path, _), count in landed.items() if count > 1
    ]
    creates = Counter(
        _request(each)
        for each in entries
        if each["method"] == "POST" and each["status"] != 429 and _path(each["path"]) in collections
    )
    wrong += [f"{path} was sent {count} times" for (_, path, _), count in creates.items() if count > 1]
    came = Counter((each["method"], _path(each["path"])) for each in entries if not each["in_batch"])
    noted: Counter[tuple[str, str]] = Counter()
    for step in RestoreStep.objects.filter(pk__gt=steps_after, restore_run__tenant=live.tenant):
        noted[step.method, _path(step.path)] += step.sent_count
    wrong += [f"{method} {path} is not in the journal" for (method, path), count in came.items()
              if count > noted[method, path]]  # fmt: skip
    return wrong


def _request(entry: Mapping[str, Any]) -> tuple[str, str, str]:
    return entry["method"], _path(entry["path"]), entry["body_hash"]


def _path(path: str) -> str:
    return path.partition("?")[0].strip("/").lower()
