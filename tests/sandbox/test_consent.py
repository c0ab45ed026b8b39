"""The consent page in both forms: what it shows, what it grants, where it goes afterwards."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from providers.sandbox.testing import SandboxServer
from tests.sandbox.client import NO_TLS, token_request

RETURN = "https://console.example/onboarding/return?x=1"
FORMS = ["v2.0/adminconsent", "adminconsent"]


@pytest.fixture
def app(sandbox: SandboxServer) -> dict[str, str]:
    app = sandbox.control.add_app(
        "TenantPilot", permissions=["Organization.Read.All", "GroupMember.Read.All"]
    )
    sandbox.control.add_tenant("contoso", display_name="Contoso & Sons")
    return {**app, "tenant_id": sandbox.control.tenant("contoso")["tenant_id"]}


def show(
    sandbox: SandboxServer, app: dict[str, str], form: str, tenant: str = "", **changes: str
) -> httpx.Response:
    asked = {"client_id": app["client_id"], "redirect_uri": RETURN, "state": "a/b=c"}
    if form.startswith("v2.0"):
        asked["scope"] = "https://graph.microsoft.com/.default"
    url = f"{sandbox.url}/{tenant or app['tenant_id']}/{form}"
    return httpx.get(url, params=asked | changes, trust_env=False, verify=NO_TLS)


def decide(sandbox: SandboxServer, app: dict[str, str], form: str, decision: str) -> dict[str, list[str]]:
    data = {"client_id": app["client_id"], "redirect_uri": RETURN, "state": "a/b=c", "tenant": app["tenant_id"],
            "scope": "https://graph.microsoft.com/.default", "decision": decision}  # fmt: skip
    answer = httpx.post(f"{sandbox.url}/{app['tenant_id']}/{form}", data=data, trust_env=False, verify=NO_TLS)
    assert answer.status_code == 302
    target = answer.headers["location"]
    assert target.startswith(RETURN + "&")
    found = parse_qs(urlsplit(target).query)
    assert found.pop("x") == ["1"]
    return found


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("tenant", ["", "organizations", "common"])
def test_the_page_names_app_tenant_and_permissions(
    sandbox: SandboxServer, app: dict[str, str], form: str, tenant: str
) -> None:
    answer = show(sandbox, app, form, tenant)
    assert answer.status_code == 200
    for words in ("TenantPilot", "Contoso &amp; Sons", "GroupMember.Read.All", "Accept", "Cancel"):
        assert words in answer.text
    assert "<script" not in answer.text
    assert "style=" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_accepting_grants_what_the_app_registered(sandbox: SandboxServer, app: dict[str, str]) -> None:
    refused = token_request(sandbox, app["tenant_id"], app["client_id"], app["client_secret"])
    assert refused.json()["error_codes"] == [7000229]
    assert decide(sandbox, app, "v2.0/adminconsent", "accept") == {
        "admin_consent": ["True"],
        "tenant": [app["tenant_id"]],
        "state": ["a/b=c"],
        "scope": ["https://graph.microsoft.com/.default"],
    }
    granted = token_request(sandbox, app["tenant_id"], app["client_id"], app["client_secret"])
    assert granted.status_code == 200


def test_the_older_form_answers_without_scope(sandbox: SandboxServer, app: dict[str, str]) -> None:
    answer = decide(sandbox, app, "adminconsent", "accept")
    assert answer == {"admin_consent": ["True"], "tenant": [app["tenant_id"]], "state": ["a/b=c"]}


def test_declining_grants_nothing_and_says_so_in_each_form(
    sandbox: SandboxServer, app: dict[str, str]
) -> None:
    new = decide(sandbox, app, "v2.0/adminconsent", "decline")
    assert (new["error"], new["admin_consent"], new["state"]) == (["consent_required"], ["True"], ["a/b=c"])
    assert new["error_description"][0].startswith("AADSTS65004")
    old = decide(sandbox, app, "adminconsent", "decline")
    assert (old["error"], old["error_description"]) == (
        ["permission_denied"],
        ["The admin canceled the request"],
    )
    assert "admin_consent" not in old
    answer = token_request(sandbox, app["tenant_id"], app["client_id"], app["client_secret"])
    assert answer.json()["error_codes"] == [7000229]


def test_a_wrong_request_is_told_on_the_page_and_goes_nowhere(
    sandbox: SandboxServer, app: dict[str, str]
) -> None:
    form = "v2.0/adminconsent"
    assert "AADSTS700016" in show(sandbox, app, form, client_id="x").text
    assert "AADSTS50011" in show(sandbox, app, form, redirect_uri="javascript:alert(1)").text
    assert "AADSTS90002" in show(sandbox, app, form, "nosuch.example").text
    assert "AADSTS900144" in show(sandbox, app, form, scope="").text


def test_another_site_cannot_press_the_button(sandbox: SandboxServer, app: dict[str, str]) -> None:
    data = {
        "client_id": app["client_id"],
        "redirect_uri": RETURN,
        "tenant": app["tenant_id"],
        "decision": "accept",
    }
    headers = {"Sec-Fetch-Site": "cross-site"}
    url = f"{sandbox.url}/{app['tenant_id']}/adminconsent"
    assert httpx.post(url, data=data, headers=headers, trust_env=False, verify=NO_TLS).status_code == 403


@pytest.mark.parametrize("form", FORMS)
def test_who_is_no_administrator_is_sent_back_with_nothing_granted(
    sandbox: SandboxServer, app: dict[str, str], form: str
) -> None:
    answer = decide(sandbox, app, form, "no-administrator")
    assert answer["error"] == ["access_denied"] and "AADSTS90094" in answer["error_description"][0]
    assert _granted(sandbox, app) == set()


def test_a_set_that_grows_later_leaves_earlier_grants_smaller(
    sandbox: SandboxServer, app: dict[str, str]
) -> None:
    decide(sandbox, app, FORMS[0], "accept")
    sandbox.control.register(["Policy.Read.All", "GroupMember.Read.All"], client_id=app["client_id"])
    assert _granted(sandbox, app) == {"Organization.Read.All", "GroupMember.Read.All"}
    assert "Policy.Read.All" in show(sandbox, app, FORMS[0]).text
    decide(sandbox, app, FORMS[0], "accept")
    assert _granted(sandbox, app) == {"Organization.Read.All", "GroupMember.Read.All", "Policy.Read.All"}


def _granted(sandbox: SandboxServer, app: dict[str, str]) -> set[str]:
    principal = sandbox.state.tenants["contoso"].principal(app["client_id"])
    return set(principal.grants) if principal else set()


def test_discovery_names_the_tenants_cloud(sandbox: SandboxServer, app: dict[str, str]) -> None:
    sandbox.control.set("contoso", "cloud", "usgov")
    url = f"{sandbox.url}/contoso.example/v2.0/.well-known/openid-configuration"
    document = httpx.get(url, trust_env=False, verify=NO_TLS).json()
    assert document["msgraph_host"] == "graph.microsoft.us"
    assert document["cloud_instance_name"] == "microsoftonline.us"
    assert app["tenant_id"] in document["issuer"]
