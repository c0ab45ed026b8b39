"""Every page of the console, where to find each, and whose eyes it is looked at through."""

import re
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver

from tests.stack import Stack


@dataclass(frozen=True)
class Look:
    """One page in one state. ``{...}`` in its path are filled by ``places``."""

    name: str
    url_name: str
    path: str
    who: str = "manager"
    status: int = 200
    # A menu or a fold to open before looking.
    click: str = ""


LOOKS = (
    Look("sign-in", "login", "/admin/login/", who=""),
    Look("tenants", "tenants", "/admin/tenants"),
    Look("tenants-none", "tenants", "/admin/tenants?q=no+such+name"),
    Look("tenants-filters", "tenants", "/admin/tenants?health=down", click=".tp-filters__more > summary"),
    Look("tenants-selected", "tenants", "/admin/tenants?select=all", who="operator"),
    Look("tenants-columns", "tenants", "/admin/tenants", click=".tp-columns > summary"),
    Look("tenant", "tenant", "/admin/t/contoso"),
    Look("tenant-menu", "tenant", "/admin/t/contoso", click=".tp-menu__btn:has-text('Manager')"),
    Look("tenant-blocked", "tenant", "/admin/t/fabrikam", who="readonly"),
    Look("tenant-expired", "tenant", "/admin/t/tailspin", who="operator"),
    Look("tenant-unconnected", "tenant", "/admin/t/relecloud"),
    Look("tenant-archive", "tenant_archive", "/admin/t/contoso/archive"),
    # The page itself needs an archived tenant: test_tenant_life looks at it.
    Look("tenant-delete-in-use", "tenant_delete", "/admin/t/contoso/delete", who="owner", status=409),
    Look("connection-remove", "connection_remove", "/admin/provider-connections/{contoso}/remove"),
    Look("tenants-archived-none", "tenants", "/admin/tenants?life=archived"),
    Look("tenant-edit", "tenant_edit", "/admin/t/contoso/edit"),
    Look("connection-add", "connection_add", "/admin/t/adatum/connections/add?app=own"),
    Look(
        "connection-add-certificate",
        "connection_add",
        "/admin/t/adatum/connections/add?app=own&kind=certificate",
    ),
    Look("groups", "directory_groups", "/admin/t/contoso/directory/groups"),
    Look("groups-never-read", "directory_groups", "/admin/t/fabrikam/directory/groups"),
    Look("roles", "directory_role_definitions", "/admin/t/contoso/directory/role-definitions"),
    Look("inventory", "inventory", "/admin/t/contoso/inventory"),
    Look("inventory-never-read", "inventory", "/admin/t/fabrikam/inventory"),
    Look("inventory-policies", "inventory_objects", "/admin/t/contoso/inventory/objects"),
    Look("inventory-devices", "inventory_objects", "/admin/t/contoso/inventory/objects?group=devices"),
    Look("inventory-changes", "inventory_changes", "/admin/t/contoso/inventory/changes"),
    Look("inventory-object", "inventory_object", "/admin/t/contoso/inventory/{policy}"),
    Look("compliance", "compliance", "/admin/t/contoso/compliance"),
    Look("compliance-never-read", "compliance", "/admin/t/fabrikam/compliance"),
    Look("compliance-devices", "compliance_devices", "/admin/t/contoso/compliance/devices"),
    Look("compliance-device", "compliance_device", "/admin/t/contoso/compliance/devices/{device}"),
    Look("compliance-policies", "compliance_policies", "/admin/t/contoso/compliance/policies"),
    Look("backups", "backups", "/admin/t/contoso/backups"),
    Look("backups-none", "backups", "/admin/t/fabrikam/backups", who="readonly"),
    Look("backup", "backup", "/admin/t/contoso/backups/{backup}"),
    Look("backup-changes", "backup_changes", "/admin/t/contoso/backups/{backup}/changes"),
    Look("backup-item", "backup_item", "/admin/t/contoso/backups/{backup}/items/{item}"),
    Look("backup-live", "backup_live", "/admin/t/contoso/backups/live/{item}"),
    Look("backup-diff", "backup_diff", "/admin/t/contoso/backups/diff/{item}/{other_item}"),
    Look(
        "backup-history",
        "backup_object",
        "/admin/t/contoso/backups/objects/{item_type}/{item_object}",
    ),
    Look("backup-export", "backup_export", "/admin/t/contoso/backups/{backup}/export"),
    Look("backup-import", "backup_import", "/admin/t/contoso/backups/import"),
    Look("backup-retention", "backup_retention", "/admin/t/contoso/backups/retention"),
    Look("connections", "connections", "/admin/provider-connections"),
    Look("connection", "connection", "/admin/provider-connections/{contoso}"),
    Look("connection-expired", "connection", "/admin/provider-connections/{tailspin}"),
    Look("connection-permission", "connection", "/admin/provider-connections/{woodgrove}", who="operator"),
    Look("connection-disable", "connection_disable", "/admin/provider-connections/{contoso}/disable"),
    Look("secret", "connection_secret", "/admin/provider-connections/{contoso}/secret"),
    Look("consent", "connection_consent", "/admin/provider-connections/{northwind}/consent"),
    Look("consent-return", "consent_return", "/admin/consent/return", status=400),
    Look("operations", "operations", "/admin/operations"),
    Look("run-succeeded", "run", "/admin/operations/{succeeded}", click=".tp-fold > summary"),
    Look("run-failed", "run", "/admin/operations/{failed}"),
    Look("run-cancel", "run_cancel", "/admin/operations/{succeeded}/cancel"),
    Look(
        "run-force-release", "run_force_release", "/admin/operations/{succeeded}/force-release", who="owner"
    ),
    Look("dashboard", "dashboard", "/admin/"),
    Look("search", "search", "/admin/search?q=north"),
    Look("notifications", "notifications", "/admin/notifications", who="operator"),
    Look("audit", "audit", "/admin/audit"),
    Look("people", "people", "/admin/people", who="owner"),
    Look("workspace-retention", "workspace_retention", "/admin/retention", who="owner"),
    Look("people-invite", "people_invite", "/admin/people/invite", who="owner"),
    Look("records", "records", "/admin/records", who="owner"),
    Look(
        "records-runs", "operations_operationrun_changelist", "/admin/operations/operationrun/", who="owner"
    ),
    Look("record", "operationrun", "/admin/operations/operationrun/{succeeded}/change/", who="owner"),
    Look(
        "record-history",
        "operations_operationrun_history",
        "/admin/operations/operationrun/{succeeded}/history/",
        who="owner",
    ),
    Look("person", "person", "/admin/people/{operator}", who="owner"),
    Look("person-tenant", "person_tenant", "/admin/people/{operator}/tenants/contoso", who="owner"),
    Look("person-disable", "person_disable", "/admin/people/{operator}/disable", who="owner"),
    Look("person-remove", "person_remove", "/admin/people/{operator}/remove", who="owner"),
    Look("join-unknown", "join", "/admin/join/no-such-invitation", who="", status=404),
    Look("onboarding-list", "onboarding", "/admin/onboarding"),
    Look("onboarding", "onboarding_session", "/admin/onboarding/{session}"),
    Look("onboarding-hand-over", "onboarding_hand_over", "/admin/onboarding/{session}/hand-over"),
    Look("onboarding-abandon", "onboarding_abandon", "/admin/onboarding/{session}/abandon"),
    Look("apps", "app_registrations", "/admin/app-registrations"),
    Look("app", "app_registration", "/admin/app-registrations/{app}"),
    Look("app-add", "app_registration_add", "/admin/app-registrations/add", click=".tp-howto summary"),
    Look("app-credential", "app_registration_credential", "/admin/app-registrations/{app}/credential"),
    Look("consent-link-unknown", "consent_link", "/admin/consent/no-such-link", who="", status=404),
    Look("password", "account_password", "/admin/account/password"),
    Look("sessions", "account_sessions", "/admin/account/sessions"),
    Look("restores", "restore_runs", "/admin/t/contoso/restore-runs"),
    Look("restores-none", "restore_runs", "/admin/t/fabrikam/restore-runs"),
    Look("restore-new", "restore_new", "/admin/t/contoso/restore-runs/new?backup={backup}"),
    Look("restore-preview", "restore_run", "/admin/t/contoso/restore-runs/{restore}"),
    Look("restore-review", "restore_review", "/admin/t/contoso/restore-runs/{restore}/review"),
    Look("restore-item", "restore_item", "/admin/t/contoso/restore-runs/{restore}/items/{restore_item}"),
    Look(
        "restore-secrets",
        "restore_secrets",
        "/admin/t/contoso/restore-runs/{restore}/secrets/{restore_secret}",
    ),
    Look("not-found", "tenant", "/admin/t/nowhere", status=404),
    Look("forbidden", "tenant_edit", "/admin/t/contoso/edit", who="readonly", status=403),
)

# What answers to GET without being a page of its own: parts, acts, machines, and Django's own admin.
NO_PAGES = {
    "home", "logout", "jsi18n", "autocomplete", "view_on_site", "livez", "readyz", "metrics",
    "operation_rows", "operation_recent", "run_progress", "run_status",
    "onboarding_consent", "onboarding_live", "onboarding_certificate", "onboarding_start", "onboarding_bootstrap",
    "onboarding_cancel",
    "tenant_start", "connection_start", "directory.groups.sync_start", "directory.role_definitions.sync_start",
    "run_retry", "run_cancel_chain", "tenants_start", "tenants_started", "tenant_archive_status", "tenant_bring_back",
    "restore_execute", "restore_options", "restore_items", "restore_targets", "restore_resume", "restore_undo",
    "connection_enable", "connection_default", "switch_tenant", "switch_workspace",
    "dashboard_live", "dashboard_map", "notification_bell", "notification_email", "notification_read",
    "notifications_read", "audit_export", "person_enable", "invitation_renew", "invitation_withdraw",
    "operation_days", "operations_export", "connections_export", "tenants_export",
    "inventory_export", "compliance_export",
    "directory_groups_export", "directory_role_definitions_export", "people_export", "table_columns",
    "run_ready", "run_follow",
    "account_session", "account_session_end", "account_sessions_end_others", "password_change", "password_change_done",
}  # fmt: skip


RECORD = re.compile(r"_(changelist|history|export)$")
RUN_RECORD = {"operations_operationrun_changelist", "operations_operationrun_history"}


# The items of the newest restore.
OF_PLAN = (
    "FROM providers_restoreplanitem i JOIN providers_restorerun r ON r.plan_id = i.plan_id "
    "WHERE r.id = (SELECT max(id) FROM providers_restorerun)"
)


def places(stack: Stack) -> dict[str, str]:
    """The ids that stand in paths: connections by tenant, runs by outcome, memberships by person, and others."""
    by_tenant = (
        "SELECT t.slug, c.id FROM providers_providerconnection c JOIN tenancy_tenant t ON t.id = c.tenant_id "
        "WHERE c.is_default"
    )
    by_outcome = (
        "SELECT outcome, max(id) FROM operations_operationrun WHERE outcome IS NOT NULL "
        "AND (outcome = 'failed' OR operation_type = 'directory.groups.sync') GROUP BY outcome"
    )
    by_person = "SELECT u.username, m.id FROM tenancy_membership m JOIN tenancy_user u ON u.id = m.user_id"
    others = (
        "SELECT 'session', max(id) FROM onboarding_onboardingsession",
        "SELECT 'backup', max(backup_id) FROM providers_restorerun",
        "SELECT 'restore', max(id) FROM providers_restorerun",
        f"SELECT 'restore_item', min(i.id) {OF_PLAN} AND i.action <> 'skip'",
        f"SELECT 'restore_secret', min(i.source_item_id) {OF_PLAN} AND i.secrets <> '[]'",
        "SELECT 'app', min(id) FROM providers_appregistration WHERE tenant_id IS NULL",
        "SELECT 'policy', min(c.selection_key || '/' || o.object_id) FROM providers_inventoryobject o "
        "JOIN providers_directorycollection c ON c.id = o.collection_id WHERE c.selection_key = 'deviceConfigurations'",
        "SELECT 'device', min(object_id) FROM providers_compliancedevice WHERE state = 'noncompliant'",
    )
    queries = (by_tenant, by_outcome, by_person, *others)
    found = {str(name): str(value) for query in queries for name, value in stack.rows(query)}
    return found | _backed_up(stack)


def _backed_up(stack: Stack) -> dict[str, str]:
    """The newest backup, and an object of the longest content that it holds, beside another one of its type."""
    rows = stack.rows(
        "SELECT i.backup_id, i.id, i.object_type, i.object_id FROM providers_backupitem i "
        "JOIN providers_contentversion v ON v.id = i.version_id "
        "WHERE i.object_type = 'configurationPolicies' ORDER BY i.backup_id DESC, v.size DESC LIMIT 2"
    )
    (backup, item, kind, key), (_backup, other, *_rest) = rows
    found = {"backup": backup, "item": item, "item_type": kind, "item_object": key, "other_item": other}
    return {name: str(value) for name, value in found.items()}


def page_names() -> set[str]:
    """The names of every URL of ours. Records are drawn by the same templates: the runs stand for all of them."""
    names = {name for name in _names(get_resolver().url_patterns) if name not in NO_PAGES}
    return {name for name in names if not RECORD.search(name) or name in RUN_RECORD}


def _names(patterns: list[URLPattern | URLResolver]) -> set[str]:
    found: set[str] = set()
    for each in patterns:
        if isinstance(each, URLResolver):
            found |= _names(each.url_patterns)
        elif each.name and not getattr(each.callback, "__module__", "").startswith("django."):
            found.add(each.name)
    return found
