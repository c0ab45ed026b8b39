"""Check a connection: does it reach the right tenant, and may it do what our operations need?"""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from operations import gate, registry
from operations.choices import RunOutcome, Surface
from operations.context import RunContext, RunResult
from operations.execution import CHECK, token_noted
from operations.params import Params
from operations.registry import operation_type
from providers import services, sessions
from providers.graph.errors import Forbidden, ResponseInvalid
from providers.graph.urls import path_of
from providers.permissions import READ_ORGANIZATION
from providers.readiness import Facts, Needs
from providers.reasons import PERMISSION_MISSING, TENANT_MISMATCH
from providers.selectors import target_for_system
from tenantpilot.core.reasons import Reason
from tenantpilot.tenancy.capabilities import Capability

# App ID of Microsoft Graph itself, the same in every tenant and cloud.
GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"
READ_ASSIGNMENTS = (
    "Application.Read.All",
    "Application.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
)


@operation_type(
    name=CHECK,
    verb=_("Check connection"),
    description=_(
        "Signs in afresh, confirms which tenant answers, and compares what was granted with what is needed."
    ),
    capability=Capability.CHECK_CONNECTION,
    surfaces={Surface.TENANT, Surface.CONNECTION, Surface.ONBOARDING},
    needs=Needs(facts=Facts.CREDENTIAL),
)
def check_connection(run: RunContext, params: Params) -> RunResult:
    """Write the facts that the gate reads.

    Access that works but does not suffice for every operation is a partial success: it names what each one lacks.
    """
    run.stage("organization")
    # A token at hand shows what was granted when it was issued.
    sessions.tokens().drop(run.graph.identity.cache_key)
    try:
        organization = _organization(run)
    except Forbidden:
        token_noted(run)
        return _failed(run, PERMISSION_MISSING, permissions=READ_ORGANIZATION[0])
    if _tenant_id(organization) != run.tenant.entra_tenant_id:
        return _failed(run, TENANT_MISMATCH)
    run.stage("permissions")
    found = services.Verified(
        _granted(run),
        _service_plans(organization),
        clock_skew=run.graph.clock_skew,
        organization=str(organization.get("displayName") or ""),
        domain=_default_domain(organization),
    )
    with run.fenced():
        services.verified_record(connection_id=run.connection.id, fence=run.fence, found=found)
    return _result(run, found)


def _organization(run: RunContext) -> Mapping[str, Any]:
    answer = run.graph.get("/organization", select=("id", "displayName", "verifiedDomains", "assignedPlans"))
    found = answer.get("value")
    if not isinstance(found, list) or len(found) != 1 or not isinstance(found[0], dict):
        raise ResponseInvalid("The answer does not name one organization.", status=200)
    return found[0]


def _tenant_id(organization: Mapping[str, Any]) -> UUID:
    try:
        return UUID(str(organization.get("id")))
    except ValueError:
        raise ResponseInvalid("The organization has no tenant ID.", status=200) from None


def _failed(run: RunContext, reason: Reason, **facts: str) -> RunResult:
    with run.fenced():
        services.fault_record(
            connection_id=run.connection.id,
            fence=run.fence,
            code=reason.code,
            facts=facts,
            retry_after=None,
            check=True,
        )
    return RunResult.failed(reason, **facts)


def _granted(run: RunContext) -> frozenset[str]:
    """Return the granted application permissions: as assigned where we may read that, else as the token has them."""
    granted = run.token_roles() or frozenset()
    if granted.isdisjoint(READ_ASSIGNMENTS):
        return granted
    try:
        return _assigned(run)
    except Forbidden:
        return granted


def _assigned(run: RunContext) -> frozenset[str]:
    """Read the app role assignments of our service principal, and name them by the roles of Microsoft Graph."""
    graph_id, names = _app_roles(run)
    own = path_of("/servicePrincipals(appId='{}')", run.graph.identity.client_id)
    principal = str(run.graph.get(own, select=("id",)).get("id"))
    assignments = path_of("/servicePrincipals/{}/appRoleAssignments", principal)
    return frozenset(
        names[item["appRoleId"]]
        for page in run.graph.pages(assignments, top=999)
        for item in page.value
        if item.get("resourceId") == graph_id and item.get("appRoleId") in names
    )


def _app_roles(run: RunContext) -> tuple[str, dict[str, str]]:
    """Return the object ID of Microsoft Graph's service principal here, and its roles' names by ID."""
    path = path_of("/servicePrincipals(appId='{}')", GRAPH_APP_ID)
    principal = run.graph.get(path, select=("id", "appRoles"))
    roles = principal.get("appRoles")
    if not isinstance(roles, list):
        raise ResponseInvalid("The service principal of Microsoft Graph shows no roles.", status=200)
    return str(principal.get("id")), {str(role.get("id")): str(role.get("value")) for role in roles}


def _default_domain(organization: Mapping[str, Any]) -> str:
    domains = organization.get("verifiedDomains")
    for one in domains if isinstance(domains, list) else ():
        if one.get("isDefault"):
            return str(one.get("name") or "")
    return ""


def _service_plans(organization: Mapping[str, Any]) -> frozenset[str]:
    plans = organization.get("assignedPlans")
    return frozenset(
        str(plan.get("servicePlanId")).lower()
        for plan in (plans if isinstance(plans, list) else ())
        if plan.get("capabilityStatus") == "Enabled"
    )


def _result(run: RunContext, found: services.Verified) -> RunResult:
    counts = {
        "application_permissions": len(found.granted_permissions),
        "service_plans": len(found.service_plans),
    }
    lacking = list(_lacking(run))
    if not lacking:
        return RunResult.succeeded(**counts)
    first = lacking[0]
    facts = dict(first["facts"])
    if first["code"] == PERMISSION_MISSING.code:
        facts["permissions"] = _named(lacking)
    return RunResult(RunOutcome.PARTIALLY_SUCCEEDED, first["code"], facts, counts, lacking)


def _lacking(run: RunContext) -> Iterable[dict[str, Any]]:
    """Yield what the gate would answer now to each operation that may not start."""
    target = target_for_system(run.connection.id)
    assert target is not None
    for operation in registry.all_types():
        for blocker in gate.blockers(operation, target, None, timezone.now())[:1]:
            yield {"type": operation.name, "code": blocker.code, "facts": dict(blocker.facts)}


def _named(lacking: list[dict[str, Any]]) -> str:
    """Return every missing permission once, in the order of the operations."""
    lists = [
        each["facts"]["permissions"].split(", ")
        for each in lacking
        if each["code"] == PERMISSION_MISSING.code
    ]
    return ", ".join(dict.fromkeys(name for names in lists for name in names))
