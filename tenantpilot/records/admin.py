"""The registered models. Each names what may be shown; secrets, hashes and tokens are in none of these lists."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from operations.models import Notification, OperationRun, RunEvent
from providers.models import (
    AppRegistration,
    DirectoryCollection,
    DirectoryGroup,
    ProviderConnection,
    RoleDefinition,
)
from tenantpilot.audit.models import AuditEntry
from tenantpilot.records import rights
from tenantpilot.records.base import RecordAdmin
from tenantpilot.tenancy.models import Invitation, Membership, Tenant, TenantEntitlement, Workspace


@admin.register(Workspace)
class WorkspaceRecord(RecordAdmin):
    title = _("Workspaces")
    kind = "workspace"
    fields = ("name", "slug", "created_at")
    list_display = ("name", "slug", "created_at")
    search_fields = ("name", "slug")


@admin.register(Tenant)
class TenantRecord(RecordAdmin):
    title = _("Tenants")
    tenant = ""
    kind = "tenant"
    fields = ("name", "workspace", "slug", "entra_tenant_id", "primary_domain", "archived_at", "created_at")
    list_display = ("name", "workspace", "slug", "primary_domain", "archived_at", "created_at")
    list_select_related = ("workspace",)
    search_fields = ("name", "slug", "primary_domain")


@admin.register(Membership)
class MembershipRecord(RecordAdmin):
    title = _("Memberships")
    workspace = "workspace"
    fields = ("user", "workspace", "role", "all_tenants", "disabled_at", "created_at")
    list_display = ("user", "workspace", "role", "all_tenants", "disabled_at", "created_at")
    list_filter = ("role",)
    list_select_related = ("user", "workspace")
    search_fields = ("user__username",)


@admin.register(TenantEntitlement)
class EntitlementRecord(RecordAdmin):
    title = _("Entitlements")
    tenant = "tenant"
    fields = ("user", "tenant", "role", "created_at")
    list_display = ("user", "tenant", "role", "created_at")
    list_filter = ("role",)
    list_select_related = ("user", "tenant")
    search_fields = ("user__username", "tenant__name")


@admin.register(Invitation)
class InvitationRecord(RecordAdmin):
    title = _("Invitations")
    workspace = "workspace"
    kind = "invitation"
    fields = (
        "addressee", "workspace", "role", "all_tenants", "invited_by", "created_at", "expires_at", "accepted_at",
        "revoked_at",
    )  # fmt: skip
    list_display = ("addressee", "workspace", "role", "invited_by", "expires_at", "accepted_at", "revoked_at")
    list_filter = ("role",)
    list_select_related = ("workspace", "invited_by")
    search_fields = ("addressee",)


@admin.register(AppRegistration)
class AppRegistrationRecord(RecordAdmin):
    title = _("App registrations")
    workspace = "workspace"
    kind = "app_registration"
    fields = (
        "name", "workspace", "tenant", "cloud", "client_id", "purpose", "credential_kind", "credential_set_at",
        "credential_expires_at", "credential_version", "created_at",
    )  # fmt: skip
    list_display = ("name", "workspace", "tenant", "purpose", "credential_kind", "credential_expires_at")
    list_filter = ("purpose", "credential_kind", "cloud")
    list_select_related = ("workspace", "tenant")
    search_fields = ("name",)

    def visible(self, rows: QuerySet[Any], user: Any) -> QuerySet[Any]:
        """One that a tenant owns is as visible as the tenant."""
        return rights.of_workspace(rows, user, "workspace", "tenant")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The credential itself is not even read."""
        return super().get_queryset(request).defer("credential_encrypted", "certificate_pem")


@admin.register(ProviderConnection)
class ConnectionRecord(RecordAdmin):
    title = _("Provider connections")
    tenant = "tenant"
    kind = "connection"
    fields = (
        "label", "tenant", "app_registration", "provider", "is_default", "enabled", "credential_state",
        "credential_observed_at", "consent_state", "consent_observed_at", "granted_permissions",
        "permissions_observed_at", "service_plans", "service_plans_observed_at", "checked_at", "verified_at",
        "fault_code", "fault_facts", "fault_observed_at", "throttled_until", "created_at",
    )  # fmt: skip
    list_display = (
        "label",
        "tenant",
        "enabled",
        "credential_state",
        "consent_state",
        "fault_code",
        "checked_at",
    )
    list_filter = ("enabled", "credential_state", "consent_state")
    list_select_related = ("tenant",)
    search_fields = ("label", "tenant__name")


@admin.register(OperationRun)
class RunRecord(RecordAdmin):
    title = _("Operation runs")
    tenant = "tenant"
    capability = "view_run"
    kind = "run"
    fields = (
        "operation_type", "tenant", "connection", "origin", "surface", "initiator", "retry_of", "status", "outcome",
        "op_key", "identity", "scope_key", "params", "attempt", "lost_count", "fence", "claimed_by", "not_before",
        "lease_until", "deadline_at", "cancel_requested_at", "cancel_requested_by", "last_offered_at", "offer_count",
        "reason_code", "reason_facts", "progress", "counts", "failures", "cost", "created_at", "started_at",
        "completed_at",
    )  # fmt: skip
    list_display = ("id", "operation_type", "tenant", "status", "outcome", "reason_code", "created_at")
    list_filter = ("status", "outcome", "origin")
    list_select_related = ("tenant",)
    search_fields = ("=id", "tenant__name")


@admin.register(RunEvent)
class RunEventRecord(RecordAdmin):
    title = _("Run events")
    tenant = "run__tenant"
    capability = "view_run"
    fields = ("run", "seq", "at", "kind", "fence", "actor", "code", "data")
    list_display = ("run_id", "seq", "at", "kind", "actor", "code")
    list_filter = ("kind",)
    list_select_related = ("actor",)
    search_fields = ("=run__id",)


@admin.register(AuditEntry)
class AuditEntryRecord(RecordAdmin):
    title = _("Audit entries")
    workspace = "workspace"
    fields = (
        "at", "actor", "action", "workspace", "tenant", "surface", "ip", "request_id", "object_kind", "object_id",
        "object_label", "before", "after", "reason_code", "facts",
    )  # fmt: skip
    list_display = ("at", "actor", "action", "tenant", "object_label", "reason_code", "ip")
    list_select_related = ("actor", "tenant")
    search_fields = ("action", "object_label", "reason_code")

    def visible(self, rows: QuerySet[Any], user: Any) -> QuerySet[Any]:
        """An entry about a tenant is as visible as the tenant."""
        return rights.of_workspace(rows, user, "workspace", "tenant")


@admin.register(Notification)
class NotificationRecord(RecordAdmin):
    title = _("Notifications")
    tenant = "run__tenant"
    capability = "view_run"
    fields = ("recipient", "kind", "run", "created_at", "read_at", "mailed_at", "mail_tries")
    list_display = ("recipient", "kind", "run_id", "created_at", "read_at", "mailed_at")
    list_filter = ("kind",)
    list_select_related = ("recipient",)
    search_fields = ("recipient__username",)


@admin.register(DirectoryCollection)
class CollectionRecord(RecordAdmin):
    title = _("Directory collections")
    tenant = "tenant"
    fields = (
        "tenant", "kind", "selection_key", "complete_at", "attempted_at", "reason_code", "reason_facts",
        "object_count", "connection",
    )  # fmt: skip
    list_display = ("tenant", "kind", "selection_key", "object_count", "complete_at", "reason_code")
    list_filter = ("kind",)
    list_select_related = ("tenant",)
    search_fields = ("tenant__name", "selection_key")


@admin.register(DirectoryGroup)
class GroupRecord(RecordAdmin):
    title = _("Groups")
    tenant = "collection__tenant"
    fields = (
        "display_name", "description", "collection", "object_id", "group_types", "mail_enabled", "security_enabled",
        "membership_rule", "first_observed_at", "observed_at", "gone_at",
    )  # fmt: skip
    list_display = ("display_name", "collection", "object_id", "observed_at", "gone_at")
    list_select_related = ("collection",)
    search_fields = ("=object_id",)


@admin.register(RoleDefinition)
class RoleDefinitionRecord(RecordAdmin):
    title = _("Role definitions")
    tenant = "collection__tenant"
    fields = (
        "display_name", "description", "collection", "object_id", "is_built_in", "is_enabled", "allowed_actions",
        "first_observed_at", "observed_at", "gone_at",
    )  # fmt: skip
    list_display = ("display_name", "collection", "is_built_in", "observed_at", "gone_at")
    list_select_related = ("collection",)
    search_fields = ("display_name",)
