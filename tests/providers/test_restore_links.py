"""Links from profiles to certificates: read, restored in the order of need, exchanged and read back."""

from collections.abc import Mapping
from typing import Any

import pytest

from operations.choices import RunOutcome
from providers.backups.store import content_of
from providers.choices import ItemOutcome, RestoreAction
from providers.models import Backup, RestoreRun, RestoreStep
from providers.restore import drafts
from tests.providers.backups import hashes
from tests.providers.conftest import Live
from tests.providers.restoring import back_up, execute, preview, restored
from tests.providers.restoring import live as live
from tests.providers.restoring import quick as quick
from tests.providers.test_restore_execute import by_hand, meanings, outcomes, renamed, wiped
from tests.providers.test_restore_plan import live as reading_of
from tests.providers.test_restore_plan import plan, source

KIND, PATH, PREFIX = "deviceConfigurations", "/deviceManagement/deviceConfigurations", "microsoft.graph."
ROOTS, CLIENT = "rootCertificatesForServerValidation", "identityCertificateForClientAuthentication"
SCEP, WIFI = f"{PREFIX}iosScepCertificateProfile", f"{PREFIX}iosEnterpriseWiFiConfiguration"


def make(live: Live, kind: str, name: str, **links: Any) -> str:
    body = {"@odata.type": f"#{PREFIX}{kind}", "displayName": name}
    body |= {f"{link}@odata.bind": _urls(live, target) for link, target in links.items()}
    return str(by_hand(live).send("POST", PATH, body, version="beta")["id"])


def _urls(live: Live, target: Any) -> Any:
    if isinstance(target, list):
        return [_urls(live, each) for each in target]
    return f"{by_hand(live).origin}/beta{PATH}('{target}')"


@pytest.fixture
def chain(live: Live) -> Mapping[str, str]:
    """A Wi-Fi profile that needs a SCEP profile and two roots, of which the SCEP profile needs one; in bad order."""
    wiped(live, KIND)
    root = make(live, "iosTrustedRootCertificate", "Z root")
    other = make(live, "iosTrustedRootCertificate", "Y root")
    scep = make(live, "iosScepCertificateProfile", "M device", rootCertificate=root)
    wifi = make(live, "iosEnterpriseWiFiConfiguration", "A corp", **{ROOTS: [root, other], CLIENT: scep})
    return {"root": root, "other": other, "scep": scep, "wifi": wifi}


def names(restore: RestoreRun) -> list[str]:
    rows = RestoreStep.objects.filter(restore_run=restore).order_by("id")
    return [f"{row.method} {row.key.rpartition('/')[2]}" for row in rows]


def links_of(backup: Backup, name: str) -> set[tuple[str, str]]:
    held = content_of(backup.items.get(name=name))["certificates"]
    return {(each["property"], each["id"]) for each in held}


def test_a_backup_holds_the_links_and_a_wiped_chain_comes_back_in_the_order_of_need(
    live: Live, chain: Mapping[str, str]
) -> None:
    before = back_up(live, KIND)
    assert links_of(before, "A corp") == {
        (ROOTS, chain["root"]), (ROOTS, chain["other"]), (CLIENT, chain["scep"]),
    }  # fmt: skip
    assert links_of(before, "M device") == {("rootCertificate", chain["root"])}
    assert "certificates" not in content_of(before.items.get(name="Z root"))
    wiped(live, KIND)
    restore, run = restored(live, before)
    assert run.outcome == RunOutcome.SUCCEEDED, run.failures
    order = list(restore.plan.items.order_by("position").values_list("name", flat=True))
    assert order[-1] == "A corp"
    assert order.index("Z root") < order.index("M device")
    assert set(outcomes(restore).values()) == {ItemOutcome.VERIFIED}
    assert meanings(back_up(live, KIND), renamed(restore)) == meanings(before, {})


def test_links_that_somebody_changed_are_exchanged_alone_and_undone(
    live: Live, chain: Mapping[str, str]
) -> None:
    backup = back_up(live, KIND)
    for name, changes in (
        ("scep", {"rootCertificate": chain["other"]}),
        ("wifi", {ROOTS: [chain["other"]], CLIENT: None}),
    ):
        item = live.sandbox.object(live.slug, KIND, chain[name])
        live.sandbox.put_object(live.slug, KIND, item | changes)
    changed = hashes(back_up(live, KIND))
    restore, run = restored(live, backup)
    assert run.outcome == RunOutcome.SUCCEEDED, run.failures
    assert sorted(names(restore)) == sorted([
        f"PUT link:rootCertificate:{chain['root']}",
        f"PUT link:{CLIENT}:{chain['scep']}",
        f"POST link:{ROOTS}:{chain['root']}",
    ])  # fmt: skip
    assert hashes(back_up(live, KIND)) == hashes(backup)
    back = drafts.undo_create(restore=restore, actor=live.operator)
    preview(live, back)
    run = execute(live, back)
    assert run.outcome == RunOutcome.SUCCEEDED, run.failures
    assert f"DELETE unlink:{CLIENT}:{chain['scep']}" in names(back)
    assert hashes(back_up(live, KIND)) == changed


def test_a_certificate_that_is_neither_there_nor_chosen_wants_a_choice(
    live: Live, chain: Mapping[str, str]
) -> None:
    backup = back_up(live, KIND)
    live.sandbox.delete_object(live.slug, KIND, chain["root"])
    live.sandbox.delete_object(live.slug, KIND, chain["scep"])
    restore = drafts.draft_create(
        tenant=live.tenant, backup=backup, items=backup.items.filter(name="M device"),
        options=drafts.Options(), connection_id=None, actor=live.operator,
    )  # fmt: skip
    preview(live, restore)
    item = restore.plan.items.get()
    assert (item.action, item.why["code"]) == ("unresolved", "target_missing")


def test_links_that_did_not_come_leave_the_object_incomplete(live: Live, chain: Mapping[str, str]) -> None:
    live.fail(f"deviceManagement/deviceConfigurations/{chain['scep']}", status=403, code="Forbidden")
    run = live.run("policy.backup", objectTypes=[KIND])
    assert run.outcome == RunOutcome.PARTIALLY_SUCCEEDED
    made = Backup.objects.get(run_id=run.pk)
    assert list(made.items.filter(complete=False).values_list("name", flat=True)) == ["M device"]


def test_profiles_that_need_each_other_are_planned_all_the_same() -> None:
    """No service lets that happen; a plan must end even so."""
    things = [{"id": number, "displayName": number, "@odata.type": f"#{SCEP}"} for number in ("1", "2", "3")]
    sources = [source(thing) for thing in things]
    for one, needed in zip(sources, ("2", "1", "1"), strict=True):
        one.content["certificates"] = [{"property": "rootCertificate", "id": needed}]
    found = plan(sources, reading_of())
    assert {item.name for item in found.items} == {"1", "2", "3"}
    assert {item.action for item in found.items} == {RestoreAction.CREATE}
