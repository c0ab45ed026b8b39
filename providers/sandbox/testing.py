"""The sandbox inside a test process: a real server on a port of its own, in a thread."""

import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from providers.sandbox.certificates import write_tls_files
from providers.sandbox.clouds import CLOUDS
from providers.sandbox.control import Control
from providers.sandbox.server import make_server
from providers.sandbox.state import Options, SandboxState

START_WITHIN_S = 20.0


class SandboxServer:
    """`with SandboxServer(scenario="demo") as sandbox:` serves on `sandbox.url` until the block ends.

    Options are those of `Options`; `tls_dir` serves https with a CA written to `tls_dir/ca.pem`.
    """

    def __init__(self, scenario: str = "blank", *, tls_dir: Path | None = None, **options: Any) -> None:
        self.state = SandboxState(Options(scenario=scenario, **options))
        self.control = Control(self.state)
        self.ca_file = tls_dir / "ca.pem" if tls_dir else None
        self._ready = threading.Event()
        self._port = 0
        tls = write_tls_files(tls_dir)[1:] if tls_dir else None
        self._server = make_server(
            self.state, "127.0.0.1", 0, self._note_port, (tls[0], tls[1]) if tls else None
        )
        self._thread = threading.Thread(target=self._server.run, name="graph-sandbox", daemon=True)

    @property
    def url(self) -> str:
        scheme = "https" if self.ca_file else "http"
        return f"{scheme}://{'localhost' if self.ca_file else '127.0.0.1'}:{self._port}"

    @property
    def host_map(self) -> dict[str, str]:
        """Published https origin of every Microsoft host -> address of this server."""
        hosts = {host for cloud in CLOUDS.values() for host in (cloud.login, cloud.graph)}
        return {f"https://{host}": self.url for host in sorted(hosts)}

    def start(self) -> Self:
        self._thread.start()
        if not self._ready.wait(START_WITHIN_S):
            raise RuntimeError("The Graph sandbox did not start.")
        return self

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=START_WITHIN_S)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _note_port(self, port: int) -> None:
        self._port = port
        self._ready.set()
