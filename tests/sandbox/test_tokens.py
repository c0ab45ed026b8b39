"""The token endpoint: who gets a token, what is in it, and every refusal in AADSTS words."""

import base64
import hashlib
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from providers.sandbox.testing import SandboxServer
from tests.sandbox.client import NO_TLS, Graph, error_of, token_request

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate_of(key: rsa.RSAPrivateKey, *, days: int = 30) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(7).not_valid_before(now - timedelta(days=60))
    return builder.not_valid_after(now + timedelta(days=days)).sign(key, hashes.SHA256())


def pem_of(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def assertion(
    key: rsa.RSAPrivateKey, certificate: x509.Certificate, client_id: str, tenant: str, algorithm: str = "PS256",
    **changes: Any,
) -> str:  # fmt: skip
    der = certificate.public_bytes(serialization.Encoding.DER)
    name, digest = ("x5t", hashlib.sha1(der)) if algorithm == "RS256" else ("x5t#S256", hashlib.sha256(der))
    thumbprint = base64.urlsafe_b64encode(digest.digest()).decode().rstrip("=")
    claims = {
        "aud": f"https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
        "iss": client_id,
        "sub": client_id,
        "jti": str(uuid.uuid4()),
        "iat": time.time(),
        "exp": time.time() + 600,
    }
    return jwt.encode(claims | changes, key, algorithm=algorithm, headers={name: thumbprint})


def refusal(answer: httpx.Response) -> tuple[int, str, int]:
    body = answer.json()
    assert body["error_description"].startswith(f"AADSTS{body['error_codes'][0]}: ")
    assert body["trace_id"] in body["error_description"]
    return answer.status_code, body["error"], body["error_codes"][0]


@pytest.fixture
def app(sandbox: SandboxServer) -> dict[str, Any]:
    app = sandbox.control.add_app(permissions=["Organization.Read.All", "GroupMember.Read.All"])
    sandbox.control.add_tenant("contoso", client_id=app["client_id"])
    return app


def ask(
    sandbox: SandboxServer, app: dict[str, Any], secret: str | None = None, **changes: str
) -> httpx.Response:
    tenant = changes.pop("tenant", "contoso.example")
    return token_request(sandbox, tenant, app["client_id"], secret or app["client_secret"], **changes)


def test_a_token_carries_the_claims_of_an_app_only_token(sandbox: SandboxServer, app: dict[str, Any]) -> None:
    answer = ask(sandbox, app)
    body = answer.json()
    assert set(body) == {"token_type", "expires_in", "ext_expires_in", "access_token"}
    claims = jwt.decode(body["access_token"], options={"verify_signature": False})
    facts = sandbox.control.tenant("contoso")
    assert claims["aud"] == "https://graph.microsoft.com"
    assert claims["tid"] == facts["tenant_id"]
    assert claims["iss"] == f"https://sts.windows.net/{facts['tenant_id']}/"
    assert claims["appid"] == app["client_id"]
    assert (claims["idtyp"], claims["appidacr"]) == ("app", "1")
    assert claims["roles"] == ["GroupMember.Read.All", "Organization.Read.All"]
    assert claims["oid"] == claims["sub"]
    assert "nonce" in jwt.get_unverified_header(body["access_token"])


@pytest.mark.parametrize("name", ["tenant_id", "primary_domain"])
def test_a_tenant_is_named_by_id_or_verified_domain(
    sandbox: SandboxServer, app: dict[str, Any], name: str
) -> None:  # fmt: skip
    assert ask(sandbox, app, tenant=sandbox.control.tenant("contoso")[name]).status_code == 200


def test_a_client_may_authenticate_by_http_basic(sandbox: SandboxServer, app: dict[str, Any]) -> None:
    form = {"grant_type": "client_credentials", "scope": "https://graph.microsoft.com/.default"}
    url = f"{sandbox.url}/contoso.example/oauth2/v2.0/token"
    auth = (app["client_id"], app["client_secret"])
    assert httpx.post(url, data=form, auth=auth, trust_env=False, verify=NO_TLS).status_code == 200
    wrong = httpx.post(url, data=form, auth=(auth[0], "no"), trust_env=False, verify=NO_TLS)
    assert refusal(wrong) == (401, "invalid_client", 7000215)


def test_a_wrong_secret_is_refused(sandbox: SandboxServer, app: dict[str, Any]) -> None:
    assert refusal(ask(sandbox, app, "wrong")) == (401, "invalid_client", 7000215)


def test_an_expired_secret_is_told_from_a_wrong_one(sandbox: SandboxServer, app: dict[str, Any]) -> None:
    sandbox.control.expire_secrets("contoso")
    assert refusal(ask(sandbox, app)) == (401, "invalid_client", 7000222)
    assert refusal(ask(sandbox, app, "wrong")) == (401, "invalid_client", 7000215)
    assert ask(sandbox, app, sandbox.control.add_secret("contoso")).status_code == 200


def test_an_app_without_consent_has_no_service_principal(sandbox: SandboxServer, app: dict[str, Any]) -> None:
    sandbox.control.revoke("contoso")
    assert refusal(ask(sandbox, app)) == (401, "invalid_client", 7000229)


def test_an_unknown_app_and_an_unknown_tenant_are_refused(
    sandbox: SandboxServer, app: dict[str, Any]
) -> None:
    stranger = {**app, "client_id": str(uuid.uuid4())}
    assert refusal(ask(sandbox, stranger)) == (400, "unauthorized_client", 700016)
    assert refusal(ask(sandbox, app, tenant="nosuch.example")) == (400, "invalid_request", 90002)


def test_a_tenant_of_another_cloud_is_refused(sandbox: SandboxServer, app: dict[str, Any]) -> None:
    sandbox.control.set("contoso", "cloud", "usgov")
    assert refusal(ask(sandbox, app)) == (400, "invalid_request", 90038)


def test_a_request_without_credential_is_refused(sandbox: SandboxServer, app: dict[str, Any]) -> None:
    answer = token_request(sandbox, "contoso.example", app["client_id"], None)
    assert refusal(answer) == (401, "invalid_client", 7000218)


@pytest.mark.parametrize(
    ("scope", "error", "code"),
    [
        ("https://graph.microsoft.com/User.Read", "invalid_scope", 1002012),
        ("https://graph.microsoft.com/.default https://graph.microsoft.com/.default", "invalid_scope", 70011),
        ("", "invalid_scope", 70011),
        ("https://graph.microsoft.us/.default", "invalid_resource", 500011),
    ],
)
def test_the_scope_must_be_one_resource_of_this_cloud(
    sandbox: SandboxServer, app: dict[str, Any], scope: str, error: str, code: int
) -> None:
    assert refusal(ask(sandbox, app, scope=scope)) == (400, error, code)


def test_a_missing_grant_does_not_fail_the_token_but_the_call(sandbox: SandboxServer) -> None:
    with Graph.in_new_tenant(sandbox, "contoso", permissions=[]) as graph:
        answer = graph.get("/organization")
        assert answer.status_code == 403
        assert error_of(answer)["code"] == "Authorization_RequestDenied"
        sandbox.control.grant("contoso", ["Organization.Read.All"])
        assert graph.get("/organization").status_code == 403, "an old token keeps its old roles"
        graph.renew()
        assert graph.get("/organization").status_code == 200


@pytest.mark.parametrize("algorithm", ["RS256", "PS256"])
def test_a_certificate_signs_in(sandbox: SandboxServer, key: rsa.RSAPrivateKey, algorithm: str) -> None:
    certificate = certificate_of(key)
    app = sandbox.control.add_app(permissions=["Organization.Read.All"], certificate_pem=pem_of(certificate))
    tenant = sandbox.control.add_tenant("contoso", client_id=app["client_id"])["tenant_id"]
    signed = assertion(key, certificate, app["client_id"], tenant, algorithm)
    answer = token_request(
        sandbox, tenant, app["client_id"], None, client_assertion_type=JWT_BEARER, client_assertion=signed
    )
    assert answer.status_code == 200, answer.text
    claims = jwt.decode(answer.json()["access_token"], options={"verify_signature": False})
    assert claims["appidacr"] == "2"


def _signed_in(sandbox: SandboxServer, key: rsa.RSAPrivateKey, **changes: Any) -> httpx.Response:
    registered = changes.pop("registered", None) or certificate_of(key)
    used = changes.pop("used", registered)
    signer = changes.pop("signer", key)
    app = sandbox.control.add_app(permissions=[], certificate_pem=pem_of(registered))
    tenant = sandbox.control.add_tenant("contoso", client_id=app["client_id"])["tenant_id"]
    signed = assertion(signer, used, app["client_id"], tenant, **changes)
    return token_request(
        sandbox, tenant, app["client_id"], None, client_assertion_type=JWT_BEARER, client_assertion=signed
    )


def test_a_certificate_that_is_not_registered_is_refused(
    sandbox: SandboxServer, key: rsa.RSAPrivateKey
) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    answer = _signed_in(sandbox, key, used=certificate_of(other), signer=other)
    assert refusal(answer) == (401, "invalid_client", 700027)


def test_a_signature_by_another_key_is_refused(sandbox: SandboxServer, key: rsa.RSAPrivateKey) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert refusal(_signed_in(sandbox, key, signer=other)) == (401, "invalid_client", 700027)


def test_an_expired_certificate_is_refused(sandbox: SandboxServer, key: rsa.RSAPrivateKey) -> None:
    answer = _signed_in(sandbox, key, registered=certificate_of(key, days=-1))
    assert refusal(answer) == (401, "invalid_client", 700027)


def test_an_assertion_for_another_audience_or_time_is_refused(
    sandbox: SandboxServer, key: rsa.RSAPrivateKey
) -> None:  # fmt: skip
    answer = _signed_in(sandbox, key, aud="https://login.microsoftonline.com/elsewhere/oauth2/v2.0/token")
    assert refusal(answer) == (401, "invalid_client", 700023)
    sandbox.control.reset()
    assert refusal(_signed_in(sandbox, key, exp=time.time() - 900)) == (401, "invalid_client", 700024)


def test_the_discovery_document_names_https_addresses_only(
    sandbox: SandboxServer, app: dict[str, Any]
) -> None:
    path = "/contoso.example/v2.0/.well-known/openid-configuration"
    document = httpx.get(f"{sandbox.url}{path}", trust_env=False, verify=NO_TLS).json()
    tenant = sandbox.control.tenant("contoso")["tenant_id"]
    assert document["issuer"] == f"https://login.microsoftonline.com/{tenant}/v2.0"
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        assert document[name].startswith(f"https://login.microsoftonline.com/{tenant}/")
    unknown = httpx.get(
        f"{sandbox.url}/nosuch/v2.0/.well-known/openid-configuration", trust_env=False, verify=NO_TLS
    )
    assert refusal(unknown) == (400, "invalid_tenant", 90002)


def test_the_instance_document_lists_the_hosts_of_every_cloud(sandbox: SandboxServer) -> None:
    path = "/common/discovery/instance?api-version=1.1&authorization_endpoint=https://login.microsoftonline.com/x"
    document = httpx.get(f"{sandbox.url}{path}", trust_env=False, verify=NO_TLS).json()
    hosts = {alias for entry in document["metadata"] for alias in entry["aliases"]}
    assert {"login.microsoftonline.com", "login.microsoftonline.us", "login.chinacloudapi.cn"} <= hosts
    assert document["tenant_discovery_endpoint"].startswith("https://")


def test_graph_refuses_a_missing_foreign_or_expired_token(sandbox: SandboxServer) -> None:
    with Graph.in_new_tenant(sandbox, "contoso", token_lifetime_s=0.4) as graph:
        assert graph.get("/organization").status_code == 200
        time.sleep(0.5)
        expired = graph.get("/organization")
        assert (expired.status_code, error_of(expired)["code"]) == (401, "InvalidAuthenticationToken")
        assert "expired" in error_of(expired)["message"]
        for header in ("", "Bearer", "Bearer abc.def.ghi", "Basic eDp5"):
            answer = graph.get("/organization", Authorization=header)
            assert (answer.status_code, error_of(answer)["code"]) == (401, "InvalidAuthenticationToken")
            assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_token_of_one_cloud_is_useless_in_another(sandbox: SandboxServer) -> None:
    with Graph.in_new_tenant(sandbox, "contoso") as graph:
        assert graph.get("/organization", Host="graph.microsoft.com").status_code == 200
        assert graph.get("/organization", Host="graph.microsoft.us").status_code == 401


def test_every_token_can_be_expired_at_once(graph: Graph) -> None:
    graph.sandbox.control.expire_tokens("contoso")
    assert graph.get("/organization").status_code == 401
    graph.renew()
    assert graph.get("/organization").status_code == 200
