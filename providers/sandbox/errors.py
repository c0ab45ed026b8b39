"""Refusals as Microsoft Graph words them. Directory and Intune have styles of their own (WIRE: errors)."""

import json
from datetime import UTC, datetime

from providers.sandbox.data import JSON

DIRECTORY, INTUNE, IDENTITY = "directory", "intune", "identity"
ZERO_GUID = "00000000-0000-0000-0000-000000000000"
DEFAULT_CODES = {
    400: ("BadRequest", "The request is invalid."),
    401: ("InvalidAuthenticationToken", "Access token is empty."),
    403: ("Authorization_RequestDenied", "Insufficient privileges to complete the operation."),
    404: ("Request_ResourceNotFound", "Resource does not exist."),
    405: ("Request_BadRequest", "Specified HTTP method is not allowed for the request target."),
    409: ("Conflict", "The request conflicts with the current state of the resource."),
    410: ("resyncRequired", "Restart with a full synchronization."),
    412: ("PreconditionFailed", "The condition specified in the request does not match the current state."),
    423: ("Locked", "The resource is locked."),
    424: ("FailedDependency", "Failed to execute the request because a dependency failed."),
    429: ("TooManyRequests", "Too many requests."),
    500: ("InternalServerError", "An internal server error occurred."),
    501: ("NotImplemented", "The Graph sandbox does not serve this path."),
    502: ("BadGateway", "The gateway received an invalid response from the upstream server."),
    503: ("ServiceUnavailable", "The service is temporarily unavailable."),
    504: ("GatewayTimeout", "The server did not receive a timely response from the upstream server."),
}
INTUNE_CODES = {403: "Forbidden", 404: "ResourceNotFound", 400: "BadRequest", 500: "InternalServerError"}


class GraphError(Exception):
    """One error answer; `style` decides how code and message are dressed."""

    def __init__(
        self,
        status: int,
        code: str | None = None,
        message: str | None = None,
        *,
        style: str = DIRECTORY,
        headers: dict[str, str] | None = None,
        target: str | None = None,
    ) -> None:
        default_code, default_message = DEFAULT_CODES.get(status, ("UnknownError", "Unknown error."))
        if style == INTUNE:
            default_code = INTUNE_CODES.get(status, default_code)
        self.status = status
        self.code = code or default_code
        self.message = message or default_message
        self.style = style
        self.headers = headers or {}
        self.target = target
        super().__init__(f"{status} {self.code}: {self.message}")

    def body(self, request_id: str, client_request_id: str, path: str) -> JSON:
        message = self.message
        if self.style == INTUNE:
            message = intune_message(message, request_id, path)
        error: JSON = {"code": self.code, "message": message}
        if self.target is not None:
            error["details"] = [{"code": self.code, "message": self.message, "target": self.target}]
        error["innerError"] = {
            "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
            "request-id": request_id,
            "client-request-id": client_request_id,
        }
        return {"error": error}


def intune_message(message: str, request_id: str, path: str) -> str:
    """Intune's services put a JSON document inside the message."""
    url = f"https://fef.msub01.manage.microsoft.com/RACerts/StatelessRoleFEService/{path}?api-version=5025-07-09"
    document = {
        "_version": 3,
        "Message": f"{message} - Operation ID (for customer support): {ZERO_GUID} "
        f"- Activity ID: {request_id} - Url: {url}",
        "CustomApiErrorPhrase": "",
        "RetryAfter": None,
        "ErrorSourceService": "",
        "HttpHeaders": "{}",
    }
    return json.dumps(document, indent=2).replace("\n", "\r\n")


def bad_request(message: str, code: str = "Request_BadRequest") -> GraphError:
    return GraphError(400, code, message)


def unsupported(message: str = "Unsupported Query.") -> GraphError:
    return GraphError(400, "Request_UnsupportedQuery", message)


def segment_missing(segment: str) -> GraphError:
    return GraphError(400, "BadRequest", f"Resource not found for the segment '{segment}'.")


def missing_privileges(style: str, permissions: list[str]) -> GraphError:
    if style == IDENTITY:
        message = "You cannot perform the requested operation, required scopes are missing in the token."
        return GraphError(403, "AccessDenied", message)
    if style != INTUNE:
        return GraphError(403)
    scopes = ", ".join(permissions)
    return GraphError(
        403,
        message="Application is not authorized to perform this operation. "
        f"Application must have one of the following scopes: {scopes}",
        style=INTUNE,
    )


def missing_licence() -> GraphError:
    message = "The tenant does not have a license that covers this service."
    return GraphError(403, message=message, style=INTUNE)


def approval_required() -> GraphError:
    message = (
        "This operation requires multi admin approval. "
        "Send the x-msft-approval-justification header to request it."
    )
    return GraphError(403, message=message, style=INTUNE)
