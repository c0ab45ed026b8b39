"""The one way out: an HTTP client with keep-alive, shared by token and Graph requests.

HTTP/1.1 on purpose: for a synchronous client it is more than twice as fast as HTTP/2.
"""

import os
import ssl
import time
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from urllib.parse import urlencode

import httpx

from providers.graph.clouds import KNOWN_ORIGINS
from providers.graph.errors import GraphError, ResponseInvalid, TimedOut, Unreachable

_LARGEST_BODY = 64 * 1024 * 1024
_NEVER_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_POOL = httpx.Limits(max_connections=40, max_keepalive_connections=20, keepalive_expiry=30)


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer, decoded. ``wire_bytes`` is its size as received."""

    status: int
    headers: httpx.Headers
    content: bytes
    wire_bytes: int


class Transport:
    """Sends requests to Microsoft's published hosts and to no other.

    ``host_map`` maps a published https origin to the address that stands in for it; only the socket goes
    there, while the URL, the ``Host`` header and the TLS name stay the published ones. ``verify`` is a CA
    file, an ``SSLContext``, or true for the usual CAs. Proxy settings of the environment are ignored.
    Usable from many threads, and from child processes after a fork.
    """

    def __init__(
        self,
        host_map: Mapping[str, str] | None = None,
        *,
        connect_timeout: float = 5,
        read_timeout: float = 30,
        total_timeout: float = 120,
        verify: bool | str | ssl.SSLContext = True,
    ) -> None:
        self._host_map = {origin_of(key): httpx.URL(address) for key, address in (host_map or {}).items()}
        if unknown := self._host_map.keys() - KNOWN_ORIGINS:
            raise ValueError(f"Not a host of one of Microsoft's clouds: {', '.join(sorted(unknown))}.")
        self._timeout = httpx.Timeout(read_timeout, connect=connect_timeout)
        self._total_timeout = total_timeout
        self._tls = _tls_context(verify)
        self._lock = Lock()
        self._client: httpx.Client | None = None
        self._client_pid = 0

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str | bytes | int] | str | None = None,
        content: bytes | None = None,
        auth: httpx.Auth | None = None,
    ) -> Reply:
        """The answer, whatever its status. Raises ``Unreachable``, ``TimedOut`` or ``ResponseInvalid``."""
        if origin_of(url) not in KNOWN_ORIGINS:
            raise ResponseInvalid("Refused to send a request to a host outside Microsoft's clouds.")
        # urlencode, since msal hands over its assertion as bytes.
        form = urlencode(data) if isinstance(data, Mapping) else data
        body = content if form is None else form.encode()
        request = self._http().build_request(method, url, headers=headers, params=params, content=body)
        if form is not None:
            request.headers["Content-Type"] = "application/x-www-form-urlencoded"
        status: int | None = None
        try:
            response = self._http().send(request, auth=auth, stream=True)
            status = response.status_code
            with closing(response):
                return self._read(response)
        except httpx.RequestError as caught:
            failure = _failure(caught, status)
        # Raised out here, so that httpx's exception, which holds the request, does not travel along.
        raise failure

    def close(self) -> None:
        """Give the sockets back. A later request opens new ones."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _read(self, response: httpx.Response) -> Reply:
        deadline = time.monotonic() + self._total_timeout
        parts: list[bytes] = []
        size = 0
        for part in response.iter_bytes():
            parts.append(part)
            size += len(part)
            if time.monotonic() > deadline:
                raise TimedOut("The answer did not end in time.", status=response.status_code)
            if size > _LARGEST_BODY:
                raise ResponseInvalid("The answer is too large.", status=response.status_code)
        if response.status_code == 503:
            # The machine behind this connection is in trouble: the next try gets another one.
            response.extensions["network_stream"].close()
        return Reply(response.status_code, response.headers, b"".join(parts), response.num_bytes_downloaded)

    def _http(self) -> httpx.Client:
        client = self._client
        if client is not None and self._client_pid == os.getpid():
            return client
        with self._lock:
            if self._client is None or self._client_pid != os.getpid():
                # Sockets must not be shared with the process that we were forked from.
                self._client = self._new_client()
                self._client_pid = os.getpid()
            return self._client

    def _new_client(self) -> httpx.Client:
        plain = httpx.HTTPTransport(verify=self._tls, trust_env=False, limits=_POOL)
        transport = _Mapped(plain, self._host_map) if self._host_map else plain
        return httpx.Client(
            transport=transport,
            timeout=self._timeout,
            trust_env=False,
            follow_redirects=False,
            headers={"User-Agent": "TenantPilot"},
        )


class BearerAuth(httpx.Auth):
    """Keeps the token out of argument lists and header dictionaries."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


class _Mapped(httpx.BaseTransport):
    """Connects to another address than the URL says, and to the server it is as if the URL were true."""

    def __init__(self, inner: httpx.BaseTransport, host_map: Mapping[str, httpx.URL]) -> None:
        self._inner = inner
        self._host_map = host_map

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        address = self._host_map.get(origin_of(str(request.url)))
        if address is None:
            return self._inner.handle_request(request)
        url = request.url.copy_with(scheme=address.scheme, host=address.host, port=address.port)
        moved = httpx.Request(
            request.method,
            url,
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": request.url.host},
        )
        return self._inner.handle_request(moved)

    def close(self) -> None:
        self._inner.close()


def origin_of(url: str) -> str:
    """``https://host`` or ``https://host:port`` in lower case; an empty string if there is none."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return ""
    if not parsed.scheme or not parsed.host or parsed.userinfo:
        return ""
    port = f":{parsed.port}" if parsed.port and (parsed.scheme, parsed.port) != ("https", 443) else ""
    return f"{parsed.scheme}://{parsed.host}{port}"


def _failure(caught: httpx.RequestError, status: int | None) -> GraphError:
    failure = _kind_of(caught, status)
    if isinstance(failure, Unreachable):
        failure.unsent = isinstance(caught, _NEVER_CONNECTED)
    return failure


def _kind_of(caught: httpx.RequestError, status: int | None) -> GraphError:
    if isinstance(caught, httpx.TimeoutException):
        return TimedOut(f"No answer in time ({type(caught).__name__}).", status=status)
    if status is not None:
        return ResponseInvalid("The answer was cut off.", status=status, transient=True)
    return Unreachable(f"{type(caught).__name__}: {caught}")


def _tls_context(verify: bool | str | ssl.SSLContext) -> ssl.SSLContext:
    if isinstance(verify, ssl.SSLContext):
        return verify
    if isinstance(verify, str):
        return ssl.create_default_context(cafile=verify)
    return _usual_tls_context(verify)


@lru_cache
def _usual_tls_context(verify: bool) -> ssl.SSLContext:
    return httpx.create_ssl_context(verify=verify, trust_env=False)
