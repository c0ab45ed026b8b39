"""`/organization` and `/applications`, and the answers small directory collections share."""

from collections.abc import Iterable

from providers.sandbox import schema
from providers.sandbox.calls import (
    Call,
    Reply,
    collection,
    context_of,
    entity,
    projected,
    select_names,
)
from providers.sandbox.data import GRAPH_APP_ID, INTUNE_PLAN_ID, JSON, app_roles, load
from providers.sandbox.filters import folded, parse_filter
from providers.sandbox.groupkeys import not_found
from providers.sandbox.ids import derived_guid
from providers.sandbox.models import AppRegistration, Tenant
from providers.sandbox.paging import cut, directory_page_size


def answer_list(call: Call, items: Iterable[JSON], context: str, type_name: str) -> Reply:
    """A filtered, ordered page of a small directory collection."""
    size = directory_page_size(call)
    names = select_names(call, type_name)
    found = [_in_version(call, item, type_name) for item in items]
    if call.query.filter:
        matches = parse_filter(call.query.filter).matches
        found = [item for item in found if matches(item)]
    for name, descending in reversed(call.query.orderby):
        found.sort(key=lambda item: folded(item.get(name)) or "", reverse=descending)
    page, link, first = cut(call, found, size)
    shown = [projected(call, item, names, type_name) for item in page]
    count = len(found) if call.advanced() and first else None
    return collection(
        call, context_of(context, names), shown, type_name=type_name, count=count, next_link=link
    )  # fmt: skip


def _in_version(call: Call, item: JSON, type_name: str) -> JSON:
    """The object without properties that its type does not have in this version."""
    known = schema.properties(call.version, schema.type_name(type_name))
    return {name: value for name, value in item.items() if "@" in name or name in known}


def answer_one(call: Call, item: JSON, context: str, type_name: str, status: int = 200) -> Reply:
    names = select_names(call, type_name)
    shown = projected(call, _in_version(call, item, type_name), names, type_name)
    return entity(call, context_of(context, names), shown, type_name=type_name, status=status)


def organization(tenant: Tenant) -> JSON:
    """The one organization object of a tenant, in the shape of the example carried along."""
    plans = [dict(plan) for plan in load("objects.json")["organization"]["assignedPlans"]]
    if not tenant.settings.intune:
        plans = [plan for plan in plans if plan["servicePlanId"] != INTUNE_PLAN_ID]
    domains = [(tenant.initial_domain, False, True), (tenant.primary_domain, True, False)]
    return {
        **load("objects.json")["organization"],
        "id": tenant.tenant_id,
        "displayName": tenant.display_name,
        "city": tenant.settings.city,
        "countryLetterCode": tenant.settings.country,
        "postalCode": None,
        "preferredLanguage": "en",
        "street": None,
        "businessPhones": [],
        "technicalNotificationMails": [f"it@{tenant.primary_domain}"],
        "assignedPlans": plans,
        "verifiedDomains": [
            {
                "capabilities": "Email, OfficeCommunicationsOnline",
                "isDefault": default,
                "isInitial": initial,
                "name": name,
                "type": "Managed",
            }
            for name, default, initial in domains
        ],
    }


def list_organization(call: Call) -> Reply:
    return answer_list(call, [organization(call.tenant)], "organization", "organization")


def get_organization(call: Call) -> Reply:
    if call.keys[0].text.lower() != call.tenant.tenant_id:
        raise not_found(call.keys[0].text)
    return answer_one(call, organization(call.tenant), "organization", "organization")


def _application(app: AppRegistration) -> JSON:
    access = [{"id": app_roles()[value]["id"], "type": "Role"} for value in app.permissions]
    return {
        "id": derived_guid("application", app.client_id),
        "deletedDateTime": None,
        "appId": app.client_id,
        "displayName": app.display_name,
        "createdDateTime": "2025-01-15T08:00:00Z",
        "identifierUris": [],
        "signInAudience": "AzureADMultipleOrgs",
        "requiredResourceAccess": [{"resourceAppId": GRAPH_APP_ID, "resourceAccess": access}],
        "passwordCredentials": [
            {"keyId": secret.key_id, "hint": secret.value[:3], "displayName": None} for secret in app.secrets
        ],
        "keyCredentials": [],
        "appRoles": [],
        "tags": [],
    }


def _own_applications(call: Call) -> list[JSON]:
    home = call.tenant.tenant_id
    return [_application(app) for app in call.state.apps.values() if app.home_tenant == home]


def list_applications(call: Call) -> Reply:
    return answer_list(call, _own_applications(call), "applications", "application")


def get_application(call: Call) -> Reply:
    key = call.keys[0]
    prop = "appId" if key.alternate == "appid" else "id"
    for application in _own_applications(call):
        if application[prop].lower() == key.text.lower():
            return answer_one(call, application, "applications", "application")
    raise not_found(key.text)
