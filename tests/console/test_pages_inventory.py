"""Inventory and compliance pages: what was observed, when, why not, and what changed."""

import csv
import io
from datetime import timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from providers.choices import ObjectKind
from providers.models import (
    ComplianceDevice,
    ComplianceSnapshot,
    DevicePolicies,
    InventoryObject,
    InventoryRead,
    ObjectChange,
)
from tenantpilot.audit.models import AuditEntry
from tests.console.rows import make_collection, make_runs, milliseconds, signed_in, text_of, weight
from tests.providers.made_backups import make_backup

pytestmark = pytest.mark.django_db

PAGE = "/admin/t/contoso/inventory"
OBJECTS = f"{PAGE}/objects"
CHANGES = f"{PAGE}/changes"
COMPLIANCE = "/admin/t/contoso/compliance"
DEVICES = f"{COMPLIANCE}/devices"
POLICIES = "deviceConfigurations"


def make_objects(collection, names, **facts):
    now = timezone.now()
    plain = {
        "first_observed_at": now,
        "observed_at": now,
        "fence": 1,
        "platform": "windows",
        "assigned": True,
    }
    return InventoryObject.objects.bulk_create(
        InventoryObject(
            collection=collection, object_id=f"id-{name}".lower(), display_name=name, **(plain | facts)
        )
        for name in names
    )


def make_change(collection, kind, name="Firewall", **facts):
    return ObjectChange.objects.create(
        tenant=collection.tenant, collection=collection, object_id=f"id-{name}".lower(), name=name, kind=kind,
        observed_at=facts.pop("observed_at", timezone.now()), **facts,
    )  # fmt: skip


def make_devices(collection, names, state="compliant", **facts):
    now = timezone.now()
    plain = {
        "first_observed_at": now, "observed_at": now, "fence": 1, "state_since": now - timedelta(days=3),
        "since_known": True, "platform": "windows", "user_name": "ada@contoso.example",
    }  # fmt: skip
    return ComplianceDevice.objects.bulk_create(
        ComplianceDevice(
            collection=collection,
            object_id=f"id-{name}".lower(),
            display_name=name,
            state=state,
            **(plain | facts),
        )
        for name in names
    )


def make_snapshot(world, run_id, days=0, **parts):
    at = timezone.now() - timedelta(days=days)
    plain = {
        "devices": {"at": at.isoformat(), "states": {"compliant": 8, "noncompliant": 2}},
        "summary": {"at": at.isoformat(), "counts": {"compliant": 8, "noncompliant": 2}},
        "policies": {"at": at.isoformat(), "policies": []},
    }
    return ComplianceSnapshot.objects.create(
        tenant=world.tenant, connection=world.connection, run_id=run_id, taken_at=at, **(plain | parts)
    )


@pytest.fixture
def policies(world):
    return make_collection(world.tenant, ObjectKind.INVENTORY, POLICIES, object_count=2)


@pytest.fixture
def devices(world):
    return make_collection(world.tenant, ObjectKind.COMPLIANCE_DEVICES, "all_devices_v1")


def lines(answer):
    text = b"".join(answer.streaming_content).decode().removeprefix("\ufeff")
    return list(csv.reader(io.StringIO(text)))[1:]


def names(answer, key="objects"):
    return [row["name"] for row in answer.context[key]]


def statements(client, url):
    with CaptureQueriesContext(database) as queries:
        assert client.get(url).status_code == 200
    return len(queries)


def test_a_tenant_that_was_never_read_says_so(world):
    client = signed_in(world.owner)
    assert "The inventory was never read." in text_of(client.get(PAGE))
    assert "The inventory was never read." in text_of(client.get(OBJECTS))
    assert "Compliance was never read." in text_of(client.get(COMPLIANCE))
    assert "Compliance was never read." in text_of(client.get(DEVICES))
    assert "Compliance was never read." in text_of(client.get(f"{COMPLIANCE}/policies"))


def test_each_type_says_what_its_last_read_found_or_why_there_is_no_newer_one(world):
    now = timezone.now()
    make_collection(
        world.tenant,
        ObjectKind.INVENTORY,
        POLICIES,
        object_count=12,
        new_count=1,
        changed_count=2,
        gone_count=3,
    )
    make_collection(
        world.tenant, ObjectKind.INVENTORY, "mobileApps", object_count=4, complete_at=now - timedelta(days=2),
        attempted_at=now, reason_code="provider.permission_missing",
        reason_facts={"permissions": "DeviceManagementApps.Read.All"},
    )  # fmt: skip
    answer = signed_in(world.owner).get(PAGE)
    types = {each["label"]: each for area in answer.context["areas"] for each in area["types"]}
    found = {str(label): each for label, each in types.items()}
    assert [each["count"] for each in found["Device configurations"]["found"]] == [1, 2, 3]
    assert not found["Device configurations"]["reason"]
    apps = found["Apps"]
    assert (apps["count"], apps["observed"]) == (4, now - timedelta(days=2))
    assert apps["reason"] == "The permission DeviceManagementApps.Read.All is missing."
    page = text_of(answer)
    assert "1 type was not observed last time." in page
    assert "2 days ago" in page


def test_a_read_that_was_cut_off_is_told_even_without_a_reason(world):
    now = timezone.now()
    make_collection(
        world.tenant, ObjectKind.INVENTORY, POLICIES, complete_at=now - timedelta(days=1), attempted_at=now
    )
    assert "The last read did not reach its end." in text_of(signed_in(world.owner).get(PAGE))


def test_the_month_is_told_in_a_sentence_and_days_without_a_read_are_gaps(world, policies):
    now = timezone.now()
    for number, days in enumerate((0, 0, 3, 40)):
        InventoryRead.objects.create(
            tenant=world.tenant, run_id=number + 1, ended_at=now - timedelta(days=days), requested_count=38,
            read_count=38, object_count=5, new_count=1, changed_count=2, gone_count=0,
        )  # fmt: skip
    picture = signed_in(world.owner).get(PAGE).context["picture"]
    assert picture["sentence"] == "3 new, 6 changed, 0 gone in 30 days (days with a read: 2)."
    assert [day["counts"] for day in picture["days"] if day["counts"]] == [[1, 2, 0], [2, 4, 0]]
    assert sum(day["counts"] is None for day in picture["days"]) == 28


def test_lists_are_searched_filtered_and_kept_apart(world, policies):
    apps = make_collection(world.tenant, ObjectKind.INVENTORY, "mobileApps")
    machines = make_collection(world.tenant, ObjectKind.INVENTORY, "managedDevices")
    make_objects(policies, ["Firewall", "BitLocker"])
    make_objects(policies, ["Dock"], platform="macos", assigned=None)
    make_objects(policies, ["Old"], gone_at=timezone.now())
    make_objects(apps, ["Portal"])
    make_objects(
        machines, ["PC-1"], state="noncompliant", summary={"user": "ada@x.example", "serial": "7XK2"}
    )
    client = signed_in(world.owner)
    assert names(client.get(OBJECTS)) == ["BitLocker", "Dock", "Firewall", "Old"]
    assert names(client.get(OBJECTS, {"platform": "macos"})) == ["Dock"]
    assert names(client.get(OBJECTS, {"assigned": "unknown"})) == ["Dock"]
    assert names(client.get(OBJECTS, {"presence": "gone"})) == ["Old"]
    assert names(client.get(OBJECTS, {"q": "fire"})) == ["Firewall"]
    assert names(client.get(OBJECTS, {"type": "namedLocations"})) == []
    assert names(client.get(OBJECTS, {"group": "apps"})) == ["Portal"]
    for search in ("ada@x", "7xk2", "pc-"):
        assert names(client.get(OBJECTS, {"group": "devices", "q": search})) == ["PC-1"]
    assert names(client.get(OBJECTS, {"group": "devices", "state": "compliant"})) == []
    assert names(client.get(OBJECTS, {"group": "no-such", "after": "x", "platform": "'"})) != []


def test_pages_of_a_list_follow_each_other(world, policies):
    make_objects(policies, [f"Policy {number:03}" for number in range(60)])
    client = signed_in(world.owner)
    first = client.get(OBJECTS, {"size": "25"})
    second = client.get(OBJECTS + first.context["pager"]["nextUrl"])
    assert names(first)[-1] == "Policy 024"
    assert names(second)[0] == "Policy 025"
    assert names(client.get(OBJECTS + second.context["pager"]["backUrl"])) == names(first)


def test_an_object_shows_its_facts_and_its_history_with_the_runs(world, policies):
    run = make_runs(world.connection, 1)[0]
    make_objects(policies, ["Firewall"], summary={"scope_tags": ["0", "3"]}, marker="2025-03-11T08:42:17Z")
    make_change(policies, "new", run_id=run.pk)
    make_change(
        policies, "changed", changes={"name": ["Wall", "Firewall"], "assigned": [False, True]}, run_id=run.pk
    )
    answer = signed_in(world.owner).get(f"{PAGE}/{POLICIES}/id-firewall")
    history = answer.context["history"]
    assert [event["kind"] for event in history] == ["changed", "new"]
    assert history[0]["lines"] == [
        {"label": "Name", "before": "Wall", "after": "Firewall"},
        {"label": "Assigned", "before": "No", "after": "Yes"},
    ]
    assert f"/admin/operations/{run.pk}" in text_of(answer)
    assert {"label": "Scope tags", "value": "0, 3"} in answer.context["facts"]


def test_objects_of_another_tenant_and_unknown_ones_are_not_found(world, policies):
    make_objects(policies, ["Firewall"])
    url = f"{PAGE}/{POLICIES}/id-firewall"
    for person, status in ((world.readonly, 200), (world.operator, 200), (world.outsider, 404)):
        assert signed_in(person).get(url).status_code == status
    client = signed_in(world.owner)
    for path in (
        f"{POLICIES}/id-other",
        "mobileApps/id-firewall",
        "no-such/id-firewall",
        f"{POLICIES}/a%00b",
    ):
        assert client.get(f"{PAGE}/{path}").status_code == 404


def test_changes_are_listed_newest_first_and_filtered(world, policies):
    now = timezone.now()
    apps = make_collection(world.tenant, ObjectKind.INVENTORY, "mobileApps")
    machines = make_collection(world.tenant, ObjectKind.COMPLIANCE_DEVICES, "all_devices_v1")
    make_change(policies, "gone", "Old", observed_at=now - timedelta(days=2))
    make_change(apps, "new", "Portal", observed_at=now - timedelta(days=1))
    make_change(machines, "changed", "PC-1")
    client = signed_in(world.owner)
    assert names(client.get(CHANGES), "changes") == ["Portal", "Old"]
    assert names(client.get(CHANGES, {"kind": "gone"}), "changes") == ["Old"]
    assert names(client.get(CHANGES, {"type": "mobileApps"}), "changes") == ["Portal"]
    for number in range(30):
        make_change(policies, "changed", f"Later {number}", observed_at=now + timedelta(seconds=number))
    first = client.get(CHANGES, {"size": "25"})
    second = client.get(CHANGES + first.context["pager"]["nextUrl"])
    assert names(first, "changes")[0] == "Later 29"
    assert names(second, "changes") == [f"Later {number}" for number in range(4, -1, -1)] + ["Portal", "Old"]
    assert names(client.get(CHANGES + second.context["pager"]["backUrl"]), "changes") == names(
        first, "changes"
    )
    assert client.get(CHANGES, {"after": "WyJzb29uIiwxXQ"}).status_code == 200


def test_exports_are_the_current_view_safe_for_spreadsheets_and_written_down(world, policies, devices):
    make_objects(policies, ["=cmd()", "Firewall"], description="@sum", summary={"user": "+1"})
    make_devices(devices, ["-PC"], since_known=False)
    client = signed_in(world.owner)
    rows = lines(client.get(f"{PAGE}/export", {"q": "cmd"}))
    assert [row[0] for row in rows] == ["'=cmd()"]
    assert "'@sum" in rows[0]
    rows = lines(client.get(f"{DEVICES}/export", {"state": "compliant"}))
    assert [row[0] for row in rows] == ["'-PC"]
    assert rows[0][2] == ""
    assert rows[0][3] != "", "A time that is only a lower bound stands in a column of its own."
    written = AuditEntry.objects.filter(action="list.exported").order_by("id")
    assert [entry.facts["tenant"] for entry in written] == ["contoso", "contoso"]


def test_a_hostile_name_is_shown_as_text(world, policies, devices):
    name = "<script>alert(1)</script>"
    make_objects(policies, [name])
    make_change(policies, "changed", name, changes={"name": ["<b>", name]})
    make_devices(devices, [name], state="noncompliant")
    make_snapshot(world, 1)
    client = signed_in(world.owner)
    for url in (PAGE, OBJECTS, CHANGES, COMPLIANCE, DEVICES):
        page = text_of(client.get(url))
        assert "&lt;script&gt;alert(1)" in page
        assert name not in page


def test_compliance_shows_our_count_and_microsofts_with_their_times(world, devices):
    make_devices(devices, ["PC-1"], state="noncompliant", since_known=False)
    make_snapshot(
        world, 1, summary={"at": "2026-01-01T00:00:00+00:00", "counts": {"compliant": 7, "noncompliant": 2}}
    )
    answer = signed_in(world.owner).get(COMPLIANCE)
    assert {tile["state"]: tile["count"] for tile in answer.context["tiles"]} == {
        "compliant": 8,
        "noncompliant": 2,
    }
    compared = {str(row["label"]): (row["ours"], row["theirs"]) for row in answer.context["comparison"]}
    assert compared == {"Compliant": (8, 7), "Not compliant": (2, 2)}
    page = text_of(answer)
    assert "They differ: Microsoft's summary lags behind the devices." in page
    assert "Since at least" in page
    assert names(answer, "longest") == ["PC-1"]


def test_a_part_that_was_not_observed_says_why_and_shows_the_earlier_one_with_its_date(world):
    make_snapshot(world, 1, days=4)
    failed = {"at": timezone.now().isoformat(), "code": "provider.unreachable", "facts": {}}
    make_snapshot(world, 2, devices=failed, summary=failed)
    answer = signed_in(world.owner).get(COMPLIANCE)
    page = text_of(answer)
    assert "Devices: not observed." in page
    assert "Microsoft did not answer for Contoso." in page
    assert "4 days ago" in page
    assert answer.context["devices"]["value"] == {"compliant": 8, "noncompliant": 2}
    assert answer.context["picture"]["days"][-1]["out"] is None, "A day without its own count is a gap."


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ([2], "2 devices are out of compliance; one day was observed."),
        ([2, 2], "Devices out of compliance stay at 2; peak 2 in 30 days."),
        ([5, 9, 3], "Devices out of compliance fell from 5 to 3; peak 9 in 30 days."),
        ([0, 4], "Devices out of compliance rose from 0 to 4; peak 4 in 30 days."),
    ],
)
def test_the_trend_says_its_finding(world, counts, sentence):
    for number, count in enumerate(counts):
        days = (len(counts) - 1 - number) * 2
        make_snapshot(
            world, number + 1, days=days,
            devices={"at": "2026-01-01T00:00:00+00:00", "states": {"compliant": 1, "error": count}},
        )  # fmt: skip
    picture = signed_in(world.owner).get(COMPLIANCE).context["picture"]
    assert picture["sentence"] == sentence
    assert (picture["lines"], len(picture["dots"])) == ([], len(counts)), (
        "Every second day: gaps, and no line."
    )


def test_devices_are_filtered_and_each_has_its_history(world, devices):
    make_devices(devices, ["PC-1", "PC-2"])
    make_devices(devices, ["PC-3"], state="error", serial="7XK2")
    make_devices(devices, ["PC-4"], state="inGracePeriod", grace_until=timezone.now() + timedelta(days=2))
    make_change(devices, "changed", "PC-3", changes={"state": ["compliant", "error"]})
    client = signed_in(world.readonly)
    assert names(client.get(DEVICES), "devices") == ["PC-1", "PC-2", "PC-3", "PC-4"]
    assert names(client.get(DEVICES, {"state": "out"}), "devices") == ["PC-3"]
    assert names(client.get(DEVICES, {"q": "7xk2"}), "devices") == ["PC-3"]
    page = client.get(f"{DEVICES}/id-pc-3")
    assert page.context["history"][0]["lines"] == [
        {"label": "State", "before": "Compliant", "after": "Error"}
    ]
    assert client.get(f"{DEVICES}/id-none").status_code == 404
    assert signed_in(world.outsider).get(f"{DEVICES}/id-pc-3").status_code == 404


def test_a_device_out_of_compliance_says_which_policies_it_fails_and_since_when(world, devices):
    make_devices(devices, ["PC-1"], state="noncompliant")
    row = ComplianceDevice.objects.get()
    client, page = signed_in(world.readonly), f"{DEVICES}/id-pc-1"
    assert "Not observed yet. Each snapshot asks about 500 devices, in turn." in text_of(client.get(page))
    now = timezone.now()
    failed = [
        {"policy": "a", "name": "<b>Disk</b>", "state": "noncompliant", "since": now.isoformat(),
         "sinceKnown": False},
        {"policy": "b", "name": "", "state": "error", "since": now.isoformat(), "sinceKnown": True},
    ]  # fmt: skip
    kept = DevicePolicies.objects.create(device=row, attempted_at=now, observed_at=now, failing=failed)
    make_snapshot(world, 1, policies={"at": now.isoformat(), "policies": [{"id": "a", "name": "Disk"}]})
    answer = client.get(page)
    rows = answer.context["policies"]["rows"]
    assert [(each["name"], bool(each["url"])) for each in rows] == [
        ("<b>Disk</b>", True),
        ("(no name)", False),
    ]
    assert client.get(rows[0]["url"]).status_code == 404, "It is in no inventory yet."
    assert "&lt;b&gt;Disk" in text_of(answer)
    assert "Since at least" in text_of(answer)
    kept.failing, kept.reason_code = [], "provider.unreachable"
    kept.save()
    again = text_of(client.get(page))
    assert "Microsoft did not answer for Contoso." in again
    assert "No policy reports a failure." in again
    ComplianceDevice.objects.filter(pk=row.pk).update(state="compliant")
    assert client.get(page).context["policies"] is None


def test_policies_stand_with_their_counts_or_why_there_are_none(world):
    good = {"id": "a", "name": "Good", "type": "x", "counts": {"success": 5, "failed": 0}, "updated": ""}
    bad = {"id": "b", "name": "Bad", "type": "x", "counts": {"success": 1, "failed": 4}, "updated": "soon"}
    broken = {"id": "c", "name": "Broken", "type": "x", "code": "provider.unreachable"}
    make_snapshot(world, 1, policies={"at": timezone.now().isoformat(), "policies": [good, broken, bad]})
    answer = signed_in(world.owner).get(f"{COMPLIANCE}/policies")
    assert names(answer, "policies") == ["Bad", "Broken", "Good"]
    assert "Microsoft did not answer for Contoso." in text_of(answer)


def test_pages_cost_few_statements_at_a_hundred_rows(world, policies, devices):
    make_objects(policies, [f"Policy {number:03}" for number in range(120)])
    make_devices(devices, [f"PC-{number:03}" for number in range(120)], state="noncompliant")
    for number in range(120):
        make_change(policies, "changed", f"Policy {number:03}", changes={"marker": ["a", "b"]})
    for number in range(30):
        make_snapshot(world, number + 1, days=number)
    client = signed_in(world.owner)
    pages = (PAGE, f"{OBJECTS}?size=100", f"{CHANGES}?size=100", COMPLIANCE, f"{DEVICES}?size=100")
    assert {url: statements(client, url) for url in pages if statements(client, url) > 10} == {}
    assert {url: weight(client.get(url)) for url in pages if weight(client.get(url)) > 20_000} == {}
    slow = {url: cost for url in pages if (cost := milliseconds(client, url)) > 120}
    assert slow == {}


def test_the_search_finds_objects_by_how_their_names_begin_and_by_rights(world, policies):
    make_objects(policies, ["Firewall for laptops", "100% blocked", "No fire"])
    make_objects(policies, ["Firewall of old"], gone_at=timezone.now())

    def found(person, text):
        groups = signed_in(person).get("/admin/search", {"q": text}).context["groups"]
        return [
            row["label"] for group in groups if str(group["label"]) == "Inventory" for row in group["rows"]
        ]

    assert found(world.readonly, "firew") == ["Firewall for laptops"]
    assert found(world.readonly, "100%") == ["100% blocked"]
    assert found(world.readonly, "%") == []
    assert found(world.outsider, "firew") == []


def test_an_object_leads_to_its_versions_in_backups(world):
    catalog = make_collection(world.tenant, ObjectKind.INVENTORY, "configurationPolicies")
    make_objects(catalog, ["Lock", "Other"])
    InventoryObject.objects.filter(display_name="Lock").update(object_id="policy-1")
    make_backup(world.tenant)
    client = signed_in(world.readonly)
    kept = client.get(f"{PAGE}/configurationPolicies/policy-1")
    assert kept.context["versions"]["count"] == 1
    assert client.get(kept.context["versions"]["url"]).status_code == 200
    assert "1 version in backups" in text_of(kept)
    assert client.get(f"{PAGE}/configurationPolicies/id-other").context["versions"] is None
