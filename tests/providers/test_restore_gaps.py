"""What of an object is not restored: said in the plan, and never left to be found out afterwards."""

import json
from pathlib import Path
from typing import Any

import pytest

from providers import catalogue
from providers.catalogue.certificates import LINKS, UNREAD
from providers.choices import RestoreAction
from providers.restore.words import NOTES, note_words
from providers.sandbox import schema
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
            thing() | {"@odata.type": f"#{PREFIX}iosWiredNetworkConfiguration"},
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


def test_every_link_to_a_certificate_that_graph_publishes_is_known() -> None:
    """Read from the published schemas: a type that gains such a link shows here."""
    names = json.loads(Path("providers/sandbox/data/schemas-beta.json").read_text())["components"]["schemas"]
    published = {f"#{name}": _links(name) for name in names if not name.endswith("Base") and _links(name)}
    assert {name: set(links) for name, links in LINKS.of.items()} == published
    many = {link for links in published.values() for link in links if link.startswith("rootCertificates")}
    assert LINKS.many == many
    assert {f"#{PREFIX}{name}" for name in UNREAD} <= LINKS.of.keys()


def test_every_gap_has_words() -> None:
    codes = {gap.code for kind in catalogue.all_types() for gap in kind.gaps}
    assert codes
    assert codes <= NOTES.keys()


def _links(name: str) -> set[str]:
    return {link for link in schema.navigations("beta", name) if "ertificate" in link}
