"""Assignments as they shall be: those of the backup, those beside the live ones, or the live ones alone."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

Assignment = Mapping[str, Any]


class AssignmentChoice(TextChoices):
    """What a restore does with assignments."""

    BACKED_UP = "backed_up", _("As backed up")
    MERGED = "merged", _("Added to the live ones")
    NONE = "none", _("Left as they are")


def wanted(choice: str, backed_up: Iterable[Assignment], live: Iterable[Assignment]) -> list[dict[str, Any]]:
    """The assignments that an object shall have; those of the backup win over live ones with the same target."""
    if choice == AssignmentChoice.NONE:
        return [dict(each) for each in live]
    own = {target_key(each): dict(each) for each in backed_up}
    if choice == AssignmentChoice.MERGED:
        return [*(dict(each) for each in live if target_key(each) not in own), *own.values()]
    return list(own.values())


def target_key(assignment: Assignment) -> tuple[str, str]:
    """What two assignments to the same target share."""
    target = assignment.get("target") or {}
    where = target.get("groupId") or target.get("collectionId") or ""
    return (str(target.get("@odata.type", "")), f"{where}/{assignment.get('intent', '')}")


def sendable(assignment: Assignment) -> dict[str, Any]:
    """An assignment as ``/assign`` takes it: without what the service makes, and no filter keys without a filter."""
    sent = {name: value for name, value in assignment.items() if name not in ("id", "source", "sourceId")}
    target = dict(assignment.get("target") or {})
    if not target.get("deviceAndAppManagementAssignmentFilterId"):
        target.pop("deviceAndAppManagementAssignmentFilterId", None)
        target.pop("deviceAndAppManagementAssignmentFilterType", None)
    return {**sent, "target": target}
