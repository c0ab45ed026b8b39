"""States of what we know about a connection."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Cloud(TextChoices):
    """The national clouds of Microsoft Graph (Graph docs: national cloud deployments)."""

    GLOBAL = "global", _("Global")
    USGOV_L4 = "usgov_l4", _("US government L4")
    USGOV_L5 = "usgov_l5", _("US government L5 (DoD)")
    CHINA = "china", _("China (21Vianet)")


class Purpose(TextChoices):
    READ = "read", _("Read")
    RESTORE = "restore", _("Restore")


class CredentialKind(TextChoices):
    SECRET = "secret", _("Client secret")
    CERTIFICATE = "certificate", _("Certificate")


class CredentialState(TextChoices):
    """What the provider said of the credential, when it was last used."""

    UNKNOWN = "unknown", _("Not checked")
    VALID = "valid", _("Valid")
    INVALID = "invalid", _("Refused")
    EXPIRED = "expired", _("Expired")


class ConsentState(TextChoices):
    UNKNOWN = "unknown", _("Not checked")
    GRANTED = "granted", _("Granted")
    MISSING = "missing", _("Missing")
    REVOKED = "revoked", _("Revoked")


class ObjectKind(TextChoices):
    """The collections of a tenant that we keep a copy of."""

    GROUPS = "groups", _("Groups")
    ENTRA_ROLE_DEFINITIONS = "entra_role_definitions", _("Entra role definitions")
    INTUNE_ROLE_DEFINITIONS = "intune_role_definitions", _("Intune role definitions")
    # Its selections are the object types that the inventory covers.
    INVENTORY = "inventory", _("Inventory")
    COMPLIANCE_DEVICES = "compliance_devices", _("Devices and their compliance")


class BackupKind(TextChoices):
    BACKUP = "backup", _("Backup")
    SAFETY = "safety", _("Safety backup")
    IMPORTED = "imported", _("Imported")


class BackupState(TextChoices):
    """``COMPLETE``: every type asked for was read, with all that belongs to each object."""

    RUNNING = "running", _("Running")
    COMPLETE = "complete", _("Complete")
    PARTIAL = "partial", _("Partly complete")
    FAILED = "failed", _("Failed")
    STOPPED = "stopped", _("Stopped")


class RestoreKind(TextChoices):
    RESTORE = "restore", _("Restore")
    RESUME = "resume", _("Resume")
    UNDO = "undo", _("Undo")


class RestoreState(TextChoices):
    """draft → executing → executed; a run that wrote nothing leads back to draft."""

    DRAFT = "draft", _("Draft")
    EXECUTING = "executing", _("Executing")
    EXECUTED = "executed", _("Executed")


class RestoreAction(TextChoices):
    """What a plan does with one object. Only an undo deletes."""

    CREATE = "create", _("Create")
    UPDATE = "update", _("Overwrite")
    DELETE = "delete", _("Delete")
    SKIP = "skip", _("Skip")
    UNRESOLVED = "unresolved", _("Unresolved")


WRITING_ACTIONS = (RestoreAction.CREATE, RestoreAction.UPDATE, RestoreAction.DELETE)


class StepState(TextChoices):
    """planned → sent → confirmed, refused, or uncertain: an answer that was lost, and reading back did not tell."""

    PLANNED = "planned", _("Planned")
    SENT = "sent", _("Sent")
    CONFIRMED = "confirmed", _("Confirmed")
    REFUSED = "refused", _("Refused")
    UNCERTAIN = "uncertain", _("Uncertain")


class ItemOutcome(TextChoices):
    """What became of one object of a plan."""

    VERIFIED = "verified", _("Restored and verified")
    DIFFERS = "differs", _("Restored, but differs")
    UNVERIFIED = "unverified", _("Restored, not read back")
    FAILED = "failed", _("Failed")
    UNCERTAIN = "uncertain", _("Uncertain")
    SKIPPED = "skipped", _("Skipped")
    NOT_REACHED = "not_reached", _("Not reached")


class MappingChoice(TextChoices):
    """What a missing target of a reference becomes."""

    MAP = "map", _("Use another")
    CREATE = "create", _("Create the group")
    SKIP = "skip", _("Leave it out")


class ChangeKind(TextChoices):
    """What a read found of an object beside an earlier one."""

    NEW = "new", _("New")
    CHANGED = "changed", _("Changed")
    GONE = "gone", _("Gone")
    BACK = "back", _("Back")
