"""One call for acts and refusals."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tenantpilot.audit.models import AuditEntry
from tenantpilot.audit.where import here


class About(NamedTuple):
    """The thing an act is about: its kind ("connection", "person"), its key, and its name at that time."""

    kind: str
    id: int | str
    label: str = ""


def record(
    action: str,
    *,
    workspace_id: int | None,
    tenant_id: int | None = None,
    actor_id: int | None,
    surface: str = "",
    reason_code: str = "",
    facts: Mapping[str, Any] | None = None,
    about: About | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write an audit entry, one statement; it is chained when the transaction commits.

    Nothing here may hold a secret: entries can never be changed or removed. Address and id of the request at hand are
    added, and ``surface`` is "console" within one unless named.
    """
    _entry(
        action,
        workspace_id=workspace_id,
        tenant_id=tenant_id,
        actor_id=actor_id,
        surface=surface,
        reason_code=reason_code,
        facts=facts,
        about=about,
        before=before,
        after=after,
    ).save(force_insert=True)


def record_many(action: str, entries: Sequence[Mapping[str, Any]]) -> None:
    """Write one entry for each mapping of what ``record`` takes, all in one statement."""
    AuditEntry.objects.bulk_create([_entry(action, **entry) for entry in entries])


def _entry(
    action: str,
    *,
    workspace_id: int | None,
    actor_id: int | None,
    tenant_id: int | None = None,
    surface: str = "",
    reason_code: str = "",
    facts: Mapping[str, Any] | None = None,
    about: About | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> AuditEntry:
    where = here()
    thing = about or About("", "")
    return AuditEntry(
        action=action,
        workspace_id=workspace_id,
        tenant_id=tenant_id,
        actor_id=actor_id,
        surface=surface or where.surface,
        ip=where.ip,
        request_id=where.request_id,
        object_kind=thing.kind,
        object_id=str(thing.id),
        object_label=thing.label[:200],
        before=dict(before or {}),
        after=dict(after or {}),
        reason_code=reason_code,
        facts=dict(facts or {}),
    )
