"""Ways to values: the same value in every copy, whatever order its lists come in."""

from typing import Any

from providers import catalogue
from providers.objects.masking import flags_of
from providers.objects.readable import secret_words
from providers.objects.ways import place_at, steps_of, way_of

CONFIGURATION, CATALOG = catalogue.get("deviceConfigurations"), catalogue.get("configurationPolicies")
SECRET = "#microsoft.graph.deviceManagementConfigurationSecretSettingValue"


def oma(uri: str, value: str) -> dict[str, Any]:
    return {"omaUri": uri, "isEncrypted": True, "value": value}


def setting(name: str, **more: Any) -> dict[str, Any]:
    value = {"@odata.type": SECRET, "value": f"token of {name}"}
    return {"settingInstance": {"settingDefinitionId": name, "simpleSettingValue": value, **more}}


def test_a_way_holds_whatever_order_the_list_comes_in() -> None:
    first, second = oma("./a/b~c", "****"), oma("./d", "clear")
    (flag,) = flags_of(CONFIGURATION, {"object": {"omaSettings": [first, second]}})
    shuffled = {"object": {"omaSettings": [second, first]}}
    place = place_at(shuffled, flag.path)
    assert place is not None
    assert place.holder is first
    assert secret_words(steps_of(flag.path)) == "./a/b~c"


def test_a_setting_is_named_by_its_definition_and_elements_without_a_name_by_their_place() -> None:
    child = setting("wifi_password")["settingInstance"]
    group = {
        "settingDefinitionId": "wifi",
        "groupSettingCollectionValue": [{"children": []}, {"children": [child]}],
    }
    content = {"object": {}, "settings": [setting("proxy_password"), {"settingInstance": group}]}
    ways = [flag.path for flag in flags_of(CATALOG, content)]
    assert [secret_words(steps_of(way)) for way in ways] == ["proxy password", "Wifi · 2 · wifi password"]
    assert [place.value for way in ways if (place := place_at(content, way))] == [
        "token of proxy_password",
        "token of wifi_password",
    ]


def test_the_last_step_may_be_missing_but_nothing_before_it() -> None:
    (flag,) = flags_of(CONFIGURATION, {"object": {"preSharedKey": None}})
    bare: dict[str, Any] = {"object": {}}
    place = place_at(bare, flag.path)
    assert place is not None
    place.put("entered")
    assert bare == {"object": {"preSharedKey": "entered"}}
    assert place_at({}, flag.path) is None
    assert place_at({"object": {"list": ["one"]}}, way_of(["object", "list", "1"])) is None
    assert secret_words(steps_of(flag.path)) == "Pre-shared key"
