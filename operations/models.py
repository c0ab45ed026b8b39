"""The run: lock, record and outbox in one row."""

from django.contrib.postgres.functions import TransactionNow
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from operations.choices import (
    ACTIVE,
    ChainState,
    EventKind,
    ExecutionStatus,
    Origin,
    RunOutcome,
    StepStatus,
)
from providers.models import AppRegistration, ProviderConnection
from tenantpilot.tenancy.models import Tenant, User

IS_ACTIVE = Q(status__in=ACTIVE)
IS_RUNNING = Q(status=ExecutionStatus.RUNNING)
IS_COMPLETED = Q(status=ExecutionStatus.COMPLETED)


class Chain(models.Model):
    """Operations admitted one after another on one connection; written by ``operations.chains`` alone.

    While it is active, exactly one of its runs is: the run's scope is the chain's lock, too.
    """

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="chains", db_index=False)
    connection = models.ForeignKey(
        ProviderConnection, on_delete=models.PROTECT, related_name="chains", db_index=False
    )
    initiator = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    surface = models.CharField(max_length=64, blank=True)
    # What it belongs to, in the words of whoever started it ("onboarding:12").
    reference = models.CharField(max_length=64, blank=True)
    selection_key = models.CharField(max_length=64)
    state = models.CharField(max_length=16, choices=ChainState.choices, default=ChainState.ACTIVE)
    reason_code = models.CharField(max_length=64, blank=True)
    reason_facts = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=TransactionNow())
    completed_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["reference", "-id"], condition=~Q(reference=""), name="chain_by_reference")
        ]

    def __str__(self) -> str:
        return f"Chain {self.pk}"


class OperationRun(models.Model):
    """One accepted start, from queued to ended; written by ``admission`` and ``transitions`` alone."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="runs", db_index=False)
    connection = models.ForeignKey(
        ProviderConnection, on_delete=models.PROTECT, related_name="runs", db_index=False
    )
    operation_type = models.CharField(max_length=100)
    op_key = models.CharField(max_length=64)
    identity = models.JSONField(default=dict)
    scope_key = models.CharField(max_length=100)
    # Writes only: what they protect besides their connection, whichever connection or workspace they come from.
    directory_key = models.CharField(max_length=60, null=True)  # noqa: DJ001  # absent for reads
    params = models.JSONField(default=dict)
    origin = models.CharField(max_length=16, choices=Origin.choices)
    surface = models.CharField(max_length=64, blank=True, db_default="")
    initiator = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="runs", db_index=False
    )
    retry_of = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, related_name="retries", db_index=False
    )
    chain = models.ForeignKey(Chain, on_delete=models.PROTECT, null=True, related_name="runs", db_index=False)
    chain_step = models.PositiveSmallIntegerField(null=True)

    status = models.CharField(
        max_length=16, choices=ExecutionStatus.choices, db_default=ExecutionStatus.QUEUED
    )
    outcome = models.CharField(max_length=24, choices=RunOutcome.choices, null=True)  # noqa: DJ001  # absent while active
    attempt = models.PositiveSmallIntegerField(db_default=0)
    lost_count = models.PositiveSmallIntegerField(db_default=0)
    fence = models.BigIntegerField(null=True)
    claim_token = models.UUIDField(null=True)
    claimed_by = models.CharField(max_length=200, blank=True, db_default="")
    lease_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField(db_default=TransactionNow())
    deadline_at = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    cancel_requested_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    last_offered_at = models.DateTimeField(null=True)
    offer_count = models.PositiveIntegerField(db_default=0)

    reason_code = models.CharField(max_length=64, blank=True, db_default="")
    reason_facts = models.JSONField(default=dict, db_default={})
    progress = models.JSONField(default=dict, db_default={})
    counts = models.JSONField(default=dict, db_default={})
    failures = models.JSONField(default=list, db_default=[])
    cost = models.JSONField(default=dict, db_default={})
    diagnostics = models.JSONField(default=list, db_default=[])
    event_seq = models.PositiveIntegerField(db_default=1)
    created_at = models.DateTimeField(db_default=TransactionNow())
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ("view",)
        constraints = [
            # The only admission lock: it can't leak, since it is the run.
            models.UniqueConstraint(
                fields=["scope_key"], condition=IS_ACTIVE, name="one_active_run_per_scope"
            ),
            models.UniqueConstraint(
                fields=["directory_key"],
                condition=IS_ACTIVE & Q(directory_key__isnull=False),
                name="one_active_write_per_directory",
            ),
            models.UniqueConstraint(
                fields=["chain", "chain_step"],
                condition=Q(chain__isnull=False),
                name="one_run_per_chain_step",
            ),
            models.CheckConstraint(
                name="running_has_claim",
                condition=(
                    IS_RUNNING & Q(fence__isnull=False, claim_token__isnull=False, lease_until__isnull=False)
                )
                | (~IS_RUNNING & Q(claim_token__isnull=True, lease_until__isnull=True)),
            ),
            models.CheckConstraint(
                name="completed_has_outcome",
                condition=(IS_COMPLETED & Q(outcome__isnull=False, completed_at__isnull=False))
                | (~IS_COMPLETED & Q(outcome__isnull=True, completed_at__isnull=True)),
            ),
        ]
        indexes = [
            models.Index(
                fields=["not_before", "id"], condition=Q(status=ExecutionStatus.QUEUED), name="run_queued"
            ),
            # lease_until is in no index, or no heartbeat could be a HOT update.
            models.Index(fields=["id"], condition=IS_RUNNING, name="run_running"),
            models.Index(fields=["tenant", "-id"], name="run_by_tenant"),
            models.Index(fields=["connection", "-id"], name="run_by_connection"),
            models.Index(
                fields=["initiator", "-id"], condition=Q(initiator__isnull=False), name="run_by_initiator"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.operation_type} #{self.pk}"


class ChainStep(models.Model):
    """One operation of a chain, with what became of it."""

    chain = models.ForeignKey(Chain, on_delete=models.PROTECT, related_name="steps", db_index=False)
    number = models.PositiveSmallIntegerField()
    operation_type = models.CharField(max_length=100)
    data = models.JSONField(default=dict)
    status = models.CharField(max_length=16, choices=StepStatus.choices, default=StepStatus.PENDING)
    run = models.OneToOneField(OperationRun, on_delete=models.PROTECT, null=True, related_name="+")
    reason_code = models.CharField(max_length=64, blank=True)
    reason_facts = models.JSONField(default=dict)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["chain", "number"], name="one_step_per_number"),
            models.CheckConstraint(
                name="admitted_has_run",
                condition=Q(status=StepStatus.ADMITTED, run__isnull=False)
                | (~Q(status=StepStatus.ADMITTED) & Q(run__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.operation_type}, step {self.number} of chain {self.chain_id}"


class RunEvent(models.Model):
    """Append-only history of a run; the first one is the audit entry of its start."""

    run = models.ForeignKey(OperationRun, on_delete=models.PROTECT, related_name="events", db_index=False)
    seq = models.PositiveIntegerField()
    at = models.DateTimeField(db_default=TransactionNow())
    kind = models.CharField(max_length=24, choices=EventKind.choices)
    fence = models.BigIntegerField(null=True)
    actor = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    code = models.CharField(max_length=64, blank=True, db_default="")
    data = models.JSONField(default=dict, db_default={})

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["run", "seq"], name="event_once")]

    def __str__(self) -> str:
        return f"{self.kind} of run {self.run_id}"


class StartAnswer(models.Model):
    """The answer that an Idempotency-Key got, kept for 24 h."""

    initiator = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    endpoint = models.CharField(max_length=400)
    key = models.CharField(max_length=255)
    payload_hash = models.CharField(max_length=64)
    answer = models.JSONField(null=True)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["initiator", "endpoint", "key"], name="one_answer_per_key")
        ]

    def __str__(self) -> str:
        return self.endpoint


class Worker(models.Model):
    """A worker host, when it was last seen, and when it last swept for lost runs."""

    name = models.CharField(_("name"), max_length=200, primary_key=True)
    seen_at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name


class NoticeKind(models.TextChoices):
    RUN_ENDED = "run_ended", _("Run ended")
    CREDENTIAL_EXPIRING = "credential_expiring", _("Secret expiring")
    TENANT_DELETION = "tenant_deletion", _("Tenant deletion")


class Notification(models.Model):
    """The end of a run, told to its initiator alone; a secret that ends soon, or an archived tenant that is deleted
    soon, told to who manages it."""

    recipient = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="notifications", db_index=False
    )
    kind = models.CharField(max_length=24, choices=NoticeKind.choices, db_default=NoticeKind.RUN_ENDED)
    run = models.OneToOneField(OperationRun, on_delete=models.PROTECT, null=True, related_name="notification")
    app_registration = models.ForeignKey(
        AppRegistration, on_delete=models.CASCADE, null=True, related_name="+"
    )
    credential_version = models.PositiveIntegerField(null=True)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, null=True, related_name="+")
    days_left = models.PositiveSmallIntegerField(null=True)
    expires_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=TransactionNow())
    read_at = models.DateTimeField(null=True)
    # E-mail: sent once, tried a few times, never from inside a run's transaction.
    mailed_at = models.DateTimeField(null=True)
    mail_tries = models.PositiveSmallIntegerField(db_default=0)
    mail_not_before = models.DateTimeField(db_default=TransactionNow())

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["recipient", "app_registration", "credential_version", "days_left"],
                name="one_notice_per_credential_and_threshold",
            ),
            # Archived again, a tenant has another day, and so notices of its own.
            models.UniqueConstraint(
                fields=["recipient", "tenant", "expires_at", "days_left"],
                name="one_notice_per_deletion_and_threshold",
            ),
            models.CheckConstraint(
                name="notice_is_about_one_thing",
                condition=Q(
                    kind=NoticeKind.RUN_ENDED,
                    run__isnull=False,
                    app_registration__isnull=True,
                    tenant__isnull=True,
                )
                | Q(
                    kind=NoticeKind.CREDENTIAL_EXPIRING,
                    run__isnull=True,
                    app_registration__isnull=False,
                    tenant__isnull=True,
                )
                | Q(
                    kind=NoticeKind.TENANT_DELETION,
                    run__isnull=True,
                    app_registration__isnull=True,
                    tenant__isnull=False,
                ),
            ),
        ]
        indexes = [
            models.Index(fields=["recipient", "-id"], name="notification_by_recipient"),
            models.Index(fields=["recipient"], condition=Q(read_at__isnull=True), name="notification_unread"),
        ]

    def __str__(self) -> str:
        return f"{self.recipient}: {self.kind} {self.run_id or self.app_registration_id or self.tenant_id}"


class NotificationSettings(models.Model):
    """How a person wants to be told. Without a row: in the console only."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="+")
    email_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.user}"
