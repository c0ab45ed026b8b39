"""Client assertions: a JWT signed with the app's certificate (RS256 with x5t, PS256 with x5t#S256)."""

import time
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from providers.sandbox.models import AppRegistration
from providers.sandbox.tokenerrors import TokenError

THUMBPRINT_HEADERS = {"RS256": ("x5t", "x5t#S256"), "PS256": ("x5t#S256",)}
SKEW_S = 300


def check_assertion(
    app: AppRegistration, assertion: str, hosts: Sequence[str], tenant_names: Iterable[str]
) -> None:
    """Returns when the assertion proves the app; raises TokenError otherwise.

    `aud` must be on one of `hosts` and may name the tenant by id or by any
    verified domain, whatever the request's own URL says.
    """
    certificate = _certificate(app, assertion)
    claims = _claims(app, certificate, assertion)
    if claims.get("iss") != app.client_id or claims.get("sub") != app.client_id:
        raise TokenError(700027, reason="The issuer or subject is not the application.")
    if not _audience_fits(claims.get("aud"), hosts, tenant_names):
        raise TokenError(700023)
    now = time.time()
    expires, starts = claims.get("exp"), claims.get("nbf", claims.get("iat", 0))
    if not isinstance(expires, int | float) or expires + SKEW_S <= now or starts > now + SKEW_S:
        raise TokenError(700024)


def _certificate(app: AppRegistration, assertion: str) -> x509.Certificate:
    try:
        header = jwt.get_unverified_header(assertion)
    except jwt.PyJWTError:
        raise TokenError(700027, reason="The assertion cannot be read.") from None
    names = THUMBPRINT_HEADERS.get(header.get("alg", ""), ())
    for name in names:
        if name in header:
            certificate = app.certificate(str(header[name]))
            if certificate is not None:
                return certificate
    raise TokenError(700027, reason="The key was not found.")


def _claims(app: AppRegistration, certificate: x509.Certificate, assertion: str) -> dict[str, Any]:
    if certificate.not_valid_after_utc.timestamp() <= time.time():
        raise TokenError(700027, reason="The key is expired.")
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise TokenError(700027, reason="The key type is not supported.")
    options: Any = {f"verify_{name}": False for name in ("exp", "aud", "nbf", "iat", "iss")}
    try:
        return jwt.decode(assertion, key, algorithms=list(THUMBPRINT_HEADERS), options=options)
    except jwt.PyJWTError:
        raise TokenError(700027, reason="The signature is not valid.") from None


def _audience_fits(audience: object, hosts: Sequence[str], tenant_names: Iterable[str]) -> bool:
    paths = [
        f"/{name}{end}" for name in tenant_names for end in ("/oauth2/v2.0/token", "/v2.0", "/oauth2/token")
    ]
    for name in [audience] if isinstance(audience, str) else audience if isinstance(audience, list) else []:
        parts = urlsplit(str(name))
        if parts.netloc in hosts and parts.path.rstrip("/").lower() in paths:
            return True
    return False
