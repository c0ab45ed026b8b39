"""An answer on its way to the client."""

from dataclasses import dataclass, field

from providers.sandbox.faults import Fault


@dataclass
class GraphAnswer:
    """What goes back, and what the transport has to do with it: wait, cut off, close or hang.

    ``holds`` are scripts that keep it back until they are cleared.
    """

    status: int
    headers: dict[str, str]
    content: bytes = b""
    delay_s: float = 0.0
    transport: str = "send"
    objects: int = 0
    tenant: str = ""
    holds: list[Fault] = field(default_factory=list)


class CloseConnection(Exception):
    """No answer at all: the connection is closed (`drop`) or left waiting (`hang`)."""

    def __init__(self, transport: str) -> None:
        self.transport = transport
        super().__init__(transport)
