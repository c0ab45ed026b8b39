import base64
import hashlib
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from unittest import mock

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from providers.graph import auth, errors
from providers.graph.auth import AccessToken, TokenSource
from providers.graph.clouds import Cloud
from providers.graph.credentials import AppIdentity, ClientCertificate, ClientSecret
from providers.graph.transport import Transport
from tests.graph.conftest import SECRET
from tests.graph.provider import LOGIN, Answer


def refusal(number: int, error: str = "invalid_client", status: int = 401, **headers: str) -> Answer:
    body = {
        "error": error,
        "error_description": f"AADSTS{number}: Secret {SECRET} of app. Trace ID: t-1 Correlation ID: c-1",
        "error_codes": [number],
        "trace_id": "t-1",
        "correlation_id": "c-1",
    }
    return Answer(body, status, headers)


def test_secret_is_sent_as_the_protocol_has_it(provider, tokens, identity):
    assert tokens.token(identity).value == "t.1.x"
    (request,) = provider.token_requests()
    assert request.path == "/contoso.example/oauth2/v2.0/token"
    assert request.headers["host"] == "login.microsoftonline.com"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    sent = {name: request.form[name] for name in ("client_id", "client_secret", "scope", "grant_type")}
    assert sent == {
        "client_id": "app-1",
        "client_secret": SECRET,
        "scope": "https://graph.microsoft.com/.default",
        "grant_type": "client_credentials",
    }


def test_certificate_signs_an_assertion_that_its_public_half_verifies(provider, tokens, identity):
    key, certificate = self_signed()
    tokens.token(replace(identity, credential=pem_credential(key, certificate)))
    form = provider.token_requests()[0].form
    assert "client_secret" not in form
    assert form["client_assertion_type"].endswith("jwt-bearer")
    claims = jwt.decode(
        form["client_assertion"],
        key.public_key(),
        ["PS256"],
        audience=f"{LOGIN}/contoso.example/oauth2/v2.0/token",
    )
    assert (claims["iss"], claims["sub"]) == ("app-1", "app-1")
    thumbprint = hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).digest()
    header = jwt.get_unverified_header(form["client_assertion"])
    assert header["x5t#S256"].rstrip("=") == base64.urlsafe_b64encode(thumbprint).decode().rstrip("=")


def test_unreadable_certificate_is_a_refused_credential_and_nobody_is_asked(provider, tokens, identity):
    with pytest.raises(errors.CredentialRefused) as caught:
        tokens.token(replace(identity, credential=ClientCertificate("not a key", "not a certificate")))
    assert caught.value.reason_code == "provider.credential_invalid"
    assert provider.asked == []


def test_token_is_fetched_once_and_kept_per_connection(provider, tokens, identity):
    other = replace(identity, cache_key="conn:2:v1")
    assert [tokens.token(each).value for each in (identity, identity, other, identity)] == [
        "t.1.x", "t.1.x", "t.2.x", "t.1.x",
    ]  # fmt: skip
    assert len(provider.token_requests()) == 2


def test_many_threads_fetch_one_token(provider, tokens, identity):
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: tokens.token(identity).value, range(16)))
    assert set(found) == {"t.1.x"}
    assert len(provider.token_requests()) == 1


def at(moment):
    """The tokens' own clock stands there; the event loops of servers beside the test keep theirs."""
    return mock.patch.object(auth, "time", SimpleNamespace(monotonic=lambda: moment))


def test_token_is_renewed_before_it_expires(provider, tokens, identity):
    provider.token_lifetime = 3600
    first = tokens.token(identity)
    assert first.expires_at - first.renew_at == pytest.approx(300)
    with at(first.renew_at - 1):
        assert tokens.token(identity) is first
    with at(first.renew_at + 1):
        assert tokens.token(identity).value == "t.2.x"


def test_passing_failure_of_a_renewal_leaves_the_token_that_still_works(provider, tokens, identity):
    first = tokens.token(identity)
    provider.token_answers.append(refusal(90024, "temporarily_unavailable", 503))
    with at(first.renew_at + 1):
        assert tokens.token(identity) is first
    provider.token_answers.append(refusal(90024, "temporarily_unavailable", 503))
    with (
        at(first.expires_at + 1),
        pytest.raises(errors.TokenUnavailable),
    ):
        tokens.token(identity)


def test_dropped_token_is_fetched_anew(tokens, identity):
    tokens.token(identity)
    tokens.drop(identity.cache_key)
    assert tokens.token(identity).value == "t.2.x"


def test_other_credential_under_the_same_key_does_not_get_the_old_token(tokens, identity):
    tokens.token(identity)
    assert tokens.token(replace(identity, credential=ClientSecret("new"))).value == "t.2.x"


def test_refused_token_is_renewed_once_for_all_who_met_it(provider, tokens, identity):
    refused = tokens.token(identity)
    assert tokens.renew(identity, refused).value == "t.2.x"
    assert tokens.renew(identity, refused).value == "t.2.x"
    assert len(provider.token_requests()) == 2


@pytest.mark.parametrize(
    ("number", "error", "status", "kind", "reason"),
    [
        (7000215, "invalid_client", 401, errors.CredentialRefused, "provider.credential_invalid"),
        (7000222, "invalid_client", 401, errors.CredentialRefused, "provider.credential_expired"),
        (700027, "invalid_client", 401, errors.CredentialRefused, "provider.credential_invalid"),
        (7000229, "invalid_client", 401, errors.ConsentMissing, "provider.consent_missing"),
        (700016, "unauthorized_client", 400, errors.ConsentMissing, "provider.consent_missing"),
        (7000112, "unauthorized_client", 400, errors.ConsentMissing, "provider.consent_revoked"),
        (90002, "invalid_request", 400, errors.TenantUnknown, "provider.tenant_not_found"),
        (90038, "invalid_request", 400, errors.TenantUnknown, "provider.tenant_not_found"),
        (7000218, "invalid_client", 401, errors.TokenError, "operation.internal_error"),
        (999999, "unauthorized_client", 400, errors.ConsentMissing, "provider.consent_missing"),
        (999999, "never_seen", 400, errors.CredentialRefused, "provider.credential_invalid"),
        (90055, "temporarily_unavailable", 429, errors.TokenUnavailable, "provider.throttled"),
        (90024, "temporarily_unavailable", 503, errors.TokenUnavailable, "provider.unreachable"),
    ],
)
def test_refusal_is_understood_by_its_number(provider, tokens, identity, number, error, status, kind, reason):
    provider.token_answers.append(refusal(number, error, status, **{"Retry-After": "7"}))
    with pytest.raises(kind) as caught:
        tokens.token(identity)
    found = caught.value
    assert (found.reason_code, found.status, found.retry_after) == (reason, status, 7)
    assert found.transient is (kind is errors.TokenUnavailable)
    assert (found.request_id, found.client_request_id) == ("t-1", "c-1")


def test_unknown_tenant_is_told_by_the_discovery_document(provider, tokens, identity):
    body = refusal(90002, "invalid_tenant", 400)
    provider.on("/contoso.example/v2.0/.well-known/openid-configuration", body)
    with pytest.raises(errors.TenantUnknown) as caught:
        tokens.token(identity)
    assert (caught.value.code, caught.value.reason_code) == ("AADSTS90002", "provider.tenant_not_found")


def test_tenant_that_is_no_name_never_reaches_a_url(provider, tokens, identity):
    with pytest.raises(errors.TenantUnknown):
        tokens.token(replace(identity, tenant_id="../common"))
    assert provider.asked == []


def test_failure_is_not_remembered_so_a_mended_tenant_works_at_once(provider, tokens, identity):
    provider.token_answers.append(refusal(700016, "unauthorized_client", 400))
    with pytest.raises(errors.ConsentMissing):
        tokens.token(identity)
    assert tokens.token(identity).value == "t.1.x"


@pytest.mark.parametrize(
    "answer", [Answer(b"<html>proxy</html>"), Answer({}), Answer({"access_token": 7}), Answer(b"[]")]
)
def test_answer_without_a_token_is_invalid(provider, tokens, identity, answer):
    provider.token_answers.append(answer)
    with pytest.raises(errors.ResponseInvalid):
        tokens.token(identity)


def test_unreachable_token_host_is_unreachable(provider, tokens, identity):
    provider.stop()
    with pytest.raises(errors.Unreachable) as caught:
        tokens.token(identity)
    assert caught.value.reason_code == "provider.unreachable"


@pytest.mark.parametrize("answer", [refusal(7000215), Answer(b"no json", 500), Answer(b"no json", 200)])
def test_no_traceback_with_all_its_variables_shows_the_secret(provider, tokens, identity, answer):
    provider.token_answers.append(answer)
    with pytest.raises(errors.GraphError) as caught:
        tokens.token(identity)
    ours = caught.value.with_traceback(caught.value.__traceback__.tb_next)
    shown = "".join(traceback.TracebackException.from_exception(ours, capture_locals=True).format())
    assert "TokenSource" in shown
    assert SECRET not in shown
    assert "may/see" not in shown


def test_nothing_prints_its_secret(tokens, identity):
    key, certificate = self_signed()
    shown = repr([identity, tokens.token(identity), pem_credential(key, certificate)])
    assert SECRET not in shown
    assert "t.1.x" not in shown
    assert "PRIVATE KEY" not in shown


def test_roles_are_read_from_the_token_and_nothing_is_read_from_rubbish():
    granted = ["Group.Read.All", "Organization.Read.All"]
    token = jwt.encode({"roles": granted, "tid": "t"}, "k" * 32)
    assert auth.roles(AccessToken(token, 0, 0)) == frozenset(granted)
    for rubbish in ("", "a.b", "a.!.c", "a.e30.c", jwt.encode({"roles": "x"}, "k" * 32)):
        assert auth.roles(AccessToken(rubbish, 0, 0)) == frozenset()


def test_token_of_another_cloud_comes_from_its_own_host(provider):
    transport = Transport({"https://login.microsoftonline.us": provider.address})
    identity = AppIdentity(Cloud.USGOV_L5, "contoso.example", "app-1", ClientSecret(SECRET), "conn:3:v1")
    TokenSource(transport).token(identity)
    transport.close()
    assert provider.asked[0].headers["host"] == "login.microsoftonline.us"


def self_signed() -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    with _KEY_LOCK:
        if not _KEYS:
            key = rsa.generate_private_key(65537, 2048)
            name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tenantpilot")])
            now = datetime.now(UTC)
            certificate = (
                x509.CertificateBuilder()
                .subject_name(name).issuer_name(name).public_key(key.public_key())
                .serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
                .sign(key, hashes.SHA256())
            )  # fmt: skip
            _KEYS.append((key, certificate))
        return _KEYS[0]


_KEYS: list[tuple[rsa.RSAPrivateKey, x509.Certificate]] = []
_KEY_LOCK = threading.Lock()


def pem_credential(key: rsa.RSAPrivateKey, certificate: x509.Certificate) -> ClientCertificate:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return ClientCertificate(private.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode())
