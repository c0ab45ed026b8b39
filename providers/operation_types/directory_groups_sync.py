"""Read a tenant's groups into our own tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from operations.choices import Surface
from operations.context import RunContext, RunResult
from operations.params import InvalidInput, Params
from operations.registry import Page, operation_type
from providers.choices import ObjectKind
from providers.directory_store import Reading, Superseded, Written
from providers.graph.errors import DeltaExpired, RequestFailed
from providers.operation_types._reads import Progress, ahead, reading, require_all
from providers.permissions import READ_GROUPS
from providers.readiness import Needs
from providers.reasons import SUPERSEDED
from tenantpilot.tenancy.capabilities import Capability

PATH = "/groups"
# The most that the directory gives on a page.
PAGE_SIZE = 999


@dataclass(frozen=True, slots=True)
class Selection:
    """Which groups: ``filter`` as Graph takes it, none for all of them, for which alone a delta query exists."""

    label: Promise
    filter: str | None = None


# A key is never given another meaning: what was read under it is kept under it.
DEFAULT_SELECTION = "all_groups_v1"
SELECTIONS = {
    DEFAULT_SELECTION: Selection(_("All groups")),
    "security_groups_v1": Selection(_("Security groups"), "securityEnabled eq true and mailEnabled eq false"),
    "microsoft365_groups_v1": Selection(_("Microsoft 365 groups"), "groupTypes/any(c:c eq 'Unified')"),
    "dynamic_groups_v1": Selection(_("Dynamic groups"), "groupTypes/any(c:c eq 'DynamicMembership')"),
    "role_assignable_groups_v1": Selection(_("Role-assignable groups"), "isAssignableToRole eq true"),
}


@dataclass(frozen=True)
class GroupsSyncParams(Params):
    """Which selection of groups to read."""

    selection_key: str = DEFAULT_SELECTION

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return validated input; ``selectionKey`` absent or null is the default. Raises InvalidInput."""
        key = data.get("selectionKey")
        if key is None:
            return cls()
        if not isinstance(key, str) or key not in SELECTIONS:
            known = ", ".join(SELECTIONS)
            raise InvalidInput({"selectionKey": str(_("Must be one of: %(known)s.") % {"known": known})})
        return cls(key)

    def identity(self) -> dict[str, Any]:
        return {"selectionKey": self.selection_key}


@operation_type(
    name="directory.groups.sync",
    verb=_("Sync groups"),
    description=_("Reads the tenant's groups: all of them at first, what changed since from then on."),
    capability=Capability.SYNC_GROUPS,
    surfaces={Surface.TENANT, Surface.CONNECTION},
    needs=Needs(permissions=(READ_GROUPS,)),
    params=GroupsSyncParams,
    path="directory/groups/sync",
    result=Page("directory_groups"),
)
def sync_groups(run: RunContext, params: Params) -> RunResult:
    """Read the groups of a selection; what is missing from a complete read is marked gone."""
    assert isinstance(params, GroupsSyncParams)
    key = params.selection_key
    try:
        with reading(run, ObjectKind.GROUPS, key, READ_GROUPS) as read:
            written = _read(run, read, SELECTIONS[key].filter)
    except Superseded:
        return RunResult.failed(SUPERSEDED)
    return RunResult.succeeded(groups=written.objects, changed=written.changed, gone=written.gone)


def _read(run: RunContext, read: Reading, selected: str | None) -> Written:
    if selected is not None:
        return _read_selected(run, read, selected)
    if not read.delta_link:
        return _read_all(run, read)
    run.stage("changes")
    try:
        return _follow(run, read, Progress(run), link=read.delta_link)
    except DeltaExpired:
        # The provider keeps the state behind a link for some days only (Graph docs: delta query overview).
        read.restart()
        return _read_all(run, read)


def _read_selected(run: RunContext, read: Reading, selected: str) -> Written:
    run.stage("groups")
    progress = Progress(run)
    fields = read.shape.fields
    chain = run.graph.pages(PATH, select=fields, filter=selected, top=PAGE_SIZE, count=True)
    with ahead(chain) as pages:
        for page in pages:
            progress.total = page.count if progress.total is None else progress.total
            read.add(page.value)
            progress.add(len(page.value))
    _require_whole(run, read, progress.total, selected)
    progress.report()
    return read.complete(whole=True)


def _read_all(run: RunContext, read: Reading) -> Written:
    run.stage("groups")
    progress = Progress(run, total=_count(run))
    return _follow(run, read, progress, link=None)


def _follow(run: RunContext, read: Reading, progress: Progress, *, link: str | None) -> Written:
    """Read a delta to its end: everything without a link, what changed with one."""
    delta_link = ""
    with ahead(run.graph.delta(PATH, select=read.shape.fields, link=link)) as pages:
        for page in pages:
            read.add(page.value)
            progress.add(len(page.value))
            delta_link = page.delta_link or ""
    if link is None:
        _require_whole(run, read, progress.total, None)
    progress.report()
    return read.complete(whole=link is None, delta_link=delta_link)


def _require_whole(run: RunContext, read: Reading, expected: int | None, selected: str | None) -> None:
    """Refuse a chain that ended early. Groups deleted while it was read are no reason to: hence the second count."""
    if expected is None or read.received() >= expected:
        return
    again = _count(run, selected)
    require_all(read, expected if again is None else min(expected, again))


def _count(run: RunContext, selected: str | None = None) -> int | None:
    """Ask how many groups there are; None when the provider does not say."""
    try:
        pages = run.graph.pages(PATH, select=("id",), filter=selected, top=1, count=True)
        return next(pages).count
    except RequestFailed:
        return None
