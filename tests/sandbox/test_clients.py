"""Unmodified client libraries against the sandbox: msal, azure-identity, msgraph-core."""

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msal
import pytest
from azure.core import PipelineClient
from azure.core.exceptions import ClientAuthenticationError
from azure.core.pipeline.policies import BearerTokenCredentialPolicy, RetryPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest
from azure.identity import CertificateCredential, ClientSecretCredential
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from msgraph_core import GraphClientFactory

from providers.sandbox.data import permission_profile
from providers.sandbox.demo import demo_document
from providers.sandbox.policies.table import BY_KEY
from providers.sandbox.testing import SandboxServer
from tests.sandbox.writable import comparable, writable

DOCUMENT = demo_document()
TENANTS = {tenant["slug"]: tenant for tenant in DOCUMENT["tenants"]}
APPS = {app["key"]: app for app in DOCUMENT["app_registrations"]}
SCOPE = "https://graph.microsoft.com/.default"


class MappedHttp:
    """An http client for msal that keeps the published host and only changes the socket's address."""

    def __init__(self, sandbox: SandboxServer) -> None:
        self._hosts = sandbox.host_map
        self._http = httpx.Client(trust_env=False)

    def _send(self, method: str, url: str, **given: Any) -> httpx.Response:
        parts = httpx.URL(url)
        address = self._hosts[f"{parts.scheme}://{parts.host}"]
        headers = {**(given.get("headers") or {}), "Host": parts.host}
        # msal gives the assertion as bytes, which httpx would write as "b'…'".
        data = {
            name: value.decode() if isinstance(value, bytes) else value
            for name, value in (given.get("data") or {}).items()
        }
        target = f"{address}{parts.raw_path.decode()}"
        return self._http.request(method, target, params=given.get("params"), data=data, headers=headers)

    def get(self, url: str, **given: Any) -> httpx.Response:
        return self._send("GET", url, **given)

    def post(self, url: str, **given: Any) -> httpx.Response:
        return self._send("POST", url, **given)

    def close(self) -> None:
        self._http.close()


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    with SandboxServer(
        scenario="demo", scale={"contoso": 230}, tls_dir=tmp_path_factory.mktemp("tls")
    ) as running:
        yield running


def context_of(tls: SandboxServer) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(tls.ca_file))


def msal_app(http: MappedHttp, slug: str, credential: Any, **more: Any) -> msal.ConfidentialClientApplication:
    authority = f"https://login.microsoftonline.com/{TENANTS[slug]['entra_tenant_id']}"
    client_id = APPS[TENANTS[slug]["app_registration"]]["client_id"]
    return msal.ConfidentialClientApplication(
        client_id, authority=authority, client_credential=credential, http_client=http, **more
    )


@pytest.mark.parametrize("discovery", [True, False])
def test_msal_gets_a_token_by_secret(demo: SandboxServer, discovery: bool) -> None:
    app = msal_app(
        MappedHttp(demo), "contoso", APPS["contoso-msp"]["client_secret"], instance_discovery=discovery
    )  # fmt: skip
    assert "access_token" in app.acquire_token_for_client([SCOPE])
    assert app.acquire_token_for_client([SCOPE])["token_source"] == "cache"


@pytest.mark.parametrize("form", ["public_certificate", "thumbprint"])
def test_msal_gets_a_token_by_certificate(demo: SandboxServer, form: str) -> None:
    app = APPS["fabrikam-certificate"]
    certificate = x509.load_pem_x509_certificate(app["demo_certificate_pem"].encode())
    thumbprint = certificate.fingerprint(hashes.SHA1()).hex()
    credential = {"private_key": app["demo_private_key_pem"], form: app["demo_certificate_pem"]}
    if form == "thumbprint":
        credential["thumbprint"] = thumbprint
    answer = msal_app(MappedHttp(demo), "fabrikam", credential).acquire_token_for_client([SCOPE])
    assert "access_token" in answer, answer


def test_msal_tells_the_code_of_a_refusal(demo: SandboxServer) -> None:
    answer = msal_app(
        MappedHttp(demo), "tailspin", APPS["tailspin"]["client_secret"]
    ).acquire_token_for_client([SCOPE])
    assert (answer["error"], answer["error_codes"]) == ("invalid_client", [7000222])


def test_msal_over_tls_with_its_own_transport(tls: SandboxServer) -> None:
    client = httpx.Client(trust_env=False, verify=context_of(tls))
    app = msal.ConfidentialClientApplication(
        APPS["contoso-msp"]["client_id"], authority=f"{tls.url}/{TENANTS['contoso']['entra_tenant_id']}",
        client_credential=APPS["contoso-msp"]["client_secret"], instance_discovery=False, http_client=client,
    )  # fmt: skip
    assert "access_token" in app.acquire_token_for_client([SCOPE])


def test_azure_identity_and_plain_http_read_every_group_over_tls(tls: SandboxServer) -> None:
    app = APPS["contoso-msp"]
    credential = ClientSecretCredential(
        TENANTS["contoso"]["entra_tenant_id"], app["client_id"], app["client_secret"],
        authority=tls.url, disable_instance_discovery=True, connection_verify=str(tls.ca_file),
    )  # fmt: skip
    token = credential.get_token(SCOPE).token
    with httpx.Client(trust_env=False, verify=context_of(tls)) as client:
        link, ids = f"{tls.url}/v1.0/groups?$select=id", []
        while link:
            page = client.get(link, headers={"Authorization": f"Bearer {token}"}).json()
            ids += [group["id"] for group in page["value"]]
            link = page.get("@odata.nextLink")
    assert len(set(ids)) == tls.control.count("contoso") == 230


def test_azure_identity_signs_in_with_a_certificate(tls: SandboxServer, tmp_path: Path) -> None:
    app = APPS["fabrikam-certificate"]
    file = tmp_path / "demo.pem"
    file.write_text(app["demo_private_key_pem"] + app["demo_certificate_pem"])
    credential = CertificateCredential(
        TENANTS["fabrikam"]["entra_tenant_id"], app["client_id"], str(file),
        authority=tls.url, disable_instance_discovery=True, connection_verify=str(tls.ca_file),
    )  # fmt: skip
    assert credential.get_token(SCOPE).token


def test_azure_identity_raises_with_the_aadsts_words(tls: SandboxServer) -> None:
    app = APPS["contoso-msp"]
    credential = ClientSecretCredential(
        TENANTS["northwind"]["entra_tenant_id"], app["client_id"], app["client_secret"],
        authority=tls.url, disable_instance_discovery=True, connection_verify=str(tls.ca_file),
    )  # fmt: skip
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000229"):
        credential.get_token(SCOPE)


async def _first_page(tls: SandboxServer, token: str) -> httpx.Response:
    plain = httpx.AsyncClient(trust_env=False, verify=context_of(tls))
    client = GraphClientFactory.create_with_default_middleware(client=plain, host=tls.url)
    async with client:
        # The SDK marks its requests with this extension; only those go through its handlers.
        return await client.get(
            f"{tls.url}/v1.0/groups?$top=5",
            headers={"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"},
            extensions={"kiota_request_options": {}},
        )


def test_the_client_of_msgraph_core_reads_groups(tls: SandboxServer) -> None:
    app = APPS["contoso-msp"]
    tls.control.fault(path="/groups", status=503, retry_after="1", times=1)
    form = {"client_id": app["client_id"], "client_secret": app["client_secret"], "scope": SCOPE,
            "grant_type": "client_credentials"}  # fmt: skip
    url = f"{tls.url}/contoso.example/oauth2/v2.0/token"
    token = httpx.post(url, data=form, verify=context_of(tls), trust_env=False).json()["access_token"]
    answer = asyncio.run(_first_page(tls, token))
    assert answer.status_code == 200, "its own retry handler got over the 503"
    assert len(answer.json()["value"]) == 5


def test_an_independent_client_reads_what_was_written(tls: SandboxServer) -> None:
    """A policy of each kind is made again under a new id, and azure-core's own pipeline reads it back."""
    app = tls.control.add_app("Restore", permissions=permission_profile("restore"))
    tls.control.consent("contoso", app["client_id"])
    credential = ClientSecretCredential(
        TENANTS["contoso"]["entra_tenant_id"], app["client_id"], app["client_secret"],
        authority=tls.url, disable_instance_discovery=True, connection_verify=str(tls.ca_file),
    )  # fmt: skip
    client: PipelineClient[Any, Any] = PipelineClient(
        base_url=tls.url,
        policies=[BearerTokenCredentialPolicy(credential, SCOPE), RetryPolicy()],
        transport=RequestsTransport(connection_verify=str(tls.ca_file)),
    )
    for key in ("configurationPolicies", "deviceCompliancePolicies", "conditionalAccessPolicies"):
        kind = BY_KEY[key]
        original = tls.control.objects("contoso", key)[0]
        path = f"{tls.url}/beta/{kind.path}"
        sent = client.send_request(HttpRequest("POST", path, json=writable(kind, original)))
        assert sent.status_code == 201, sent.text()
        expand = f"?$expand={kind.deep[0]}" if kind.deep[0] in kind.children else ""
        if kind.deep[-1] == "scheduledActionConfigurations":
            expand += "($expand=scheduledActionConfigurations)"
        read = client.send_request(HttpRequest("GET", f"{path}/{sent.json()['id']}{expand}")).json()
        controls = read.get("grantControls") or {}
        if controls.get("authenticationStrength"):
            controls["authenticationStrength"] = {"id": controls["authenticationStrength"]["id"]}
        assert read["id"] != original["id"]
        assert comparable(kind, read) == comparable(kind, original)
