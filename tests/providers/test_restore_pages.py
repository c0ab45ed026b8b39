"""Restores in the console: a draft, its preview, the confirmation, the result, and two people in one draft."""

import re
from typing import Any

import pytest
from django.test import Client

from operations.models import OperationRun
from providers.models import RestoreRun, RestoreSelection
from tenantpilot.tenancy.capabilities import Role
from tests import factories
from tests.providers.conftest import Live
from tests.providers.restoring import back_up, draft, execute, preview, start_execution, writes
from tests.providers.restoring import live as live
from tests.providers.restoring import quick as quick

CATEGORIES = "deviceCategories"


@pytest.fixture
def client(live: Live) -> Client:
    made = Client()
    made.force_login(live.operator)
    return made


@pytest.fixture
def restore(live: Live) -> RestoreRun:
    """A previewed draft: one category was deleted since the backup."""
    backup = back_up(live, CATEGORIES, "termsAndConditions")
    live.sandbox.wipe(live.slug, CATEGORIES)
    made = draft(live, backup)
    preview(live, made)
    return made


def base(live: Live) -> str:
    return f"/admin/t/{live.slug}/restore-runs"


def counts_in(page: str) -> dict[str, int]:
    """The numbers of the plan or the result, by their words."""
    return {word: int(count) for word, count in re.findall(r"<dt>([^<]+)</dt><dd[^>]*>(\d+)</dd>", page)}


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def test_a_draft_is_made_from_a_backup_and_leads_to_its_page(live: Live, client: Client) -> None:
    backup = back_up(live, CATEGORIES, "termsAndConditions")
    page = client.get(f"{base(live)}/new?backup={backup.pk}")
    assert page.status_code == 200
    assert "Device categories (1)" in text(page)
    form = {
        "backup": backup.pk,
        "types": [CATEGORIES],
        "update": "on",
        "create": "on",
        "assignments": "merged",
    }
    made = client.post(base(live), form)
    restore = RestoreRun.objects.get(tenant=live.tenant)
    assert (made.status_code, made["Location"]) == (303, f"{base(live)}/{restore.pk}")
    assert [row.item.object_type for row in restore.selections.all()] == [CATEGORIES]
    assert restore.options["assignments"] == "merged"
    shown = text(client.get(made["Location"]))
    assert "1 object is chosen. Nothing was compared yet." in shown
    assert "Preview restore" in shown
    assert f"Restore {restore.pk}" in text(client.get(base(live)))


def test_a_draft_without_a_choice_says_so_beside_the_field(live: Live, client: Client) -> None:
    backup = back_up(live, CATEGORIES)
    wrong = client.post(base(live), {"backup": backup.pk, "assignments": "merged"})
    assert wrong.status_code == 400
    assert "Choose at least one type." in text(wrong)
    assert client.post(base(live), {"backup": "x"}).status_code == 404
    assert not RestoreRun.objects.filter(tenant=live.tenant).exists()


def test_the_preview_shows_counts_objects_and_differences(
    live: Live, client: Client, restore: RestoreRun
) -> None:
    shown = text(client.get(f"{base(live)}/{restore.pk}"))
    assert "1 object will change" in shown
    assert "Already as backed up." in shown
    assert "Review and execute" in shown
    item = restore.plan.items.get(action="create")
    part = client.get(f"{base(live)}/{restore.pk}/items/{item.pk}", headers={"HX-Request": "true"})
    assert "tp-diff__after" in text(part)
    assert "<html" not in text(part)
    assert "<html" in text(client.get(f"{base(live)}/{restore.pk}/items/{item.pk}"))


def test_the_confirmation_names_what_is_written_and_is_checked(
    live: Live, client: Client, restore: RestoreRun
) -> None:
    page = text(client.get(f"{base(live)}/{restore.pk}/review"))
    assert f"1 object is created in {live.tenant.name}." in page
    url = f"{base(live)}/{restore.pk}/execute"
    wrong = client.post(url, {"planHash": restore.plan.hash})
    assert wrong.status_code == 400
    assert "Tick the box to confirm." in text(wrong)
    assert client.post(url, {"confirm": "yes"}).status_code == 400
    other = text(client.post(url, {"planHash": "0" * 64, "confirm": "yes"}))
    assert "restore.plan_changed" in other
    right = client.post(url, {"planHash": restore.plan.hash, "confirm": "yes"})
    assert "Execute restore queued" in text(right)


def test_a_large_plan_wants_the_tenants_name(
    live: Live, client: Client, restore: RestoreRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("providers.views.restore_execute.TYPED_ABOVE", 0)
    url, right = f"{base(live)}/{restore.pk}/execute", {"planHash": restore.plan.hash, "confirm": "yes"}
    assert f"Type {live.tenant.name}" in text(client.get(f"{base(live)}/{restore.pk}/review"))
    wrong = client.post(url, right | {"tenantName": "Fabrikam"})
    assert wrong.status_code == 400
    assert f"Type the name {live.tenant.name}." in text(wrong)
    assert client.post(url, right | {"tenantName": live.tenant.name}).status_code == 200


def test_the_result_is_shown_with_its_journal_and_the_ways_on(
    live: Live, client: Client, restore: RestoreRun
) -> None:
    execute(live, restore)
    shown = text(client.get(f"{base(live)}/{restore.pk}"))
    assert "Verified" in shown
    assert "Undo" in shown
    item = restore.plan.items.get(action="create")
    assert "POST /deviceManagement/deviceCategories" in text(
        client.get(f"{base(live)}/{restore.pk}/items/{item.pk}")
    )
    before = writes(live)
    undone = client.post(f"{base(live)}/{restore.pk}/undo")
    back = RestoreRun.objects.get(parent=restore)
    assert undone["Location"] == f"{base(live)}/{back.pk}"
    assert writes(live) == before


def test_the_result_counts_what_became_of_the_objects_not_what_was_planned(
    live: Live, client: Client
) -> None:
    made = [live.sandbox.add_object(live.slug, CATEGORIES, name) for name in ("Kiosk", "Shop floor")]
    backup = back_up(live, CATEGORIES)
    for each in made:
        live.sandbox.delete_object(live.slug, CATEGORIES, each)
    restore = draft(live, backup)
    preview(live, restore)
    live.fail("deviceManagement/deviceCategories", method="POST", status=403, times=1)
    execute(live, restore)
    assert "Partly failed" in text(client.get(base(live)))
    shown = text(client.get(f"{base(live)}/{restore.pk}"))
    assert counts_in(shown) == {"Failed": 1, "Verified": 1, "Skipped": restore.plan.counts["skip"]}


def test_an_accepted_execution_is_followed_from_its_restore_before_it_begins(
    live: Live, client: Client, restore: RestoreRun
) -> None:
    run = start_execution(live, restore).run
    assert run is not None
    assert "Queued" in text(client.get(base(live)))
    shown = text(client.get(f"{base(live)}/{restore.pk}"))
    assert f"/admin/operations/{run.id}/progress" in shown
    assert "Review and execute" not in shown
    headers = {"HX-Request": "true"}
    assert "Waiting for a worker." in text(
        client.get(f"/admin/operations/{run.id}/progress", headers=headers)
    )
    live.work(run.id)
    ended = client.get(f"/admin/operations/{run.id}/progress", headers=headers)
    assert (ended.status_code, ended["HX-Trigger"]) == (286, "tp:run-ended")
    assert "/progress" not in text(client.get(f"{base(live)}/{restore.pk}"))


def test_two_people_in_one_draft(live: Live, client: Client, restore: RestoreRun) -> None:
    """The second one is told, and what the first one chose stays."""
    url = f"{base(live)}/{restore.pk}"
    item = restore.plan.items.get(action="create").source_item_id
    seen = {"version": restore.version}
    first = client.post(f"{url}/items", {**seen, f"choice:{item}": "skip"}, follow=True)
    assert "The choice is kept." in text(first)
    second = client.post(f"{url}/options", {**seen, "assignments": "none"}, follow=True)
    assert "Somebody else changed this restore. Look at it again. Nothing was lost." in text(second)
    restore.refresh_from_db()
    assert restore.options["assignments"] == "backed_up"
    assert RestoreSelection.objects.get(restore_run=restore, item=item).choice == "skip"
    assert restore.plan.counts == {"skip": 2}


def test_changing_options_freezes_anew_from_the_same_reading(
    live: Live, client: Client, restore: RestoreRun
) -> None:
    before, read_at, runs = restore.plan.hash, restore.plan.read_at, OperationRun.objects.count()
    form = {"version": restore.version, "update": "on", "assignments": "backed_up"}
    client.post(f"{base(live)}/{restore.pk}/options", form)
    restore.refresh_from_db()
    assert restore.plan.hash != before
    assert restore.plan.read_at == read_at
    assert restore.plan.counts == {"skip": 2}
    assert OperationRun.objects.count() == runs


def test_a_reader_sees_it_all_and_changes_nothing(live: Live, restore: RestoreRun) -> None:
    reader = Client()
    reader.force_login(factories.make_member(live.tenant.workspace, Role.READONLY))
    url = f"{base(live)}/{restore.pk}"
    shown = reader.get(url)
    assert shown.status_code == 200
    assert "Ask somebody who is Manager to execute it." in text(shown)
    assert reader.get(f"{url}/review").status_code == 403
    for act in ("options", "items", "targets", "resume", "undo", "execute"):
        assert reader.post(f"{url}/{act}").status_code == 403, act
