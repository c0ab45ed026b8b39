"""Keep every object of a tenant as immutable versions: content, settings and assignments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from billiard.exceptions import SoftTimeLimitExceeded
from django.utils.translation import gettext_lazy as _

from operations.choices import RunOutcome, Surface
from operations.context import RunContext, RunResult
from operations.execution import error_facts
from operations.models import OperationRun
from operations.params import InvalidInput, Params
from operations.pulse import Cancelled, DeadlineReached
from operations.reasons import PARTLY_READ
from operations.registry import Page, operation_type
from providers import catalogue
from providers.backups import store
from providers.backups.store import NewItem, Prepared, TypeResult, Writing
from providers.catalogue import ObjectType
from providers.choices import BackupState
from providers.graph.errors import GraphError
from providers.models import Backup
from providers.objects.lookups import look_up
from providers.objects.pipeline import Found, read_types
from providers.objects.reader import ReadObject
from providers.operation_types._reads import Progress
from providers.readiness import Needs
from providers.reasons import LICENCE_MISSING, OBJECTS_INCOMPLETE
from tenantpilot.tenancy.capabilities import Capability

TYPES = catalogue.backup_types()
KEYS = frozenset(kind.key for kind in TYPES)
# Ready as soon as one type can be read: what the others lack is told by each of them.
_ANY_READ = tuple(dict.fromkeys(name for kind in TYPES for any_of in kind.read for name in any_of))
_LOOKED_UP_AT_ONCE = 500
# Each write is a transaction of half a dozen statements.
_WRITTEN_AT_ONCE = 100


@dataclass(frozen=True)
class BackupParams(Params):
    """Which object types to back up: all of them unless some are named."""

    object_types: tuple[str, ...] = tuple(sorted(KEYS))

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return validated input; ``objectTypes`` absent or null means all. Raises InvalidInput."""
        named = data.get("objectTypes")
        if named is None:
            return cls()
        keys = [named] if isinstance(named, str) else named
        if not isinstance(keys, list) or not keys or not all(isinstance(key, str) for key in keys):
            raise InvalidInput({"objectTypes": str(_("Send a list of object types."))})
        unknown = sorted(set(keys) - KEYS)
        if unknown:
            words = _("Unknown object type: %(name)s.") % {"name": unknown[0][:64]}
            raise InvalidInput({"objectTypes": str(words)})
        return cls(tuple(sorted(set(keys))))

    def identity(self) -> dict[str, Any]:
        return {"objectTypes": list(self.object_types)}

    @property
    def kinds(self) -> list[ObjectType]:
        return [kind for kind in TYPES if kind.key in self.object_types]


@operation_type(
    name="policy.backup",
    verb=_("Back up policies"),
    description=_("Keeps policies with their settings and assignments as versions that never change."),
    capability=Capability.BACK_UP_POLICIES,
    surfaces={Surface.TENANT, Surface.CONNECTION},
    needs=Needs(permissions=(_ANY_READ,)),
    params=BackupParams,
    result=Page("backups"),
)
def back_up_policies(run: RunContext, params: Params) -> RunResult:
    """Read the types asked for. What one of them refuses does not undo what the others gave.

    A passing fault is raised once every type was tried, so that the run is queued again; a later attempt reads only
    the types that are not complete yet, and the last one tells what is still missing.
    """
    assert isinstance(params, BackupParams)
    close_left_behind(run)
    writing = store.begin(
        tenant_id=run.tenant.id,
        connection_id=run.connection.id,
        run_id=run.claim.run_id,
        kinds=params.kinds,
        created_by=OperationRun.objects.values_list("initiator", flat=True).get(pk=run.claim.run_id),
        fenced=run.fenced,
    )
    try:
        return _backed_up(run, writing, params.kinds)
    except (Cancelled, DeadlineReached, SoftTimeLimitExceeded):
        with run.fenced():
            writing.stop()
        raise


def close_left_behind(run: RunContext) -> None:
    """End the backups of runs that ended without doing so: a lost worker's, a failed run's."""
    mine = Backup.objects.filter(tenant=run.tenant.id, state=BackupState.RUNNING, run_id__isnull=False)
    left = mine.exclude(run_id=run.claim.run_id)
    ended = OperationRun.objects.filter(pk__in=[each.run_id for each in left], status="completed")
    with run.fenced():
        for backup in left.filter(run_id__in=list(ended.values_list("pk", flat=True))):
            Writing(backup, run.fenced).stop()


def _backed_up(run: RunContext, writing: Writing, kinds: Sequence[ObjectType]) -> RunResult:
    attempt = _Attempt(run, writing)
    attempt.read([kind for kind in kinds if kind.key not in writing.complete_types])
    attempt.look_up()
    if attempt.passing is not None and not run.last_attempt:
        raise attempt.passing
    backup = writing.complete()
    return _result(backup, kinds)


class _Attempt:
    """One attempt to read the types that are missing."""

    def __init__(self, run: RunContext, writing: Writing) -> None:
        self._run, self._writing = run, writing
        self._progress = Progress(run)
        self._results: dict[str, TypeResult] = {}
        self._waiting: dict[str, list[Prepared]] = {}
        # A fault that may be gone by the next attempt.
        self.passing: GraphError | None = None

    def read(self, kinds: Sequence[ObjectType]) -> None:
        self._run.stage("objects")
        for kind in kinds:
            self._writing.restart(kind)
            self._results[kind.key], self._waiting[kind.key] = TypeResult(), []
        for event in read_types(self._run.graph, kinds):
            if isinstance(event, Found):
                self._add(event.kind, [each for each in event.objects if not each.gone])
            else:
                self._ended(event.kind, event.error)
        self._progress.report()

    def look_up(self) -> None:
        """Ask what the ids inside the objects lead to, each once."""
        wanted = self._writing.unresolved()
        if not wanted:
            return
        self._run.stage("references")
        found = []
        for looked in look_up(self._run.graph, wanted):
            found.append(looked)
            if looked.error is not None and looked.error.transient:
                self.passing = looked.error
            if len(found) == _LOOKED_UP_AT_ONCE:
                self._resolve(found)
                found = []
        self._resolve(found)

    def _resolve(self, found: list[Any]) -> None:
        # What may pass is asked again by the next attempt, so nothing is written of it but by the last.
        last = self._run.last_attempt
        self._writing.resolve(
            each for each in found if last or each.error is None or not each.error.transient
        )

    def _add(self, kind: ObjectType, objects: Sequence[ReadObject]) -> None:
        result, waiting = self._results[kind.key], self._waiting[kind.key]
        # At once, while the next requests are under way: what is left for the end is to write rows.
        items = [self._writing.prepare(kind, _new_item(kind, each)) for each in objects]
        waiting += items
        if len(waiting) >= _WRITTEN_AT_ONCE:
            self._write(kind)
        result.objects += len(items)
        result.incomplete += sum(not each.complete for each in objects)
        errors = [error for each in objects for error in each.failures.values()]
        self.passing = next((error for error in errors if error.transient), self.passing)
        self._progress.add(len(items))

    def _write(self, kind: ObjectType) -> None:
        self._writing.keep(self._waiting.pop(kind.key, []))
        self._waiting[kind.key] = []

    def _ended(self, kind: ObjectType, error: GraphError | None) -> None:
        result = self._results[kind.key]
        self._write(kind)
        if error is not None:
            result.code, result.facts = error.reason_code, _facts(kind, error)
            self.passing = error if error.transient else self.passing
        self._writing.type_ended(kind, result)
        self._run.report(**{kind.key: result.objects})


def _new_item(kind: ObjectType, read: ReadObject) -> NewItem:
    listed = read.listed
    return NewItem(
        listed.id, listed.name, listed.odata_type, listed.marker, read.content, parts_of(kind, read)
    )


def parts_of(kind: ObjectType, read: ReadObject) -> list[dict[str, Any]]:
    """What of an object could not be read, and why."""
    return [
        {"part": name, "code": error.reason_code, "facts": _facts(kind, error)}
        for name, error in sorted(read.failures.items())
    ]


def _facts(kind: ObjectType, error: GraphError) -> dict[str, Any]:
    facts: dict[str, Any] = error_facts(error, kind.read)
    if error.reason_code == LICENCE_MISSING.code:
        facts["licence"] = kind.licence
    return facts


def _result(backup: Backup, kinds: Sequence[ObjectType]) -> RunResult:
    """Green only if every type was read completely; failed only if nothing was read at all."""
    results = {kind.key: backup.results[kind.key] for kind in kinds}
    counts = {key: found["objects"] for key, found in results.items() if not found.get("code")}
    failures = [_failure(key, found) for key, found in results.items() if not found["complete"]]
    if not failures:
        return RunResult(RunOutcome.SUCCEEDED, counts=counts)
    if backup.state == BackupState.FAILED:
        first = failures[0]
        return RunResult(RunOutcome.FAILED, first["code"], first["facts"], counts, failures)
    facts = {"failed": len(failures), "requested": len(kinds)}
    return RunResult(RunOutcome.PARTIALLY_SUCCEEDED, PARTLY_READ.code, facts, counts, failures)


def _failure(key: str, found: Mapping[str, Any]) -> dict[str, Any]:
    if found.get("code"):
        return {"type": key, "code": found["code"], "facts": found["facts"]}
    facts = {"incomplete": found["incomplete"], "objects": found["objects"]}
    return {"type": key, "code": OBJECTS_INCOMPLETE.code, "facts": facts}
