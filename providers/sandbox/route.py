"""One path of the sandbox: who answers it, and which application permissions it takes."""

from collections.abc import Callable
from dataclasses import dataclass

from providers.sandbox.calls import Call, Reply
from providers.sandbox.errors import DIRECTORY

Handler = Callable[[Call], Reply]


@dataclass(frozen=True)
class Route:
    """`template` is in lower case with `{}` for keys; `permission` names the row of the permission table.

    `readers` and `writers` count where the table has no row; `together` is what a write needs besides.
    """

    template: str
    handlers: dict[str, Handler]
    permission: str
    style: str = DIRECTORY
    versions: tuple[str, ...] = ("v1.0", "beta")
    readers: tuple[str, ...] = ()
    writers: tuple[str, ...] = ()
    together: tuple[str, ...] = ()

    @property
    def steps(self) -> list[str]:
        return self.template.split("/")
