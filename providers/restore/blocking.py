"""Why the plan of a restore run can't be carried out now: asked by the gate, by the page, and by the worker."""

from collections.abc import Sequence
from typing import Any

from providers import catalogue
from providers.choices import WRITING_ACTIONS, RestoreAction
from providers.models import RestoreRun
from providers.readiness import Blocker, Needs, missing_permissions
from providers.reasons import PERMISSION_MISSING
from providers.restore import entered, reasons
from providers.restore.drafts import was_executed
from providers.restore.store import is_stale
from providers.selectors import Target

_INCOMPLETE = "incomplete"
_SECRET = frozenset({"secret_masked", "secret_foreign"})


def blockers(target: Target, restore: RestoreRun, plan_hash: str) -> Sequence[Blocker]:
    """Return what stands in the way, the gravest first. ``plan_hash``: the plan that was confirmed."""
    facts: dict[str, Any] = {"restoreRun": restore.pk}
    if was_executed(restore):
        return [Blocker(reasons.ALREADY_EXECUTED, facts)]
    plan = restore.plan
    if plan is None:
        return [Blocker(reasons.PLAN_MISSING, facts)]
    found = []
    if plan.hash != plan_hash:
        found.append(Blocker(reasons.PLAN_CHANGED, facts))
    if is_stale(plan):
        found.append(Blocker(reasons.PLAN_STALE, facts))
    found += _unresolved(restore, facts)
    actions = set(plan.counts)
    if not actions & {action.value for action in (*WRITING_ACTIONS, RestoreAction.UNRESOLVED)}:
        found.append(Blocker(reasons.NOTHING_TO_DO, facts))
    return [*_permissions(target, restore), *found]


def _unresolved(restore: RestoreRun, facts: dict[str, Any]) -> list[Blocker]:
    assert restore.plan is not None
    rows = restore.plan.items.filter(action=RestoreAction.UNRESOLVED)
    codes = [(why or {}).get("code") for why in rows.values_list("why", flat=True)]
    incomplete, secret = codes.count(_INCOMPLETE), sum(code in _SECRET for code in codes)
    counted = [
        (reasons.SOURCE_INCOMPLETE, incomplete),
        (reasons.TARGET_UNRESOLVED, len(codes) - incomplete - secret),
        (reasons.SECRET_MISSING, secret + len(entered.lacking(restore))),
    ]
    return [Blocker(reason, {**facts, "count": count}) for reason, count in counted if count]


def _permissions(target: Target, restore: RestoreRun) -> list[Blocker]:
    """The connection must be allowed to write, and so to read, every type that the plan writes."""
    connection = target.connection
    if connection is None or restore.plan is None:
        return []
    types = restore.plan.items.filter(action__in=WRITING_ACTIONS).values_list("object_type", flat=True)
    kinds = [catalogue.get(key) for key in sorted(set(types))]
    needed = dict.fromkeys(any_of for kind in kinds for any_of in (*kind.write, *kind.read))
    missing = missing_permissions(Needs(permissions=tuple(needed)), connection.granted_permissions)
    if not missing:
        return []
    return [Blocker(PERMISSION_MISSING, {"permissions": ", ".join(missing)})]
