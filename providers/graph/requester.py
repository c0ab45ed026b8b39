"""One request until it is answered: checkpoint, token, budget, send, and again where that can help."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, TypeVar
from uuid import uuid4

import structlog

from providers.graph.answers import error_from, json_object
from providers.graph.auth import AccessToken, TokenSource
from providers.graph.costs import Cost
from providers.graph.credentials import AppIdentity
from providers.graph.errors import (
    GraphError,
    ResponseInvalid,
    ServerError,
    Throttled,
    Unauthorized,
)
from providers.graph.meter import Meter
from providers.graph.retry import Attempts, Checkpoint, RetryPolicy, pause
from providers.graph.throttle import RateBudget
from providers.graph.transport import BearerAuth, Reply, Transport
from providers.graph.urls import bare_path, link_on

log = structlog.get_logger(__name__)
T = TypeVar("T")

_ACCEPT = "application/json;odata.metadata=minimal"


@dataclass(frozen=True)
class Call:
    """A request. ``costs`` are charged to the budget each time that it is sent."""

    url: str
    costs: tuple[Cost, ...]
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None


class Requester:
    """Sends calls for one identity. A call is retried as ``retry`` says; the last failure is raised."""

    def __init__(
        self,
        identity: AppIdentity,
        *,
        origin: str,
        transport: Transport,
        tokens: TokenSource,
        budget: RateBudget | None,
        meter: Meter,
        checkpoint: Checkpoint | None,
        retry: RetryPolicy,
    ) -> None:
        self._identity = identity
        self._origin = origin
        self._transport = transport
        self._tokens = tokens
        self._budget = budget
        self._checkpoint = checkpoint
        self.meter = meter
        self.retry = retry
        # Seconds by which our clock was ahead of the provider's at the last answer; None before one told the time.
        self.clock_skew: float | None = None

    def run(self, call: Call, read: Callable[[dict[str, Any]], T]) -> T:
        """What ``read`` makes of the answer's JSON object; a cut-off answer is asked for again."""
        link_on(self._origin, call.url)
        attempts = Attempts(self.retry)
        refused: AccessToken | None = None
        again = False
        while True:
            try:
                token = self._token(refused)
                return read(self._once(call, token, attempts, again=again))
            except Unauthorized as failure:
                if refused is not None:
                    raise
                log.info("graph.token_refused", request_id=failure.request_id, code=failure.code)
                refused = token
            except GraphError as failure:
                self.wait_after(failure, attempts)
            again = True

    def write(self, call: Call, sending: Callable[[], None] | None) -> dict[str, Any]:
        """The answer's JSON object, empty where there is none; sent once wherever it may have been carried out.

        ``sending`` is called right before each try leaves. Another try follows only a refusal that says so (429, 401)
        or a connection that was never made. A failure that leaves open whether the write landed is ``uncertain``.
        """
        attempts = Attempts(self.retry)
        refused: AccessToken | None = None
        again = False
        while True:
            left: list[None] = []
            try:
                token = self._token(refused)
                reply, client_request_id = self._exchange(
                    call, token, attempts, again=again, sending=partial(_leaving, left, sending)
                )
            except GraphError as failure:
                if left and not getattr(failure, "unsent", False):
                    failure.uncertain = True
                    raise
                self.wait_after(failure, attempts)
            else:
                outcome = self._written(reply, client_request_id)
                if not isinstance(outcome, GraphError):
                    return outcome
                refused = self._after_refusal(outcome, attempts, token, refused)
            again = True

    def _after_refusal(
        self, failure: GraphError, attempts: Attempts, token: AccessToken, refused: AccessToken | None
    ) -> AccessToken | None:
        if isinstance(failure, Unauthorized) and refused is None:
            return token
        if isinstance(failure, Throttled):
            self.wait_after(failure, attempts)
            return refused
        failure.uncertain = isinstance(failure, (ServerError, ResponseInvalid))
        raise failure

    def _written(self, reply: Reply, client_request_id: str) -> dict[str, Any] | GraphError:
        try:
            return self._object(reply, client_request_id) if reply.content or reply.status >= 300 else {}
        except GraphError as failure:
            return failure

    def wait_after(self, failure: GraphError, attempts: Attempts) -> None:
        """Wait as long as ``failure`` asks for; raises it when that is too long or trying again is no use."""
        wait = attempts.wait_after(failure)
        if wait is None:
            raise failure
        log.info(
            "graph.retry",
            error=type(failure).__name__,
            status=failure.status,
            code=failure.code,
            request_id=failure.request_id,
            client_request_id=failure.client_request_id,
            wait_seconds=round(wait, 3),
        )
        if isinstance(failure, Throttled):
            self.meter.throttled(wait)
        self.pause(wait)

    def pause(self, seconds: float) -> None:
        """Wait, unless the run is stopped meanwhile."""
        pause(seconds, self._checkpoint)

    def observe(self, status: int, headers: Mapping[str, str], cost: Cost) -> None:
        """Let the budget learn from an answer."""
        if self._budget is not None:
            self._budget.observe(status, headers, service=cost.service, cost=cost.units)

    def _token(self, refused: AccessToken | None) -> AccessToken:
        if self._checkpoint is not None:
            self._checkpoint()
        if refused is None:
            return self._tokens.token(self._identity)
        return self._tokens.renew(self._identity, refused)

    def _once(self, call: Call, token: AccessToken, attempts: Attempts, *, again: bool) -> dict[str, Any]:
        return self._object(*self._exchange(call, token, attempts, again=again))

    def _exchange(
        self,
        call: Call,
        token: AccessToken,
        attempts: Attempts,
        *,
        again: bool,
        sending: Callable[[], None] | None = None,
    ) -> tuple[Reply, str]:
        self._acquire(call.costs, attempts)
        if self._checkpoint is not None:
            self._checkpoint()
        client_request_id = str(uuid4())
        headers = {"Accept": _ACCEPT, **call.headers, "client-request-id": client_request_id}
        if sending is not None:
            sending()
        self.meter.sent(again=again)
        try:
            reply = self._transport.send(
                call.method, call.url, headers=headers, content=call.content, auth=BearerAuth(token.value)
            )
        except GraphError as failure:
            failure.client_request_id = client_request_id
            self._note(call, failure.status or 0, None, client_request_id)
            raise
        self.meter.received(reply.wire_bytes)
        self._note(call, reply.status, reply.headers.get("request-id"), client_request_id)
        self._learn(call, reply)
        return reply, client_request_id

    def _learn(self, call: Call, reply: Reply) -> None:
        told = told_time(reply.headers.get("date"))
        if told is not None:
            self.clock_skew = (datetime.now(UTC) - told).total_seconds()
        if call.method == "GET":
            self.observe(reply.status, reply.headers, call.costs[0])
        elif reply.status == 429:
            # The units of a batch are told by its parts; as a whole it can only be throttled. So can a write.
            for cost in call.costs:
                self.observe(429, {"retry-after": reply.headers.get("retry-after", "")}, cost)

    def _acquire(self, costs: tuple[Cost, ...], attempts: Attempts) -> None:
        if self._budget is None:
            return
        for cost in costs:
            waited = self._budget.acquire(
                cost.units, service=cost.service, pause=self.pause, longest=self.retry.total_wait
            )
            self.meter.throttled(waited)

    def _object(self, reply: Reply, client_request_id: str) -> dict[str, Any]:
        ids = {"request_id": reply.headers.get("request-id"), "client_request_id": client_request_id}
        if 200 <= reply.status < 300:
            return json_object(reply.content, status=reply.status, **ids)
        try:
            body: Any = json_object(reply.content)
        except ResponseInvalid:
            body = None
        failure = error_from(reply.status, reply.headers, body, client_request_id=client_request_id)
        raise failure

    def _note(self, call: Call, status: int, request_id: str | None, client_request_id: str) -> None:
        self.meter.answered(
            path=bare_path(call.url),
            status=status,
            request_id=request_id,
            client_request_id=client_request_id,
        )


def _leaving(left: list[None], sending: Callable[[], None] | None) -> None:
    if sending is not None:
        sending()
    left.append(None)


def told_time(header: str | None) -> datetime | None:
    """Return the time that a ``Date`` header tells; None for none and for what is no date."""
    try:
        told = parsedate_to_datetime(header or "")
    except ValueError:
        return None
    return told if told.tzinfo else told.replace(tzinfo=UTC)
