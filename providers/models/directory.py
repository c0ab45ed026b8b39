"""What was read of a tenant's directory. A row says when it was last seen; only a complete read says "gone"."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from providers.choices import ObjectKind
from providers.models.connection import ProviderConnection
from tenantpilot.tenancy.models import Tenant


class DirectoryCollection(models.Model):
    """One collection of a tenant under a named selection, and how far our copy of it can be trusted."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="collections")
    kind = models.CharField(max_length=32, choices=ObjectKind.choices)
    selection_key = models.CharField(max_length=64)
    complete_at = models.DateTimeField(null=True)
    attempted_at = models.DateTimeField(null=True)
    # Empty after a complete read; else why the last read did not reach the end.
    reason_code = models.CharField(max_length=64, blank=True)
    reason_facts = models.JSONField(default=dict)
    object_count = models.PositiveIntegerField(default=0)
    # What the last complete read found; a collection's first one finds nothing new, since it has no earlier one.
    new_count = models.PositiveIntegerField(default=0, db_default=0)
    changed_count = models.PositiveIntegerField(default=0, db_default=0)
    gone_count = models.PositiveIntegerField(default=0, db_default=0)
    # A delta link is good for the connection that it was given to.
    connection = models.ForeignKey(ProviderConnection, on_delete=models.PROTECT, null=True, related_name="+")
    delta_link = models.TextField(blank=True)
    delta_link_at = models.DateTimeField(null=True)
    fence = models.BigIntegerField(default=0)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "kind", "selection_key"], name="collection_once_per_tenant"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} ({self.selection_key})"


class DirectoryObject(models.Model):
    """What every object read from a directory has in common."""

    # No index of its own: the one over collection and object_id serves, and each row read would pay for two.
    collection = models.ForeignKey(
        DirectoryCollection, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    # An enrolment configuration's id is a GUID with the name of its kind after it.
    object_id = models.CharField(max_length=128)
    display_name = models.CharField(max_length=1024)
    description = models.TextField(blank=True)
    first_observed_at = models.DateTimeField()
    observed_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True)
    fence = models.BigIntegerField()

    class Meta:
        abstract = True
        default_permissions = ()

    def __str__(self) -> str:
        return self.display_name


class DirectoryGroup(DirectoryObject):
    """A group (Graph resource type: group)."""

    group_types = ArrayField(models.CharField(max_length=64), default=list)
    mail_enabled = models.BooleanField(default=False)
    security_enabled = models.BooleanField(default=False)
    membership_rule = models.TextField(blank=True)
    is_assignable_to_role = models.BooleanField(default=False)
    on_premises_sync_enabled = models.BooleanField(default=False)
    created_date_time = models.DateTimeField(null=True)

    class Meta(DirectoryObject.Meta):
        constraints = [
            models.UniqueConstraint(fields=["collection", "object_id"], name="group_once_per_collection")
        ]
        indexes = [models.Index(fields=["collection", "display_name", "id"], name="group_by_name")]


class RoleDefinition(DirectoryObject):
    """A role definition of Entra (unifiedRoleDefinition) or Intune (roleDefinition)."""

    template_id = models.CharField(max_length=64, blank=True)
    is_built_in = models.BooleanField(default=False)
    is_enabled = models.BooleanField(default=True)
    allowed_actions = ArrayField(models.TextField(), default=list)

    class Meta(DirectoryObject.Meta):
        constraints = [
            models.UniqueConstraint(fields=["collection", "object_id"], name="role_once_per_collection")
        ]
        indexes = [models.Index(fields=["collection", "display_name", "id"], name="role_by_name")]
