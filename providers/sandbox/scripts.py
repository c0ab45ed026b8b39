"""Carrying failure scripts out on a Graph request."""

from collections.abc import Iterable

from providers.sandbox.answers import CloseConnection
from providers.sandbox.errors import (
    INTUNE,
    GraphError,
    approval_required,
    missing_licence,
    missing_privileges,
)
from providers.sandbox.faults import Fault
from providers.sandbox.models import Tenant
from providers.sandbox.state import SandboxState
from providers.sandbox.tokens import AccessToken


def scripted_refusals(
    state: SandboxState, faults: Iterable[Fault], tenant: Tenant, token: AccessToken, method: str
) -> None:
    """Carry out the failure scripts that come before the request is served."""
    for fault in faults:
        if fault.after_write:
            continue
        if fault.kind in ("drop", "hang"):
            raise CloseConnection(fault.kind)
        if fault.kind == "status":
            raise scripted(fault)
        if fault.kind == "expire_token":
            state.dead_tokens.add(token.id)
            raise GraphError(401, message="Lifetime validation failed, the token is expired.")
        if fault.kind == "revoke_consent":
            tenant.principals.pop(token.client_id, None)
            state.dirty = True
        if fault.kind == "licence":
            raise missing_licence()
        if fault.kind == "approval" and method != "GET":
            raise approval_required()


def refuse_afterwards(faults: Iterable[Fault]) -> None:
    """Carry out the scripts that let a request be served and then say otherwise, or nothing."""
    for fault in faults:
        if fault.after_write and fault.kind in ("drop", "hang"):
            raise CloseConnection(fault.kind)
        if fault.after_write and fault.kind == "status":
            raise scripted(fault)


def scripted(fault: Fault) -> GraphError:
    headers = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
    style = fault.style or "directory"
    if fault.status == 403 and style == INTUNE and fault.message is None:
        return missing_privileges(
            INTUNE, ["DeviceManagementRBAC.Read.All", "DeviceManagementRBAC.ReadWrite.All"]
        )
    if fault.status == 403 and style == "identity":
        message = "You cannot perform the requested operation, required scopes are missing in the token."
        return GraphError(403, fault.code or "AccessDenied", fault.message or message, headers=headers)
    return GraphError(fault.status, fault.code, fault.message, style=style, headers=headers)
