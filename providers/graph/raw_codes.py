"""The one table from raw provider codes to reason codes.

Entra codes: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
Graph codes: https://learn.microsoft.com/graph/errors and, for Intune, what the service is seen to answer.
The docs table is made from here, hence a meaning in words beside each code.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class RawCode:
    """``raw`` is the provider's own code, or a made-up one with a slash where the code alone cannot tell."""

    raw: str
    reason: str
    meaning: str


THROTTLED = "provider.throttled"
UNREACHABLE = "provider.unreachable"
RESPONSE_INVALID = "provider.response_invalid"
PERMISSION_MISSING = "provider.permission_missing"
LICENCE_MISSING = "provider.licence_missing"
APPROVAL_REQUIRED = "provider.approval_required"
CREDENTIAL_INVALID = "provider.credential_invalid"
CREDENTIAL_EXPIRED = "provider.credential_expired"
CONSENT_MISSING = "provider.consent_missing"
CONSENT_REVOKED = "provider.consent_revoked"
TENANT_NOT_FOUND = "provider.tenant_not_found"
INTERNAL_ERROR = "operation.internal_error"

RAW_CODES: tuple[RawCode, ...] = (
    # Token endpoint, by number.
    RawCode("AADSTS7000215", CREDENTIAL_INVALID, "Wrong client secret; often its id was pasted."),
    RawCode("AADSTS7000222", CREDENTIAL_EXPIRED, "All client secrets of the app have expired."),
    RawCode("AADSTS700027", CREDENTIAL_INVALID, "Certificate not registered, expired, or signature wrong."),
    RawCode("AADSTS700024", CREDENTIAL_INVALID, "Client assertion outside its valid time range."),
    RawCode("AADSTS7000229", CONSENT_MISSING, "The app has no service principal in the tenant."),
    RawCode("AADSTS700016", CONSENT_MISSING, "The app is unknown in the tenant."),
    RawCode("AADSTS65001", CONSENT_MISSING, "Consent is missing."),
    RawCode("AADSTS7000112", CONSENT_REVOKED, "The app is disabled in the tenant."),
    RawCode("AADSTS70001", CONSENT_REVOKED, "The app is disabled in the tenant."),
    RawCode("AADSTS53003", CONSENT_REVOKED, "Blocked by conditional access for workload identities."),
    RawCode("AADSTS90002", TENANT_NOT_FOUND, "Tenant not found in this cloud."),
    RawCode("AADSTS90038", TENANT_NOT_FOUND, "The tenant lives in another national cloud."),
    RawCode("AADSTS900023", TENANT_NOT_FOUND, "Neither a tenant id nor a domain name."),
    RawCode("AADSTS500011", TENANT_NOT_FOUND, "Microsoft Graph is missing in the tenant; wrong cloud."),
    RawCode("AADSTS7000218", INTERNAL_ERROR, "No credential in the request."),
    RawCode("AADSTS1002012", INTERNAL_ERROR, "The scope is not the default one."),
    RawCode("AADSTS70011", INTERNAL_ERROR, "The scope is invalid."),
    RawCode("AADSTS700022", INTERNAL_ERROR, "More than one resource was asked for."),
    RawCode("AADSTS90055", THROTTLED, "Too many token requests."),
    RawCode("AADSTS90024", UNREACHABLE, "Passing failure of the token service."),
    RawCode("AADSTS90090", UNREACHABLE, "Passing failure of the token service."),
    # Token endpoint, by OAuth error, where the number is not known.
    RawCode("invalid_client", CREDENTIAL_INVALID, "The credential was refused."),
    RawCode("unauthorized_client", CONSENT_MISSING, "The app may not get tokens in this tenant."),
    RawCode("invalid_grant", CONSENT_MISSING, "The app may not get tokens in this tenant."),
    RawCode("invalid_tenant", TENANT_NOT_FOUND, "Tenant not found in this cloud."),
    RawCode("invalid_resource", TENANT_NOT_FOUND, "Microsoft Graph is missing in the tenant."),
    RawCode("invalid_request", INTERNAL_ERROR, "The token request was malformed."),
    RawCode("invalid_scope", INTERNAL_ERROR, "The scope is invalid."),
    RawCode("temporarily_unavailable", UNREACHABLE, "Passing failure of the token service."),
    # Microsoft Graph.
    RawCode("InvalidAuthenticationToken", CREDENTIAL_INVALID, "Graph refused a fresh token."),
    RawCode("Authorization_IdentityNotFound", CONSENT_MISSING, "The app has no service principal here."),
    RawCode("Authorization_RequestDenied", PERMISSION_MISSING, "Directory permission not granted."),
    RawCode("AccessDenied", PERMISSION_MISSING, "Permission not granted."),
    RawCode("Forbidden/permissions", PERMISSION_MISSING, "Permission not granted; the message says so."),
    RawCode("Forbidden/approval", APPROVAL_REQUIRED, "Multi Admin Approval; the message says so."),
    RawCode("Forbidden", LICENCE_MISSING, "The tenant lacks the licence or the service."),
    RawCode(
        "Authentication_RequestFromNonPremiumTenantOrB2CTenant",
        LICENCE_MISSING,
        "The tenant lacks Microsoft Entra ID P1 or P2.",
    ),
    RawCode("TooManyRequests", THROTTLED, "Throttled."),
)

_REASONS = {row.raw: row.reason for row in RAW_CODES}


def reason_for(raw: str | None, default: str) -> str:
    """The reason code of a raw code; ``default`` where the table does not know it."""
    return _REASONS.get(raw or "", default)


def is_known(raw: str) -> bool:
    """Whether the table has a row for this raw code."""
    return raw in _REASONS
