"""Operation types: declared once, checked at start-up."""

from operator import attrgetter
from pathlib import Path

import pytest

from operations import checks, registry
from operations.choices import Surface
from operations.params import InvalidInput, Params, op_key
from operations.registry import OperationType, operation_type
from providers.readiness import Needs
from tenantpilot.tenancy.capabilities import Capability
from tests.operations import probes

SHIPPED = registry.all_types()
TESTS = Path(__file__).resolve().parent.parent


def register(name: str) -> OperationType:
    operation_type(
        name=name,
        verb="Verb",
        description="Words.",
        capability=Capability.SYNC_GROUPS,
        surfaces={Surface.TENANT},
        needs=Needs(),
    )(probes.succeed)
    return registry.get(name)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_closed", False)
    monkeypatch.setattr(registry, "_types", dict(registry._types))


@pytest.mark.parametrize("kind", SHIPPED, ids=attrgetter("name"))
def test_every_operation_type_has_a_test_of_its_own(kind: OperationType) -> None:
    module = kind.handler.__module__.rpartition(".")[2]
    own = [path.stem.removeprefix("test_") for path in TESTS.glob("*/test_*.py")]
    assert any(module.endswith(name) for name in own), module


@pytest.mark.parametrize("kind", SHIPPED, ids=attrgetter("name"))
def test_stored_input_reads_as_what_was_started(kind: OperationType) -> None:
    params = kind.params.parse({})
    assert kind.params.parse(params.identity()) == params


def test_the_registry_is_closed_after_start_up() -> None:
    with pytest.raises(ValueError, match="after start-up"):
        register("probe.late")


@pytest.mark.usefixtures("opened")
def test_a_declared_type_is_found_by_name_and_surface() -> None:
    kind = register("probe.new")
    assert kind in registry.types_on(Surface.TENANT)
    assert kind not in registry.types_on(Surface.CONNECTION)
    assert registry.knows("probe.new")
    assert not registry.knows("probe.newer")


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize("name", ["probe.read", "single", "Probe.upper", "probe.", "probe new.x", ""])
def test_a_taken_or_malformed_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="Malformed or taken"):
        register(name)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"capability": "sync_gruops"}, "operations.E001"),
        ({"needs": Needs(permissions=(("Gruop.Read.All",),))}, "operations.E002"),
        ({"surfaces": frozenset()}, "operations.E003"),
    ],
    ids=str,
)
def test_a_typo_in_a_declaration_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, wrong: dict[str, object], code: str
) -> None:
    kind = probes.declare(monkeypatch, "probe.wrong")
    assert checks.operation_types(None) == []
    values = {name: getattr(kind, name) for name in kind.__dataclass_fields__}
    monkeypatch.setitem(registry._types, "probe.wrong", OperationType(**(values | wrong)))
    assert [found.id for found in checks.operation_types(None)] == [code]


def test_sameness_is_type_scope_and_input_in_any_order() -> None:
    one = op_key("a.b", "connection:1", {"x": 1, "y": ["z"]})
    assert one == op_key("a.b", "connection:1", {"y": ["z"], "x": 1})
    assert len(one) == 64
    others = [("a.c", "connection:1", {"x": 1, "y": ["z"]}), ("a.b", "connection:2", {"x": 1, "y": ["z"]}),
              ("a.b", "connection:1", {"x": "1", "y": ["z"]}), ("a.b", "connection:1", {"x": 1})]  # fmt: skip
    assert len({one, *(op_key(*other) for other in others)}) == 5


def test_an_operation_without_input_ignores_what_it_does_not_know() -> None:
    assert Params.parse({"unknown": 1}).identity() == {}
    assert str(InvalidInput({"field": "Words."})) == "field: Words."
