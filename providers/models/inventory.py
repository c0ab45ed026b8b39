"""The inventory: every object of a tenant that we know of, what was seen to change, and how each read went."""

from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models.functions import Upper

from providers.choices import ChangeKind
from providers.models.directory import DirectoryCollection, DirectoryObject
from tenantpilot.tenancy.models import Tenant


class InventoryObject(DirectoryObject):
    """A policy, an app or a device; its collection's selection says of which object type it is.

    A column is empty where a list of Graph does not say. ``marker`` is Graph's own last change or version, or else
    a hash of what was listed. ``reported_at`` is when a device last checked in: no change of the object itself.
    """

    odata_type = models.CharField(max_length=128, blank=True)
    platform = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=64, blank=True)
    assigned = models.BooleanField(null=True)
    marker = models.CharField(max_length=80, blank=True)
    reported_at = models.DateTimeField(null=True)
    summary = models.JSONField(default=dict)

    class Meta(DirectoryObject.Meta):
        constraints = [
            models.UniqueConstraint(fields=["collection", "object_id"], name="object_once_per_collection")
        ]
        indexes = [
            models.Index(fields=["collection", "display_name", "id"], name="object_by_name"),
            # The search over all tenants looks for names that begin so.
            models.Index(OpClass(Upper("display_name"), "varchar_pattern_ops"), name="object_by_beginning"),
        ]


class ObjectChange(models.Model):
    """What a read found of an object beside an earlier one. Written in the transaction that stores the object.

    ``changes`` maps the name of each fact to its earlier and its later value.
    """

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+", db_index=False)
    collection = models.ForeignKey(
        DirectoryCollection, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    object_id = models.CharField(max_length=128)
    name = models.CharField(max_length=1024)
    kind = models.CharField(max_length=8, choices=ChangeKind.choices)
    observed_at = models.DateTimeField()
    # The run that saw it; runs live above this layer.
    run_id = models.BigIntegerField(null=True)
    changes = models.JSONField(default=dict)

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["collection", "object_id", "id"], name="change_of_object"),
            models.Index(fields=["tenant", "observed_at", "id"], name="change_of_tenant"),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.kind}"


class InventoryRead(models.Model):
    """How one inventory run ended: what it read of what it was to read, and what it found.

    A day without one is a day of which nothing is known.
    """

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+", db_index=False)
    run_id = models.BigIntegerField(unique=True)
    ended_at = models.DateTimeField()
    requested_count = models.PositiveIntegerField()
    read_count = models.PositiveIntegerField()
    object_count = models.PositiveIntegerField()
    new_count = models.PositiveIntegerField()
    changed_count = models.PositiveIntegerField()
    gone_count = models.PositiveIntegerField()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["tenant", "ended_at"], name="inventory_read_by_time")]

    def __str__(self) -> str:
        return f"{self.read_count} of {self.requested_count}"
