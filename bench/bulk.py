"""A bulk start on 1,000 tenants, decided and written, beside as many single starts.

python -m bench.bulk [--tenants 1000] [--rounds 5]
"""

import argparse
import time
import uuid
from collections.abc import Callable

from bench.common import p, servers, show

BULK, SINGLE, RELAY = "bulk start", "the same one by one, unpublished", "all offered by the relay"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenants", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    with servers():
        _measure(args.tenants, args.rounds)


def _measure(count: int, rounds: int) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from operations import broker, bulk, gate, registry, relay
    from providers.selectors import targets_for_tenants

    check, (person, slugs) = registry.get("provider.connection.check"), _tenants(count)
    rows: dict[str, list[float]] = {BULK: [], SINGLE: [], RELAY: []}
    for _ in range(rounds):
        targets = targets_for_tenants(person, slugs)
        rows[BULK].append(_timed(lambda: bulk.start_many(check, targets, person)))  # noqa: B023
        rows[RELAY].append(_timed(relay.offer_all))
        _free(person)
        publish, broker.publish = broker.publish, lambda *_: True
        singles = [gate.Start(check, target, person) for target in targets]
        rows[SINGLE].append(_timed(lambda: [gate.start(single) for single in singles]))  # noqa: B023
        broker.publish = publish
        _free(person)
    with CaptureQueriesContext(connection) as queries:
        bulk.start_many(check, targets, person)
    show(f"Bulk start on {count} tenants, {len(queries)} statements", rows, beside=BULK)
    print(f"worst of the bulk starts: {p(rows[BULK], 100):.0f} ms")


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def _free(person: int) -> None:
    from operations import transitions
    from operations.models import OperationRun

    for run_id in OperationRun.objects.exclude(status="completed").values_list("pk", flat=True):
        transitions.cancel(run_id, person)


def _tenants(count: int) -> tuple[int, list[str]]:
    """Return a person and the slugs of as many tenants that everything can start on."""
    from providers.models import AppRegistration, ProviderConnection
    from tenantpilot.tenancy.models import Tenant
    from tests.conftest import make_world

    world = make_world()
    tenants = Tenant.objects.bulk_create(
        Tenant(
            workspace=world.workspace,
            name=f"N {n}",
            slug=f"n-{n}",
            entra_tenant_id=uuid.uuid4(),
            primary_domain="x",
        )
        for n in range(count)
    )
    app = AppRegistration.objects.get(connections=world.connection)
    ProviderConnection.objects.bulk_create(
        ProviderConnection(tenant=tenant, app_registration=app, label="bench", is_default=True)
        for tenant in tenants
    )
    return world.owner.pk, [tenant.slug for tenant in tenants]


if __name__ == "__main__":
    main()
