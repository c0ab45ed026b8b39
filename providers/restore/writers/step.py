"""One request that writes, and how to see afterwards whether it landed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Content = dict[str, Any]

ID = "{id}"
"""Stands in a path or a body for the id of the object, which a create only tells when it is answered."""


@dataclass(frozen=True, slots=True)
class Step:
    """``name`` is unique within its item. ``makes``: sent twice it would make two, so it is sent once.

    ``landed`` says from the object as it is now whether the step was carried out. A step that ``creates`` the object
    itself has none: the object has to be found first. Nor has the delete, which is seen by the object's absence.
    """

    name: str
    method: str
    path: str
    version: str
    body: Any = field(default=None, repr=False)
    makes: bool = False
    creates: bool = False
    landed: Callable[[Content], bool] | None = None

    def path_for(self, object_id: str) -> str:
        return self.path.replace(ID, object_id)

    def body_for(self, object_id: str) -> Any:
        return _filled(self.body, object_id)


def _filled(value: Any, object_id: str) -> Any:
    """Only references bind an object's own id in a body; its content is never searched for the mark."""
    if not isinstance(value, dict):
        return value
    return {
        name: each.replace(ID, object_id) if name.endswith("@odata.bind") and isinstance(each, str) else each
        for name, each in value.items()
    }
