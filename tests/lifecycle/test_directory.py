"""A tenant becomes no other directory while work runs on it, whoever comes first."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from operations import execution, gate, registry
from operations.choices import StartStatus
from operations.gate import Start
from operations.models import OperationRun
from providers.selectors import target_for_tenant
from tenantpilot.lifecycle import directory
from tests.console.rows import signed_in
from tests.lifecycle.conftest import end
from tests.stack import eventually

GROUPS = "directory.groups.sync"
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_url")]
_WAITING = (
    "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
)


def start(world):
    target = target_for_tenant(world.operator.pk, world.tenant.slug, None)
    return gate.start(Start(registry.get(GROUPS), target, world.operator.pk))


def entra_id(world):
    world.tenant.refresh_from_db()
    return world.tenant.entra_tenant_id


def test_while_a_run_is_active_the_id_stays(world):
    run, before = start(world).run, entra_id(world)
    with pytest.raises(directory.TenantBusy) as busy:
        directory.change(world.tenant, str(uuid.uuid4()), world.manager)
    assert (busy.value.run_id, busy.value.operation_type) == (run.id, GROUPS)
    assert entra_id(world) == before


def test_the_page_names_the_run_keeps_what_was_typed_and_saves_when_it_ended(world):
    run, wanted, client = start(world).run, uuid.uuid4(), signed_in(world.manager)
    answer = client.post("/admin/t/contoso/edit", {"entra_tenant_id": str(wanted)})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "Sync groups is at work on this tenant." in page
    assert f'href="/admin/operations/{run.id}"' in page
    assert f'value="{wanted}"' in page
    end(OperationRun.objects.get(pk=run.id))
    assert client.post("/admin/t/contoso/edit", {"entra_tenant_id": str(wanted)}).status_code == 302
    assert entra_id(world) == wanted


@pytest.mark.django_db(transaction=True)
def test_a_start_in_the_same_instant_waits_and_then_touches_nothing(world):
    """It was decided with the old ID in mind: it must not run on, nor protect, that directory."""
    began = threading.Event()

    def late():
        began.wait(30)
        try:
            return start(world)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(late)
        with transaction.atomic():
            directory.change(world.tenant, str(uuid.uuid4()), world.manager)
            began.set()
            eventually(_somebody_waits)
        outcome = coming.result(30)
    assert outcome.status is StartStatus.ACCEPTED
    execution.execute(outcome.run.id)
    row = OperationRun.objects.get(pk=outcome.run.id)
    assert (row.outcome, row.reason_code) == ("blocked", "provider.connection_unverified")


def _somebody_waits():
    with connection.cursor() as cursor:
        cursor.execute(_WAITING)
        return cursor.fetchone()[0]
