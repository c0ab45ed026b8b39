"""A small server for answers that the Graph sandbox never gives, over real sockets."""

import json
import ssl
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

LOGIN = "https://login.microsoftonline.com"
GRAPH = "https://graph.microsoft.com"


@dataclass
class Answer:
    body: Any = field(default_factory=dict)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    # The request was heard, and the connection closes without a word.
    lost: bool = False

    def payload(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Asked:
    method: str
    path: str
    target: str
    headers: dict[str, str]
    body: bytes
    port: int

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}


class Provider:
    """Answers each path with what was queued for it, the last answer over and over."""

    def __init__(self, tls: Path | None = None) -> None:
        self.asked: list[Asked] = []
        self.token_answers: deque[Answer] = deque()
        self.token_lifetime = 3599
        self._answers: dict[str, deque[Answer | Callable[[Asked], Answer]]] = defaultdict(deque)
        self._tokens = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._scheme = "https" if tls else "http"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True
        ).start()

    @property
    def address(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}"

    @property
    def host_map(self) -> dict[str, str]:
        return {LOGIN: self.address, GRAPH: self.address}

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def on(self, path: str, *answers: "Answer | Callable[[Asked], Answer]") -> None:
        self._answers[path].extend(answers)

    def graph_requests(self) -> list[Asked]:
        return [each for each in self.asked if each.headers["host"] == "graph.microsoft.com"]

    def token_requests(self) -> list[Asked]:
        return [each for each in self.asked if each.path.endswith("/oauth2/v2.0/token")]

    def answer(self, asked: Asked) -> Answer:
        with self._lock:
            self.asked.append(asked)
            if asked.path in self._answers:
                queue = self._answers[asked.path]
                chosen = queue.popleft() if len(queue) > 1 else queue[0]
                return chosen(asked) if callable(chosen) else chosen
            if asked.path.endswith("/.well-known/openid-configuration"):
                return Answer(_discovery(asked))
            if asked.path.endswith("/oauth2/v2.0/token"):
                return self._token()
            return Answer({"error": {"code": "BadRequest", "message": "Resource not found."}}, 400)

    def _token(self) -> Answer:
        if self.token_answers:
            return self.token_answers.popleft()
        self._tokens += 1
        token = {
            "token_type": "Bearer",
            "expires_in": self.token_lifetime,
            "access_token": f"t.{self._tokens}.x",
        }
        return Answer(token)


def _discovery(asked: Asked) -> dict[str, str]:
    base = f"https://{asked.headers['host']}/{asked.path.split('/')[1]}"
    return {
        "issuer": f"{base}/v2.0",
        "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        "token_endpoint": f"{base}/oauth2/v2.0/token",
    }


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def do_PATCH(self) -> None:
            self._serve()

        def do_DELETE(self) -> None:
            self._serve()

        def log_message(self, *_: Any) -> None:
            pass

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            path = urlsplit(self.path).path
            asked = Asked(self.command, path, self.path, headers, body, self.client_address[1])
            answer = provider.answer(asked)
            payload = answer.payload()
            if answer.lost:
                self.close_connection = True
                return
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(payload)))
            self.send_header("client-request-id", headers.get("client-request-id", ""))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(payload[: len(payload) // 2] if answer.cut else payload)
            self.close_connection = self.close_connection or answer.cut

    return Handler


def error(code: str, message: str = "", status: int = 400, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = {"error": {"code": code, "message": message, "innerError": {"request-id": "inner-1"}}}
    return Answer(body, status, {"request-id": "req-1", **named})


def page(*ids: str, **links: Any) -> Answer:
    body = {"@odata.context": f"{GRAPH}/v1.0/$metadata#groups", "value": [{"id": each} for each in ids]}
    return Answer({**body, **{f"@odata.{name}": value for name, value in links.items()}})
