"""AADSTS errors of the token endpoint: code, status and words (WIRE: tokens)."""

import uuid
from datetime import UTC, datetime

from providers.sandbox.data import JSON

_INVALID_CLIENT, _UNAUTHORIZED, _INVALID_SCOPE = "invalid_client", "unauthorized_client", "invalid_scope"
ERRORS: dict[int, tuple[int, str, str]] = {
    7000215: (
        401,
        _INVALID_CLIENT,
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret "
        "value, not the client secret ID, for a secret added to app '{client_id}'.",
    ),
    7000222: (
        401,
        _INVALID_CLIENT,
        "The provided client secret keys for app '{client_id}' are expired. Visit the Azure portal to create "
        "new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for "
        "added security: https://aka.ms/certCreds.",
    ),
    700027: (
        401,
        _INVALID_CLIENT,
        "The certificate with identifier used to sign the client assertion is not registered on application. "
        "[Reason - {reason}]",
    ),
    700024: (401, _INVALID_CLIENT, "Client assertion is not within its valid time range."),
    700023: (
        401,
        _INVALID_CLIENT,
        "Client assertion audience claim does not match Realm issuer. Review the documentation at "
        "https://learn.microsoft.com/entra/identity-platform/certificate-credentials.",
    ),
    7000229: (
        401,
        _INVALID_CLIENT,
        "The client application {client_id} is missing service principal in the tenant {tenant}. "
        "See instructions here: https://go.microsoft.com/fwlink/?linkid=2225119",
    ),
    7000218: (
        401,
        _INVALID_CLIENT,
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
    ),
    700016: (
        400,
        _UNAUTHORIZED,
        "Application with identifier '{client_id}' was not found in the directory '{tenant}'. This can happen "
        "if the application has not been installed by the administrator of the tenant or consented to by any "
        "user in the tenant. You may have sent your authentication request to the wrong tenant.",
    ),
    7000112: (400, _UNAUTHORIZED, "Application '{client_id}' is disabled."),
    90002: (
        400,
        "invalid_request",
        "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into "
        "the correct cloud. Check with your subscription administrator, this may happen if there are no "
        "active subscriptions for the tenant.",
    ),
    90038: (
        400,
        "invalid_request",
        "Tenant '{tenant}' request is being redirected to the National Cloud that it belongs to.",
    ),
    900144: (400, "invalid_request", "The request body must contain a parameter that is missing."),
    70003: (400, "unsupported_grant_type", "The app requested an unsupported grant type."),
    1002012: (
        400,
        _INVALID_SCOPE,
        "The provided value for scope is not valid. Client credential flows must have a scope value with "
        "/.default suffixed to the resource identifier (application ID URI).",
    ),
    70011: (
        400,
        _INVALID_SCOPE,
        "The provided request must include a 'scope' input parameter. The provided value for the input "
        "parameter 'scope' is not valid.",
    ),
    500011: (
        400,
        "invalid_resource",
        "The resource principal named {resource} was not found in the tenant named {tenant}. This can happen "
        "if the application has not been installed by the administrator of the tenant.",
    ),
    53003: (400, "invalid_grant", "Access has been blocked by Conditional Access policies."),
    90055: (429, "temporarily_unavailable", "The tenant is throttled because of too many requests."),
    90024: (503, "temporarily_unavailable", "Transient error, try again."),
}


class TokenError(Exception):
    """One refusal of the token endpoint; `details` fill the words."""

    def __init__(
        self, code: int, *, error: str | None = None, status: int | None = None, **details: str
    ) -> None:
        self.code = code
        known_status, known_error, words = ERRORS.get(code, (400, "invalid_request", "Request refused."))
        self.status = status or known_status
        self.error = error or known_error
        self.words = words.format_map({"client_id": "", "tenant": "", "reason": "", "resource": ""} | details)
        super().__init__(f"AADSTS{code}: {self.words}")

    def body(self, correlation_id: str | None) -> JSON:
        stamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        trace, correlation = str(uuid.uuid4()), correlation_id or str(uuid.uuid4())
        ids = f"Trace ID: {trace} Correlation ID: {correlation} Timestamp: {stamp}"
        description = f"AADSTS{self.code}: {self.words} {ids}"
        return {
            "error": self.error,
            "error_description": description,
            "error_codes": [self.code],
            "timestamp": stamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.code}",
        }
