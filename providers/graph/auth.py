"""App-only tokens by msal: cached per connection, renewed before they expire."""

import base64
import binascii
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import msal
import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

from providers.graph.clouds import authority_url, hosts
from providers.graph.credentials import AppIdentity, ClientCertificate, Credential
from providers.graph.errors import (
    CredentialRefused,
    GraphError,
    ResponseInvalid,
    TenantUnknown,
)
from providers.graph.token_failures import token_failure
from providers.graph.transport import Reply, Transport

_MOST_TOKENS = 1000
_RENEW_BEFORE = 300.0
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token that does not show in a log or a traceback. Times are of the monotonic clock."""

    value: str = field(repr=False)
    renew_at: float
    expires_at: float
    issued_at: float = 0.0


@dataclass(slots=True)
class _Entry:
    identity: AppIdentity
    lock: Lock = field(default_factory=Lock)
    token: AccessToken | None = None


class TokenSource:
    """Tokens for any number of identities. Share one per process; it may be used from many threads."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._lock = Lock()

    def token(self, identity: AppIdentity) -> AccessToken:
        """A token with some life left. Raises a ``TokenError``, ``Unreachable`` or ``ResponseInvalid``."""
        entry = self._entry(identity)
        with entry.lock:
            if entry.token is None or entry.token.renew_at <= time.monotonic():
                entry.token = self._renewed(entry)
            return entry.token

    def renew(self, identity: AppIdentity, refused: AccessToken) -> AccessToken:
        """Another token than ``refused``, which Graph answered 401 to. Raises as ``token`` does."""
        entry = self._entry(identity)
        with entry.lock:
            if entry.token is None or entry.token.value == refused.value:
                entry.token = self._fetch(identity)
            return entry.token

    def at_hand(self, identity: AppIdentity) -> AccessToken | None:
        """The token that was last used, without asking for one."""
        with self._lock:
            entry = self._entries.get(identity.cache_key)
        return entry.token if entry is not None and entry.identity == identity else None

    def drop(self, cache_key: str) -> None:
        """Forget the token, for instance after new consent: the next one shows the new roles."""
        with self._lock:
            self._entries.pop(cache_key, None)

    def _entry(self, identity: AppIdentity) -> _Entry:
        with self._lock:
            entry = self._entries.get(identity.cache_key)
            if entry is None or entry.identity != identity:
                entry = self._entries[identity.cache_key] = _Entry(identity)
            self._entries.move_to_end(identity.cache_key)
            if len(self._entries) > _MOST_TOKENS:
                self._entries.popitem(last=False)
            return entry

    def _renewed(self, entry: _Entry) -> AccessToken:
        try:
            return self._fetch(entry.identity)
        except GraphError as failure:
            # The token service hiccups, but the token at hand is good for some minutes more.
            if entry.token and failure.transient and entry.token.expires_at > time.monotonic():
                return entry.token
            raise

    def _fetch(self, identity: AppIdentity) -> AccessToken:
        exchange = _Exchange(self._transport)
        asked_at = time.monotonic()
        answer, failure = _ask(identity, exchange)
        if failure is not None:
            raise failure
        lifetime = _seconds(answer.get("expires_in"))
        margin = min(_RENEW_BEFORE, lifetime / 4)
        return AccessToken(
            answer["access_token"], asked_at + lifetime - margin, asked_at + lifetime, asked_at
        )


def claims(token: AccessToken) -> dict[str, Any]:
    """The claims of a token, unverified and for display only: a client cannot check the signature."""
    parts = token.value.split(".")
    if len(parts) != 3:
        return {}
    try:
        data = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def roles(token: AccessToken) -> frozenset[str]:
    """The application permissions in a token; for display, see ``claims``."""
    granted = claims(token).get("roles")
    return (
        frozenset(each for each in granted if isinstance(each, str)) if isinstance(granted, list) else _NONE
    )


class _Exchange:
    """msal's HTTP client, over our transport. Remembers the last answer, which msal hides in a failure."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.last: Reply | None = None

    def get(self, url: str, params: Any = None, headers: Any = None, **_: Any) -> "_MsalResponse":
        return self._send("GET", url, params=params, headers=headers)

    def post(
        self, url: str, params: Any = None, data: Any = None, headers: Any = None, **_: Any
    ) -> "_MsalResponse":
        return self._send("POST", url, params=params, data=data, headers=headers)

    def close(self) -> None:
        """The transport is shared and stays open."""

    def _send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None, **request: Any
    ) -> "_MsalResponse":
        sent = {key: value for key, value in (headers or {}).items() if value is not None}
        self.last = self._transport.send(method, url, headers=sent, **request)
        return _MsalResponse(self.last)


class _MsalResponse:
    """What msal expects of a response."""

    def __init__(self, reply: Reply) -> None:
        self.status_code = reply.status
        self.headers = dict(reply.headers)
        self.text = reply.content.decode("utf-8", "replace")

    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            raise ValueError(f"HTTP status {self.status_code}")


def _ask(identity: AppIdentity, exchange: _Exchange) -> tuple[dict[str, Any], GraphError | None]:
    """msal's answer, or why there is none. Returned rather than raised: msal's frames hold the secret."""
    if problem := _unusable(identity):
        return {}, problem
    try:
        app = msal.ConfidentialClientApplication(
            identity.client_id,
            authority=authority_url(identity.cloud, identity.tenant_id),
            client_credential=_msal_credential(identity.credential),
            http_client=exchange,
            instance_discovery=False,
        )
        answer = app.acquire_token_for_client([hosts(identity.cloud).scope])
    except GraphError as failure:
        return {}, failure.with_traceback(None)
    except Exception as caught:  # msal raises what it likes; the last answer tells why
        return {}, _failure(identity, exchange.last, type(caught).__name__)
    if isinstance(answer, dict) and isinstance(answer.get("access_token"), str):
        return answer, None
    return {}, _failure(identity, exchange.last, "no access token")


def _unusable(identity: AppIdentity) -> GraphError | None:
    """What is wrong with an identity before anybody is asked."""
    try:
        authority_url(identity.cloud, identity.tenant_id)
    except ValueError as reason:
        return TenantUnknown(str(reason))
    credential = identity.credential
    if not isinstance(credential, ClientCertificate):
        return None
    try:
        load_pem_x509_certificate(credential.certificate_pem.encode())
        load_pem_private_key(credential.private_key_pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return CredentialRefused("The certificate or its private key cannot be read.")
    return None


def _failure(identity: AppIdentity, last: Reply | None, what: str) -> GraphError:
    if last is None or last.status == 200:
        return ResponseInvalid(f"The token endpoint's answer is unusable ({what}).", transient=True)
    credential = identity.credential
    secret = "" if isinstance(credential, ClientCertificate) else credential.value
    return token_failure(last.status, last.headers, last.content, hide=secret)


def _msal_credential(credential: Credential) -> str | dict[str, str]:
    if isinstance(credential, ClientCertificate):
        return {
            "private_key": credential.private_key_pem,
            "public_certificate": credential.certificate_pem,
        }
    return credential.value


def _seconds(value: Any) -> float:
    try:
        return max(0.0, float(value))
    except (TypeError, ValueError):
        return 0.0
