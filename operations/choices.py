"""The states of a run and of the answer to a start, with the groupings that queries need."""

from uuid import UUID

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class ExecutionStatus(TextChoices):
    """queued → running → completed; a lost or retried run goes back to queued with a later ``not_before``."""

    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    COMPLETED = "completed", _("Completed")


ACTIVE = (ExecutionStatus.QUEUED, ExecutionStatus.RUNNING)


class RunOutcome(TextChoices):
    SUCCEEDED = "succeeded", _("Succeeded")
    PARTIALLY_SUCCEEDED = "partially_succeeded", _("Partly failed")
    FAILED = "failed", _("Failed")
    BLOCKED = "blocked", _("Blocked")
    CANCELLED = "cancelled", _("Cancelled")


class StartStatus(TextChoices):
    """The four answers to a start."""

    ACCEPTED = "accepted", _("Accepted")
    DEDUPED = "deduped", _("Already running")
    SCOPE_BUSY = "scope_busy", _("Busy")
    BLOCKED = "blocked", _("Blocked")


class Origin(TextChoices):
    """Where a start came from."""

    CONSOLE = "console", _("Console")
    API = "api", _("API")
    RETRY = "retry", _("Retry")
    BULK = "bulk", _("Several tenants")
    CHAIN = "chain", _("Chain")
    SYSTEM = "system", _("System")


class Access(TextChoices):
    """Reads may be tried again by themselves; writes never."""

    READ = "read", _("Read")
    WRITE = "write", _("Write")


class Surface(TextChoices):
    TENANT = "tenant", _("Tenant")
    CONNECTION = "connection", _("Provider connection")
    RESTORE = "restore", _("Restore")
    ONBOARDING = "onboarding", _("Onboarding")


class ChainState(TextChoices):
    """A chain ends when no step is left; cancelled and stopped ones admit no further step."""

    ACTIVE = "active", _("Running")
    COMPLETED = "completed", _("Completed")
    CANCELLED = "cancelled", _("Cancelled")
    STOPPED = "stopped", _("Stopped")


class StepStatus(TextChoices):
    """What became of a step: ``admitted`` ones have a run, which tells the rest."""

    PENDING = "pending", _("Waiting")
    ADMITTED = "admitted", _("Started")
    BLOCKED = "blocked", _("Blocked")
    CANCELLED = "cancelled", _("Cancelled")
    SKIPPED = "skipped", _("Skipped")


class EventKind(TextChoices):
    ACCEPTED = "accepted", _("Accepted")
    CLAIMED = "claimed", _("Started")
    STAGE = "stage", _("Stage")
    RETRY_SCHEDULED = "retry_scheduled", _("Retry scheduled")
    LOST = "lost", _("Worker lost")
    CANCEL_REQUESTED = "cancel_requested", _("Cancel requested")
    ENDED = "ended", _("Ended")


def connection_scope(connection_id: int) -> str:
    """Return the protected scope of a read: its connection, and nothing else of the tenant."""
    return f"connection:{connection_id}"


def directory_scope(entra_tenant_id: UUID) -> str:
    """Return what a write protects besides its connection: one key for the whole installation."""
    return f"directory:{entra_tenant_id}"
