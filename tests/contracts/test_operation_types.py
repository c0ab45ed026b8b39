"""The catalogue of operation types: every one of them is asked the same questions."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from django.utils.functional import Promise

from operations import registry
from operations.choices import Access, Surface
from operations.execution import CHECK
from operations.params import InvalidInput, Params
from operations.registry import OperationType
from providers.permissions import KNOWN_PERMISSIONS, PURPOSES
from providers.readiness import LICENCE_NAMES, Facts
from tenantpilot.core import reasons
from tenantpilot.tenancy.capabilities import Capability

TYPES = registry.all_types()
TESTS = Path(__file__).parent.parent
NUMBERS = {"backupItem", "restoreRun"}
every = pytest.mark.parametrize("kind", TYPES, ids=str)


def test_the_catalogue_holds_what_the_documentation_lists() -> None:
    assert [kind.name for kind in TYPES] == [
        "compliance.snapshot",
        "directory.groups.sync",
        "directory.role_definitions.sync",
        "inventory.sync",
        "policy.backup",
        "policy.compare",
        "provider.connection.check",
        "restore.execute",
        "restore.preview",
    ]


@every
def test_it_lives_in_a_file_of_its_own_and_has_a_test_of_its_own(kind: OperationType) -> None:
    app, package, module = kind.handler.__module__.split(".")
    assert package == "operation_types"
    assert [other.name for other in TYPES if other.handler.__module__ == kind.handler.__module__] == [
        kind.name
    ]
    test = TESTS / app / f"test_{module.removeprefix('directory_')}.py"
    assert test.is_file(), test


@every
def test_its_words_are_translatable_and_its_docstring_says_what_it_does(kind: OperationType) -> None:
    for words in (kind.verb, kind.description):
        assert isinstance(words, Promise)
        assert str(words).strip()
    assert not str(kind.verb).endswith(".")
    assert str(kind.description).endswith(".")
    assert kind.handler.__doc__


@every
def test_it_can_be_started_somewhere_by_somebody(kind: OperationType) -> None:
    assert kind.surfaces <= set(Surface)
    assert kind.surfaces
    assert kind.capability in Capability.values
    assert kind.access in Access


@every
def test_its_permissions_are_known_and_the_least_of_each_set_is_one_we_ask_for(kind: OperationType) -> None:
    for any_of in kind.needs.permissions:
        assert KNOWN_PERMISSIONS.issuperset(any_of)
        assert any_of[0] in PURPOSES
        assert len(set(any_of)) == len(any_of)
    for any_of in kind.needs.licences:
        assert any_of[0] in LICENCE_NAMES


@every
def test_its_input_is_declared_whole_and_comes_back_from_its_identity(kind: OperationType) -> None:
    assert issubclass(kind.params, Params)
    assert dataclasses.is_dataclass(kind.params)
    defaults = kind.params.parse({})
    assert kind.params.parse(defaults.identity()) == defaults
    assert kind.params.parse(dict.fromkeys(defaults.identity())) == defaults
    assert kind.params.parse({"unknownKey": object()}) == defaults


@every
def test_its_input_is_typed_strictly(kind: OperationType) -> None:
    for name in kind.params.parse({}).identity():
        wrongs: tuple[Any, ...] = (12, True, [], {}, "no-such-value")
        if name in NUMBERS:
            wrongs = (0, -1, 2**63, 1.5, "12", *wrongs[1:])
        for wrong in wrongs:
            with pytest.raises(InvalidInput) as caught:
                kind.params.parse({name: wrong})
            assert caught.value.errors.keys() == {name}


@every
def test_whoever_started_it_finds_its_result(kind: OperationType) -> None:
    """The check's result is the connection's page, which every run names."""
    if kind.name == CHECK:
        assert kind.result is None
        return
    assert kind.result is not None
    params = dict.fromkeys(kind.params.parse({}).identity(), 1)
    assert reverse(kind.result.route, args=kind.result.args("contoso", params))


def test_only_the_check_may_start_on_a_connection_that_nobody_verified() -> None:
    assert [kind.name for kind in TYPES if kind.needs.facts is not Facts.ALL] == ["provider.connection.check"]


def test_surfaces_of_their_own_are_told_apart() -> None:
    paths = [kind.path for kind in TYPES if kind.path]
    assert paths == ["directory/groups/sync", "directory/role-definitions/sync"]


def test_a_taken_a_malformed_and_a_late_name_are_refused() -> None:
    kind = TYPES[0]
    declaration = {
        "verb": kind.verb,
        "description": kind.description,
        "capability": kind.capability,
        "surfaces": set(kind.surfaces),
        "needs": kind.needs,
    }
    for name in (kind.name, "NoDots", "some.new_name"):
        with pytest.raises(ValueError, match=r"name|start-up"):
            registry.operation_type(name=name, **declaration)(kind.handler)
    assert registry.all_types() == TYPES


def test_an_unknown_name_is_told() -> None:
    with pytest.raises(registry.UnknownOperation):
        registry.get("no.such.operation")


def test_every_reason_that_an_operation_gives_is_in_the_catalogue() -> None:
    assert reasons.get("provider.superseded").severity == "warning"
