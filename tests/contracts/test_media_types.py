"""Which rendering answers which Accept header (RFC 9110, section 12.5.1)."""

import pytest
from django.test import Client

from tenantpilot.core.negotiation import prefers_json
from tests.contracts.conftest import OUTCOME, RUN

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis_url")]

GROUPS = "/admin/t/contoso/directory/groups/sync"
HTML = "text/html"


@pytest.fixture
def operator(world) -> Client:
    client = Client()
    client.force_login(world.operator)
    return client


@pytest.fixture
def run_url(operator) -> str:
    return operator.post(GROUPS, headers={"Accept": OUTCOME}).json()["run"]["url"]


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, HTML),
        ("", HTML),
        ("*/*", HTML),
        ("*", HTML),
        ("text/html", HTML),
        ("text/*", HTML),
        (OUTCOME, OUTCOME),
        ("application/*", OUTCOME),
        (f"text/html;q=0.5, {OUTCOME}", OUTCOME),
        (f"{OUTCOME};q=0.5, text/html", HTML),
        (f"text/html, {OUTCOME}", HTML),
        (f"*/*, {OUTCOME}", OUTCOME),
        ("text/html;q=0, */*", OUTCOME),
        ("text/html;q=0.1, */*;q=0.9", OUTCOME),
        ("application/json, */*;q=0.5", HTML),
        (f"{OUTCOME};q=nonsense", OUTCOME),
        (f"{OUTCOME};q=2", OUTCOME),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", HTML),
        ("*; q=.2", HTML),
        (", ,text/html", HTML),
    ],
)
def test_q_values_decide(operator, accept, expected):
    answer = operator.post(GROUPS, headers={"Accept": accept} if accept is not None else {})
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"].partition(";")[0] == expected


@pytest.mark.parametrize(
    ("accept", "told"),
    [
        ("application/json", "application/problem+json"),
        ("application/vnd.tenantpilot.something-else+json", "application/problem+json"),
        ("application/problem+json", "application/problem+json"),
        ("image/png", HTML),
        (f"{OUTCOME};q=0", HTML),
        ("text/html;q=0", HTML),
        ("nonsense", HTML),
    ],
)
def test_what_is_not_served_is_a_406_in_the_clients_language(operator, accept, told):
    answer = operator.post(GROUPS, headers={"Accept": accept})
    assert answer.status_code == 406
    assert answer["Content-Type"].partition(";")[0] == told
    if told != HTML:
        assert answer.json()["code"] == "not_acceptable"
        assert OUTCOME in answer.json()["detail"]


def test_the_run_has_its_own_vendor_type(operator, run_url):
    assert operator.get(run_url, headers={"Accept": RUN})["Content-Type"] == RUN
    assert operator.get(run_url, headers={"Accept": OUTCOME}).status_code == 406
    assert operator.get(run_url)["Content-Type"] == "text/html; charset=utf-8"


def test_every_answer_says_what_it_varies_by_and_is_kept_by_nobody(operator, run_url, world):
    stranger = Client()
    answers = [
        operator.post(GROUPS),
        operator.post(GROUPS, headers={"Accept": OUTCOME}),
        operator.post(GROUPS, headers={"HX-Request": "true"}),
        operator.post(GROUPS, headers={"Accept": "application/json"}),
        operator.get(run_url),
        operator.get(f"{run_url}/status"),
        operator.get("/admin/operations/999999", headers={"Accept": RUN}),
        stranger.get(run_url, headers={"Accept": RUN}),
    ]
    for answer in answers:
        varies = {name.strip() for name in answer["Vary"].split(",")}
        assert varies >= {"Accept", "HX-Request", "Cookie"}, answer.status_code
        assert answer["Cache-Control"] == "no-store, private"


def test_htmx_gets_the_part_and_a_restored_history_the_page(operator, run_url):
    part = operator.get(run_url, headers={"HX-Request": "true"}).content.decode()
    assert 'id="run-status"' in part
    assert "<html" not in part
    restored = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    assert "<html" in operator.get(run_url, headers=restored).content.decode()


def test_a_format_in_the_query_changes_nothing(operator, run_url):
    assert operator.get(f"{run_url}?format=json").status_code == 200


@pytest.mark.parametrize(
    ("accept", "json"),
    [
        ("", False),
        ("*/*", False),
        ("application/json", True),
        ("application/json, text/plain, */*", True),
        ("text/html, application/json", False),
        ("text/html;q=0.4, application/json;q=0.5", True),
        ("application/*", True),
        ("application/json;q=0", False),
        ("image/png", False),
    ],
)
def test_errors_outside_of_the_surfaces_follow_the_same_header(accept, json):
    assert prefers_json(accept) is json
