"""Running the application with uvicorn, in the foreground or in a thread."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn

from providers.sandbox.app import SandboxApp
from providers.sandbox.state import SandboxState

STOP_WITHIN_S = 1


class Server(uvicorn.Server):
    """uvicorn that tells its port once it listens, and ends with status 0 on SIGTERM and SIGINT."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[int], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready(self.servers[0].sockets[0].getsockname()[1])

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn raises the signal again when it is done; a clean stop is what we want."""
        try:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self._stop)
        except (ValueError, RuntimeError):
            pass  # not in the main thread: whoever started the thread stops it
        yield

    def _stop(self) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True


def make_server(
    state: SandboxState,
    host: str,
    port: int,
    ready: Callable[[int], None],
    tls: tuple[Path, Path] | None = None,
) -> Server:
    """A server that is not yet running; `tls` is (certificate, key)."""
    config = uvicorn.Config(
        SandboxApp(state),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        lifespan="on",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=STOP_WITHIN_S,
        timeout_keep_alive=75,
        backlog=512,
        ssl_certfile=str(tls[0]) if tls else None,
        ssl_keyfile=str(tls[1]) if tls else None,
    )
    return Server(config, ready)
