"""An export is an act: what leaves the console is written down."""

from collections.abc import Iterable, Mapping
from typing import Any

from tenantpilot.audit.record import About, record


def record_export(
    name: str, *, actor_id: int, workspace_ids: Iterable[int], filters: Mapping[str, Any]
) -> None:
    """Write that the list ``name`` was exported with these filters, once for each workspace that it may show."""
    for workspace_id in workspace_ids:
        record(
            "list.exported",
            workspace_id=workspace_id,
            actor_id=actor_id,
            about=About("list", name, name),
            facts={key: value for key, value in filters.items() if value},
        )
