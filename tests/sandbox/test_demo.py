"""The demo's tenants are what the documentation says, as seen over the wire."""

import base64
import hashlib
import time
from typing import Any

import httpx
import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from providers.sandbox.data import permission_profile
from providers.sandbox.demo import demo_document
from providers.sandbox.testing import SandboxServer
from tests.sandbox.client import Graph, token_request

DOCUMENT = demo_document()
TENANTS = {tenant["slug"]: tenant for tenant in DOCUMENT["tenants"]}
APPS = {app["key"]: app for app in DOCUMENT["app_registrations"]}


def sign_in(demo: SandboxServer, slug: str, secret: str | None = None) -> httpx.Response:
    app = APPS[TENANTS[slug]["app_registration"]]
    tenant_id = TENANTS[slug]["entra_tenant_id"]
    return token_request(demo, tenant_id, app["client_id"], secret or app["client_secret"])


def client(demo: SandboxServer, slug: str) -> Graph:
    app = APPS[TENANTS[slug]["app_registration"]]
    return Graph(demo, TENANTS[slug]["entra_tenant_id"], app["client_id"], app["client_secret"])


def test_both_workspaces_and_all_eleven_tenants_are_there(demo: SandboxServer) -> None:
    assert [workspace["slug"] for workspace in DOCUMENT["workspaces"]] == ["contoso-msp", "other-msp"]
    assert list(TENANTS) == [
        "contoso", "fabrikam", "litware", "northwind", "tailspin", "woodgrove", "wingtip", "adatum", "relecloud",
        "proseware", "alpine",
    ]  # fmt: skip
    assert [facts["tenant"] for facts in demo.control.tenants()] == list(TENANTS)
    ids = [tenant["entra_tenant_id"] for tenant in TENANTS.values()] + [
        app["client_id"] for app in APPS.values()
    ]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("slug", ["contoso", "litware", "adatum", "relecloud", "proseware"])
def test_a_healthy_tenant_signs_in_and_is_the_one_it_says(demo: SandboxServer, slug: str) -> None:
    with client(demo, slug) as graph:
        organization = graph.get("/organization").json()["value"][0]
        assert organization["id"] == TENANTS[slug]["entra_tenant_id"]
        assert organization["displayName"] == TENANTS[slug]["display_name"]
        names = {domain["name"] for domain in organization["verifiedDomains"]}
        assert names == {TENANTS[slug]["primary_domain"], TENANTS[slug]["initial_domain"]}
        assert graph.get("/groups?$top=1").status_code == 200
        assert graph.get("/deviceManagement/roleDefinitions").status_code == 200
    assert demo.control.tenant(slug)["granted"] == sorted(permission_profile("read"))


def test_fabrikam_signs_in_with_the_demo_certificate(demo: SandboxServer) -> None:
    app = APPS["fabrikam-certificate"]
    tenant = TENANTS["fabrikam"]["entra_tenant_id"]
    certificate = x509.load_pem_x509_certificate(app["demo_certificate_pem"].encode())
    der = certificate.public_bytes(serialization.Encoding.DER)
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(der).digest()).decode().rstrip("=")
    claims: dict[str, Any] = {
        "aud": f"https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token", "iss": app["client_id"],
        "sub": app["client_id"], "exp": time.time() + 300, "jti": "1",
    }  # fmt: skip
    signed = jwt.encode(claims, app["demo_private_key_pem"], "PS256", {"x5t#S256": thumbprint})
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    form = {"client_assertion_type": kind, "client_assertion": signed}
    assert token_request(demo, tenant, app["client_id"], None, **form).status_code == 200
    assert app["client_secret"] is None


def test_alpine_knows_only_its_own_app_registration_until_it_consents(demo: SandboxServer) -> None:
    own = APPS["alpine-own"]
    answer = token_request(demo, TENANTS["alpine"]["entra_tenant_id"], own["client_id"], own["client_secret"])
    assert answer.status_code == 200
    assert sign_in(demo, "alpine").json()["error_codes"] == [7000229]
    demo.control.consent("alpine")
    assert sign_in(demo, "alpine").status_code == 200
    demo.control.reset("alpine")


def test_northwind_lacks_consent_until_it_is_given(demo: SandboxServer) -> None:
    assert sign_in(demo, "northwind").json()["error_codes"] == [7000229]
    demo.control.consent("northwind")
    assert sign_in(demo, "northwind").status_code == 200


def test_tailspin_needs_its_renewed_secret(demo: SandboxServer) -> None:
    assert sign_in(demo, "tailspin").json()["error_codes"] == [7000222]
    assert sign_in(demo, "tailspin", APPS["tailspin"]["renewed_secret"]).status_code == 200


def test_woodgrove_reads_everything_but_groups_until_granted(demo: SandboxServer) -> None:
    with client(demo, "woodgrove") as graph:
        assert graph.get("/organization").status_code == 200
        assert graph.get("/roleManagement/directory/roleDefinitions").status_code == 200
        for path in ("/groups", "/groups/delta"):
            assert graph.get(path).status_code == 403
        demo.control.grant("woodgrove", ["GroupMember.Read.All"])
        graph.renew()
        assert graph.get("/groups").status_code == 200


def test_wingtip_is_unreachable_until_reached_and_has_no_intune(demo: SandboxServer) -> None:
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        sign_in(demo, "wingtip")
    demo.control.reach("wingtip")
    with client(demo, "wingtip") as graph:
        assert graph.get("/groups").status_code == 200
        assert graph.get("/deviceManagement/roleDefinitions").status_code == 403


def test_litware_is_throttled_heavily(demo: SandboxServer) -> None:
    with client(demo, "litware") as graph:
        statuses = [graph.get("/organization").status_code for _ in range(45)]
    assert statuses == [200] * 40 + [429] * 5


def test_contoso_pages_its_groups_at_100_first_and_later(demo: SandboxServer) -> None:
    with client(demo, "contoso") as graph:
        assert [len(page["value"]) for page in graph.pages("/groups?$top=999")] == [100, 100, 50]
        pages = graph.pages("/groups/delta?$select=displayName")
        for _ in range(2):
            assert [len(page["value"]) for page in pages] == [100, 100, 50]
            pages = graph.pages(pages[-1]["@odata.deltaLink"])


def test_other_tenants_page_as_asked(demo: SandboxServer) -> None:
    demo.control.consent("fabrikam", APPS["contoso-msp"]["client_id"])
    shared = APPS["contoso-msp"]
    tenant_id = TENANTS["fabrikam"]["entra_tenant_id"]
    with Graph(demo, tenant_id, shared["client_id"], shared["client_secret"]) as graph:
        assert [len(page["value"]) for page in graph.pages("/groups?$top=999&$select=id")] == [999, 501]
        assert [len(page["value"]) for page in graph.pages("/groups/delta?$select=id")] == [999, 501]


def test_a_demo_run_of_contoso_takes_eight_seconds_with_the_default_delay() -> None:
    facts = TENANTS["contoso"]["sandbox"]
    pages = facts["groups"] / facts["page_size"]
    assert pages * (150 + facts["page_size"] * facts["delay_per_object_ms"]) / 1000 >= 8


def test_answers_are_late_only_when_the_sandbox_is_started_so() -> None:
    with (
        SandboxServer(scenario="demo", delay_ms=40, scale={"contoso": 200}) as slow,
        client(slow, "contoso") as graph,
    ):
        started = time.monotonic()
        graph.pages("/groups?$select=id")
        assert time.monotonic() - started >= 2 * (0.04 + 100 * 0.0022)


def test_one_tenant_can_be_reset(demo: SandboxServer) -> None:
    demo.control.consent("northwind")
    demo.control.delete_group("contoso", "Finance")
    demo.control.reset("northwind")
    assert demo.control.tenant("northwind")["consented"] is False
    assert demo.control.count("contoso") == 249


def test_a_tenant_may_be_huge_and_its_first_page_fast() -> None:
    with SandboxServer() as huge, Graph.in_new_tenant(huge, "contoso", groups=200_000) as graph:
        started = time.monotonic()
        page = graph.get("/groups?$top=999").json()
        last = graph.get("/groups/$count", ConsistencyLevel="eventual").text
        found = graph.get(f"/groups/{page['value'][7]['id']}")
        assert time.monotonic() - started < 2
        assert (len(page["value"]), last, found.status_code) == (999, "200000", 200)


def test_a_whole_profile_is_granted_by_its_name(demo: SandboxServer) -> None:
    before = demo.control.tenant("fabrikam")["granted"]
    assert set(demo.control.grant("fabrikam", ["restore"])["granted"]) == set(permission_profile("restore"))
    demo.control.grant("fabrikam", before)
