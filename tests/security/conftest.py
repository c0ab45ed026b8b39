"""A world in which everything that can be named has a row, and a walk over every address of the console."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.apps import apps
from django.http import HttpResponse
from django.test import Client

from operations.models import Notification
from providers.choices import ObjectKind
from tenantpilot.audit.record import record
from tests.console.rows import make_collection, make_groups, make_roles, make_runs
from tests.contracts import test_permission_matrix
from tests.contracts.permission_table import RECORDS, TABLE, Row
from tests.contracts.test_permission_matrix import RENDERINGS, address

matrix_names = test_permission_matrix.names
Walk = Callable[[Client], Iterator[tuple[str, str, HttpResponse]]]


@pytest.fixture
def names(world, matrix_names) -> dict[str, Any]:
    """The ids that stand in URLs, of the world's own things; the run is one that ended badly, with a notice."""
    (ended,) = make_runs(world.connection, 1, outcome="failed", reason_code="provider.consent_missing",
                         initiator=world.owner, scope_key=f"connection:{world.connection.pk}")  # fmt: skip
    groups = make_collection(world.tenant, ObjectKind.GROUPS, "all_groups_v1")
    make_groups(groups, ["Finance"], description="About money")
    make_roles(make_collection(world.tenant, ObjectKind.ENTRA_ROLE_DEFINITIONS, ""), ["Reader"])
    Notification.objects.create(recipient=world.owner, run=ended)
    record(
        "tenant.id_changed",
        workspace_id=world.workspace.pk,
        tenant_id=world.tenant.pk,
        actor_id=world.owner.pk,
    )
    return matrix_names | {"run": ended.pk}


@pytest.fixture
def walk(world, names) -> Walk:
    """Ask every GET of the permission table in these renderings, as whoever the client is signed in as."""

    def every(client: Client, *renderings: str) -> Iterator[tuple[str, str, HttpResponse]]:
        for row in TABLE:
            if row.method != "GET" or "logout" in row.route:
                continue
            for rendering in renderings:
                yield rendering, *_ask(client, row, names, RENDERINGS[rendering])
        for model, rows in RECORDS.items():
            known = names | {model: record_id_of(model, world, names)}
            for row in (each for each in rows if each.method == "GET"):
                yield "page", *_ask(client, row, known, RENDERINGS["page"])

    return every


def record_id_of(model: str, world: Any, names: dict[str, Any]) -> int:
    latest = apps.get_model(model.replace("/", ".")).objects.order_by("-pk").first()
    return latest.pk if latest else 0


def _ask(
    client: Client, row: Row, names: dict[str, Any], headers: dict[str, str]
) -> tuple[str, HttpResponse]:
    url = address(row, row.names, names)
    return url, client.get(url, headers=headers)


def body(answer: HttpResponse) -> str:
    """All that the answer says, streamed or not."""
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
    # An archive of a backup is no text.
    return content.decode(errors="replace")
