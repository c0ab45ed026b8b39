"""Read a tenant's Entra and Intune role definitions into our own tables."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from operations.choices import Surface
from operations.context import RunContext, RunResult
from operations.params import Params
from operations.registry import Page, operation_type
from providers.choices import ObjectKind
from providers.directory_store import Superseded
from providers.graph.errors import GraphError, TokenError
from providers.operation_types._reads import Progress, read_facts, reading, require_all
from providers.permissions import READ_ENTRA_ROLES, READ_INTUNE_ROLES
from providers.readiness import Needs
from providers.reasons import SUPERSEDED
from tenantpilot.tenancy.capabilities import Capability

SELECTION = "all_role_definitions_v1"


@dataclass(frozen=True, slots=True)
class Source:
    """One service's role definitions. ``licence`` is what the tenant lacks when the service says it lacks one."""

    kind: ObjectKind
    path: str
    permissions: tuple[str, ...]
    licence: str


SOURCES = (
    Source(
        ObjectKind.ENTRA_ROLE_DEFINITIONS,
        "/roleManagement/directory/roleDefinitions",
        READ_ENTRA_ROLES,
        "Microsoft Entra ID P1",
    ),
    Source(
        ObjectKind.INTUNE_ROLE_DEFINITIONS,
        "/deviceManagement/roleDefinitions",
        READ_INTUNE_ROLES,
        "Microsoft Intune",
    ),
)


@operation_type(
    name="directory.role_definitions.sync",
    verb=_("Sync role definitions"),
    description=_("Reads the role definitions of Entra and Intune with the actions that each allows."),
    capability=Capability.SYNC_ROLE_DEFINITIONS,
    surfaces={Surface.TENANT, Surface.CONNECTION},
    needs=Needs(permissions=tuple(source.permissions for source in SOURCES)),
    path="directory/role-definitions/sync",
    result=Page("directory_role_definitions"),
)
def sync_role_definitions(run: RunContext, params: Params) -> RunResult:
    """Read both services. What one of them refuses does not undo what the other gave.

    A passing fault is raised once both were tried, so that the run is queued again; its last attempt tells it instead.
    """
    counts: dict[str, Any] = {}
    failures: list[dict[str, Any]] = []
    passing: GraphError | None = None
    for source in SOURCES:
        try:
            counts[source.kind.value] = _read(run, source)
        except TokenError:
            raise
        except GraphError as error:
            passing = error if error.transient else passing
            failures.append(_failure(source, error))
        except Superseded:
            failures.append({"type": source.kind.value, "code": SUPERSEDED.code, "facts": {}})
    if passing is not None and (not run.last_attempt or len(failures) == len(SOURCES)):
        raise passing
    read = sum(counts.values())
    run.report(done=read, total=read)
    return RunResult.read(requested=len(SOURCES), counts=counts, failures=failures)


def _read(run: RunContext, source: Source) -> int:
    run.stage(source.kind.value)
    progress = Progress(run)
    with reading(run, source.kind, SELECTION, source.permissions) as read:
        for page in run.graph.pages(source.path, select=read.shape.fields):
            # Intune counts without being asked, the directory does not count role definitions.
            progress.total = page.count if progress.total is None else progress.total
            read.add(page.value)
            progress.add(len(page.value))
        require_all(read, progress.total)
        written = read.complete(whole=True)
    progress.report(**{source.kind.value: written.objects})
    return written.objects


def _failure(source: Source, error: GraphError) -> dict[str, Any]:
    facts = read_facts(error, (source.permissions,), source.licence)
    return {"type": source.kind.value, "code": error.reason_code, "facts": facts}
