"""How long backups are kept: a rule of the tenant or of its workspace; without one, for good.

Whatever the rule says, these stay: what is running, what a restore still needs, and the last backup in which each
object type was complete.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.db import connection, models, transaction
from django.db.models import QuerySet
from django.utils import timezone

from providers.choices import BackupKind, BackupState
from providers.models import Backup, BackupItem, BackupReference, LiveVersion, RetentionRule
from tenantpilot.audit.record import About, record
from tenantpilot.tenancy.models import Tenant, Workspace

# Safety and imported backups are no part of a series: they stay as many days as the rule says, these at least.
LEAST_DAYS = 30
# So many tenants are looked at together.
TENANTS_AT_ONCE = 100
# What goes with a backup.
_PARTS = (BackupItem, BackupReference, LiveVersion)
_ALLOW = "SELECT set_config('tenantpilot.backups_may_go', 'on', true)"
_ORPHANS = """
DELETE FROM providers_contentversion v WHERE v.tenant_id = %s
  AND NOT EXISTS (SELECT 1 FROM providers_backupitem i WHERE i.version_id = v.id)
  AND NOT EXISTS (SELECT 1 FROM providers_liveversion l WHERE l.version_id = v.id)
"""


@dataclass(frozen=True, slots=True)
class Rule:
    """Keep the last so many backups, all of so many days, and one a month for so many months."""

    keep_last: int
    keep_days: int
    keep_months: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a backup. ``because`` says why it stays; empty when it goes."""

    backup_id: int
    kind: str
    created_at: datetime
    because: str = ""


@dataclass(frozen=True, slots=True)
class Effect:
    """How many of a tenant's backups a rule would let go, and how many it keeps."""

    tenant_id: int
    going: int
    staying: int


@dataclass(slots=True)
class _Series:
    """What is known of a tenant's backups while they are judged, the newest first."""

    rule: Rule
    now: datetime
    needed: frozenset[int]
    seen: int = 0
    months: set[tuple[int, int]] = field(default_factory=set)
    types: set[str] = field(default_factory=set)

    def judge(self, row: dict[str, Any]) -> Verdict:
        return Verdict(row["id"], row["kind"], row["created_at"], self._because(row))

    def _because(self, row: dict[str, Any]) -> str:
        if row["state"] == BackupState.RUNNING:
            return "running"
        if row["id"] in self.needed:
            return "needed"
        young = row["created_at"] > self.now - timedelta(days=self.rule.keep_days)
        if row["kind"] != BackupKind.BACKUP:
            least = timedelta(days=max(self.rule.keep_days, LEAST_DAYS))
            return "days" if row["created_at"] > self.now - least else ""
        self.seen += 1
        complete = {key for key, found in row["results"].items() if found["complete"]}
        last_complete, monthly = bool(complete - self.types), self._monthly(row)
        self.types |= complete
        if self.seen <= self.rule.keep_last:
            return "last"
        if young:
            return "days"
        if monthly:
            return "month"
        return "complete" if last_complete else ""

    def _monthly(self, row: dict[str, Any]) -> bool:
        """Whether it is the newest one with something in it of one of the last months."""
        at = row["created_at"]
        month = (at.year, at.month)
        if not row["object_count"] or month in self.months or len(self.months) >= self.rule.keep_months:
            return False
        self.months.add(month)
        return True


def rule_of(tenant: Tenant) -> RetentionRule | None:
    """The tenant's own rule, else its workspace's; None where everything is kept."""
    rules = RetentionRule.objects.filter(models.Q(tenant=tenant) | models.Q(workspace=tenant.workspace_id))
    return rules.order_by(models.F("tenant").asc(nulls_last=True)).first()


def workspace_rule_of(workspace: Workspace) -> RetentionRule | None:
    """The rule for every tenant of the workspace that has none of its own; None where those keep everything."""
    return RetentionRule.objects.filter(workspace=workspace).first()


def with_own_rule(workspace: Workspace) -> QuerySet[Tenant]:
    """The exceptions: tenants of the workspace that follow a rule of their own."""
    own = RetentionRule.objects.filter(tenant__workspace=workspace).values("tenant")
    return Tenant.objects.filter(pk__in=own)


def effects(workspace: Workspace, rule: Rule) -> Iterator[Effect]:
    """What the rule would do as that of the workspace, tenant by tenant. Changes nothing."""
    own = with_own_rule(workspace).values("pk")
    following = Tenant.objects.filter(workspace=workspace, backups__isnull=False).exclude(pk__in=own)
    ids = list(following.order_by("pk").values_list("pk", flat=True).distinct())
    for at in range(0, len(ids), TENANTS_AT_ONCE):
        for tenant_id, found in _verdicts(ids[at : at + TENANTS_AT_ONCE], rule, timezone.now()).items():
            staying = sum(1 for each in found if each.because)
            yield Effect(tenant_id, len(found) - staying, staying)


def verdicts(tenant_id: int, rule: Rule, now: datetime | None = None) -> list[Verdict]:
    """What the rule would do with each backup of the tenant, the newest first. Changes nothing."""
    return _verdicts([tenant_id], rule, now or timezone.now()).get(tenant_id, [])


def _verdicts(tenant_ids: list[int], rule: Rule, now: datetime) -> dict[int, list[Verdict]]:
    rows = Backup.objects.filter(tenant__in=tenant_ids).order_by("tenant", "-id")
    values: Any = rows.values("id", "tenant_id", "kind", "state", "created_at", "results", "object_count")
    found: list[dict[str, Any]] = list(values)
    needed = still_needed(row["id"] for row in found)
    judged = {}
    for tenant_id, mine in groupby(found, itemgetter("tenant_id")):
        series = _Series(rule, now, needed)
        judged[tenant_id] = [series.judge(row) for row in mine]
    return judged


def still_needed(backup_ids: Iterable[int]) -> frozenset[int]:
    """Those of these backups that something beside the backups themselves refers to and can't do without."""
    wanted = list(backup_ids)
    needed: set[int] = set()
    for relation in Backup._meta.related_objects:
        if _holds(relation):
            name = relation.field.name
            rows = relation.related_model._base_manager.filter(**{f"{name}__in": wanted})
            needed |= set(rows.values_list(f"{name}_id", flat=True))
    for relation in BackupItem._meta.related_objects:
        if _holds(relation):
            name = relation.field.name
            rows = relation.related_model._base_manager.filter(**{f"{name}__backup__in": wanted})
            needed |= set(rows.values_list(f"{name}__backup_id", flat=True))
    return frozenset(needed)


def apply(tenant: Tenant, rule: Rule, *, actor_id: int | None = None) -> list[int]:
    """Delete what the rule does not keep, with the content that nothing holds any more; return the backups' numbers."""
    with transaction.atomic():
        going = [each.backup_id for each in verdicts(tenant.pk, rule) if not each.because]
        if not going:
            return []
        versions = _delete(tenant.pk, going)
        record(
            "backup.expired",
            workspace_id=tenant.workspace_id,
            tenant_id=tenant.pk,
            actor_id=actor_id,
            about=About("tenant", tenant.pk, tenant.name),
            facts={"backups": going, "versions": versions},
        )
    return going


def apply_all() -> int:
    """Apply every tenant's rule; return how many backups went. Beat sends it each day."""
    count = 0
    for tenant in Tenant.objects.filter(backups__isnull=False).distinct().select_related("workspace"):
        rule = rule_of(tenant)
        if rule is not None:
            count += len(apply(tenant, Rule(rule.keep_last, rule.keep_days, rule.keep_months)))
    return count


def _delete(tenant_id: int, going: list[int]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_ALLOW)
    LiveVersion.objects.filter(item__backup__in=going).delete()
    Backup.objects.filter(pk__in=going).delete()
    with connection.cursor() as cursor:
        cursor.execute(_ORPHANS, [tenant_id])
        return cursor.rowcount


def _holds(relation: Any) -> bool:
    """Whether a row of that table keeps the backup from going; our own parts go with it."""
    return relation.related_model not in _PARTS and relation.on_delete in (
        models.PROTECT,
        models.RESTRICT,
        models.CASCADE,
    )
