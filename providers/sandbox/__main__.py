"""`python -m providers.sandbox`: run the Graph sandbox in the foreground."""

import argparse
import gc
import sys
from collections.abc import Sequence
from pathlib import Path

from providers.sandbox.certificates import write_tls_files
from providers.sandbox.server import make_server
from providers.sandbox.state import Options, SandboxState, StateFileError


def scale(text: str) -> tuple[float, dict[str, int]]:
    """`contoso=2400,fabrikam=12000`, or one factor for every tenant such as `0.1`."""
    factor, sizes = 1.0, {}
    for part in filter(None, text.split(",")):
        name, given, number = part.partition("=")
        try:
            if given:
                sizes[name.strip()] = int(number)
            else:
                factor = float(name)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{part!r} is neither tenant=number nor a factor") from None
    if factor <= 0 or any(not 0 <= size <= 1_000_000 for size in sizes.values()):
        raise argparse.ArgumentTypeError("sizes are between 0 and 1,000,000, factors above 0")
    return factor, sizes


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(prog="python -m providers.sandbox", description=__doc__)
    found.add_argument("--host", default="127.0.0.1")
    found.add_argument("--port", type=int, default=8400, help="0 takes a free one and prints it")
    found.add_argument("--state", type=Path, help="directory where changes are kept over a restart")
    found.add_argument("--scenario", choices=("demo", "blank"), default="demo")
    found.add_argument("--seed", type=int)
    found.add_argument("--delay-ms", type=float, default=0.0, help="time every answer takes")
    found.add_argument("--delay-per-object-ms", type=float, help="time every object in an answer adds")
    found.add_argument("--token-lifetime", type=float, default=3599.0, help="seconds")
    found.add_argument("--scale", type=scale, default=(1.0, {}), help="contoso=2400,… or a factor")
    found.add_argument("--policies", type=scale, default=(1.0, {}), help="objects of each type: contoso=20,…")
    found.add_argument("--devices", type=scale, default=(1.0, {}), help="managed devices: contoso=400,…")
    found.add_argument("--tls", action="store_true", help="serve https; the CA is written to STATE/ca.pem")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    given = parser().parse_args(arguments)
    if given.tls and given.state is None:
        parser().error("--tls needs --state for ca.pem")
    if given.state is not None:
        given.state.mkdir(parents=True, exist_ok=True)
    factor, sizes = given.scale
    options = Options(
        scenario=given.scenario, seed=given.seed, state_dir=given.state, delay_ms=given.delay_ms,
        delay_per_object_ms=given.delay_per_object_ms, scale=sizes, scale_factor=factor,
        policies=given.policies[1], devices=given.devices[1],
        token_lifetime_s=given.token_lifetime,
    )  # fmt: skip
    tls = write_tls_files(given.state)[1:] if given.tls else None
    scheme = "https" if tls else "http"

    def ready(port: int) -> None:
        sys.stdout.write(f"Graph sandbox ready at {scheme}://{given.host}:{port}/\n")
        sys.stdout.flush()

    # Pages make many short-lived objects; the default thresholds would look at all of them over and over.
    gc.set_threshold(100_000, 20, 50)
    try:
        state = SandboxState(options)
    except StateFileError as error:
        raise SystemExit(str(error)) from None
    server = make_server(state, given.host, given.port, ready, tls)
    server.run()
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
