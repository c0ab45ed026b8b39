"""The pages of one tenant, as `providers/_tenant_nav.html` draws them above each."""

from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from providers.selectors import Target
from tenantpilot.tenancy.capabilities import Capability

# URL name, words, and what a person needs to open it.
TABS: tuple[tuple[str, str | Promise, Capability], ...] = (
    ("tenant", _("Overview"), Capability.VIEW_TENANT),
    ("directory_groups", _("Groups"), Capability.VIEW_TENANT),
    ("directory_role_definitions", _("Roles"), Capability.VIEW_TENANT),
    ("inventory", _("Inventory"), Capability.VIEW_TENANT),
    ("compliance", _("Compliance"), Capability.VIEW_TENANT),
    ("backups", _("Backups"), Capability.VIEW_TENANT),
    ("restore_runs", _("Restore runs"), Capability.VIEW_TENANT),
)


def tabs(target: Target, current: str) -> list[dict[str, Any]]:
    """The pages of the tenant that this person may open; ``current`` is the URL name of the one that is shown."""
    return [
        {"label": label, "url": reverse(name, args=[target.tenant.slug]), "current": name == current}
        for name, label, capability in TABS
        if capability in target.capabilities
    ]
