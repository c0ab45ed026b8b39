"""How many SQL statements hot answers cost (session and person are two of them)."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from providers.models import ProviderConnection
from tests.contracts.conftest import OUTCOME, RUN

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis_url")]

GROUPS = "/admin/t/contoso/directory/groups/sync"
ROLES = "/admin/t/contoso/directory/role-definitions/sync"
RENDERINGS = {"json": {"accept": OUTCOME}, "page": {"accept": "text/html"}, "part": {"hx-request": "true"}}


@pytest.fixture(params=RENDERINGS)
def operator(request, world, as_):
    return as_(world.operator, **RENDERINGS[request.param])


def statements(act) -> int:
    with CaptureQueriesContext(connection) as queries:
        answer = act()
    assert answer.status_code == 200, answer.content
    return len([query for query in queries if not query["sql"].startswith(("BEGIN", "COMMIT", "SAVEPOINT"))])


def test_a_start_costs_at_most_six_statements(operator):
    assert statements(lambda: operator.post(GROUPS)) <= 6
    assert statements(lambda: operator.post(GROUPS)) <= 5
    assert statements(lambda: operator.post(ROLES)) <= 5


def test_a_blocked_start_costs_at_most_six(operator):
    ProviderConnection.objects.update(enabled=False)
    assert statements(lambda: operator.post(GROUPS)) <= 6


def test_a_connection_start_costs_no_more(operator, world):
    url = f"/admin/provider-connections/{world.connection.pk}/actions/directory.groups.sync/start"
    assert statements(lambda: operator.post(url)) <= 6
    assert statements(lambda: operator.post(url)) <= 5


def test_a_run_costs_three_and_so_does_each_poll(world, as_):
    page = as_(world.operator)
    url = json.loads(page.post(GROUPS, headers={"Accept": OUTCOME}).content)["run"]["url"]
    assert statements(lambda: page.get(url, headers={"Accept": RUN})) <= 3
    assert statements(lambda: page.get(f"{url}/status", headers={"HX-Request": "true"})) <= 3
    # The bell of the top bar is the fourth.
    assert statements(lambda: page.get(url)) <= 4
