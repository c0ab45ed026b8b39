"""What of an object is not restored: said in the plan, and never left to be found out afterwards."""

import json
from pathlib import Path
from typing import Any

import pytest

from providers import catalogue
from providers.catalogue.gaps import LINKED_TO_CERTIFICATES
from providers.choices import RestoreAction
from providers.restore.words import NOTES, note_words
from tests.providers.test_restore_plan import live, only, plan, source

PREFIX = "microsoft.graph."
CONFIGURATIONS = "deviceConfigurations"


def thing(**more: Any) -> dict[str, Any]:
    return {"id": "1", "displayName": "Baseline", **more}


def warned(item: Any) -> list[str]:
    return [note.code for note in item.warnings if note.code.endswith("_not_restored")]


@pytest.mark.parametrize(
    ("type", "backed_up", "code"),
    [
        (
            CONFIGURATIONS,
            thing() | {"@odata.type": f"#{PREFIX}iosScepCertificateProfile"},
            "certificates_not_restored",
        ),
    ],
)
def test_a_plan_that_creates_or_overwrites_says_what_it_leaves_out(
    type: str, backed_up: Any, code: str
) -> None:
    created = only(plan([source(backed_up, type=type)], live(type=type)))
    assert (created.action, warned(created)) == (RestoreAction.CREATE, [code])
    now = {name: value for name, value in backed_up.items() if name in ("id", "displayName", "@odata.type")}
    updated = only(plan([source(backed_up | {"description": "as it was"}, type=type)], live(now, type=type)))
    assert (updated.action, warned(updated)) == (RestoreAction.UPDATE, [code])
    assert note_words({"code": code, "facts": {}}) == NOTES[code]


def test_every_type_that_graph_links_to_a_certificate_is_known() -> None:
    """Read from the published schemas: a type that gains such a link shows here."""
    schemas = json.loads(Path("providers/sandbox/data/schemas-beta.json").read_text())["components"][
        "schemas"
    ]
    linking = {name for name, schema in schemas.items() if name.startswith(PREFIX) and _links(schema)}
    found = {name for name in schemas if name.startswith(PREFIX) and linking & {name, *_above(schemas, name)}}
    concrete = {name.removeprefix(PREFIX) for name in found if not name.endswith("Base")}
    assert {PREFIX + name for name in LINKED_TO_CERTIFICATES} <= schemas.keys()
    assert concrete <= LINKED_TO_CERTIFICATES, concrete - LINKED_TO_CERTIFICATES


def test_every_gap_has_words() -> None:
    codes = {gap.code for kind in catalogue.all_types() for gap in kind.gaps}
    assert codes
    assert codes <= NOTES.keys()


def _links(schema: dict[str, Any]) -> bool:
    parts = schema.get("allOf", [schema])
    return any(
        "ertificate" in name and value.get("x-ms-navigationProperty")
        for part in parts
        for name, value in part.get("properties", {}).items()
    )


def _above(schemas: dict[str, Any], name: str) -> set[str]:
    refs = [part.get("$ref", "").rpartition("/")[2] for part in schemas.get(name, {}).get("allOf", [])]
    return {ref for ref in refs if ref} | {up for ref in refs if ref for up in _above(schemas, ref)}
