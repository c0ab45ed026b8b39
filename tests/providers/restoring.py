"""A tenant that can be written to, its backups, and restores carried out as a worker does."""

from collections.abc import Iterable
from typing import Any

import pytest
from pytest_django import Settings

from operations import gate, registry
from operations.choices import RunOutcome, StartStatus
from operations.gate import Start
from operations.models import OperationRun
from operations.outcomes import StartOutcome
from providers.graph.throttle import LIMITS, ServiceLimits
from providers.models import Backup, BackupItem, RestoreRun
from providers.restore import drafts
from providers.restore.model import Options
from providers.sandbox.control import Control
from providers.sandbox.data import permission_profile
from providers.selectors import target_for_tenant
from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.models import Tenant, User
from tests import factories
from tests.providers.conftest import Live, new_slug


@pytest.fixture
def quick(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting for rate budgets, nor between two looks at what a write left."""
    for service in LIMITS:
        limits = ServiceLimits(window=1, initial=10_000, highest=10_000)
        monkeypatch.setitem(LIMITS, service, limits)  # type: ignore[arg-type]  # a dict, whatever it says
    settings.RESTORE_READ_BACK = (0, 0)


@pytest.fixture
def live(transactional_db: None, sandbox: Control, quick: None) -> Live:
    """A tenant with one object of each type, which may be written to."""
    return make_restorable(sandbox)


def make_restorable(sandbox: Control, *, workspace: Any = None, **conditions: Any) -> Live:
    """A tenant of the sandbox whose app may write; its ``operator`` is a manager, who may execute restores."""
    slug = new_slug("restorable")
    granted = permission_profile("restore")
    app = sandbox.add_app(permissions=granted)
    there = sandbox.add_tenant(slug, client_id=app["client_id"], **({"groups": 5} | conditions))
    workspace = workspace or factories.make_workspace()
    manager = factories.make_member(workspace, Role.MANAGER)
    tenant = factories.make_tenant(workspace, slug, entra_tenant_id=there["tenant_id"])
    registration = factories.make_app(
        workspace, manager, client_id=app["client_id"], secret=app["client_secret"]
    )
    connection = factories.make_connection(tenant, manager, app=registration)
    connection.granted_permissions = granted
    connection.save(update_fields=["granted_permissions"])
    return Live(sandbox, slug, tenant, connection, manager, app["client_id"], app["client_secret"])


def back_up(live: Live, *types: str) -> Backup:
    """A complete backup of these types, or of all."""
    run = live.run("policy.backup", **({"objectTypes": list(types)} if types else {}))
    assert run.outcome == RunOutcome.SUCCEEDED, (run.reason_code, run.failures)
    return Backup.objects.get(run_id=run.pk)


def draft(
    live: Live,
    backup: Backup,
    *,
    items: Iterable[BackupItem] | None = None,
    into: Live | None = None,
    **options: Any,
) -> RestoreRun:
    """A draft that restores these items, or all of the backup."""
    target = into or live
    return drafts.draft_create(
        tenant=target.tenant,
        backup=backup,
        items=backup.items.all() if items is None else items,
        options=Options(**options),
        connection_id=None,
        actor=target.operator,
    )


def preview(live: Live, restore: RestoreRun) -> OperationRun:
    """Preview to the end; the restore run is read anew."""
    run = live.run("restore.preview", restoreRun=restore.pk)
    restore.refresh_from_db()
    return run


def start_execution(live: Live, restore: RestoreRun, **data: Any) -> StartOutcome:
    return start_as(live.operator, live.tenant, restore, **data)


def start_as(actor: User, tenant: Tenant, restore: RestoreRun, **data: Any) -> StartOutcome:
    target = target_for_tenant(actor.pk, tenant.slug)
    assert target is not None
    return gate.start(
        Start(registry.get("restore.execute"), target, actor.pk, {"restoreRun": restore.pk, **data})
    )


def execute(live: Live, restore: RestoreRun) -> OperationRun:
    """Execute to the end; the restore run is read anew."""
    outcome = start_execution(live, restore)
    assert outcome.status is StartStatus.ACCEPTED, outcome
    assert outcome.run is not None
    run = live.work(outcome.run.id)
    restore.refresh_from_db()
    return run


def restored(live: Live, backup: Backup, **more: Any) -> tuple[RestoreRun, OperationRun]:
    """Draft, preview and execute."""
    restore = draft(live, backup, **more)
    target = more.get("into") or live
    seen = preview(target, restore)
    assert seen.outcome == RunOutcome.SUCCEEDED, (seen.reason_code, seen.failures)
    return restore, execute(target, restore)


def planned(restore: RestoreRun) -> dict[str, str]:
    """What the plan does with each object, by name."""
    assert restore.plan is not None
    return dict(restore.plan.items.values_list("name", "action"))


def writes(live: Live) -> list[tuple[str, str, int]]:
    """What the sandbox's own log says was asked of it: method, path and status of every request that writes."""
    entries = live.sandbox.log(live.slug, 2000)
    return [
        (entry["method"], entry["path"], entry["status"])
        for entry in entries
        if entry["service"] == "graph" and entry["method"] != "GET" and "$batch" not in entry["path"]
    ]
