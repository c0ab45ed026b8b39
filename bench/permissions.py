"""Rights at size: 10,000 tenants and 500 people; lists and single checks for people with few, many and all tenants.

``python -m bench.permissions [tenants] [people]``. The bare statement beside each is the same list without rights.
"""

import random
import sys
import time
import uuid
from collections.abc import Callable

from bench.common import interleaved, p, servers, show

REACHES = (3, 100, 1_000, 9_000)


def main(tenants: int, people: int) -> None:
    with servers():
        from tenantpilot.tenancy.models import Tenant, User

        began = time.perf_counter()
        chosen = _fill(tenants, people)
        print(f"{tenants} tenants, {people} people: written in {time.perf_counter() - began:.1f} s")
        _sync()
        persons = {name: User.objects.get(pk=pk) for name, pk in chosen.items()}
        rows = list(Tenant.objects.order_by("?")[:200])
        _lists(persons)
        _checks(persons, rows)


def _lists(persons: dict[str, object]) -> None:
    from tenantpilot.tenancy.models import Tenant
    from tenantpilot.tenancy.permissions import visible_to

    def page(rows: object) -> Callable[[], object]:
        return lambda: list(rows.order_by("name", "id").values("id", "name")[:51])

    works = {"50 tenants without rights": page(Tenant.objects.all())}
    for name, person in persons.items():
        works[f"first page, {name}"] = page(visible_to(Tenant.objects.all(), person))
    for name, person in persons.items():
        seen = visible_to(Tenant.objects.all(), person, capability="sync_groups")
        works[f"may sync groups, count, {name}"] = seen.count
    took = interleaved(works, rounds=10, each=5)
    show("Lists of tenants", took, beside="50 tenants without rights")
    worst = max(p(values, 95) for values in took.values())
    print(f"worst p95: {worst:.1f} ms (goal 25 ms)")


def _checks(persons: dict[str, object], rows: list) -> None:
    from guardian.core import ObjectPermissionChecker

    from providers.selectors import target_for_tenant
    from tenantpilot.tenancy.models import Tenant
    from tenantpilot.tenancy.permissions import capabilities_on

    def any_row() -> object:
        return random.choice(rows)

    works: dict[str, Callable[[], object]] = {
        "the tenant alone": lambda: Tenant.objects.get(slug=any_row().slug),
    }
    for name, person in persons.items():
        works[f"target with rights, {name}"] = lambda person=person: target_for_tenant(
            person.pk, any_row().slug
        )
        works[f"rights on a tenant, {name}"] = lambda person=person: capabilities_on(person, any_row())
    last = list(persons.values())[-1]

    def guardian() -> object:
        checker, row = ObjectPermissionChecker(last), any_row()
        return checker.get_perms(row), checker.get_perms(row.workspace)

    works["django-guardian, two checks"] = guardian
    show("Single checks", interleaved(works, rounds=10, each=10), beside="the tenant alone")


def _sync() -> None:
    from django.db import connection

    from tenantpilot.tenancy.grants_sync import sync

    for name in ("first", "with nothing to do"):
        began = time.perf_counter()
        done = sync()
        print(f"grants_sync, {name}: {time.perf_counter() - began:.1f} s, {done}")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _fill(tenants: int, people: int) -> dict[str, int]:
    """One workspace whose people reach 3 to all tenants; returns one person of each reach."""
    from tenantpilot.tenancy.capabilities import Role
    from tenantpilot.tenancy.models import Membership, Tenant, TenantEntitlement, User, Workspace

    random.seed(7)
    workspace = Workspace.objects.create(name="Bench", slug="bench")
    rows = Tenant.objects.bulk_create(
        Tenant(
            workspace=workspace, name=f"Tenant {number:05}", slug=f"tenant-{number}",
            entra_tenant_id=uuid.uuid4(), primary_domain=f"tenant{number}.example",
        )
        for number in range(tenants)
    )  # fmt: skip
    users = User.objects.bulk_create(
        User(username=f"person-{number}", is_staff=True) for number in range(people)
    )
    reaches = [reach for reach in REACHES if reach < tenants]
    chosen: dict[str, int] = {}
    memberships, entitlements = [], []
    for number, user in enumerate(users):
        reach = (
            0 if number % 10 == 0 else reaches[0] if number % 10 < 8 else reaches[min(1, len(reaches) - 1)]
        )
        if 0 < number <= len(reaches):
            reach = reaches[number - 1]
        chosen.setdefault(f"{reach} tenants" if reach else "all tenants", user.pk)
        role = random.choice(list(Role)[1:])
        memberships.append(Membership(workspace=workspace, user=user, role=role, all_tenants=not reach))
        for row in random.sample(rows, reach):
            own = random.choice(list(Role)[1:])
            entitlements.append(TenantEntitlement(tenant=row, user=user, role=own))
    Membership.objects.bulk_create(memberships)
    TenantEntitlement.objects.bulk_create(entitlements, batch_size=5_000)
    return chosen


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[1:]]
    main(*(numbers + [10_000, 500][len(numbers) :]))
