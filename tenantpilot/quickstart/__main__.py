"""``python -m tenantpilot.quickstart run | reset | manage … | sandbox …``."""

import argparse
import os
import shutil
import subprocess
import sys

from tenantpilot.quickstart import runner
from tenantpilot.quickstart.embedded import ServerFailed
from tenantpilot.quickstart.environment import kept_environment
from tenantpilot.quickstart.home import PROJECT, CannotStart, Home
from tenantpilot.quickstart.servers import EmbeddedPostgres, EmbeddedValkey
from tenantpilot.quickstart.supervision import clear_leftovers


def main() -> int:
    """Do what is asked; a problem is one sentence on the error stream and exit status 1."""
    parser = argparse.ArgumentParser(prog="tenantpilot.quickstart")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="start the console with the demo")
    commands.add_parser("reset", help="remove everything that starts have kept")
    commands.add_parser("manage", help="run manage.py beside the running demo", add_help=False)
    commands.add_parser("sandbox", help="change what the running demo's sandbox answers", add_help=False)
    asked, rest = parser.parse_known_args()
    try:
        if asked.command == "run":
            return runner.run()
        if asked.command == "reset":
            return reset()
        program = ["manage.py"] if asked.command == "manage" else ["-m", "providers.sandbox.ctl"]
        return beside_the_demo([*program, *rest])
    except (CannotStart, ServerFailed) as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1


def beside_the_demo(program: list[str]) -> int:
    """Run a Python program of the project in the environment of the running demo."""
    environment = kept_environment(Home.from_environment())
    return subprocess.run([sys.executable, *program], cwd=PROJECT, env=environment, check=False).returncode


def reset() -> int:
    """End what is left of a killed start and remove everything that starts have kept."""
    home = Home.from_environment()
    if not home.path.exists():
        print(f"There is nothing to remove: {home.path} does not exist.")
        return 0
    if not (home.path / "run").is_dir():
        raise CannotStart(f"{home.path} was not made by make run; nothing was removed.")
    if not _agreed(home):
        print("Nothing was removed.")
        return 1
    with home.held():
        clear_leftovers(home)
        for server in (EmbeddedValkey(home.path), EmbeddedPostgres(home.path)):
            server.stop()
        shutil.rmtree(home.path)
    print(f"Removed {home.path}. The next make run starts over.")
    return 0


def _agreed(home: Home) -> bool:
    if os.environ.get("FORCE") == "1":
        return True
    if not sys.stdin.isatty():
        raise CannotStart("Nobody is there to ask; FORCE=1 make reset removes without asking.")
    return input(f"Remove {home.path} with its database, secrets and logs? [y/N] ").strip().lower() in {
        "y",
        "yes",
    }


if __name__ == "__main__":
    sys.exit(main())
