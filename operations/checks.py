"""System checks: a typo in an operation type stops the start, not a customer's run."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, register

from operations import registry
from providers.permissions import KNOWN_PERMISSIONS
from tenantpilot.tenancy.capabilities import Capability


@register()
def operation_types(app_configs: Any, **options: Any) -> Sequence[CheckMessage]:
    """Hold every operation type to real capabilities and known provider permissions."""
    found: list[CheckMessage] = []
    for kind in registry.all_types():
        if kind.capability not in Capability.values:
            found.append(Error(f"{kind.name}: no such capability: {kind.capability}", id="operations.E001"))
        unknown = {name for any_of in kind.needs.permissions for name in any_of} - KNOWN_PERMISSIONS
        if unknown:
            found.append(Error(f"{kind.name}: unknown permissions: {sorted(unknown)}", id="operations.E002"))
        if not kind.surfaces:
            found.append(Error(f"{kind.name}: has no surface", id="operations.E003"))
    return found
