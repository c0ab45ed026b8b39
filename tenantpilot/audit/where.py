"""From where an act came: the request at hand, for whoever writes an entry further down."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse

from tenantpilot.core.client import client_ip


@dataclass(frozen=True, slots=True)
class Where:
    """All empty outside a request: a worker, beat, or a command."""

    ip: str | None = None
    request_id: str = ""
    surface: str = ""


_NOWHERE = Where()
_here: ContextVar[Where] = ContextVar("audit_where", default=_NOWHERE)


def here() -> Where:
    """Return where the request at hand comes from."""
    return _here.get()


def facts() -> dict[str, str]:
    """The same as facts of a run's first event; empty outside a request."""
    where = here()
    return {name: value for name, value in (("ip", where.ip), ("request_id", where.request_id)) if value}


class WhereMiddleware:
    """Stands after the one that gives the request its id."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = str(getattr(request, "request_id", ""))
        token = _here.set(Where(client_ip(request), request_id, "console"))
        try:
            return self.get_response(request)
        finally:
            _here.reset(token)
