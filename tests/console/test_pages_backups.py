"""The pages of backups: what was kept, what was not read and why, what changed; secrets never leave."""

import re
from typing import Any

import pytest
from django.db import connection as database
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from providers.backups import store
from providers.backups.store import NewItem
from providers.catalogue import all_types, get
from providers.choices import BackupKind
from providers.models import Backup, LiveVersion
from providers.views.backup_words import part_words
from tests import factories
from tests.conftest import World
from tests.console.rows import signed_in, text_of
from tests.providers.made_backups import (
    CATALOG,
    OMA,
    SCRIPTS,
    item_of,
    make_backup,
    policy,
    secret_configuration,
)

pytestmark = pytest.mark.django_db
LIST = "/admin/t/contoso/backups"


@pytest.fixture
def client(world: World) -> Client:
    return signed_in(world.operator)


def words(response: HttpResponse) -> str:
    """The page's text without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text_of(response)))


def page_of(backup: Backup) -> str:
    return f"{LIST}/{backup.pk}"


def url_of(item: Any) -> str:
    return f"{LIST}/{item.backup_id}/items/{item.pk}"


def test_a_tenant_without_backups_says_so_and_offers_one(client: Client) -> None:
    page = client.get(LIST)
    assert "This tenant was never backed up." in words(page)
    assert [start["label"] for start in page.context["starts"]] == ["Back up policies"]


def test_the_list_tells_what_is_in_each_and_what_changed(world: World, client: Client) -> None:
    make_backup(world.tenant, {CATALOG: [policy(1), policy(2)]}, by=world.operator)
    make_backup(
        world.tenant,
        {CATALOG: [policy(1, minutes=5), policy(3)]},
        unread={SCRIPTS: "provider.permission_missing"},
    )
    newest, oldest = client.get(LIST).context["backups"]
    assert (oldest["state"], oldest["objects"], oldest["changes"], oldest["by"]) == (
        "complete",
        2,
        "",
        "operator",
    )
    assert (newest["state"], newest["changes"]) == ("partial", "1 new, 1 changed, 1 gone")
    assert newest["note"] == "1 type not observed"
    assert newest["types"] == "2 types"


def test_pages_of_the_list_go_by_key(world: World, client: Client) -> None:
    made = [make_backup(world.tenant, {CATALOG: []}).pk for _ in range(27)]
    page = client.get(LIST, {"size": 25})
    assert [row["id"] for row in page.context["backups"]] == made[:1:-1]
    older = client.get(LIST + page.context["pager"]["nextUrl"])
    assert [row["id"] for row in older.context["backups"]] == made[1::-1]
    newer = client.get(LIST + older.context["pager"]["backUrl"])
    assert [row["id"] for row in newer.context["backups"]] == made[:1:-1]


def test_filters_narrow_the_list(world: World, client: Client) -> None:
    make_backup(world.tenant)
    safety = make_backup(world.tenant, kind=BackupKind.SAFETY)
    assert [row["id"] for row in client.get(LIST, {"kind": "safety"}).context["backups"]] == [safety.pk]
    assert "No backup matches." in words(client.get(LIST, {"state": "failed"}))


def test_the_picture_says_what_it_shows(world: World, client: Client) -> None:
    for minutes in (1, 2, 3):
        make_backup(world.tenant, {CATALOG: [policy(minutes=minutes)]})
    picture = client.get(LIST).context["picture"]
    assert picture["sentence"] == "The last backup found 1 change; the most in 2 backups were 1."
    assert [bar["changed"] for bar in picture["bars"]] == [1, 1]


def test_a_backup_tells_of_each_type_how_it_ended(world: World, client: Client) -> None:
    first = make_backup(world.tenant, {SCRIPTS: []})
    broken = policy(2)
    broken = NewItem(
        broken.object_id, broken.name, "", "", broken.content,
        [{"part": "settings", "code": "provider.unreachable", "facts": {}}],
    )  # fmt: skip
    backup = make_backup(
        world.tenant, {CATALOG: [policy(1), broken]}, unread={SCRIPTS: "provider.permission_missing"}
    )
    page = client.get(page_of(backup))
    types = {row["label"]: row for row in page.context["types"]}
    assert types["Remediations"]["reason"] == "The permission DeviceManagementScripts.Read.All is missing."
    assert types["Remediations"]["earlier"]["url"] == page_of(first)
    assert types["Settings catalog policies"]["incomplete"] == 1
    assert "Not read: Settings" in words(page)
    assert [row["name"] for row in page.context["items"]] == ["Screen lock 1", "Screen lock 2"]


def test_objects_are_found_by_name_id_type_and_state(world: World, client: Client) -> None:
    backup = make_backup(world.tenant, {CATALOG: [policy(1), policy(2)], OMA: [secret_configuration("****")]})
    url = page_of(backup)

    def names(**query: str) -> list[str]:
        return [row["name"] for row in client.get(url, query).context["items"]]

    assert names(q="lock 2") == ["Screen lock 2"]
    assert names(q="policy-1") == ["Screen lock 1"]
    assert names(type=OMA) == ["Proxy"]
    assert names(state="flagged") == ["Proxy"]
    assert names(state="incomplete") == []


def test_an_object_is_readable_with_names_for_ids(world: World, client: Client) -> None:
    item = item_of(make_backup(world.tenant))
    page = client.get(url_of(item))
    assert [row["name"] for row in page.context["assignments"]] == ["Pilot"]
    assert "lock minutes 15" in words(page)
    assert "Platforms windows10" in words(page)


def test_every_part_of_an_object_has_words() -> None:
    names = {detail.name for kind in all_types() for detail in kind.details}
    assert {name for name in names if part_words(name) == name} == set()


def test_secrets_are_on_no_page(world: World, client: Client) -> None:
    old = item_of(make_backup(world.tenant, {OMA: [secret_configuration("hush-1")]}), OMA)
    new = item_of(make_backup(world.tenant, {OMA: [secret_configuration("hush-2")]}), OMA)
    diff = client.get(reverse("backup_diff", args=["contoso", old.pk, new.pk]))
    assert [row["where"][-1] for group in diff.context["groups"] for row in group["changes"]]
    for page in (client.get(url_of(new)), diff, client.get(page_of(new.backup))):
        assert "hush" not in text_of(page)
        assert new.version.content_hash not in text_of(page), "It would let a short secret be guessed."


def test_a_diff_names_the_setting_and_shows_both_values(world: World, client: Client) -> None:
    old = item_of(make_backup(world.tenant))
    new = item_of(make_backup(world.tenant, {CATALOG: [policy(minutes=5)]}))
    page = client.get(url_of(new))
    diff = client.get(page.context["earlierUrl"])
    assert diff.request["PATH_INFO"] == reverse("backup_diff", args=["contoso", old.pk, new.pk])
    ((change,),) = [group["changes"] for group in diff.context["groups"]]
    assert (change["where"], change["before"].text, change["after"].text) == (["lock minutes"], "15", "5")


def test_an_object_has_a_history_across_backups(world: World, client: Client) -> None:
    for minutes in (1, 1, 2):
        item = item_of(make_backup(world.tenant, {CATALOG: [policy(minutes=minutes)]}))
    url = client.get(url_of(item)).context["historyUrl"]
    versions = client.get(url).context["versions"]
    assert [row["state"] for row in versions] == ["changed", "same", "first"]
    assert [bool(row["diffUrl"]) for row in versions] == [True, False, False]


def test_a_comparison_with_the_tenant_is_shown_once_it_was_made(world: World, client: Client) -> None:
    item = item_of(make_backup(world.tenant))
    url = reverse("backup_live", args=["contoso", item.pk])
    assert "not compared with the tenant yet" in words(client.get(url))
    (start,) = client.get(url).context["compare"]
    assert start["fields"] == [{"name": "targetContext.backupItem", "value": item.pk}]
    content = policy(minutes=5).content

    def keep(found: Any, run_id: int) -> None:
        from contextlib import nullcontext

        store.keep_live(item, get(CATALOG), found, [], run_id=run_id, fenced=nullcontext)

    keep(content, 1)
    assert [len(group["changes"]) for group in client.get(url).context["groups"]] == [1]
    keep(policy().content, 2)
    assert "The tenant holds exactly this." in words(client.get(url))
    keep(None, 3)
    assert "no object of this ID any more" in words(client.get(url))
    assert LiveVersion.objects.filter(item=item).count() == 3


def test_what_is_another_tenants_is_not_there(world: World) -> None:
    other = factories.make_tenant(world.workspace, "fabrikam")
    item = item_of(make_backup(other))
    mine = item_of(make_backup(world.tenant))
    client = signed_in(world.owner)
    for url in (
        page_of(item.backup),
        url_of(item),
        f"{LIST}/{mine.backup_id}/items/{item.pk}",
        f"{LIST}/diff/{mine.pk}/{item.pk}",
        f"{LIST}/live/{item.pk}",
        f"{LIST}/{item.backup_id}/export",
        f"{LIST}/objects/{CATALOG}/no-such-object",
        f"{LIST}/{10**30}",
        f"{LIST}/live/{2**63}",
    ):
        assert client.get(url).status_code == 404, url


@pytest.mark.parametrize("count", [1, 60])
def test_a_backup_costs_the_same_statements_whatever_it_holds(
    world: World, client: Client, count: int
) -> None:
    backup = make_backup(world.tenant, {CATALOG: [policy(number) for number in range(count)]})
    for url, most in ((page_of(backup), 7), (LIST, 9), (url_of(item_of(backup)), 10)):
        with CaptureQueriesContext(
            database,
        ) as queries:
            assert client.get(url).status_code == 200
        assert len(queries) <= most, url
