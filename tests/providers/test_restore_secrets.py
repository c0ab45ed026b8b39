"""Secrets that Graph masks: entered for a restore, written once, never seen again, and gone when it ends."""

import logging
from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from operations import transitions
from operations.choices import RunOutcome
from operations.models import OperationRun
from operations.recovery import Sweeper
from operations.tasks import forget_secrets
from providers import secrets
from providers.backups.rotation import contents_rotate
from providers.choices import ItemOutcome
from providers.models import Backup, RestoreResult, RestoreRun, RestoreSecret, RestoreStep
from providers.restore import drafts, store
from providers.sandbox.control import Control
from tenantpilot.audit.models import AuditEntry
from tenantpilot.tenancy.capabilities import Role
from tests import factories
from tests.providers.conftest import Live
from tests.providers.restoring import (
    back_up,
    draft,
    execute,
    make_restorable,
    planned,
    preview,
    start_execution,
)
from tests.providers.restoring import live as live
from tests.providers.restoring import quick as quick

OMA, CATALOG = "deviceConfigurations", "configurationPolicies"
CUSTOM = "#microsoft.graph.windows10CustomConfiguration"
WIFI = "#microsoft.graph.windowsWifiConfiguration"
VPN, SCRIPT = "./Vendor/MSFT/VPNv2/Contoso/Key", "./Vendor/MSFT/Script/Text"
VALUE = "canary~Th3 <value> & nobody/else 42="
OTHER = "canary~another one"
PLAIN = "deviceManagement/deviceConfigurations/*/getOmaSettingPlainTextValue*"


def put(live: Live, kind: str, name: str, typed: str, **more: Any) -> str:
    """An object in the tenant, alone of its type."""
    live.sandbox.wipe(live.slug, kind)
    made: str = live.sandbox.add_object(live.slug, kind, name)
    (item,) = [each for each in live.sandbox.objects(live.slug, kind) if each["id"] == made]
    kept = {key: item[key] for key in ("id", "displayName", "assignments", "roleScopeTagIds") if key in item}
    live.sandbox.put_object(live.slug, kind, {**kept, "@odata.type": typed, "assignments": [], **more})
    live.sandbox.change_object(live.slug, kind, made, {"description": "As backed up"})
    return made


def custom(live: Live) -> str:
    """A custom configuration with two encrypted values and a plain one."""
    settings = [
        {
            "@odata.type": "#microsoft.graph.omaSettingString",
            "omaUri": VPN,
            "displayName": "Key",
            "value": "lost",
        },
        {
            "@odata.type": "#microsoft.graph.omaSettingStringXml",
            "omaUri": SCRIPT,
            "displayName": "Text",
            "value": b64encode(b"lost").decode(),
        },
        {
            "@odata.type": "#microsoft.graph.omaSettingInteger",
            "omaUri": "./x",
            "displayName": "X",
            "value": 1,
        },
    ]
    return put(live, OMA, "VPN", CUSTOM, omaSettings=settings)


def masked_backup(live: Live, *kinds: str) -> Backup:
    """A backup through an app that may not read the plain values."""
    live.fail(PLAIN, status=403)
    backup = back_up(live, *(kinds or [OMA]))
    live.heal()
    return backup


@pytest.fixture
def restore(live: Live) -> RestoreRun:
    """A previewed draft of a configuration that was deleted, and whose values the backup does not have."""
    custom(live)
    backup = masked_backup(live)
    live.sandbox.wipe(live.slug, OMA)
    made = draft(live, backup)
    preview(live, made)
    return made


@pytest.fixture
def client(live: Live) -> Client:
    made = Client()
    made.force_login(live.operator)
    return made


def item_of(restore: RestoreRun) -> Any:
    assert restore.plan is not None
    return restore.plan.items.get()


def url_of(restore: RestoreRun) -> str:
    slug = restore.tenant.slug
    return f"/admin/t/{slug}/restore-runs/{restore.pk}/secrets/{item_of(restore).source_item_id}"


def field(uri: str) -> str:
    return "secret-" + store.place_key(f"object/omaSettings/{uri.replace('/', '~1')}/value")


def enter(client: Client, restore: RestoreRun, **more: Any) -> Any:
    fields = {
        "version": restore.version,
        **{field(uri): value for uri, value in more.pop("values").items()},
        **more,
    }
    answer = client.post(url_of(restore), fields, follow=True)
    restore.refresh_from_db()
    return answer


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def oma_values(live: Live) -> dict[str, Any]:
    (found,) = live.sandbox.objects(live.slug, OMA)
    return {each["omaUri"]: each["value"] for each in found["omaSettings"]}


def test_what_was_entered_arrives_and_is_never_seen_again(
    live: Live, client: Client, restore: RestoreRun, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    page = f"/admin/t/{live.slug}/restore-runs/{restore.pk}"
    shown = text(client.get(page))
    assert "A secret value was not readable when it was backed up." in shown
    assert "Some objects wait for a secret: 1." in shown
    assert "0 of 2 set" in shown
    assert start_execution(live, restore).reason_code == "restore.secret_missing"
    pages = [client.get(url_of(restore)), client.get(url_of(restore), headers={"HX-Request": "true"})]
    assert VPN in text(pages[0])
    assert "<html" in text(pages[0])
    assert "<html" not in text(pages[1])

    before = restore.plan.hash
    pages.append(enter(client, restore, values={VPN: VALUE}))
    assert "The secrets are kept until this restore has ended." in text(pages[-1])
    assert "1 of 2 set" in text(pages[-1])
    assert planned(restore) == {"VPN": "unresolved"}
    pages.append(enter(client, restore, values={SCRIPT: OTHER}))
    assert planned(restore) == {"VPN": "create"}
    assert restore.plan.hash != before
    assert "1 object will change" in text(pages[-1])
    item_page = f"{page}/items/{item_of(restore).pk}"
    pages += [client.get(each) for each in (url_of(restore), item_page, f"{page}/review")]

    run = execute(live, restore)
    assert run.outcome == RunOutcome.SUCCEEDED, run.failures
    assert RestoreResult.objects.get(run=run.pk).outcome == ItemOutcome.VERIFIED
    assert oma_values(live) == {VPN: VALUE, SCRIPT: b64encode(OTHER.encode()).decode(), "./x": 1}
    assert not RestoreSecret.objects.exists()
    run_page = f"/admin/operations/{run.pk}"
    pages += [client.get(each) for each in (page, item_page, run_page, "/admin/audit")]
    pages.append(
        client.get(run_page, headers={"Accept": "application/vnd.tenantpilot.operation-run-detail+json"})
    )
    for told in pages:
        assert told.status_code in {200, 406}, told
        assert "canary" not in told.content.decode() + str(told.headers)
    assert caplog.records
    assert "canary" not in caplog.text
    assert "providers_restoreplanitem" in found_in_tables("VPN")
    assert found_in_tables("canary") == []
    acts = AuditEntry.objects.filter(object_kind="restore_run", object_id=str(restore.pk))
    entered = [row.facts for row in acts.filter(action="restore.secret_entered").order_by("id")]
    assert entered == [{"object": "VPN", "place": VPN}, {"object": "VPN", "place": SCRIPT}]


def found_in_tables(text: str) -> list[str]:
    """The tables that hold this text in any column, also as encoded by base64."""
    hits = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            for spelled in (text, b64encode(text.encode()).decode().rstrip("=")[:-1], text.encode().hex()):
                cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE strpos(t::text, %s) > 0', [spelled])
                hits += [table] if cursor.fetchone() != (0,) else []
    return hits


def test_it_is_kept_encrypted_and_under_a_new_key_after_a_rotation(
    live: Live, client: Client, restore: RestoreRun
) -> None:
    enter(client, restore, values={VPN: VALUE})
    assert found_in_tables("canary") == []
    row = RestoreSecret.objects.get(restore_run=restore)
    stored = bytes(row.sealed)
    assert row.entered_by == live.operator
    contents_rotate()
    row.refresh_from_db()
    assert bytes(row.sealed) != stored
    assert secrets.decrypt_bytes(bytes(row.sealed)).decode() == VALUE


def test_replacing_makes_another_plan_and_removing_takes_it_back(client: Client, restore: RestoreRun) -> None:
    enter(client, restore, values={VPN: VALUE, SCRIPT: VALUE})
    before = restore.plan.hash
    shown = text(client.get(url_of(restore)))
    assert shown.count("Replace") == shown.count("Remove</button>") == 2
    enter(client, restore, values={VPN: OTHER})
    assert restore.plan.hash != before
    assert planned(restore) == {"VPN": "create"}
    key = field(VPN).removeprefix("secret-")
    assert "The secret is removed." in text(enter(client, restore, values={}, remove=key))
    assert planned(restore) == {"VPN": "unresolved"}
    assert RestoreSecret.objects.filter(restore_run=restore).count() == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({field(VPN): "", field(SCRIPT): ""}, "Enter a value."),
        ({field(VPN): "x" * 10_001}, "Ensure this value has at most 10000 characters"),
        ({field(VPN): "****"}, "These stars stand for a secret."),
        ({field(VPN): "a\x00b"}, "Null characters are not allowed."),
        ({"secret-0123": VALUE}, "This object has no such secret."),
        ({"remove": "0123"}, "Enter a value."),
    ],
)
def test_bad_input_is_named_and_nothing_is_lost(
    client: Client, restore: RestoreRun, fields: dict[str, str], words: str
) -> None:
    enter(client, restore, values={SCRIPT: OTHER})
    before = restore.plan.hash
    for headers in ({}, {"HX-Request": "true"}):
        wrong = client.post(url_of(restore), {"version": restore.version, **fields}, headers=headers)
        assert wrong.status_code == 400
        assert words in text(wrong)
        assert VALUE not in text(wrong)
    restore.refresh_from_db()
    assert (restore.plan.hash, RestoreSecret.objects.filter(restore_run=restore).count()) == (before, 1)


def test_two_people_in_one_draft(client: Client, restore: RestoreRun) -> None:
    seen, url = restore.version, url_of(restore)
    enter(client, restore, values={VPN: VALUE})
    second = client.post(url, {"version": seen, field(SCRIPT): OTHER}, follow=True)
    assert "Somebody else changed this restore. Look at it again. Nothing was lost." in text(second)
    assert [row.place for row in RestoreSecret.objects.filter(restore_run=restore)] == [
        field(VPN).removeprefix("secret-")
    ]


def test_who_may_not_prepare_the_restore_is_asked_for_nothing(live: Live, restore: RestoreRun) -> None:
    workspace = live.tenant.workspace
    reader, operator, outsider = Client(), Client(), Client()
    reader.force_login(factories.make_member(workspace, Role.READONLY))
    operator.force_login(factories.make_member(workspace, Role.OPERATOR))
    outsider.force_login(factories.make_member(factories.make_workspace(), Role.OWNER))
    url = url_of(restore)
    assert [each.get(url).status_code for each in (reader, operator, outsider)] == [403, 200, 404]
    assert [each.post(url).status_code for each in (reader, operator, outsider)] == [403, 303, 404]
    assert "Enter secrets of" not in text(reader.get(f"/admin/t/{live.slug}/restore-runs/{restore.pk}"))
    assert operator.get(url.rpartition("/")[0] + "/987654").status_code == 404


def test_what_is_old_is_not_asked_for_and_forgotten(live: Live, client: Client, restore: RestoreRun) -> None:
    enter(client, restore, values={VPN: VALUE})
    forget_secrets()
    assert RestoreSecret.objects.filter(restore_run=restore).exists()
    old = timezone.now() - timedelta(minutes=31)
    RestoreRun.objects.filter(pk=restore.pk).update(read_at=old)
    late = enter(client, restore, values={SCRIPT: OTHER})
    assert "The preview is older than 30 minutes. Preview again first." in text(late)
    assert "Enter secrets of" not in text(late)
    forget_secrets()
    assert not RestoreSecret.objects.filter(restore_run=restore).exists()


def test_a_new_preview_keeps_what_is_young_and_forgets_what_is_old(
    live: Live, client: Client, restore: RestoreRun
) -> None:
    enter(client, restore, values={VPN: VALUE, SCRIPT: OTHER})
    preview(live, restore)
    assert planned(restore) == {"VPN": "create"}
    RestoreRun.objects.filter(pk=restore.pk).update(read_at=timezone.now() - timedelta(minutes=31))
    preview(live, restore)
    assert planned(restore) == {"VPN": "unresolved"}
    assert not RestoreSecret.objects.filter(restore_run=restore).exists()


def _cancelled(live: Live, run: int) -> None:
    assert transitions.cancel(run, live.operator.pk) == "ended"


def _lost(live: Live, run: int) -> None:
    assert transitions.claim(run, "a-worker:1") is not None
    OperationRun.objects.filter(pk=run).update(lease_until=timezone.now() - timedelta(seconds=1))
    Sweeper("another").sweep()


def _released(live: Live, run: int) -> None:
    assert transitions.claim(run, "a-worker:1") is not None
    assert transitions.cancel(run, live.operator.pk) == "requested"
    OperationRun.objects.filter(pk=run).update(cancel_requested_at=timezone.now() - timedelta(minutes=2))
    assert transitions.force_release(run, live.operator.pk)


@pytest.mark.parametrize("ended", [_cancelled, _lost, _released])
def test_whoever_ends_an_execution_ends_its_secrets(
    live: Live, client: Client, restore: RestoreRun, ended: Any
) -> None:
    enter(client, restore, values={VPN: VALUE, SCRIPT: OTHER})
    outcome = start_execution(live, restore)
    assert outcome.run is not None, outcome
    ended(live, outcome.run.id)
    assert OperationRun.objects.get(pk=outcome.run.id).status == "completed"
    assert not RestoreSecret.objects.filter(restore_run=restore).exists()
    assert start_execution(live, restore).reason_code == "restore.secret_missing"
    again = enter(client, restore, values={VPN: VALUE, SCRIPT: OTHER})
    assert "2 of 2 set" in text(again)
    assert execute(live, restore).outcome == RunOutcome.SUCCEEDED


def test_what_was_not_carried_out_asks_again_when_it_is_resumed(
    live: Live, client: Client, restore: RestoreRun
) -> None:
    enter(client, restore, values={VPN: VALUE, SCRIPT: OTHER})
    live.fail("deviceManagement/deviceConfigurations", method="POST", status=400)
    run = execute(live, restore)
    live.heal()
    assert run.outcome == RunOutcome.FAILED
    assert "canary" not in str(run.failures)
    again = drafts.resume_create(restore=restore, actor=live.operator)
    preview(live, again)
    assert planned(again) == {"VPN": "unresolved"}
    enter(client, again, values={VPN: VALUE, SCRIPT: OTHER})
    assert execute(live, again).outcome == RunOutcome.SUCCEEDED
    assert oma_values(live)[VPN] == VALUE


@pytest.mark.parametrize("after_write", [True, False])
def test_a_create_whose_answer_was_lost_is_found_without_comparing_secrets(
    live: Live, client: Client, restore: RestoreRun, after_write: bool
) -> None:
    enter(client, restore, values={VPN: VALUE, SCRIPT: OTHER})
    live.fail(
        "deviceManagement/deviceConfigurations", method="POST", status=504, after_write=after_write, times=1
    )
    run = execute(live, restore)
    step = RestoreStep.objects.filter(run=run.pk).earliest("id")
    assert step.sent_count == 1
    if after_write:
        assert run.outcome == RunOutcome.SUCCEEDED, run.failures
        assert oma_values(live)[VPN] == VALUE
    else:
        assert (step.state, live.sandbox.objects(live.slug, OMA)) == ("uncertain", [])


@pytest.fixture
def wifi(live: Live) -> Iterator[RestoreRun]:
    """A Wi-Fi profile that somebody changed since; Graph never gives its key."""
    made = put(
        live, OMA, "Wi-Fi", WIFI, ssid="Contoso", preSharedKey="the old one", wifiSecurityType="wpa2Personal"
    )
    backup = back_up(live, OMA)
    live.sandbox.change_object(live.slug, OMA, made, {"description": "By hand"})
    restore = draft(live, backup)
    preview(live, restore)
    yield restore


def psk(restore: RestoreRun, value: str) -> dict[str, Any]:
    return {"version": restore.version, "secret-" + store.place_key("object/preSharedKey"): value}


def test_a_key_that_graph_never_gives_may_be_entered_or_stays(
    live: Live, client: Client, wifi: RestoreRun
) -> None:
    assert planned(wifi) == {"Wi-Fi": "update"}
    assert "Pre-shared key" in text(client.get(url_of(wifi)))
    client.post(url_of(wifi), psk(wifi, VALUE))
    wifi.refresh_from_db()
    run = execute(live, wifi)
    assert run.outcome == RunOutcome.SUCCEEDED, run.failures
    (there,) = live.sandbox.objects(live.slug, OMA)
    assert (there["preSharedKey"], there["description"]) == (VALUE, "As backed up")
    # Without it the profile is restored all the same, and the key in the tenant stays.
    live.sandbox.change_object(live.slug, OMA, there["id"], {"description": "By hand"})
    again = draft(live, wifi.backup)
    preview(live, again)
    assert execute(live, again).outcome == RunOutcome.SUCCEEDED
    assert live.sandbox.object(live.slug, OMA, there["id"])["preSharedKey"] == VALUE


def test_where_nothing_but_the_key_differs_a_lost_answer_is_sent_again(
    live: Live, client: Client, wifi: RestoreRun
) -> None:
    client.post(url_of(wifi), psk(wifi, VALUE))
    (there,) = live.sandbox.objects(live.slug, OMA)
    live.sandbox.change_object(live.slug, OMA, there["id"], {"description": "As backed up"})
    preview(live, wifi)
    assert planned(wifi) == {"Wi-Fi": "update"}
    live.fail(f"deviceManagement/deviceConfigurations/{there['id']}", method="PATCH", status=504, times=1)
    run = execute(live, wifi)
    assert run.outcome == RunOutcome.SUCCEEDED, run.failures
    assert RestoreStep.objects.get(run=run.pk).sent_count == 2
    assert live.sandbox.object(live.slug, OMA, there["id"])["preSharedKey"] == VALUE


def test_a_settings_catalog_secret_is_entered_for_another_tenant(
    live: Live, sandbox: Control, client: Client
) -> None:
    policies = _with_secrets(sandbox, live)
    backup = back_up(live, CATALOG)
    there = make_restorable(sandbox, workspace=live.tenant.workspace)
    there.operator = live.operator
    sandbox.wipe(there.slug, CATALOG)
    items = backup.items.filter(object_id__in=[each["id"] for each in policies])
    restore = draft(there, backup, items=items, assignments="none")
    preview(there, restore)
    item = item_of(restore)
    assert (item.action, item.why["code"]) == ("unresolved", "secret_foreign")
    fields = {"secret-" + store.place_key(each["way"]): VALUE for each in item.secrets}
    client.post(url_of(restore), {"version": restore.version, **fields})
    restore.refresh_from_db()
    assert item_of(restore).action == "create"
    run = execute(there, restore)
    assert run.outcome == RunOutcome.SUCCEEDED, run.failures
    (made,) = sandbox.objects(there.slug, CATALOG)
    tokens = list(_tokens(made))
    assert tokens
    assert {sandbox.secret_behind(there.slug, token) for token in tokens} == {VALUE}


def _with_secrets(sandbox: Control, live: Live) -> list[Any]:
    sandbox.wipe(live.slug, CATALOG)
    for _ in range(10):
        made = sandbox.add_object(live.slug, CATALOG)
        sandbox.change_object(live.slug, CATALOG, made, {"roleScopeTagIds": ["0"]})
        found = [each for each in sandbox.objects(live.slug, CATALOG) if list(_tokens(each))]
        if found:
            return found
    raise AssertionError("no sample has a secret")


def _tokens(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if str(value.get("@odata.type", "")).endswith("SecretSettingValue"):
            yield value["value"]
        for each in value.values():
            yield from _tokens(each)
    elif isinstance(value, list):
        for each in value:
            yield from _tokens(each)
