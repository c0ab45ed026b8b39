"""The token endpoint and the discovery documents of the identity platform (client credentials only)."""

import base64
import binascii
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_plus, urlsplit

from providers.sandbox.assertions import check_assertion
from providers.sandbox.clouds import CLOUDS, cloud_of_graph_host, cloud_of_login_host
from providers.sandbox.data import GRAPH_APP_ID, JSON
from providers.sandbox.models import AppRegistration, Tenant
from providers.sandbox.state import SandboxState
from providers.sandbox.tokenerrors import TokenError

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True)
class AccessToken:
    id: str
    tenant: str
    client_id: str
    roles: frozenset[str]


def read_access_token(state: SandboxState, text: str, base: str) -> AccessToken | str:
    """What a bearer token says, or the words with which Graph refuses it."""
    claims = state.key.read(text)
    if claims is None:
        return "CompactToken parsing failed with error code: 80049217"
    tenant = state.find_tenant(claims["tid"])
    expired = claims["exp"] <= time.time() or claims["uti"] in state.dead_tokens
    if expired or (tenant is not None and claims["xms_sandbox_epoch"] < tenant.token_epoch):
        return "Lifetime validation failed, the token is expired."
    if tenant is None or not _audience_fits(claims["aud"], base, tenant):
        return "Access token validation failure. Invalid audience."
    return AccessToken(claims["uti"], tenant.slug, claims["appid"], frozenset(claims.get("roles", [])))


def _audience_fits(audience: str, base: str, tenant: Tenant) -> bool:
    if audience == GRAPH_APP_ID:
        return True
    asked_cloud = cloud_of_graph_host(urlsplit(base).hostname or "")
    token_cloud = cloud_of_graph_host(urlsplit(audience).hostname or "")
    return asked_cloud is None or token_cloud is None or asked_cloud == token_cloud == tenant.settings.cloud


def issue_token(
    state: SandboxState, tenant_name: str, form: Mapping[str, str], authorization: str, hosts: Sequence[str]
) -> JSON:
    """The success body of a token request; raises TokenError.

    `hosts` are the published host of the token service and the one the client used.
    """
    tenant = find_tenant(state, tenant_name)
    cloud = cloud_of_login_host(hosts[-1])
    if cloud is not None and CLOUDS[cloud].login != CLOUDS[tenant.settings.cloud].login:
        raise TokenError(90038, tenant=tenant_name)
    if form.get("grant_type") != "client_credentials":
        raise TokenError(900144 if "grant_type" not in form else 70003)
    client_id, secret = _client(form, authorization)
    app = state.app(client_id)
    if app is None:
        raise TokenError(700016, client_id=client_id, tenant=tenant.display_name)
    audience = _audience(form.get("scope"), tenant, hosts)
    method = _authenticate(app, tenant, form, secret, hosts)
    principal = tenant.principal(app.client_id)
    if principal is None:
        raise TokenError(7000229, client_id=client_id, tenant=tenant.tenant_id)
    if not principal.enabled:
        raise TokenError(7000112, client_id=client_id)
    lifetime = tenant.settings.token_lifetime_s or state.token_lifetime_s
    token = state.key.sign(
        _claims(app, tenant, principal.object_id, sorted(principal.grants), audience, method, lifetime),
        {"nonce": secrets.token_urlsafe(24), "x5t": "sandbox", "kid": "sandbox"},
    )
    seconds = int(lifetime)
    return {
        "token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token
    }  # fmt: skip


def find_tenant(state: SandboxState, name: str) -> Tenant:
    tenant = state.find_tenant(name)
    if tenant is None:
        raise TokenError(90002, tenant=name)
    return tenant


def _client(form: Mapping[str, str], authorization: str) -> tuple[str, str | None]:
    """Client id and secret, from the form or from HTTP Basic."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise TokenError(7000218) from None
        return unquote_plus(name), unquote_plus(secret)
    if not form.get("client_id"):
        raise TokenError(900144)
    return form["client_id"], form.get("client_secret")


def _audience(scope: str | None, tenant: Tenant, hosts: Sequence[str]) -> str:
    """The token's `aud`; the scope must be one resource of this cloud with `/.default`."""
    if not scope:
        raise TokenError(70011)
    resource, suffix, rest = scope.partition("/.default")
    if not suffix or rest.strip():
        raise TokenError(1002012 if not suffix else 70011)
    resource = resource.rstrip("/")
    parts = urlsplit(resource)
    if resource == GRAPH_APP_ID or (parts.netloc in hosts and cloud_of_login_host(parts.netloc) is None):
        return resource
    if cloud_of_graph_host(parts.hostname or "") != tenant.settings.cloud:
        raise TokenError(500011, resource=resource, tenant=tenant.display_name)
    return resource


def _authenticate(
    app: AppRegistration, tenant: Tenant, form: Mapping[str, str], secret: str | None, hosts: Sequence[str]
) -> str:
    """`appidacr` of the token: 1 for a secret, 2 for a certificate; raises TokenError."""
    if form.get("client_assertion"):
        if form.get("client_assertion_type") != JWT_BEARER:
            raise TokenError(7000218)
        names = (tenant.tenant_id, tenant.primary_domain, tenant.initial_domain)
        check_assertion(app, form["client_assertion"], hosts, names)
        return "2"
    if not secret:
        raise TokenError(7000218)
    for known in app.secrets:
        if secrets.compare_digest(known.value.encode(), secret.encode()):
            if known.expired():
                raise TokenError(7000222, client_id=app.client_id)
            return "1"
    raise TokenError(7000215, client_id=app.client_id)


def _claims(
    app: AppRegistration, tenant: Tenant, object_id: str, roles: list[str], audience: str, method: str,
    lifetime: float,
) -> JSON:  # fmt: skip
    now = time.time()
    issuer = f"https://sts.windows.net/{tenant.tenant_id}/"
    claims: JSON = {
        "aud": audience,
        "iss": issuer,
        "iat": int(now),
        "nbf": int(now),
        "exp": now + lifetime if lifetime < 60 else int(now + lifetime),
        "aio": secrets.token_urlsafe(24),
        "app_displayname": app.display_name,
        "appid": app.client_id,
        "appidacr": method,
        "idp": issuer,
        "idtyp": "app",
        "oid": object_id,
        "rh": f"0.{secrets.token_urlsafe(16)}",
        "sub": object_id,
        "tenant_region_scope": "EU",
        "tid": tenant.tenant_id,
        "uti": secrets.token_urlsafe(16),
        "xms_sandbox_epoch": tenant.token_epoch,
        "ver": "1.0",
        "wids": ["0997a1d0-0d1d-4acb-b408-d5ca73121e90"],
        "xms_tcdt": 1612343462,
    }
    return claims | ({"roles": roles} if roles else {})


def discovery_document(state: SandboxState, tenant_name: str, login: str) -> JSON:
    """The OpenID document of a tenant; every URL in it is https. Raises TokenError 90002 as `invalid_tenant`."""
    if tenant_name.lower() in ("common", "organizations", "consumers"):
        segment, issuer_id, cloud = tenant_name.lower(), "{tenantid}", "global"
    else:
        tenant = state.find_tenant(tenant_name)
        if tenant is None:
            raise TokenError(90002, tenant=tenant_name, error="invalid_tenant")
        segment = issuer_id = tenant.tenant_id
        cloud = tenant.settings.cloud
    root = f"{login}/{segment}"
    return {
        "token_endpoint": f"{root}/oauth2/v2.0/token",
        "token_endpoint_auth_methods_supported": [
            "client_secret_post", "private_key_jwt", "client_secret_basic"
        ],
        "jwks_uri": f"{root}/discovery/v2.0/keys",
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": f"{login}/{issuer_id}/v2.0",
        "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
        "end_session_endpoint": f"{root}/oauth2/v2.0/logout",
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "tid", "ver"],
        "tenant_region_scope": "EU",
        "cloud_instance_name": CLOUDS[cloud].login.removeprefix("login."),
        "msgraph_host": CLOUDS[cloud].graph,
    }  # fmt: skip


def instance_document(login_host: str) -> JSON:
    """Known hosts, as MSAL asks for them before it trusts an authority."""
    metadata = [
        {
            "preferred_network": cloud.login,
            "preferred_cache": cloud.login,
            "aliases": [
                cloud.login,
                *([login_host] if name == "global" and login_host != cloud.login else []),
            ],
        }
        for name, cloud in CLOUDS.items()
        if name != "usgov-dod"
    ]
    return {
        "tenant_discovery_endpoint": f"https://{login_host}/common/v2.0/.well-known/openid-configuration",
        "api-version": "1.1",
        "metadata": metadata,
    }
