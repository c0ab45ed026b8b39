"""The workspace's rule: seen by whom, what it would do before it is saved, and which tenants it leaves alone."""

from datetime import timedelta

import pytest
from django.utils import timezone

from operations.tasks import keep_backups
from providers.backups import retention
from providers.models import Backup, RetentionRule
from tenantpilot.audit.models import AuditEntry
from tests import factories
from tests.console.rows import signed_in
from tests.providers.made_backups import make_backup

pytestmark = pytest.mark.django_db
URL = "/admin/retention"
ONE = {"keep_last": 1, "keep_days": 0, "keep_months": 0}


@pytest.fixture
def backed_up(world):
    """Two tenants of the workspace with three old backups each; the second one follows a rule of its own."""
    other = factories.make_tenant(world.workspace)
    for tenant in (world.tenant, other):
        for days in (90, 60, 40):
            make_backup(tenant, at=timezone.now() - timedelta(days=days))
    RetentionRule.objects.create(tenant=other, keep_last=2, keep_days=0, keep_months=0)
    return other


def test_what_it_would_delete_is_shown_before_it_can_be_saved(world, backed_up):
    client = signed_in(world.owner)
    page = client.post(URL, ONE | {"save": "1"})
    assert not RetentionRule.objects.filter(workspace=world.workspace).exists(), (
        "Nobody had seen what it deletes."
    )
    shown = page.context["preview"]
    assert (shown["going"], shown["staying"]) == (2, 1)
    assert [row["name"] for row in shown["tenants"]] == [world.tenant.name]
    said = page.context["form"]["previewed"].value()
    assert f'value="{said}"' in page.content.decode()
    assert client.post(URL, ONE | {"save": "1", "previewed": said}).status_code == 302
    rule = RetentionRule.objects.get(workspace=world.workspace)
    assert {name: getattr(rule, name) for name in ONE} == ONE
    assert Backup.objects.count() == 6, "Saving deletes nothing by itself."
    entry = AuditEntry.objects.get(action="retention.changed")
    assert (entry.workspace_id, entry.tenant_id, entry.object_kind) == (world.workspace.pk, None, "workspace")
    assert (entry.before, entry.after) == ({}, ONE)


def test_numbers_changed_after_the_preview_are_previewed_anew(world, backed_up):
    client = signed_in(world.owner)
    said = client.post(URL, ONE).context["form"]["previewed"].value()
    page = client.post(URL, ONE | {"keep_last": 2, "save": "1", "previewed": said})
    assert page.context["preview"]["going"] == 1
    assert not RetentionRule.objects.filter(workspace=world.workspace).exists()


def test_the_preview_is_what_the_daily_task_does(world, backed_up):
    foreign = make_backup(
        factories.make_tenant(factories.make_workspace()), at=timezone.now() - timedelta(days=400)
    )
    shown = signed_in(world.owner).post(URL, ONE).context["preview"]
    RetentionRule.objects.filter(tenant=backed_up).update(keep_last=3)
    RetentionRule.objects.create(workspace=world.workspace, **ONE)
    keep_backups()
    assert Backup.objects.filter(tenant=world.tenant).count() == shown["staying"]
    assert Backup.objects.filter(tenant=backed_up).count() == 3
    assert Backup.objects.filter(pk=foreign.pk).exists()


def test_the_page_says_the_rule_in_words_and_names_the_exceptions(world, backed_up):
    RetentionRule.objects.create(workspace=world.workspace, keep_last=5, keep_days=30, keep_months=0)
    page = signed_in(world.owner).get(URL).content.decode()
    assert "The last 5 backups of a tenant stay." in page
    assert "Every backup stays for 30 days." in page
    assert "The last complete backup of a tenant is never deleted." in page
    assert f"/admin/t/{backed_up.slug}/backups/retention" in page
    assert f"/admin/t/{world.tenant.slug}/backups/retention" not in page


def test_removed_every_backup_is_kept_again(world, backed_up):
    RetentionRule.objects.create(workspace=world.workspace, **ONE)
    assert signed_in(world.owner).post(URL, {"remove": "1"}).status_code == 302
    assert retention.workspace_rule_of(world.workspace) is None
    entry = AuditEntry.objects.get(action="retention.changed")
    assert (entry.before, entry.after) == (ONE, {})


@pytest.mark.parametrize("wrong", [{"keep_last": "0"}, {"keep_days": "-1"}, {"keep_months": "x"}])
def test_a_rule_that_is_none_is_refused_by_field(world, wrong):
    page = signed_in(world.owner).post(URL, {"keep_last": "5", "keep_days": "5", "keep_months": "5"} | wrong)
    assert page.status_code == 400
    assert page.context["form"].errors.keys() == wrong.keys()


def test_another_workspace_is_not_there_and_a_manager_may_not(world):
    other = f"{URL}?workspace={factories.make_workspace().slug}"
    assert signed_in(world.owner).post(other, ONE).status_code == 404
    assert signed_in(world.manager).get(URL).status_code == 403


def test_many_tenants_are_previewed_in_few_statements(world, django_assert_max_num_queries):
    for _n in range(12):
        make_backup(factories.make_tenant(world.workspace))
    rule = retention.Rule(**ONE)
    with django_assert_max_num_queries(12):
        assert len(list(retention.effects(world.workspace, rule))) == 12
