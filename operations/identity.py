"""Who claims: named so that a worker's main process can tell which claims its own dead children held."""

import os
import socket
from uuid import uuid4

# Process ids come again after a restart, in a container at once. Loaded before the children are forked, who keep it.
_STARTED = uuid4().hex[:8]
_MAIN = os.getpid()


def worker() -> str:
    """Return the name of the worker that this process or its parent is the main process of."""
    return f"{socket.gethostname()}:{_STARTED}:{_MAIN}"


def process() -> str:
    """Return the worker's name with the id of this process at its end."""
    return f"{worker()}:{os.getpid()}"


def process_id(claimed_by: str) -> int:
    """Return the process id at the end of ``process()``."""
    return int(claimed_by.rpartition(":")[2])
