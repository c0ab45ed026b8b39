"""What can go wrong between us and the provider.

    GraphError
    ├── Unreachable            no answer: refused, unknown host, TLS, connection lost
    │   └── TimedOut           no answer in time
    ├── ResponseInvalid        an answer that is not what the protocol promises
    ├── RequestFailed          Graph answered with an error status
    │   ├── Throttled          429
    │   ├── ServerError        5xx
    │   ├── Unauthorized       401, although the token was renewed once
    │   ├── Forbidden          403; ``scopes`` names the permissions, where the service does
    │   ├── NotFound           404
    │   ├── DeltaExpired       410; start the delta again, at ``location`` where given
    │   └── BadRequest         any other 4xx
    └── TokenError             no token
        ├── CredentialRefused  wrong or expired secret or certificate
        ├── ConsentMissing     the app is not, or no longer, at home in the tenant
        ├── TenantUnknown      no such tenant in this cloud
        └── TokenUnavailable   throttled or down; trying again can help

    Stopped                    the run was cancelled or fenced out: no failure, hence no GraphError

``transient`` says whether trying again can help; no caller needs to read a message. ``uncertain`` says of a write that
it may have been carried out although it failed: look before it is sent again. Messages are cut and free of tokens and
secrets.
"""

from typing import ClassVar, TypedDict, Unpack

from providers.graph import raw_codes
from providers.graph.redaction import redacted


class Stopped(Exception):
    """The run must not send another request. Raised by checkpoints, passed on unchanged."""


class Facts(TypedDict, total=False):
    """What every failure may know about itself."""

    status: int | None
    code: str | None
    retry_after: float | None
    request_id: str | None
    client_request_id: str | None
    transient: bool


class GraphError(Exception):
    """Base of all failures.

    ``status`` is the HTTP status, if there was an answer; ``code`` the provider's raw code; ``retry_after``
    seconds, if the provider (or our budget) named a time; ``reason_code`` a code of the reason catalogue.
    """

    transient: bool = False
    uncertain: bool = False
    default_reason: ClassVar[str] = raw_codes.RESPONSE_INVALID

    def __init__(self, message: str = "", **facts: Unpack[Facts]) -> None:
        self.message = redacted(message)
        self.status = facts.get("status")
        self.code = facts.get("code")
        self.retry_after = facts.get("retry_after")
        self.request_id = facts.get("request_id")
        self.client_request_id = facts.get("client_request_id")
        self.transient = facts.get("transient", type(self).transient)
        super().__init__(self.message)

    @property
    def reason_code(self) -> str:
        """Code of the reason catalogue, for example ``provider.credential_invalid``."""
        return raw_codes.reason_for(self.code, self.default_reason)

    def __str__(self) -> str:
        facts = (str(self.status or ""), self.code or "", self.message)
        return " ".join(fact for fact in facts if fact) or type(self).__name__


class Unreachable(GraphError):
    """``unsent``: no connection was made, so the provider can't have heard the request."""

    transient = True
    unsent: bool = False
    default_reason = raw_codes.UNREACHABLE


class TimedOut(Unreachable):
    pass


class ResponseInvalid(GraphError):
    """Transient when the answer was cut off or garbled, permanent when its shape is wrong."""


class RequestFailed(GraphError):
    pass


class Throttled(RequestFailed):
    transient = True
    default_reason = raw_codes.THROTTLED


class ServerError(RequestFailed):
    transient = True
    default_reason = raw_codes.UNREACHABLE


class Unauthorized(RequestFailed):
    default_reason = raw_codes.CREDENTIAL_INVALID


class Forbidden(RequestFailed):
    """``scopes``: permissions of which one would do, as Intune names them; empty where it does not."""

    default_reason = raw_codes.PERMISSION_MISSING

    def __init__(
        self,
        message: str = "",
        *,
        scopes: tuple[str, ...] = (),
        lacks_permission: bool = False,
        lacks_approval: bool = False,
        **facts: Unpack[Facts],
    ) -> None:
        super().__init__(message, **facts)
        self.scopes = scopes
        self._lacks_permission = lacks_permission or bool(scopes)
        self._lacks_approval = lacks_approval

    @property
    def reason_code(self) -> str:
        key = "Forbidden/permissions" if self._lacks_permission else self.code
        if self._lacks_approval:
            key = "Forbidden/approval"
        return raw_codes.reason_for(key, self.default_reason)


class NotFound(RequestFailed):
    pass


class DeltaExpired(RequestFailed):
    """``location``: where the provider wants the delta to start again; always on its own Graph host."""

    def __init__(self, message: str = "", *, location: str | None = None, **facts: Unpack[Facts]) -> None:
        super().__init__(message, **facts)
        self.location = location


class BadRequest(RequestFailed):
    pass


class TokenError(GraphError):
    default_reason = raw_codes.CREDENTIAL_INVALID


class CredentialRefused(TokenError):
    pass


class ConsentMissing(TokenError):
    default_reason = raw_codes.CONSENT_MISSING


class TenantUnknown(TokenError):
    default_reason = raw_codes.TENANT_NOT_FOUND


class TokenUnavailable(TokenError):
    transient = True
    default_reason = raw_codes.UNREACHABLE
