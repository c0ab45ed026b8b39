"""Device compliance: snapshots in time, and the devices as the last one saw them."""

from django.db import models

from providers.models.connection import ProviderConnection
from providers.models.directory import DirectoryObject
from tenantpilot.tenancy.models import Tenant


class ComplianceDevice(DirectoryObject):
    """A managed device with its compliance state as last observed.

    ``state_since`` is the first snapshot that saw it in this state. Where the device was in it when it was first
    seen, nobody knows for how long before: ``since_known`` is False, and it is "since at least".
    """

    platform = models.CharField(max_length=64, blank=True)
    os_version = models.CharField(max_length=64, blank=True)
    owner = models.CharField(max_length=32, blank=True)
    user_name = models.CharField(max_length=256, blank=True)
    model = models.CharField(max_length=256, blank=True)
    serial = models.CharField(max_length=128, blank=True)
    encrypted = models.BooleanField(null=True)
    state = models.CharField(max_length=32)
    grace_until = models.DateTimeField(null=True)
    reported_at = models.DateTimeField(null=True)
    state_since = models.DateTimeField()
    since_known = models.BooleanField()

    class Meta(DirectoryObject.Meta):
        constraints = [
            models.UniqueConstraint(fields=["collection", "object_id"], name="device_once_per_collection")
        ]
        indexes = [
            models.Index(fields=["collection", "display_name", "id"], name="device_by_name"),
            models.Index(fields=["collection", "state"], name="device_by_state"),
        ]


class DevicePolicies(models.Model):
    """Which compliance policies a device fails that is out of compliance, as last observed.

    ``failing`` holds {"policy", "name", "state", "since", "sinceKnown"} of each; ``since`` is the first observation.
    ``observed_at`` is empty where they were never read; ``reason_code`` says why the last try brought nothing.
    """

    device = models.OneToOneField(
        ComplianceDevice, on_delete=models.CASCADE, primary_key=True, related_name="policies"
    )
    attempted_at = models.DateTimeField()
    observed_at = models.DateTimeField(null=True)
    reason_code = models.CharField(max_length=64, blank=True)
    reason_facts = models.JSONField(default=dict)
    failing = models.JSONField(default=list)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"Policies of device {self.device_id}"


class ComplianceSnapshot(models.Model):
    """A tenant's device compliance as one run read it.

    Each part says when it was observed (``at``) and what (``states``, ``counts`` or ``policies``), or why not
    (``code`` and ``facts``). The parts have times and sources of their own: they are shown side by side, never added.
    """

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+", db_index=False)
    connection = models.ForeignKey(ProviderConnection, on_delete=models.PROTECT, related_name="+")
    run_id = models.BigIntegerField(unique=True)
    taken_at = models.DateTimeField()
    # Our own count of the devices that we read, by state.
    devices = models.JSONField()
    # Microsoft's own summary.
    summary = models.JSONField()
    # Microsoft's overview of each policy.
    policies = models.JSONField()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["tenant", "taken_at"], name="snapshot_by_time")]

    def __str__(self) -> str:
        return f"{self.tenant_id} at {self.taken_at.isoformat()}"
