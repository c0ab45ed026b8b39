"""Sign-in, navigation, error pages and what happens to a click after the session ended."""

import gzip
import json
import re
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.contrib.staticfiles import finders
from django.db import DatabaseError
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tenantpilot.console.navigation import navigation

pytestmark = [pytest.mark.urls("tests.console.urls"), pytest.mark.django_db]
PASSWORD = "correct-horse-battery"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def person(client: Client) -> Client:
    get_user_model().objects.create_user("operator", password=PASSWORD, is_staff=True)
    client.login(username="operator", password=PASSWORD)
    return client


@pytest.fixture
def calm(client: Client) -> Client:
    client.raise_request_exception = False
    return client


def test_an_htmx_click_after_the_session_ended_loads_the_sign_in_page(client: Client) -> None:
    headers = {**HTMX, "HX-Current-URL": "http://testserver/admin/t/contoso?tab=runs"}
    response = client.get("/signed-in", headers=headers)
    assert response.status_code == 200
    assert response["HX-Redirect"] == "/admin/login/?next=%2Fadmin%2Ft%2Fcontoso%3Ftab%3Druns&ended=1"
    assert response.content == b""
    assert "HX-Request" in response["Vary"]


@pytest.mark.parametrize("elsewhere", ["https://evil.example/x", "//evil.example", "javascript:alert(1)"])
def test_the_way_back_never_leads_to_another_host(client: Client, elsewhere: str) -> None:
    response = client.get("/signed-in", headers={**HTMX, "HX-Current-URL": elsewhere})
    assert "evil" not in response["HX-Redirect"]
    assert "javascript" not in response["HX-Redirect"]


@pytest.mark.parametrize("headers", [{}, {**HTMX, "HX-History-Restore-Request": "true"}])
def test_a_browser_is_redirected_as_usual(client: Client, headers: dict[str, str]) -> None:
    response = client.get("/signed-in", headers=headers)
    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/")


def test_an_htmx_redirect_to_elsewhere_is_left_alone(person: Client) -> None:
    response = person.get("/moved", headers=HTMX)
    assert response.status_code == 302
    assert response["Location"] == "/admin/tenants"


def test_the_sign_in_page_says_that_the_session_ended(client: Client) -> None:
    assert "Signed out. Sign in and try again." in client.get("/admin/login/?ended=1").content.decode()
    assert "Signed out." not in client.get("/admin/login/").content.decode()


@pytest.mark.parametrize(
    ("name", "password"), [("operator", "wrong"), ("nobody", PASSWORD), ("visitor", PASSWORD)]
)
def test_a_refused_sign_in_never_says_which_part_was_wrong(client: Client, name: str, password: str) -> None:
    users = get_user_model().objects
    users.create_user("operator", password=PASSWORD, is_staff=True)
    users.create_user("visitor", password=PASSWORD)
    response = client.post("/admin/login/", {"username": name, "password": password, "next": "/admin/"})
    assert response.status_code == 200
    text = response.content.decode()
    assert "Name or password is wrong." in text
    assert PASSWORD not in text


def test_sign_in_leads_on_and_sign_out_leads_back(client: Client) -> None:
    get_user_model().objects.create_user("operator", password=PASSWORD, is_staff=True)
    form = {"username": "operator", "password": PASSWORD, "next": "/admin/tenants"}
    assert client.post("/admin/login/", form)["Location"] == "/admin/tenants"
    assert client.post("/admin/logout/")["Location"] == "/admin/login/"
    assert client.get("/signed-in").status_code == 302


def test_sign_out_needs_a_post(person: Client) -> None:
    assert person.get("/admin/logout/").status_code == 405


def test_no_page_of_a_third_party_app_is_in_the_admin(person: Client) -> None:
    for path in ("/admin/auth/group/", "/admin/django_celery_beat/periodictask/", "/admin/guardian/"):
        assert person.get(path).status_code == 404


def test_the_current_section_is_marked() -> None:
    entries = {e["label"]: e["current"] for group in navigation("/admin/t/contoso") for e in group["entries"]}
    assert entries == {"Dashboard": "", "Tenants": "true", "Provider connections": "", "Operations": ""}
    assert navigation("/admin/operations")[1]["entries"][0]["current"] == "page"


def test_a_page_has_the_shell_and_nothing_the_policy_refuses(person: Client) -> None:
    response = person.get("/signed-in")
    page = response.content.decode()
    assert "<title>Tenants · TenantPilot</title>" in " ".join(page.split())
    assert page.count("<h1>") == 1
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:", page)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))
    assert "debug" not in "".join(re.findall(r"<script[^>]*>", page))
    assert "'unsafe" not in response["Content-Security-Policy"]


def test_the_live_regions_are_on_the_page_from_the_start(person: Client) -> None:
    page = person.get("/signed-in").content.decode()
    assert 'id="tp-announce" class="tp-sr" role="status" aria-live="polite"></div>' in page
    assert 'id="tp-toasts"' in page


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/nowhere", 404, "Not found, or you have no access"),
        ("/forbidden", 403, "You need Operator on this tenant."),
        ("/bare", 403, "Ask a workspace owner for access."),
        ("/suspicious", 400, "This request can&#x27;t be read"),
        ("/broken", 500, "Something broke on our side"),
    ],
)
def test_every_error_is_a_page_in_the_shell_and_a_fragment_for_htmx(
    person: Client, path: str, status: int, words: str
) -> None:
    person.raise_request_exception = False
    page = person.get(path)
    assert page.status_code == status
    assert words in page.content.decode()
    assert 'id="tp-nav"' in page.content.decode()
    part = person.get(path, headers=HTMX)
    assert part.status_code == status
    assert words in part.content.decode()
    assert "<html" not in part.content.decode()
    assert "HX-Request" in part["Vary"]


def test_error_pages_tell_nothing_of_the_exception(calm: Client) -> None:
    for path, word in (("/broken", "secret-of-the-exception"), ("/suspicious", "what-the-client-sent")):
        assert word not in calm.get(path).content.decode()


def test_a_json_client_gets_problem_json(calm: Client) -> None:
    headers = {
        "Accept": "application/vnd.tenantpilot.provider-start-outcome+json",
        "X-Request-ID": "abcdef1234567890",
    }
    response = calm.get("/broken", headers=headers)
    assert response["Content-Type"] == "application/problem+json"
    problem = json.loads(response.content)
    assert (problem["status"], problem["code"], problem["reference"]) == (500, "internal_error", "abcdef12")


def test_after_a_broken_post_nobody_claims_that_nothing_happened(calm: Client) -> None:
    page = calm.post("/broken").content.decode()
    assert "We don&#x27;t know if it started." in page
    assert 'href="/admin/operations"' in page
    assert "Try again" not in page


def test_a_broken_database_still_gets_an_error_page(
    person: Client, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    def refuse(*args: object) -> bool:
        raise DatabaseError("gone")

    monkeypatch.setattr("django.contrib.admin.AdminSite.has_permission", refuse)
    person.raise_request_exception = False
    with django_assert_num_queries(0):
        response = person.get("/broken")
    assert response.status_code == 500
    assert "Something broke on our side" in response.content.decode()
    assert 'id="tp-nav"' not in response.content.decode()


@pytest.fixture
def strict(person: Client) -> Client:
    """A signed-in browser whose CSRF tokens are checked, as in production."""
    client = Client(enforce_csrf_checks=True)
    client.cookies = person.cookies
    return client


def test_a_stale_form_asks_for_a_reload_of_the_page_it_came_from(strict: Client) -> None:
    headers = {"Referer": "http://testserver/admin/tenants?q=a"}
    page = strict.post("/broken", headers=headers)
    assert page.status_code == 403
    assert "Your session changed" in page.content.decode()
    assert 'href="/admin/tenants?q=a"' in page.content.decode()
    elsewhere = strict.post("/broken", headers={"Referer": "https://evil.example/"})
    assert "evil" not in elsewhere.content.decode()


def test_a_csrf_failure_is_told_from_a_missing_right(strict: Client) -> None:
    problem = json.loads(strict.post("/broken", headers={"Accept": "application/problem+json"}).content)
    assert problem["code"] == "csrf_failed"


def test_a_404_says_the_same_for_every_path_but_for_its_token(person: Client) -> None:
    def words(path: str) -> str:
        return re.sub(r'value="\w{64}"', "", person.get(path).content.decode())

    assert words("/nowhere") == words("/elsewhere")


def test_all_scripts_of_the_console_together_are_small():
    """Ours and htmx, as gzip sends them: at most 40 kB."""
    ours = Path(finders.find("console/tp.js")).parent
    scripts = [*ours.glob("*.js"), Path(finders.find("django_htmx/htmx-2.min.js"))]
    assert len(scripts) > 4
    assert sum(len(gzip.compress(script.read_bytes(), 6)) for script in scripts) <= 40_000
