"""What a person can do to policies and devices, by command and on the page, and that a restart keeps it."""

import html
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import orjson
import pytest

from providers.sandbox import ctl
from providers.sandbox.control import Control
from providers.sandbox.lookups import ControlError
from providers.sandbox.policies.table import BY_KEY, CATALOGUE
from providers.sandbox.state import Options, SandboxState
from providers.sandbox.testing import SandboxServer
from tests.sandbox.inprocess import Direct

KEY = "deviceCategories"


def names(control: Control, key: str = KEY) -> list[str]:
    return [item[BY_KEY[key].name] for item in control.objects("contoso", key)]


def demo(directory: Path) -> SandboxState:
    return SandboxState(Options(scenario="demo", state_dir=directory, scale_factor=0.01))


def test_changes_to_policies_survive_a_restart_and_the_rest_is_made_anew(tmp_path: Path) -> None:
    state = demo(tmp_path)
    control = Control(state)
    untouched = control.objects("contoso", "deviceConfigurations")
    first, second, *_ = names(control, "configurationPolicies")
    control.rename_object("contoso", "configurationPolicies", first, "Renamed")
    control.delete_object("contoso", "configurationPolicies", second)
    made = control.add_object("contoso", "conditionalAccessPolicies", "Added")
    control.shuffle("contoso", "mobileApps")
    control.set_devices("contoso", "noncompliant", 5, only="compliant")
    before = {key: control.objects("contoso", key) for key in (*CATALOGUE, "managedDevices")}
    state.save()
    kept = orjson.loads((tmp_path / "state.json").read_bytes())["tenants"]
    changes = {key for entry in kept for key in entry["policy_changes"]}
    assert changes == {"configurationPolicies", "conditionalAccessPolicies", "managedDevices", "mobileApps"}
    again = Control(demo(tmp_path))
    assert {key: again.objects("contoso", key) for key in (*CATALOGUE, "managedDevices")} == before
    assert again.objects("contoso", "deviceConfigurations") == untouched
    assert again.object("contoso", "conditionalAccessPolicies", made)["displayName"] == "Added"
    again.reset("contoso")
    assert names(again, "configurationPolicies")[:2] == [first, second]


def test_an_unread_type_keeps_its_saved_changes_over_two_restarts(tmp_path: Path) -> None:
    state = demo(tmp_path)
    Control(state).delete_object("contoso", KEY, names(Control(state))[0])
    state.save()
    untouched = demo(tmp_path)
    untouched.save()
    assert len(names(Control(demo(tmp_path)))) == 3


def test_the_demo_is_a_believable_tenant_and_the_others_differ() -> None:
    state = SandboxState(Options(scenario="demo", scale_factor=0.01))
    control = Control(state)
    contoso, fabrikam = (control.object_counts(slug) for slug in ("contoso", "fabrikam"))
    assert min(contoso[key] for key in ("configurationPolicies", "deviceConfigurations", "mobileApps")) == 10
    assert min(contoso.values()) >= 1
    assert sum(fabrikam.values()) < sum(contoso.values())
    assert len(control.objects("contoso", "managedDevices")) == 400
    other = {item["displayName"] for item in control.objects("fabrikam", "deviceConfigurations")}
    assert other != set(names(control, "deviceConfigurations"))
    sized = SandboxState(
        Options(scenario="demo", scale_factor=0.01, policies={"contoso": 2}, devices={"contoso": 3})
    )
    assert len(Control(sized).objects("contoso", "mobileApps")) == 2
    assert len(Control(sized).objects("contoso", "managedDevices")) == 3


def test_objects_change_as_an_administrator_would_change_them() -> None:
    tenant = Direct.tenant_of(policies=3)
    control = tenant.control
    policy = control.objects("contoso", "deviceConfigurations")[0]
    control.change_object("contoso", "deviceConfigurations", policy["displayName"], {"description": "New"})
    read = tenant.get(f"deviceManagement/deviceConfigurations/{policy['id']}")
    assert (read["description"], read["version"]) == ("New", policy["version"] + 1)
    assert read["lastModifiedDateTime"] > policy["lastModifiedDateTime"]
    role = next(item for item in control.objects("contoso", "roleDefinitions") if not item["isBuiltIn"])
    control.rename_object("contoso", "roleDefinitions", role["displayName"], "Renamed role")
    assert tenant.get(f"deviceManagement/roleDefinitions/{role['id']}")["displayName"] == "Renamed role"
    control.put_object("contoso", "deviceConfigurations", policy)
    assert control.object("contoso", "deviceConfigurations", policy["id"]) == policy


@pytest.mark.parametrize("key", CATALOGUE)
def test_one_setting_of_any_object_can_be_changed(key: str) -> None:
    tenant = Direct.tenant_of(policies=1)
    item = tenant.control.objects("contoso", key)[-1]
    changed = tenant.control.tweak_object("contoso", key, item["id"])
    owned = {"lastModifiedDateTime", "modifiedDateTime", "version"}
    assert len([name for name in item if changed[name] != item[name] and name not in owned]) == 1
    assert changed[BY_KEY[key].name] == item[BY_KEY[key].name]
    assert tenant.get(f"{BY_KEY[key].path}/{item['id']}")


def test_a_shuffle_changes_the_order_and_nothing_else() -> None:
    tenant = Direct.tenant_of(policies=6)
    kind = BY_KEY["configurationPolicies"]
    before = {item["id"]: item for item in tenant.control.objects("contoso", kind.key)}
    tenant.control.shuffle("contoso")
    after = tenant.control.objects("contoso", kind.key)
    assert [item["id"] for item in after] != list(before)
    for item in after:
        old = before[item["id"]]
        assert sorted(map(str, item["settings"])) == sorted(map(str, old["settings"]))
        assert item["lastModifiedDateTime"] == old["lastModifiedDateTime"]
    assert any(item["settings"] != before[item["id"]]["settings"] for item in after)


def test_a_wipe_leaves_what_belongs_to_the_service() -> None:
    tenant = Direct.tenant_of(policies=2)
    gone = tenant.control.wipe("contoso")
    left = {key: number for key, number in tenant.control.object_counts("contoso").items() if number}
    assert gone > 60
    assert left.pop("roleDefinitions") == len(tenant.values("deviceManagement/roleDefinitions"))
    assert tenant.values("deviceManagement/roleDefinitions?$filter=isBuiltIn eq false") == []
    assert left == {
        "roleScopeTags": 1, "notificationMessageTemplates": 1, "authenticationStrengthPolicies": 3,
        "deviceHealthScripts": 1, "deviceEnrollmentConfigurations": 3, "intuneBrandingProfiles": 1,
    }  # fmt: skip


def test_mistakes_are_one_sentence() -> None:
    control = Direct.tenant_of(policies=2).control
    for wrong in (
        lambda: control.objects("contoso", "colours"),
        lambda: control.rename_object("contoso", KEY, "Nobody", "x"),
        lambda: control.set_devices("contoso", "happy"),
        lambda: control.object("contoso", "roleDefinitions", "x"),
        lambda: control.add_object("contoso", "roleDefinitions"),
        lambda: control.wipe("nowhere"),
    ):
        with pytest.raises(ControlError):
            wrong()


@pytest.fixture(scope="module")
def served() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        server.control.add_tenant("contoso", policies=2, devices=12)
        yield server


def run(capsys: pytest.CaptureFixture[str], served: SandboxServer, *arguments: str) -> str:
    assert ctl.main(["--url", served.url, *arguments]) == 0
    return capsys.readouterr().out.strip()


def test_the_command_line_sees_and_changes_objects(
    served: SandboxServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "     2  configurationPolicies" in run(capsys, served, "objects", "contoso").splitlines()
    assert "Office" in run(capsys, served, "objects", "contoso", KEY)
    run(capsys, served, "rename-object", "contoso", KEY, "Office", "Headquarters")
    run(capsys, served, "change-object", "contoso", KEY, "Headquarters", '{"description": "Ground floor"}')
    assert '"description": "Ground floor"' in run(capsys, served, "object", "contoso", KEY, "Headquarters")
    run(capsys, served, "add-object", "contoso", KEY, "--name", "Depot")
    run(capsys, served, "delete-object", "contoso", KEY, "Headquarters")
    assert "Depot" in names(served.control) and "Headquarters" not in names(served.control)
    assert run(capsys, served, "set-devices", "contoso", "error", "--number", "4") == "4"
    assert run(capsys, served, "wipe", "contoso", KEY) == "2"
    run(capsys, served, "shuffle", "contoso")
    assert run(capsys, served, "writes", "contoso") == "nothing was written"
    for wrong in (("objects", "contoso", "colours"), ("delete-object", "contoso", KEY, "Nobody")):
        with pytest.raises(SystemExit):
            ctl.main(["--url", served.url, *wrong])


def test_the_page_lists_and_changes_objects(served: SandboxServer) -> None:
    with httpx.Client(base_url=served.url, trust_env=False, follow_redirects=True) as browser:
        assert 'href="/_sandbox/t/contoso"' in browser.get("/_sandbox/").text
        text = browser.get("/_sandbox/t/contoso").text
        policy = served.control.objects("contoso", "intents")[0]
        assert html.escape(policy["displayName"]) in text
        assert len(set(re.findall(r"<summary>(\w+) ", text))) == len(CATALOGUE)
        form = {"tenant": "contoso", "kind": "intents", "name": policy["id"]}
        answer = browser.post("/_sandbox/policies", data={**form, "command": "rename", "new_name": "<b>New"})
        assert "Renamed to &lt;b&gt;New." in answer.text
        assert "<details open><summary>intents" in answer.text
        browser.post("/_sandbox/policies", data={**form, "command": "tweak"})
        assert served.control.object("contoso", "intents", policy["id"])["settings"] != policy["settings"]
        browser.post("/_sandbox/policies", data={**form, "command": "delete"})
        assert policy["id"] not in {item["id"] for item in served.control.objects("contoso", "intents")}
        answer = browser.post("/_sandbox/policies", data={**form, "command": "delete"})
        assert "No object is named" in answer.text
        for command in ("add", "shuffle", "wipe"):
            assert browser.post("/_sandbox/policies", data={**form, "command": command}).status_code == 200
        states = {"tenant": "contoso", "command": "set_devices", "state": "conflict", "number": "3"}
        assert "3 devices are conflict now." in browser.post("/_sandbox/policies", data=states).text
        assert "whole number" in browser.post("/_sandbox/policies", data={**states, "number": "many"}).text
        assert browser.get("/_sandbox/t/nowhere").status_code == 404
        foreign = browser.post("/_sandbox/policies", data=form, headers={"Sec-Fetch-Site": "cross-site"})
        assert foreign.status_code == 403
