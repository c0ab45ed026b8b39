"""Two people restore the same directory at once, over two connections and from two workspaces: nothing is doubled."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from django.db import connection

from operations.choices import RunOutcome, StartStatus
from operations.outcomes import StartOutcome
from providers.models import RestoreRun
from providers.sandbox.data import permission_profile
from tenantpilot.tenancy.capabilities import Role
from tests import factories
from tests.providers.conftest import Live
from tests.providers.restoring import back_up, draft, preview, start_as, writes
from tests.providers.restoring import live as live
from tests.providers.restoring import quick as quick

CATEGORIES = "deviceCategories"


def elsewhere(live: Live) -> Live:
    """The same directory as a tenant of another workspace, through an app of its own."""
    workspace = factories.make_workspace()
    manager = factories.make_member(workspace, Role.MANAGER)
    tenant = factories.make_tenant(workspace, entra_tenant_id=live.tenant.entra_tenant_id)
    app = factories.make_app(workspace, manager, client_id=live.client_id, secret=live.secret)
    made = factories.make_connection(tenant, manager, app=app)
    made.granted_permissions = permission_profile("restore")
    made.save(update_fields=["granted_permissions"])
    return Live(live.sandbox, live.slug, tenant, made, manager, live.client_id, live.secret)


def together(ways: list[tuple[Live, RestoreRun]]) -> list[StartOutcome]:
    """Every start in the same instant, each on a database connection of its own."""
    barrier = threading.Barrier(len(ways))

    def one(way: tuple[Live, RestoreRun]) -> StartOutcome:
        through, restore = way
        try:
            barrier.wait(timeout=30)
            return start_as(through.operator, through.tenant, restore)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(ways)) as pool:
        return list(pool.map(one, ways))


def test_of_two_restores_into_one_directory_one_is_executed_and_the_other_waits(live: Live) -> None:
    other = elsewhere(live)
    ways: list[tuple[Live, RestoreRun]] = []
    backups = [back_up(through, CATEGORIES) for through in (live, other)]
    live.sandbox.wipe(live.slug, CATEGORIES)
    for through, backup in zip((live, other), backups, strict=True):
        restore = draft(through, backup)
        preview(through, restore)
        ways.append((through, restore))
    outcomes = together([*ways, *ways])
    counted = Counter(outcome.status for outcome in outcomes)
    assert counted[StartStatus.ACCEPTED] == 1
    assert counted[StartStatus.ACCEPTED] + counted[StartStatus.DEDUPED] + counted[StartStatus.SCOPE_BUSY] == 4
    accepted = next(outcome for outcome in outcomes if outcome.status is StartStatus.ACCEPTED)
    assert accepted.run is not None
    assert live.work(accepted.run.id).outcome == RunOutcome.SUCCEEDED
    assert len(live.sandbox.objects(live.slug, CATEGORIES)) == 1
    # Whoever comes afterwards finds the tenant changed since their own preview, and writes nothing.
    late = next(way for way in ways if way[0].tenant.slug != accepted.tenant["slug"])
    before = writes(live)
    outcome = start_as(late[0].operator, late[0].tenant, late[1])
    assert outcome.run is not None
    run = live.work(outcome.run.id)
    assert (run.outcome, run.reason_code) == (RunOutcome.BLOCKED, "restore.plan_changed")
    assert writes(live) == before
    assert len(live.sandbox.objects(live.slug, CATEGORIES)) == 1
