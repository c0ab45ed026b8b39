"""Commands of `ctl` for policies, apps and devices: see them, change them, prove what was written."""

import argparse
import json
from collections.abc import Callable
from typing import Any, Protocol

Arguments = argparse.Namespace
Call = Callable[[str, str, dict[str, Any]], Any]


class Command(Protocol):
    def __call__(
        self, name: str, words: str, *names: str, run: Callable[[Arguments], Any]
    ) -> argparse.ArgumentParser: ...


def add_object_commands(command: Command, call: Call) -> None:
    """Register the commands; TYPE is the last part of the Graph path, such as `configurationPolicies`."""

    def send(name: str, *names: str) -> Callable[[Arguments], Any]:
        return lambda given: call(given.url, name, {item: getattr(given, item) for item in names})

    listed = command(
        "objects",
        "count a tenant's objects, or list those of a type",
        "tenant",
        run=lambda given: objects_table(given, call),
    )
    listed.add_argument("kind", nargs="?", metavar="type")
    for name, words, more in (
        ("object", "show one object as it is stored", ()),
        ("delete-object", "delete an object", ()),
        ("tweak-object", "change one setting of an object, whichever it has", ()),
        ("rename-object", "rename an object", ("new_name",)),
    ):
        made = command(
            name, words, "tenant", run=send(name.replace("-", "_"), "tenant", "kind", "name", *more)
        )
        _name_object(made)
        for extra in more:
            made.add_argument(extra)
    changed = command(
        "change-object",
        "change properties of an object, as JSON",
        "tenant",
        run=lambda given: call(given.url, "change_object", {
            "tenant": given.tenant, "kind": given.kind, "name": given.name, "changes": json.loads(given.changes),
        }),
    )  # fmt: skip
    _name_object(changed)
    changed.add_argument("changes")
    added = command(
        "add-object", "create one more object", "tenant", run=send("add_object", "tenant", "kind", "name")
    )
    added.add_argument("kind", metavar="type")
    added.add_argument("--name")
    for name, words in (
        ("wipe", "delete every object of a type, or all"),
        ("shuffle", "list objects and what is inside of them in another order"),
    ):
        made = command(name, words, "tenant", run=send(name, "tenant", "kind"))
        made.add_argument("kind", nargs="?", metavar="type")
    devices = command(
        "set-devices",
        "let more devices be in a compliance state",
        "tenant",
        "state",
        run=send("set_devices", "tenant", "state", "number", "only"),
    )
    devices.add_argument("--number", type=int, default=1)
    devices.add_argument("--only", help="take them from this state")
    writes = command(
        "writes", "requests that could change something", run=lambda given: writes_table(given, call)
    )
    writes.add_argument("tenant", nargs="?")
    writes.add_argument("--since", type=int, default=0, help="after the request with this number")


def _name_object(made: argparse.ArgumentParser) -> None:
    made.add_argument("kind", metavar="type")
    made.add_argument("name", help="display name or id")


def objects_table(given: Arguments, call: Call) -> str:
    if given.kind is None:
        counts = call(given.url, "object_counts", {"tenant": given.tenant})
        return "\n".join(f"{number:>6}  {kind}" for kind, number in counts.items())
    found = call(given.url, "objects", {"tenant": given.tenant, "kind": given.kind})
    return "\n".join(f"{item['id']}  {title(item)}" for item in found)


def title(item: dict[str, Any]) -> str:
    """What a person calls an object."""
    names = ("displayName", "name", "profileName", "fileName", "deviceName")
    return next((str(item[name]) for name in names if item.get(name)), "")


def writes_table(given: Arguments, call: Call) -> str:
    found = call(given.url, "writes", {"tenant": given.tenant, "since": given.since})
    lines = [
        f"{entry['number']:>6} {entry['status'] or 'cut':>4} {'applied' if entry['applied'] else 'refused':<8}"
        f"{entry['method']:<6} {entry['path']} {entry['body_hash'][:8]}"
        for entry in found
    ]
    return "\n".join(lines) or "nothing was written"
