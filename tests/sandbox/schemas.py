"""Microsoft's schemas as validators: the right type for each object, and no property it does not have."""

from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from providers.sandbox.data import load

JSON = dict[str, Any]


@cache
def _registry(version: str) -> Registry:
    document = load(f"schemas-{version}.json")
    return Registry().with_resource(
        "graph", Resource.from_contents(document, default_specification=DRAFT202012)
    )


@cache
def validator(version: str, name: str) -> Draft202012Validator:
    reference = {"$ref": f"graph#/components/schemas/{name}"}
    return Draft202012Validator(
        reference, registry=_registry(version), format_checker=Draft202012Validator.FORMAT_CHECKER
    )


def names_of(version: str, name: str) -> set[str]:
    schemas = load(f"schemas-{version}.json")["components"]["schemas"]
    found: set[str] = set()
    todo = [schemas[name]]
    while todo:
        part = todo.pop()
        found |= set(part.get("properties", {}))
        todo += [
            schemas[item["$ref"].rsplit("/", 1)[1]] if "$ref" in item else item
            for item in part.get("allOf", [])
        ]
    return found


def assert_valid(version: str, name: str, item: JSON) -> None:
    """The object, under its own `@odata.type` if it has one, fits and has no unknown property."""
    own = str(item.get("@odata.type", f"#{name}")).removeprefix("#")
    errors = [f"{error.json_path}: {error.message}" for error in validator(version, own).iter_errors(item)]
    assert errors == []
    unknown = {key for key in item if "@" not in key} - names_of(version, own)
    assert unknown == set()


def assert_page(version: str, name: str, page: JSON) -> None:
    """A collection page with at least one object, each of them valid."""
    assert page["value"]
    errors = list(validator(version, f"{name}CollectionResponse").iter_errors(page))
    assert errors == []
    for item in page["value"]:
        assert_valid(version, name, item)
