"""Who works here and for whom."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractUser, Group
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from guardian.models import GroupObjectPermissionBase

from tenantpilot.tenancy.capabilities import VIEW_WORKSPACE, Capability, Role, WorkspaceCapability
from tenantpilot.tenancy.choices import TenantState

SLUG = RegexValidator(r"^[a-z0-9-]{1,63}\Z", _("Use small letters, digits and hyphens."))

# view_tenant is Django's own permission of Tenant; everything else is declared.
TENANT_PERMISSIONS: list[tuple[str, Any]] = [
    (member.value, member.label) for member in Capability if member is not Capability.VIEW_TENANT
]


class User(AbstractUser):
    """A person who signs in. Superusers get no rights in the product: grants alone count."""


class Workspace(models.Model):
    """The organisation that works here: people belong to it and it owns tenants."""

    name = models.CharField(max_length=200)
    slug = models.CharField(max_length=63, unique=True, validators=[SLUG])
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ("view",)
        permissions = [
            ("view_tenant", _("See the tenant and its data")),
            *TENANT_PERMISSIONS,
            (WorkspaceCapability.ONBOARD_TENANTS.value, WorkspaceCapability.ONBOARD_TENANTS.label),
            (WorkspaceCapability.MANAGE_MEMBERS.value, WorkspaceCapability.MANAGE_MEMBERS.label),
        ]

    def __str__(self) -> str:
        return self.name


class Tenant(models.Model):
    """One customer's Microsoft 365 tenant.

    The times of its way out follow each other: archived (nothing starts), sealed (work has ended, credentials are
    wiped), deleting, deleted. A deleted tenant keeps its row, or audit and runs would name nobody and its slug could
    come back.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="tenants")
    name = models.CharField(max_length=200)
    slug = models.CharField(max_length=63, unique=True, validators=[SLUG])
    entra_tenant_id = models.UUIDField()
    primary_domain = models.CharField(max_length=253)
    archived_at = models.DateTimeField(null=True, blank=True)
    archived_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    sealed_at = models.DateTimeField(null=True, blank=True)
    # When an archived tenant's data is deleted: promised on the day of archiving, whatever the setting says later.
    keep_until = models.DateTimeField(null=True, blank=True)
    deleting_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ("view",)
        permissions = TENANT_PERMISSIONS
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "entra_tenant_id"],
                condition=Q(deleted_at=None),
                name="tenant_once_per_workspace",
            ),
            models.CheckConstraint(
                name="tenant_leaves_in_order",
                condition=(Q(sealed_at=None) | Q(archived_at__isnull=False))
                & (Q(deleting_at=None) | Q(sealed_at__isnull=False))
                & (Q(deleted_at=None) | Q(deleting_at__isnull=False)),
            ),
        ]
        indexes = [
            # Those on the way out are few; every worker looks for them each second.
            models.Index(
                fields=["id"],
                condition=Q(archived_at__isnull=False, deleted_at=None),
                name="tenant_leaving",
            ),
            models.Index(fields=["name", "id"], name="tenant_by_name"),
            models.Index(fields=["workspace", "name", "id"], name="tenant_by_workspace_name"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def state(self) -> TenantState:
        """How the tenant stands."""
        return tenant_state(self.archived_at, self.sealed_at, self.deleting_at, self.deleted_at)


def tenant_state(
    archived_at: datetime | None,
    sealed_at: datetime | None,
    deleting_at: datetime | None,
    deleted_at: datetime | None,
) -> TenantState:
    """Return how a tenant with these times stands."""
    if archived_at is None:
        return TenantState.ACTIVE
    if sealed_at is None:
        return TenantState.ARCHIVING
    if deleting_at is None:
        return TenantState.ARCHIVED
    return TenantState.DELETING if deleted_at is None else TenantState.DELETED


class Membership(models.Model):
    """A person's place in a workspace. The role counts on all its tenants when ``all_tenants`` is set.

    While ``disabled_at`` is set the person has no right in the workspace, and every role here waits to be enabled.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices)
    all_tenants = models.BooleanField(default=False)
    disabled_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["workspace", "user"], name="one_membership_per_workspace")
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.workspace}"


class TenantEntitlement(models.Model):
    """A person's role on one tenant; without force unless the person is a member of its workspace."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="entitlements")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="entitlements")
    role = models.CharField(max_length=16, choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["tenant", "user"], name="one_entitlement_per_tenant")]

    def __str__(self) -> str:
        return f"{self.user} on {self.tenant}"


class Invitation(models.Model):
    """A link that lets somebody join a workspace, once. Of the link only a hash is kept."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="invitations")
    addressee = models.CharField(max_length=254)
    token_hash = models.CharField(max_length=64, unique=True)
    role = models.CharField(max_length=16, choices=Role.choices)
    all_tenants = models.BooleanField(default=False)
    tenants = models.ManyToManyField(Tenant, related_name="+")
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["workspace", "-id"], name="invitation_by_workspace")]

    def __str__(self) -> str:
        return f"{self.addressee} to {self.workspace}"


class UserSession(models.Model):
    """Whose session a session key is. No address is kept: the browser's name is enough to tell sessions apart."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="console_sessions")
    session_key = models.CharField(max_length=40, unique=True)
    browser = models.CharField(max_length=64, blank=True)
    started_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.user}, {self.started_at:%Y-%m-%d %H:%M}"


class WorkspaceGroupObjectPermission(GroupObjectPermissionBase):
    """guardian's grants on workspaces, with a direct foreign key."""

    content_object = models.ForeignKey(Workspace, on_delete=models.CASCADE)
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="workspace_grants")

    class Meta(GroupObjectPermissionBase.Meta):
        default_permissions = ()


class TenantGroupObjectPermission(GroupObjectPermissionBase):
    """guardian's grants on tenants, with a direct foreign key."""

    content_object = models.ForeignKey(Tenant, on_delete=models.CASCADE)
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="tenant_grants")

    class Meta(GroupObjectPermissionBase.Meta):
        default_permissions = ()
        indexes = [
            models.Index(fields=["group", "permission", "content_object"], name="tenant_grant_by_group")
        ]


__all__ = [
    "VIEW_WORKSPACE",
    "Invitation",
    "Membership",
    "Tenant",
    "TenantEntitlement",
    "TenantGroupObjectPermission",
    "User",
    "UserSession",
    "Workspace",
    "WorkspaceGroupObjectPermission",
]
