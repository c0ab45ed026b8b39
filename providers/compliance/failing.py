"""Which compliance policies fail the devices that are out of compliance, read device by device and bounded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F

from providers.choices import ChangeKind
from providers.compliance.shapes import FAILING, OUT_OF_COMPLIANCE
from providers.directory_shapes import text
from providers.graph.client import GraphClient
from providers.graph.errors import GraphError
from providers.models import ComplianceDevice, DevicePolicies, ObjectChange
from providers.objects.wants import Part, Want, fetch

# One request each: 25 batches, some 20 seconds of a tenant's rate budget.
BOUND = 500
_PART = "deviceCompliancePolicyStates"
_POLICY_ID = 36

Failing = dict[str, dict[str, str]]
"""Name and state of each policy that fails, by its id."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was read: the policies that fail each device, by the device's id, or why they could not be read."""

    failing: Mapping[str, Failing]
    errors: Mapping[str, GraphError]


def chosen(collection_id: int) -> list[ComplianceDevice]:
    """The devices to ask about: those never asked about first, then those longest ago, so that each has its turn."""
    rows = ComplianceDevice.objects.filter(
        collection=collection_id, gone_at=None, state__in=OUT_OF_COMPLIANCE
    ).select_related("policies")
    return list(rows.order_by(F("policies__attempted_at").asc(nulls_first=True), "id")[:BOUND])


def read(graph: GraphClient, devices: Sequence[ComplianceDevice]) -> Found:
    """Ask about each device, many in one request. Raises TokenError and what stops the run."""
    failing: dict[str, Failing] = {}
    errors: dict[Part, GraphError] = {}

    def want(device_id: str) -> Want:
        def put(states: list[dict[str, Any]]) -> None:
            failing[device_id] = _failing(states)

        url = f"/deviceManagement/managedDevices/{device_id}/{_PART}"
        return Want(Part(device_id, _PART), url, put)

    fetch(graph, "v1.0", [want(device.object_id) for device in devices], errors)
    return Found(failing, {part.object_id: error for part, error in errors.items()})


def _failing(states: Sequence[dict[str, Any]]) -> Failing:
    """A policy may report once for each user of the device: the worst counts."""
    ranks = list(FAILING)
    found: Failing = {}
    for each in sorted((each for each in states if each.get("state") in ranks), key=_rank):
        policy_id = text(each.get("id"))[:_POLICY_ID]
        name = text(each.get("displayName"))[:1024]
        found.setdefault(policy_id, {"name": name, "state": FAILING[each["state"]]})
    return found


def _rank(state: Mapping[str, Any]) -> int:
    return list(FAILING).index(state["state"])


def write(
    collection_id: int,
    run_id: int,
    devices: Sequence[ComplianceDevice],
    found: Found,
    reasons: Mapping[str, tuple[str, dict[str, Any]]],
    at: datetime,
) -> None:
    """Keep what was read, and forget devices that are in order again or gone. Call it inside the run's fence.

    ``reasons`` are code and facts for each device that could not be read: its earlier state stays, with its date.
    """
    here = DevicePolicies.objects.filter(device__collection=collection_id)
    here.exclude(device__state__in=OUT_OF_COMPLIANCE, device__gone_at=None).delete()
    fell = _fell_out(collection_id, run_id)
    rows = []
    for device in devices:
        earlier = getattr(device, "policies", None)
        row = DevicePolicies(device=device, attempted_at=at)
        if device.object_id in found.failing:
            known = device.object_id in fell if earlier is None or earlier.observed_at is None else True
            row.observed_at = at
            row.failing = _since(found.failing[device.object_id], earlier, at, known=known)
        elif device.object_id in reasons:
            row.reason_code, row.reason_facts = reasons[device.object_id]
            if earlier is not None:
                row.observed_at, row.failing = earlier.observed_at, earlier.failing
        rows.append(row)
    fields = ["attempted_at", "observed_at", "reason_code", "reason_facts", "failing"]
    DevicePolicies.objects.bulk_create(
        rows, batch_size=BOUND, update_conflicts=True, unique_fields=["device"], update_fields=fields
    )


def _since(
    failing: Failing, earlier: DevicePolicies | None, at: datetime, *, known: bool
) -> list[dict[str, Any]]:
    before = {each["policy"]: each for each in earlier.failing} if earlier else {}
    now = {"since": at.isoformat(), "sinceKnown": known}
    rows = [
        {
            "policy": policy_id,
            **each,
            **{name: before.get(policy_id, now)[name] for name in ("since", "sinceKnown")},
        }
        for policy_id, each in failing.items()
    ]
    return sorted(rows, key=lambda row: (row["since"], row["name"], row["policy"]))


def _fell_out(collection_id: int, run_id: int) -> set[str]:
    """The devices that this very run saw fall out of compliance, or saw for the first time since they enrolled."""
    changes = ObjectChange.objects.filter(collection=collection_id, run_id=run_id)
    return {
        object_id
        for object_id, kind, facts in changes.values_list("object_id", "kind", "changes")
        if kind == ChangeKind.NEW
        or (kind == ChangeKind.CHANGED and facts.get("state", ["error"])[0] not in OUT_OF_COMPLIANCE)
    }
