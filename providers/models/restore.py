"""Restore runs: the draft, the plan that was frozen for it, and the journal of what was written."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from providers.choices import (
    ItemOutcome,
    MappingChoice,
    RestoreAction,
    RestoreKind,
    RestoreState,
    StepState,
)
from providers.models.connection import ProviderConnection
from tenantpilot.tenancy.models import Tenant


class RestoreRuns(models.Manager["RestoreRun"]):
    """Leaves the reading out until it is asked for: it holds every live object behind a restore."""

    def get_queryset(self) -> models.QuerySet["RestoreRun"]:
        return super().get_queryset().defer("reading")


class RestoreRun(models.Model):
    """One restore into ``tenant``: what is chosen of which backup, how, and what became of it.

    ``version`` grows with each change of the draft; who changes it names the version that they saw. ``run`` is the
    operation run that executed it (an id: runs stand above in the layers).
    """

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="restore_runs")
    backup = models.ForeignKey("providers.Backup", on_delete=models.PROTECT, related_name="restore_runs")
    kind = models.CharField(max_length=16, choices=RestoreKind.choices, default=RestoreKind.RESTORE)
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="children")
    connection = models.ForeignKey(ProviderConnection, on_delete=models.PROTECT, null=True, related_name="+")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    state = models.CharField(max_length=16, choices=RestoreState.choices, default=RestoreState.DRAFT)
    options = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=1)
    # What was read of the live tenant for the preview, encrypted; plans are frozen from it until it is 30 min old.
    reading = models.BinaryField(null=True, editable=False)
    read_at = models.DateTimeField(null=True)
    plan = models.ForeignKey("RestorePlan", on_delete=models.SET_NULL, null=True, related_name="+")
    run = models.BigIntegerField(null=True)
    safety_backup = models.ForeignKey(
        "providers.Backup", on_delete=models.PROTECT, null=True, related_name="+"
    )

    objects = RestoreRuns()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["tenant", "-id"], name="restore_run_by_tenant")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"


class RestoreSelection(models.Model):
    """A chosen object of the backup. ``choice``: "" lets the match decide, "create", "skip", or a live object's id."""

    restore_run = models.ForeignKey(RestoreRun, on_delete=models.CASCADE, related_name="selections")
    item = models.ForeignKey("providers.BackupItem", on_delete=models.PROTECT, related_name="+")
    choice = models.CharField(max_length=200, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["restore_run", "item"], name="item_chosen_once")]

    def __str__(self) -> str:
        return f"{self.restore_run_id}: {self.item_id}"


class RestoreSecret(models.Model):
    """A value that Graph never gave back, entered by a person for one place of an object; encrypted, never shown.

    ``place`` is a short name of the way to it. Replacing the value makes another row, so that a plan knows by the id
    which one it was frozen with. A trigger deletes the rows when an execution ends, whoever ends it.
    """

    restore_run = models.ForeignKey(RestoreRun, on_delete=models.CASCADE, related_name="secrets")
    item = models.ForeignKey("providers.BackupItem", on_delete=models.CASCADE, related_name="+")
    place = models.CharField(max_length=32)
    sealed = models.BinaryField(editable=False)
    entered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    entered_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["restore_run", "item", "place"], name="secret_entered_once")
        ]

    def __str__(self) -> str:
        return f"{self.restore_run_id}: {self.item_id}"


class TargetMapping(models.Model):
    """What a reference of one tenant becomes in another; remembered for every later restore between the two."""

    source_tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    target_tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=32)
    source_id = models.CharField(max_length=200)
    choice = models.CharField(max_length=8, choices=MappingChoice.choices)
    target_id = models.CharField(max_length=200, blank=True)
    target_name = models.CharField(max_length=1024, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(auto_now=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["source_tenant", "target_tenant", "kind", "source_id"], name="target_mapped_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.source_id}"


class RestorePlan(models.Model):
    """What exactly a restore run will do, frozen. Never changed; another choice makes another plan."""

    restore_run = models.ForeignKey(RestoreRun, on_delete=models.CASCADE, related_name="plans")
    hash = models.CharField(max_length=64)
    frozen_at = models.DateTimeField(auto_now_add=True)
    # When the live tenant was read: a plan is good for 30 min from then.
    read_at = models.DateTimeField()
    counts = models.JSONField(default=dict)
    resolutions = models.JSONField(default=list)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.hash[:12]


class RestorePlanItem(models.Model):
    """What the plan does with one object. ``sealed`` holds the wanted and the live content, encrypted."""

    plan = models.ForeignKey(RestorePlan, on_delete=models.CASCADE, related_name="items")
    position = models.PositiveIntegerField()
    object_type = models.CharField(max_length=64)
    key = models.CharField(max_length=300)
    name = models.CharField(max_length=1024, blank=True)
    action = models.CharField(max_length=16, choices=RestoreAction.choices)
    source_item = models.ForeignKey(
        "providers.BackupItem", on_delete=models.PROTECT, null=True, related_name="+"
    )
    live_id = models.CharField(max_length=200, blank=True)
    live_hash = models.CharField(max_length=64, blank=True)
    wanted_hash = models.CharField(max_length=64, blank=True)
    why = models.JSONField(null=True)
    warnings = models.JSONField(default=list)
    missing = models.JSONField(default=list)
    candidates = models.JSONField(default=list)
    depends = models.JSONField(default=list)
    # Which secrets of it Graph did not give, and the ids under which they were entered; never a value.
    secrets = models.JSONField(default=list)
    sealed = models.BinaryField(null=True, editable=False)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["plan", "position"], name="plan_position_once"),
            models.UniqueConstraint(fields=["plan", "key"], name="plan_key_once"),
        ]

    def __str__(self) -> str:
        return self.name or self.key


class RestoreStep(models.Model):
    """The journal: one request that writes, committed before it is sent and after it is answered."""

    restore_run = models.ForeignKey(RestoreRun, on_delete=models.PROTECT, related_name="steps")
    run = models.BigIntegerField()
    item = models.ForeignKey(RestorePlanItem, on_delete=models.PROTECT, related_name="steps")
    key = models.CharField(max_length=600)
    position = models.PositiveIntegerField()
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=600)
    state = models.CharField(max_length=16, choices=StepState.choices, default=StepState.PLANNED)
    # How often the request left; more than once only after Graph refused it, or reading back showed it had not landed.
    sent_count = models.PositiveIntegerField(default=0)
    remote_id = models.CharField(max_length=200, blank=True)
    code = models.CharField(max_length=64, blank=True)
    facts = models.JSONField(default=dict)
    fence = models.BigIntegerField()
    planned_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["run", "key"], name="step_once_per_run"),
            models.CheckConstraint(
                condition=~Q(state__in=[StepState.SENT, StepState.CONFIRMED, StepState.UNCERTAIN])
                | Q(sent_at__isnull=False),
                name="step_sent_has_time",
            ),
        ]
        indexes = [models.Index(fields=["restore_run", "item"], name="step_by_item")]

    def __str__(self) -> str:
        return self.key


class RestoreResult(models.Model):
    """What became of one object. ``content_hash`` is that of the object as it was read back: undo compares with it."""

    restore_run = models.ForeignKey(RestoreRun, on_delete=models.PROTECT, related_name="results")
    run = models.BigIntegerField()
    item = models.ForeignKey(RestorePlanItem, on_delete=models.PROTECT, related_name="results")
    outcome = models.CharField(max_length=16, choices=ItemOutcome.choices)
    reason_code = models.CharField(max_length=64, blank=True)
    facts = models.JSONField(default=dict)
    remote_id = models.CharField(max_length=200, blank=True)
    content_hash = models.CharField(max_length=64, blank=True)
    ended_at = models.DateTimeField(auto_now=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["run", "item"], name="result_once_per_run")]

    def __str__(self) -> str:
        return f"{self.item_id}: {self.outcome}"
