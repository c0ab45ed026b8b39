"""Retention keeps what the rule says, and never lets the last complete backup of anything go."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from operations.tasks import keep_backups
from providers.backups import retention
from providers.backups.retention import Rule
from providers.choices import BackupKind
from providers.models import Backup, ContentVersion, RetentionRule
from tenantpilot.audit.models import AuditEntry
from tests.conftest import World
from tests.console.rows import signed_in
from tests.providers.made_backups import CATALOG, SCRIPTS, make_backup, policy

pytestmark = pytest.mark.django_db
URL = "/admin/t/contoso/backups/retention"
NOTHING = Rule(keep_last=1, keep_days=0, keep_months=0)


def ago(days: float) -> datetime:
    return timezone.now() - timedelta(days=days)


def kept(world: World, rule: Rule) -> dict[int, str]:
    return {
        each.backup_id: each.because for each in retention.verdicts(world.tenant.pk, rule) if each.because
    }


def test_the_last_ones_stay(world: World) -> None:
    made = [make_backup(world.tenant, at=ago(100 - n)).pk for n in range(5)]
    assert kept(world, Rule(2, 0, 0)) == {made[4]: "last", made[3]: "last"}


def test_young_ones_stay(world: World) -> None:
    made = [make_backup(world.tenant, at=ago(days)).pk for days in (40, 20, 10)]
    assert kept(world, Rule(1, 30, 0)) == {made[1]: "days", made[2]: "last"}


def test_one_a_month_stays_the_newest_of_each(world: World) -> None:
    days = [
        datetime(2026, month, day, tzinfo=timezone.get_current_timezone())
        for month in (1, 2, 3)
        for day in (3, 20)
    ]
    made = [make_backup(world.tenant, at=day).pk for day in days]
    newest = make_backup(world.tenant, at=ago(0)).pk
    assert kept(world, Rule(1, 0, 3)) == {newest: "last", made[5]: "month", made[3]: "month"}


def test_the_last_complete_one_of_each_type_stays(world: World) -> None:
    both = make_backup(world.tenant, {CATALOG: [policy()], SCRIPTS: []}, at=ago(90)).pk
    unread = {SCRIPTS: "provider.permission_missing"}
    partial = [make_backup(world.tenant, unread=unread, at=ago(days)).pk for days in (60, 30)]
    assert kept(world, NOTHING) == {partial[1]: "last", both: "complete"}


def test_what_a_backup_holds_alone_goes_with_it(world: World) -> None:
    old = make_backup(world.tenant, {CATALOG: [policy(minutes=1), policy(2)]}, at=ago(90)).pk
    make_backup(world.tenant, {CATALOG: [policy(minutes=5), policy(2)]}, at=ago(1))
    assert ContentVersion.objects.count() == 3
    assert retention.apply(world.tenant, NOTHING) == [old]
    assert ContentVersion.objects.count() == 2
    entry = AuditEntry.objects.get(action="backup.expired")
    assert entry.facts == {"backups": [old], "versions": 1}


def test_other_tenants_are_left_alone(world: World) -> None:
    from tests import factories

    other = factories.make_tenant(world.workspace)
    foreign = [make_backup(other, at=ago(days)).pk for days in (90, 80)]
    make_backup(world.tenant, at=ago(90))
    make_backup(world.tenant)
    retention.apply(world.tenant, NOTHING)
    assert set(Backup.objects.filter(tenant=other).values_list("pk", flat=True)) == set(foreign)


def test_what_is_running_and_what_is_young_of_other_kinds_stays(world: World) -> None:
    running = Backup.objects.create(tenant=world.tenant, created_at=ago(90)).pk
    safety = make_backup(world.tenant, kind=BackupKind.SAFETY, at=ago(20)).pk
    old = make_backup(world.tenant, kind=BackupKind.IMPORTED, at=ago(40)).pk
    last = make_backup(world.tenant).pk
    assert kept(world, NOTHING) == {running: "running", safety: "days", last: "last"}
    assert retention.apply(world.tenant, NOTHING) == [old]


def test_the_daily_task_follows_the_tenants_rule_before_the_workspaces(world: World) -> None:
    for days in (90, 60, 0):
        make_backup(world.tenant, at=ago(days))
    keep_backups()
    assert Backup.objects.count() == 3, "Without a rule everything is kept."
    RetentionRule.objects.create(workspace=world.workspace, keep_last=1, keep_days=0, keep_months=0)
    own = RetentionRule.objects.create(tenant=world.tenant, keep_last=2, keep_days=0, keep_months=0)
    keep_backups()
    assert Backup.objects.count() == 2
    own.delete()
    keep_backups()
    assert Backup.objects.count() == 1


def test_a_manager_previews_a_rule_before_it_is_saved(world: World) -> None:
    for days in (90, 60, 0):
        make_backup(world.tenant, at=ago(days))
    client = signed_in(world.manager)
    wanted = {"keep_last": 1, "keep_days": 0, "keep_months": 0}
    page = client.post(URL, wanted | {"preview": "1"})
    assert (page.context["going"], page.context["staying"]) == (2, 1)
    assert not RetentionRule.objects.exists()
    assert client.post(URL, wanted).status_code == 302
    rule = RetentionRule.objects.get(tenant=world.tenant)
    assert (rule.keep_last, rule.keep_days, rule.keep_months) == (1, 0, 0)
    assert Backup.objects.count() == 3, "Saving deletes nothing by itself."
    entry = AuditEntry.objects.get(action="retention.changed")
    assert (entry.before, entry.after) == ({}, wanted)
    client.post(URL, {"remove": "1"})
    assert not RetentionRule.objects.exists()


@pytest.mark.parametrize(
    "wrong", [{"keep_last": "0"}, {"keep_days": "-1"}, {"keep_months": "x"}, {"keep_last": ""}]
)
def test_a_rule_that_is_none_is_refused_by_field(world: World, wrong: dict[str, str]) -> None:
    values = {"keep_last": "5", "keep_days": "5", "keep_months": "5"} | wrong
    page = signed_in(world.manager).post(URL, values)
    assert page.status_code == 400
    assert page.context["form"].errors.keys() == wrong.keys()


def test_an_operator_sees_the_rule_and_no_form(world: World) -> None:
    page = signed_in(world.operator).get(URL)
    assert not page.context["mayChange"]
    assert b"<button" not in page.content.split(b"<main")[1].split(b"</main>")[0]
