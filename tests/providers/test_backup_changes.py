"""What a backup found changed, object by object: the same as its counts, and a way to each difference."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from providers.backups import retention
from providers.backups.changes import changed_items, earlier_backups
from providers.backups.retention import Rule
from providers.models import Backup
from tests.conftest import World
from tests.console.rows import signed_in
from tests.providers.made_backups import CATALOG, SCRIPTS, item_of, make_backup, policy

pytestmark = pytest.mark.django_db


def found(backup: Backup, **wanted: str) -> dict[str, str]:
    rows = changed_items(backup.pk, earlier_backups(backup.results), **wanted)
    return {row["object_id"]: row["change"] for row in rows}


def two(world: World) -> tuple[Backup, Backup]:
    """A backup and the one after it, in which the third policy is gone, the second one changed, the fourth new."""
    was = make_backup(world.tenant, {CATALOG: [policy(1), policy(2), policy(3)]})
    return was, make_backup(world.tenant, {CATALOG: [policy(1), policy(2, minutes=1), policy(4)]})


def test_each_count_has_its_objects(world: World) -> None:
    _was, now = two(world)
    assert found(now) == {"policy-2": "changed", "policy-3": "gone", "policy-4": "new"}
    result = now.results[CATALOG]
    assert (result["new"], result["changed"], result["gone"]) == (1, 1, 1)


def test_one_kind_of_change_can_be_asked_for(world: World) -> None:
    _was, now = two(world)
    assert found(now, change="gone") == {"policy-3": "gone"}
    assert found(now, object_type=SCRIPTS) == {}


def test_each_type_is_compared_with_the_last_backup_that_holds_all_of_it(world: World) -> None:
    make_backup(world.tenant, {CATALOG: [policy(1)], SCRIPTS: []})
    make_backup(
        world.tenant, {CATALOG: [policy(1), policy(2)]}, unread={SCRIPTS: "provider.permission_missing"}
    )
    script = policy(9)
    now = make_backup(world.tenant, {CATALOG: [policy(2)], SCRIPTS: [script]})
    assert found(now) == {"policy-1": "gone", "policy-9": "new"}
    assert len(earlier_backups(now.results)) == 2


def test_the_first_backup_has_nothing_to_compare_with(world: World) -> None:
    only = make_backup(world.tenant)
    assert found(only) == {}
    page = signed_in(world.readonly).get(f"/admin/t/contoso/backups/{only.pk}/changes").content.decode()
    assert "There is no earlier backup to compare with." in page


def test_a_removed_earlier_backup_makes_nothing_look_new(world: World) -> None:
    long_ago = timezone.now() - timedelta(days=90)
    was = make_backup(world.tenant, {CATALOG: [policy(1)]}, at=long_ago)
    now = make_backup(world.tenant, {CATALOG: [policy(1, minutes=2), policy(2)]})
    assert retention.apply(world.tenant, Rule(keep_last=1, keep_days=0, keep_months=0)) == [was.pk]
    assert found(now) == {}
    page = signed_in(world.readonly).get(f"/admin/t/contoso/backups/{now.pk}/changes").content.decode()
    assert "An earlier backup was removed by retention." in page


def test_the_page_leads_to_differences_and_to_a_restore_of_what_was(world: World) -> None:
    was, now = two(world)
    client = signed_in(world.manager)
    assert (
        f'href="/admin/t/contoso/backups/{now.pk}/changes"'
        in client.get("/admin/t/contoso/backups").content.decode()
    )
    page = client.get(f"/admin/t/contoso/backups/{now.pk}/changes").content.decode()
    links = re.findall(
        r'href="(/admin/t/contoso/(?:backups/diff|backups/\d+/items|restore-runs/new)[^"]*)"', page
    )
    assert len(links) == 5
    assert {client.get(link.replace("&amp;", "&")).status_code for link in links} == {200}
    gone = was.items.get(object_id="policy-3")
    assert f"backup={was.pk}&amp;item={gone.pk}" in page
    assert item_of(now).pk != gone.pk


def test_what_was_changed_and_gone_is_chosen_for_one_restore(world: World) -> None:
    was, now = two(world)
    client, base = signed_in(world.manager), f"/admin/t/contoso/backups/{now.pk}"
    page = client.get(f"{base}/changes").content.decode()
    picks = re.findall(r'name="item" value="(\d+)" form="tp-selection"', page)
    assert {int(each) for each in picks} == set(
        was.items.filter(object_id__in=("policy-2", "policy-3")).values_list("pk", flat=True)
    )
    assert f'name="backup" value="{was.pk}"' in page
    chosen = client.get("/admin/t/contoso/restore-runs/new", {"backup": was.pk, "item": picks})
    assert "2 objects" in chosen.content.decode()


def test_a_restore_draws_on_one_backup(world: World) -> None:
    make_backup(world.tenant, {CATALOG: [policy(1)], SCRIPTS: []})
    make_backup(world.tenant, {CATALOG: []}, unread={SCRIPTS: "provider.permission_missing"})
    now = make_backup(world.tenant, {CATALOG: [policy(1)], SCRIPTS: []})
    page = signed_in(world.manager).get(f"/admin/t/contoso/backups/{now.pk}/changes").content.decode()
    assert "tp-selection" not in page


def test_who_may_not_restore_is_offered_no_restore(world: World) -> None:
    _was, now = two(world)
    page = signed_in(world.readonly).get(f"/admin/t/contoso/backups/{now.pk}/changes").content.decode()
    assert "Screen lock 3" in page
    assert "Restore…" not in page


def test_changes_are_searched_by_name(world: World) -> None:
    _was, now = two(world)
    page = (
        signed_in(world.readonly).get(f"/admin/t/contoso/backups/{now.pk}/changes?q=lock+4").content.decode()
    )
    assert "Screen lock 4" in page
    assert "Screen lock 3" not in page
