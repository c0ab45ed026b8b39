"""How a tenant stands in its life with us."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class TenantState(TextChoices):
    """In use, or on the way out; only an archived tenant can be deleted, and only until then brought back."""

    ACTIVE = "active", _("In use")
    # Nothing starts any more; what runs is ending.
    ARCHIVING = "archiving", _("Archiving")
    ARCHIVED = "archived", _("Archived")
    DELETING = "deleting", _("Deleting")
    # What is left is what the audit log needs.
    DELETED = "deleted", _("Deleted")
