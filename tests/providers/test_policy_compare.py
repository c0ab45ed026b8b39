"""Compare with tenant: one object read as it is now, beside what a backup holds."""

import copy

import pytest
from django.urls import reverse

from operations.choices import RunOutcome, StartStatus
from operations.params import InvalidInput
from providers.backups.store import content_of
from providers.models import LiveVersion
from providers.sandbox.control import Control
from tests.console.rows import signed_in
from tests.providers.backups import back_up, items, live_with_policies, widen_budget
from tests.providers.conftest import Live
from tests.providers.made_backups import item_of, make_backup

CATALOG = "configurationPolicies"


@pytest.fixture
def live(transactional_db: None, sandbox: Control, monkeypatch: pytest.MonkeyPatch) -> Live:
    widen_budget(monkeypatch)
    return live_with_policies(sandbox)


def compared(live: Live, item: int) -> LiveVersion:
    run = live.run("policy.compare", backupItem=item)
    assert run.outcome == RunOutcome.SUCCEEDED
    return LiveVersion.objects.get(run_id=run.pk)


@pytest.mark.parametrize("key", [CATALOG, "conditionalAccessPolicies", "deviceShellScripts", "mobileApps"])
def test_an_unchanged_object_is_the_very_version_of_the_backup(live: Live, key: str) -> None:
    (item,) = items(back_up(live, key), key).values()
    assert compared(live, item.pk).version_id == item.version_id


def test_a_change_at_the_tenant_is_shown(live: Live) -> None:
    (item,) = items(back_up(live, CATALOG), CATALOG).values()
    (there,) = live.sandbox.objects(live.slug, CATALOG)
    changed = copy.deepcopy(there) | {"description": "Changed by hand."}
    live.sandbox._state.tenants[live.slug].policies.put(CATALOG, changed)
    found = compared(live, item.pk)
    assert found.version_id != item.version_id
    page = signed_in(live.operator).get(reverse("backup_live", args=[live.slug, item.pk]))
    (group,) = page.context["groups"]
    assert [change["where"] for change in group["changes"]] == [["Description"]]
    assert content_of(item)["object"].get("description") != "Changed by hand."


def test_an_object_that_is_gone_is_told(live: Live) -> None:
    (item,) = items(back_up(live, CATALOG), CATALOG).values()
    live.sandbox._state.tenants[live.slug].policies.remove(CATALOG, item.object_id)
    assert compared(live, item.pk).version_id is None


def test_a_refused_part_is_told(live: Live) -> None:
    (item,) = items(back_up(live, CATALOG), CATALOG).values()
    live.fail(f"deviceManagement/{CATALOG}/*/settings", status=403)
    run = live.run("policy.compare", backupItem=item.pk)
    assert run.outcome == RunOutcome.PARTIALLY_SUCCEEDED
    assert [part["part"] for part in LiveVersion.objects.get(run_id=run.pk).incomplete_parts] == ["settings"]


def test_an_item_of_another_tenant_is_none_of_this_one(live: Live, sandbox: Control) -> None:
    foreign = item_of(make_backup(live_with_policies(sandbox).tenant))
    for wrong in (foreign.pk, 999_999):
        with pytest.raises(InvalidInput) as caught:
            live.start("policy.compare", backupItem=wrong)
        assert caught.value.errors.keys() == {"backupItem"}


def test_the_types_own_permission_is_asked_for(live: Live) -> None:
    (item,) = items(back_up(live, "deviceShellScripts"), "deviceShellScripts").values()
    live.sandbox.revoke(live.slug, ["DeviceManagementScripts.Read.All"])
    live.check()
    outcome = live.start("policy.compare", backupItem=item.pk)
    assert (outcome.status, outcome.reason_code) == (StartStatus.BLOCKED, "provider.permission_missing")
