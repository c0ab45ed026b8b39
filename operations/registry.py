"""Operation types: what TenantPilot can do at a provider, each declared once in a file of its own."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from operations.choices import Access, Surface
from operations.params import Params
from providers.readiness import Blocker, Needs
from providers.selectors import Target
from tenantpilot.core.reasons import Words

if TYPE_CHECKING:
    from operations.context import RunContext, RunResult

Handler = Callable[["RunContext", "Params"], "RunResult"]
Blockers = Callable[[Target, Any], Sequence[Blocker]]
Bind = Callable[[Any, Target], Params]
NAME = re.compile(r"^[a-z_]+(\.[a-z_]+)+$")


class UnknownOperation(LookupError):
    """No operation type of this name is registered."""


@dataclass(frozen=True)
class Page:
    """A page about a run's work: ``route`` of the tenant's slug and, where named, of the run's input ``param``."""

    route: str
    param: str = ""

    def args(self, slug: str, params: Mapping[str, Any]) -> list[Any]:
        """Return the arguments of the page's address. Raises KeyError where the run has no such input."""
        return [slug, params[self.param]] if self.param else [slug]


@dataclass(frozen=True)
class OperationType:
    """One operation: its words, who may start it where, what it needs, and the code that does it.

    ``verb`` is the button ("Sync groups"); the same words head its outcome, its run and its audit entry.
    ``capability`` is a codename on the tenant. ``path`` is the surface of its own under /admin/t/<tenant>/, if any.
    ``access`` decides what a run has to itself (see ``operations.scopes``) and whether it may be tried again by itself.

    ``bind(params, target)`` completes validated input from the database before anything is looked up, so that what it
    adds counts as sameness (a restore run's current plan hash). It reads only, and may raise InvalidInput.
    ``blockers(target, params)`` returns the operation's own reasons why it can't work now; they stand after all of
    readiness. The gate asks before it admits, the worker once more after its claim. It reads only.
    ``resume`` is what a write that did not come to its end offers instead of a retry: where its rest is planned.
    ``result`` is where what a run brought is shown.
    """

    name: str
    verb: Words
    description: Words
    capability: str
    surfaces: frozenset[Surface]
    needs: Needs
    access: Access
    params: type[Params]
    handler: Handler
    path: str = ""
    bind: Bind | None = None
    blockers: Blockers | None = None
    resume: Page | None = None
    result: Page | None = None

    def __str__(self) -> str:
        return self.name


_types: dict[str, OperationType] = {}
_closed = False


def operation_type(
    *,
    name: str,
    verb: Words,
    description: Words,
    capability: str,
    surfaces: set[Surface],
    needs: Needs,
    access: Access = Access.READ,
    params: type[Params] = Params,
    path: str = "",
    bind: Bind | None = None,
    blockers: Blockers | None = None,
    resume: Page | None = None,
    result: Page | None = None,
) -> Callable[[Handler], Handler]:
    """Declare the decorated handler as an operation type.

    Raises ValueError for a malformed or taken name, and for a declaration that comes after start-up.
    """

    def register(handler: Handler) -> Handler:
        if _closed:
            raise ValueError(f"{name} is declared after start-up.")
        if not NAME.match(name) or name in _types:
            raise ValueError(f"Malformed or taken operation name: {name}")
        _types[name] = OperationType(
            name=name,
            verb=verb,
            description=description,
            capability=capability,
            surfaces=frozenset(surfaces),
            needs=needs,
            access=access,
            params=params,
            handler=handler,
            path=path,
            bind=bind,
            blockers=blockers,
            resume=resume,
            result=result,
        )
        return handler

    return register


def close() -> None:
    """Refuse further declarations; called once every app has loaded."""
    global _closed
    _closed = True


def get(name: str) -> OperationType:
    """Return the operation type. Raises UnknownOperation."""
    try:
        return _types[name]
    except KeyError:
        raise UnknownOperation(name) from None


def knows(name: str) -> bool:
    """Say whether this process has the operation type."""
    return name in _types


def all_types() -> tuple[OperationType, ...]:
    """Return every operation type, by name."""
    return tuple(_types[name] for name in sorted(_types))


def types_on(surface: Surface) -> tuple[OperationType, ...]:
    """Return the operation types that may be started from ``surface``."""
    return tuple(kind for kind in all_types() if surface in kind.surfaces)
