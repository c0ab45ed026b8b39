"""Read a tenant's device compliance at one time: the devices, Microsoft's summary, and each policy's overview."""

from collections.abc import Callable
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from operations.choices import Surface
from operations.context import RunContext, RunResult
from operations.params import Params
from operations.registry import Page, operation_type
from providers.choices import ObjectKind
from providers.compliance import failing, lists, store
from providers.compliance.shapes import (
    DEVICES,
    FAILED_POLICIES,
    POLICIES,
    POLICY_COUNTS,
    SELECTION,
    SHAPE,
    SUMMARY,
    SUMMARY_COUNTS,
    counts_in,
)
from providers.compliance.store import Part
from providers.directory_shapes import text
from providers.directory_store import Superseded
from providers.graph.client import BatchRequest, BatchResponse
from providers.graph.errors import GraphError, NotFound, ResponseInvalid, TokenError
from providers.operation_types._reads import Progress, ahead, read_facts, reading, require_all
from providers.permissions import READ_COMPLIANCE, READ_DEVICES
from providers.readiness import Needs
from providers.reasons import SUPERSEDED
from tenantpilot.tenancy.capabilities import Capability

INTUNE = "Microsoft Intune"
DEVICES_PATH = "/deviceManagement/managedDevices"
SUMMARY_PATH = "/deviceManagement/deviceCompliancePolicyDeviceStateSummary"
POLICIES_PATH = "/deviceManagement/deviceCompliancePolicies"
PAGE_SIZE = 1000


@operation_type(
    name="compliance.snapshot",
    verb=_("Snapshot compliance"),
    description=_("Reads which devices are compliant now, and how each compliance policy stands."),
    capability=Capability.SNAPSHOT_COMPLIANCE,
    surfaces={Surface.TENANT, Surface.CONNECTION},
    # Either part alone is worth a snapshot; what can't be read is told per part.
    needs=Needs(permissions=(READ_DEVICES,)),
    result=Page("compliance"),
)
def snapshot_compliance(run: RunContext, params: Params) -> RunResult:
    """Read each part. It says when it was observed, or why not; none stands in for another.

    Which policies devices fail is asked only where the devices were read. A passing fault is raised once all were
    tried: the next attempt takes the whole snapshot anew.
    """
    parts: dict[str, Part] = {}
    failures: list[dict[str, Any]] = []
    passing: GraphError | None = None
    for name, (read, permissions) in _PARTS.items():
        if name == FAILED_POLICIES and "code" in parts[DEVICES]:
            continue
        run.stage(name)
        at = timezone.now().isoformat()
        try:
            parts[name] = {"at": at} | read(run)
            failures += parts[name].pop("failures", [])
        except TokenError:
            raise
        except GraphError as error:
            passing = error if error.transient else passing
            facts = read_facts(error, (permissions,), INTUNE)
            parts[name] = {"at": at, "code": error.reason_code, "facts": facts}
            failures.append({"type": name, "code": error.reason_code, "facts": facts})
        except Superseded:
            parts[name] = {"at": at, "code": SUPERSEDED.code, "facts": {}}
            failures.append({"type": name, "code": SUPERSEDED.code, "facts": {}})
    nothing = all("code" in part for part in parts.values())
    if passing is not None and (not run.last_attempt or nothing):
        raise passing
    if not nothing:
        _write(run, parts)
    counts = {name: _count(part) for name, part in parts.items() if name != SUMMARY and "code" not in part}
    return RunResult.read(requested=len(parts), counts=counts, failures=failures)


def _devices(run: RunContext) -> Part:
    progress = Progress(run)
    with reading(run, ObjectKind.COMPLIANCE_DEVICES, SELECTION, READ_DEVICES, SHAPE) as read:
        chain = run.graph.pages(DEVICES_PATH, select=SHAPE.fields, top=PAGE_SIZE)
        with ahead(chain) as pages:
            for page in pages:
                progress.total = page.count if progress.total is None else progress.total
                read.add(page.value)
                progress.add(len(page.value))
        require_all(read, progress.total)
        read.complete(whole=True)
    progress.report()
    return {"at": read.began_at.isoformat(), "states": store.states_of(read.collection_id)}


def _summary(run: RunContext) -> Part:
    counts = counts_in(run.graph.get(SUMMARY_PATH), SUMMARY_COUNTS)
    if "compliant" not in counts or "noncompliant" not in counts:
        raise ResponseInvalid("The summary has no counts.", status=200)
    return {"counts": counts}


def _policies(run: RunContext) -> Part:
    """Each policy with Microsoft's overview of it. v1.0 leaves out the types that only beta knows."""
    listed = [item for page in run.graph.pages(POLICIES_PATH, version="beta") for item in page.value]
    policies = [_policy(item) for item in listed]
    requests = [
        BatchRequest(each["id"], f"{POLICIES_PATH}/{each['id']}/deviceStatusOverview") for each in policies
    ]
    answers = run.graph.batch(requests, version="beta")
    errors = [
        error for each, answer in zip(policies, answers, strict=True) if (error := _overview(each, answer))
    ]
    part: Part = {"policies": policies}
    if errors:
        facts = read_facts(errors[0], (READ_COMPLIANCE,), INTUNE)
        failure = {"type": POLICIES, "code": errors[0].reason_code, "facts": facts, "count": len(errors)}
        part["failures"] = [failure]
    return part


def _failed_policies(run: RunContext) -> Part:
    """The policies that fail each device which is out of compliance, for as many devices as the bound allows."""
    collection = lists.collection_of(run.tenant.id)
    assert collection is not None
    devices = failing.chosen(collection["id"])
    at = timezone.now()
    found = failing.read(run.graph, devices)
    why = {
        device_id: (error.reason_code, read_facts(error, (READ_COMPLIANCE,), INTUNE))
        for device_id, error in found.errors.items()
        if not isinstance(error, NotFound)
    }
    with run.fenced():
        failing.write(collection["id"], run.claim.run_id, devices, found, why, at)
    if why and not found.failing:
        raise next(found.errors[device_id] for device_id in why)
    part: Part = {"devices": len(found.failing)}
    if why:
        code, facts = next(iter(why.values()))
        part["failures"] = [{"type": FAILED_POLICIES, "code": code, "facts": facts, "count": len(why)}]
    return part


def _policy(item: dict[str, Any]) -> dict[str, Any]:
    found = item.get("id")
    if not isinstance(found, str) or not found:
        raise ResponseInvalid("A policy has no id.", status=200)
    kind = text(item.get("@odata.type")).removeprefix("#microsoft.graph.")
    return {"id": found, "name": text(item.get("displayName"))[:1024], "type": kind}


def _overview(policy: dict[str, Any], answer: BatchResponse) -> GraphError | None:
    """Put the policy's counts beside its name, or why there are none."""
    if answer.error is None and isinstance(answer.body, dict):
        policy["counts"] = counts_in(answer.body, POLICY_COUNTS)
        policy["updated"] = text(answer.body.get("lastUpdateDateTime"))
        return None
    error = answer.error or ResponseInvalid("The overview is no object.", status=200)
    policy["code"] = error.reason_code
    return error


def _write(run: RunContext, parts: dict[str, Part]) -> None:
    columns = {"devices": parts[DEVICES], "summary": parts[SUMMARY], "policies": parts[POLICIES]}
    with run.fenced():
        store.write(
            tenant_id=run.tenant.id,
            connection_id=run.connection.id,
            run_id=run.claim.run_id,
            parts=columns,
        )


def _count(part: Part) -> int:
    if "devices" in part:
        return int(part["devices"])
    return len(part["policies"]) if "policies" in part else sum(part["states"].values())


_PARTS: dict[str, tuple[Callable[[RunContext], Part], tuple[str, ...]]] = {
    DEVICES: (_devices, READ_DEVICES),
    SUMMARY: (_summary, READ_COMPLIANCE),
    POLICIES: (_policies, READ_COMPLIANCE),
    FAILED_POLICIES: (_failed_policies, READ_COMPLIANCE),
}
