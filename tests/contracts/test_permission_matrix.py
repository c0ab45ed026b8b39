"""Every URL, every kind of person, every rendering; the rows stand in ``permission_table``."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.views.generic import RedirectView

from operations.models import Notification, RunEvent
from providers.choices import ObjectKind
from tenantpilot.audit.models import AuditEntry
from tenantpilot.audit.record import record
from tenantpilot.tenancy import invitations
from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.models import Membership
from tests import factories
from tests.console.rows import make_collection, make_groups, make_roles
from tests.contracts.conftest import BOOTSTRAP, OUTCOME
from tests.contracts.conftest import RUN as RUN_JSON
from tests.contracts.permission_table import PEOPLE, RECORDS, TABLE, Row
from tests.providers.made_backups import item_of, make_backup

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_url")]

RENDERINGS = {
    "page": {"Accept": "text/html"},
    "fragment": {"HX-Request": "true"},
    "json": {"Accept": f"{OUTCOME}, {RUN_JSON}, {BOOTSTRAP}"},
}
SIGN_IN = "/admin/login/"


def routes() -> dict[str, URLPattern]:
    def walk(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[tuple[str, URLPattern]]:
        for pattern in patterns:
            here = prefix + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, here)
            else:
                yield here, pattern

    return dict(walk(get_resolver().url_patterns, ""))


def is_mend(route: str, pattern: URLPattern) -> bool:
    """The slash form of a page, which only leads to the page."""
    redirects = getattr(pattern.callback, "view_class", None) is RedirectView
    return redirects and route.endswith("/") and route.rstrip("/") in routes()


@pytest.fixture
def names(world) -> dict[str, Any]:
    """What stands in the URLs: things of the tenant that the outsider and the bystander can't see."""
    run = factories.start("directory.groups.sync", world.tenant, world.operator).run
    assert run is not None
    member = Membership.objects.get(workspace=world.workspace, user=world.readonly)
    invitation, _token = invitations.invitation_create(
        workspace=world.workspace, actor=world.owner, addressee="ada@example.org", role=Role.OPERATOR,
        all_tenants=False, tenants=[world.tenant],
    )  # fmt: skip
    restore = factories.make_restore(world.tenant, world.manager)
    assert restore.plan is not None
    return {
        "run": run.id,
        "step": factories.start_chain(world).run.id,
        "restore": restore.pk,
        "restore_item": restore.plan.items.get().pk,
        "connection": world.connection.pk,
        "member": member.pk,
        "invitation": invitation.pk,
        "session": factories.make_session(world.tenant, world.manager).pk,
        "app": world.connection.app_registration_id,
        **backed_up(world),
    }


def backed_up(world) -> dict[str, Any]:
    backup = make_backup(world.tenant)
    return {"backup": backup.pk, "item": item_of(backup).pk}


@pytest.fixture
def people(world) -> dict[str, Any]:
    bystander = factories.make_member(world.workspace, Role.OPERATOR, all_tenants=False, username="bystander")
    return {name: bystander if name == "bystander" else getattr(world, name) for name in PEOPLE}


def address(row: Row, values: dict[str, Any], names: dict[str, Any]) -> str:
    path = re.sub(r"\^?\(\?P<(\w+)>[^)]*\)(/?)\$?", r"<str:\1>\2", row.route)
    for name, value in values.items():
        path = re.sub(rf"<\w+:{name}>", str(value).format(**names), path)
    return f"/{path}"


def client_for(person: Any) -> Client:
    client = Client()
    if person is not None:
        client.force_login(person)
    return client


def ask(client: Client, row: Row, url: str, rendering: str) -> HttpResponse:
    """Send the request and take back whatever it changed, the client's session included."""
    kept, session = transaction.savepoint(), client.cookies.get("sessionid")
    send = client.post if row.method == "POST" else client.get
    answer = send(url, row.data, headers=RENDERINGS[rendering])
    transaction.savepoint_rollback(kept)
    client.cookies.clear()
    if session is not None:
        client.cookies["sessionid"] = session.value
    return answer


def same(answer: HttpResponse, url: str) -> bytes:
    """The body without what differs from one request to the next: the URL's own words, the token, the time left."""
    text = answer.content.decode().replace(url, "URL")
    text = re.sub(
        r'(csrfmiddlewaretoken" value=|X-CSRFToken&quot;: &quot;|X-CSRFToken": ")"?\w+', "TOKEN", text
    )
    text = re.sub(r'data-left="\d+"', "LEFT", text)
    return text.encode()


def test_every_route_has_a_row_and_every_row_a_route():
    needed = {route for route, pattern in routes().items() if not is_mend(route, pattern)}
    rows = {row.route for table in (TABLE, *RECORDS.values()) for row in table}
    assert needed - rows == set(), "add rows to permission_table.py"
    assert rows - needed == set()


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.method} {row.route}")
def test_who_gets_what(row, people, names):
    url = address(row, row.names, names)
    clients = {name: client_for(person) for name, person in people.items()}
    for rendering in RENDERINGS:
        for name, client in clients.items():
            answer = ask(client, row, url, rendering)
            expected = 406 if row.only_html and rendering == "json" else row.status(name, rendering)
            assert answer.status_code == expected, f"{name}, {rendering}: {answer.content[:300]!r}"
            if expected in {403, 404, 406} and rendering == "json":
                assert answer["Content-Type"] == "application/problem+json", name
        _stranger(row, rendering, url)


def _stranger(row: Row, rendering: str, url: str) -> None:
    """Somebody who is not signed in is told to do so, and nothing else."""
    answer = ask(client_for(None), row, url, rendering)
    if row.public:
        assert answer.status_code in {row.public, getattr(row, rendering)}, rendering
    elif rendering == "page":
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, SIGN_IN)
    elif rendering == "fragment":
        assert answer["HX-Redirect"].startswith(SIGN_IN)
        assert answer.content == b""
    elif row.only_html:
        assert answer.status_code == 406
    else:
        assert (answer.status_code, answer.json()["code"]) == (403, "not_authenticated")


@pytest.mark.parametrize(
    "row", [row for row in TABLE if row.absent], ids=lambda row: f"{row.method} {row.route}"
)
def test_what_is_invisible_answers_like_what_is_not_there(row, people, names):
    hidden_url, absent_url = address(row, row.names, names), address(row, row.absent, names)
    client = client_for(people["outsider"])
    for rendering in RENDERINGS:
        hidden = ask(client, row, hidden_url, rendering)
        absent = ask(client, row, absent_url, rendering)
        assert hidden.status_code == absent.status_code
        assert same(hidden, hidden_url) == same(absent, absent_url)
        assert set(hidden.headers) == set(absent.headers)


def test_slash_forms_lead_to_their_pages_whoever_asks(names):
    for route, pattern in routes().items():
        if not is_mend(route, pattern):
            continue
        url = "/" + re.sub(r"<\w+:\w+>", "1", re.sub(r"<uuid:\w+>", str(uuid4()), route))
        answer = Client().get(url)
        assert (answer.status_code // 100, answer["Location"]) == (3, url.rstrip("/")), route


@pytest.mark.parametrize("model", RECORDS)
def test_records_are_shown_to_owners_and_changed_by_nobody(model, world, people, names):
    """All pages of one model at once; they have no fragment and no JSON of their own."""
    names = names | {model: record_id(model, world, names)}
    for row in RECORDS[model]:
        url = address(row, row.names, names)
        for name, person in people.items():
            answer = ask(client_for(person), row, url, "page")
            assert answer.status_code == row.status(name, "page"), f"{row.method} {url}, {name}"
        _stranger(row, "page", url)
        if row.absent:
            client, absent = client_for(people["outsider"]), address(row, row.absent, names)
            hidden, missing = ask(client, row, url, "page"), ask(client, row, absent, "page")
            assert same(hidden, url) == same(missing, absent)


def record_id(model: str, world, names: dict[str, Any]) -> int:
    """A row of the model that belongs to the tenant or to its workspace."""
    groups = make_collection(world.tenant, ObjectKind.GROUPS, "all_groups_v1")
    make_groups(groups, ["Finance"])
    make_roles(make_collection(world.tenant, ObjectKind.ENTRA_ROLE_DEFINITIONS, ""), ["Reader"])
    Notification.objects.create(recipient=world.operator, run_id=names["run"])
    record(
        "tenant.id_changed",
        workspace_id=world.workspace.pk,
        tenant_id=world.tenant.pk,
        actor_id=world.owner.pk,
    )
    known: dict[str, int] = {
        "tenancy/workspace": world.workspace.pk,
        "tenancy/membership": names["member"],
        "tenancy/invitation": names["invitation"],
        "providers/appregistration": world.connection.app_registration_id,
        "tenancy/tenant": world.tenant.pk,
        "providers/providerconnection": world.connection.pk,
        "providers/directorycollection": groups.pk,
        "operations/operationrun": names["run"],
        "operations/runevent": RunEvent.objects.filter(run=names["run"])[0].pk,
        "audit/auditentry": AuditEntry.objects.filter(tenant=world.tenant).latest("pk").pk,
    }
    return known.get(model) or apps.get_model(model.replace("/", ".")).objects.latest("pk").pk


def test_autocomplete_of_records_offers_an_owner_their_own_rows_alone(world, as_):
    query = "/admin/autocomplete/?app_label=operations&model_name=operationrun&field_name=tenant&term=o"
    found = as_(world.owner).get(query).json()["results"]
    assert [each["text"] for each in found] == ["Contoso"]
    assert as_(world.outsider).get(query).json()["results"] == []
    for person in (world.manager, world.operator, world.readonly):
        assert as_(person).get(query).status_code == 403
