"""Backups: sets of immutable versions of a tenant's objects. The database refuses changes; only retention deletes."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from providers.choices import BackupKind, BackupState
from providers.models.connection import ProviderConnection
from tenantpilot.tenancy.models import Tenant, Workspace


class Backup(models.Model):
    """One backup of a tenant. Once it has ended nothing of it changes any more."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="backups")
    connection = models.ForeignKey(ProviderConnection, on_delete=models.PROTECT, null=True, related_name="+")
    # The operation run that made it; runs belong to an app above this one.
    run_id = models.BigIntegerField(null=True)
    kind = models.CharField(max_length=16, choices=BackupKind.choices, default=BackupKind.BACKUP)
    state = models.CharField(max_length=16, choices=BackupState.choices, default=BackupState.RUNNING)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())
    completed_at = models.DateTimeField(null=True)
    object_types = ArrayField(models.CharField(max_length=64), default=list)
    # By object type, once it has ended: objects, incomplete, complete, observedAt; code and facts if not read;
    # and what changed since the backup in which the type was last complete (since, new, changed, gone).
    results = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    object_count = models.PositiveIntegerField(default=0)
    # Where an imported one comes from: file name, SHA-256, the tenant and the time it was made.
    source = models.JSONField(default=dict)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["run_id", "kind"], condition=Q(run_id__isnull=False), name="backup_once_per_run"
            ),
            models.CheckConstraint(
                condition=Q(state=BackupState.RUNNING, completed_at__isnull=True)
                | (~Q(state=BackupState.RUNNING) & Q(completed_at__isnull=False)),
                name="backup_ended_at",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "-id"], name="backup_by_tenant")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class ContentVersion(models.Model):
    """Canonical content of an object: compressed, encrypted, and stored once for all backups of a tenant."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+", db_index=False)
    content_hash = models.CharField(max_length=64)
    content = models.BinaryField()
    # Bytes of the content in clear.
    size = models.PositiveIntegerField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["tenant", "content_hash"], name="content_once_per_tenant")
        ]

    def __str__(self) -> str:
        return self.content_hash[:12]


class BackupItem(models.Model):
    """An object as a backup found it. ``incomplete_parts`` say what of it could not be read, and why."""

    backup = models.ForeignKey(Backup, on_delete=models.CASCADE, related_name="items", db_index=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+", db_index=False)
    object_type = models.CharField(max_length=64)
    object_id = models.CharField(max_length=200)
    name = models.CharField(max_length=1024)
    odata_type = models.CharField(max_length=128, blank=True)
    version = models.ForeignKey(ContentVersion, on_delete=models.PROTECT, related_name="+")
    complete = models.BooleanField()
    incomplete_parts = models.JSONField(default=list)
    flags = models.JSONField(default=list)
    marker = models.CharField(max_length=128, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["backup", "object_type", "object_id"], name="item_once_per_backup"
            )
        ]
        indexes = [
            models.Index(fields=["backup", "name", "id"], name="item_by_name"),
            models.Index(fields=["tenant", "object_type", "object_id", "-backup"], name="item_history"),
        ]

    def __str__(self) -> str:
        return self.name or self.object_id


class BackupReference(models.Model):
    """What an id inside a backup's objects led to when it was made. Without a name nothing was found."""

    backup = models.ForeignKey(Backup, on_delete=models.CASCADE, related_name="references", db_index=False)
    kind = models.CharField(max_length=32)
    object_id = models.CharField(max_length=200)
    name = models.CharField(max_length=1024, blank=True)
    facts = models.JSONField(default=dict)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["backup", "kind", "object_id"], name="reference_once_per_backup")
        ]

    def __str__(self) -> str:
        return self.name or self.object_id


class LiveVersion(models.Model):
    """What the tenant held when an item was compared with it. Without a version the object was gone."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+", db_index=False)
    item = models.ForeignKey(BackupItem, on_delete=models.CASCADE, related_name="+")
    run_id = models.BigIntegerField(unique=True)
    version = models.ForeignKey(ContentVersion, on_delete=models.PROTECT, null=True, related_name="+")
    incomplete_parts = models.JSONField(default=list)
    observed_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"item {self.item_id}, run {self.run_id}"


class RetentionRule(models.Model):
    """Which backups are kept, of a tenant or of every tenant of a workspace that has no rule of its own."""

    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, null=True, related_name="+")
    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, null=True, related_name="+")
    keep_last = models.PositiveIntegerField()
    keep_days = models.PositiveIntegerField()
    keep_months = models.PositiveIntegerField()
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(workspace__isnull=True) ^ Q(tenant__isnull=True), name="rule_of_one_owner"
            )
        ]

    def __str__(self) -> str:
        return f"last {self.keep_last}, {self.keep_days} days, {self.keep_months} months"
