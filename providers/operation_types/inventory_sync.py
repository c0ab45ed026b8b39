"""Read what is in a tenant: every type of the catalogue that can be read, and its managed devices."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from billiard.exceptions import SoftTimeLimitExceeded
from django.utils.translation import gettext_lazy as _

from operations.choices import Surface
from operations.context import RunContext, RunResult
from operations.params import Params
from operations.pulse import Cancelled, DeadlineReached
from operations.registry import Page, operation_type
from providers import sessions
from providers.catalogue import AssignmentsRead, ObjectType
from providers.choices import ObjectKind
from providers.directory_store import Reading, Superseded
from providers.graph.errors import Forbidden, GraphError, TokenError
from providers.inventory import store
from providers.inventory.shapes import shape_of
from providers.inventory.types import INVENTORY_TYPES
from providers.objects.reader import ListedPage, list_objects
from providers.operation_types._reads import Abreast, begin, ending, read_facts
from providers.readiness import Needs, missing_permissions
from providers.reasons import SUPERSEDED
from tenantpilot.tenancy.capabilities import Capability

# As many lists as are asked for at once: most tenants' types are one small page each, and waiting is most of it.
SIDE_BY_SIDE = 4
# Enough to read one type; what can't be read is told per type.
_ANY = tuple(
    dict.fromkeys(
        (
            "DeviceManagementConfiguration.Read.All",
            *(name for kind in INVENTORY_TYPES for name in kind.read[0]),
        )
    )
)

Failure = dict[str, Any]


@operation_type(
    name="inventory.sync",
    verb=_("Sync inventory"),
    description=_(
        "Reads which policies, apps and devices the tenant has, and what changed since the last time."
    ),
    capability=Capability.SYNC_INVENTORY,
    surfaces={Surface.TENANT, Surface.CONNECTION},
    needs=Needs(permissions=(_ANY,)),
    result=Page("inventory"),
)
def sync_inventory(run: RunContext, params: Params) -> RunResult:
    """Read every type. What one of them refuses does not undo what the others gave.

    A passing fault is raised once all were tried, so that the run is queued again: the next attempt reads what is
    left. The last attempt tells it instead.
    """
    run.stage("inventory")
    since = run.claim.started_at
    earlier = store.read_since(run.tenant.id, since)
    left = [kind for kind in INVENTORY_TYPES if kind.key not in earlier]
    try:
        failures, passing = _read_all(run, left)
    except (Cancelled, DeadlineReached, SoftTimeLimitExceeded):
        _note(run)
        raise
    _note(run)
    if passing is not None and (not run.last_attempt or len(failures) == len(INVENTORY_TYPES)):
        raise passing
    found = store.read_since(run.tenant.id, since)
    counts = {key: each.objects for key, each in found.items() if each.objects}
    counts |= {
        "new": sum(each.new for each in found.values()),
        "changed": sum(each.changed for each in found.values()),
        "gone": sum(each.gone for each in found.values()),
    }
    return RunResult.read(requested=len(INVENTORY_TYPES), counts=counts, failures=failures)


@dataclass(frozen=True, slots=True)
class _Begun:
    """A type that is being read, or that a newer run has taken meanwhile (no ``read``)."""

    kind: ObjectType
    read: Reading | None
    pages: Iterator[ListedPage]


def _read_all(run: RunContext, kinds: Sequence[ObjectType]) -> tuple[list[Failure], GraphError | None]:
    """Read the types; return those that failed, and the last fault that may pass."""
    failures: list[Failure] = []
    passing: GraphError | None = None
    done, total = len(INVENTORY_TYPES) - len(kinds), len(INVENTORY_TYPES)
    with Abreast(SIDE_BY_SIDE) as abreast:
        for number, begun in enumerate(_begin_each(run, abreast, kinds), 1):
            try:
                _take(begun)
            except TokenError:
                raise
            except GraphError as error:
                passing = error if error.transient else passing
                facts = read_facts(error, begun.kind.read, begun.kind.licence)
                failures.append({"type": begun.kind.key, "code": error.reason_code, "facts": facts})
            except Superseded:
                failures.append({"type": begun.kind.key, "code": SUPERSEDED.code, "facts": {}})
            run.report(done=done + number, total=total)
    return failures, passing


def _begin_each(run: RunContext, abreast: Abreast, kinds: Sequence[ObjectType]) -> Iterator[_Begun]:
    """Give the types in order, while the first pages of those behind are on their way."""
    granted = sessions.roles_in_use(run.graph.identity)
    left, begun = deque(kinds), deque[_Begun]()
    while left or begun:
        while left and len(begun) < SIDE_BY_SIDE:
            begun.append(_begin(run, abreast, left.popleft(), granted))
        yield begun.popleft()


def _begin(run: RunContext, abreast: Abreast, kind: ObjectType, granted: frozenset[str] | None) -> _Begun:
    try:
        read = begin(run, ObjectKind.INVENTORY, kind.key, shape_of(kind))
    except Superseded:
        return _Begun(kind, None, iter(()))
    missing = [] if granted is None else missing_permissions(Needs(permissions=kind.read), granted)
    if missing:
        return _Begun(kind, read, _refused(missing))
    # Where the list can say who an object is assigned to, it is asked to.
    whole = kind.assignments is not None and kind.assignments.read is AssignmentsRead.LIST
    return _Begun(kind, read, abreast.fetch(list_objects(run.graph, kind, whole=whole)))


def _refused(missing: Sequence[str]) -> Iterator[ListedPage]:
    """What Graph would answer to a token without these permissions, without asking."""
    raise Forbidden("The token lacks the permission.", scopes=tuple(missing))
    yield


def _take(begun: _Begun) -> None:
    """Keep what comes of a type. Raises GraphError and Superseded."""
    if begun.read is None:
        raise Superseded
    with ending(begun.read, begun.kind.read, begun.kind.licence):
        for page in begun.pages:
            begun.read.add(listed.item for listed in page.objects)
        begun.read.complete(whole=True)


def _note(run: RunContext) -> None:
    with run.fenced():
        store.note_read(
            tenant_id=run.tenant.id,
            run_id=run.claim.run_id,
            since=run.claim.started_at,
            requested=len(INVENTORY_TYPES),
        )
