"""The processes of a running console, as supervisord is told to keep them.

Supervisor stops the highest priority first and waits for it before the next: web, beat, worker, sandbox,
Valkey, PostgreSQL.
"""

import configparser
import shlex
import signal
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tenantpilot.quickstart import processes
from tenantpilot.quickstart.home import PROJECT, Home
from tenantpilot.quickstart.preflight import Address

SOFT_SHUTDOWN_SECONDS = 30


@dataclass(frozen=True)
class Program:
    """One process. ``at_once``: it needs nothing of the database; the others wait until that is prepared."""

    name: str
    command: Sequence[str]
    priority: int
    at_once: bool = False
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: int = 10
    environment: str = ""
    folder: Path = PROJECT


def server(
    name: str, command: Sequence[str], *, priority: int, stop_signal: signal.Signals, folder: Path
) -> Program:
    """A program for a server whose command notes its process id already."""
    return Program(
        name, command, priority, at_once=True, stop_signal=stop_signal, stop_seconds=30, folder=folder
    )


def sandbox(home: Home, port: int, options: Sequence[str]) -> Program:
    """The Graph sandbox, a server of its own that stands in for Microsoft."""
    program = [sys.executable, "-m", "providers.sandbox", "--port", str(port), *options]
    return Program("sandbox", _launched(home, "sandbox", program), 30, at_once=True)


def web(home: Home, address: Address) -> Program:
    """The console. One blocking thread a process answered most, measured; two processes for two cores."""
    program = [
        _script("granian"), "--interface", "wsgi", "--host", address.host, "--port", str(address.port),
        "--workers", "2", "--blocking-threads", "1", "--no-ws", "--respawn-failed-workers",
        "--workers-kill-timeout", "8", "tenantpilot.wsgi:application",
    ]  # fmt: skip
    return Program("web", _launched(home, "web", program), 60, environment='TENANTPILOT_PROCESS="web"')


def beat(home: Home) -> Program:
    """The clock of periodic work; its schedules are rows."""
    program = [_script("celery"), "-A", "tenantpilot", "beat", "--loglevel", "INFO", "--pidfile="]
    return Program("beat", _launched(home, "beat", program), 50, environment='TENANTPILOT_PROCESS="beat"')


def worker(home: Home) -> Program:
    """The worker. On SIGTERM it takes no more work and gives the runs in hand 30 s."""
    program = [
        _script("celery"), "-A", "tenantpilot", "worker", "--pool", "prefork", "--concurrency", "2",
        "--without-gossip", "--without-mingle", "--loglevel", "INFO",
    ]  # fmt: skip
    return Program(
        "worker",
        _launched(home, "worker", program),
        40,
        stop_seconds=SOFT_SHUTDOWN_SECONDS + 10,
        environment='TENANTPILOT_PROCESS="worker",REMAP_SIGTERM="SIGQUIT"',
    )


def write_configuration(
    home: Home, programs: Iterable[Program], *, port: int, password: str, user: str
) -> Path:
    """Write supervisord's configuration and return where it is; only its owner can read it."""
    parser = configparser.RawConfigParser()
    parser["supervisord"] = {
        "nodaemon": "true",
        "logfile": str(home.log_file("supervisord")),
        "pidfile": str(home.path / "run" / "supervisord.own.pid"),
        "childlogdir": str(home.logs),
        "directory": str(PROJECT),
        "user": user,
    }
    parser["inet_http_server"] = {"port": f"127.0.0.1:{port}", "username": "quickstart", "password": password}
    parser["rpcinterface:supervisor"] = {
        "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
    }
    for program in programs:
        parser[f"program:{program.name}"] = _section(home, program)
    path = home.path / "run" / "supervisord.conf"
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    with path.open("w") as out:
        parser.write(out)
    return path


def _section(home: Home, program: Program) -> dict[str, str]:
    section = {
        "command": shlex.join(program.command),
        "directory": str(program.folder),
        "priority": str(program.priority),
        "autostart": str(program.at_once).lower(),
        "autorestart": "true",
        "startsecs": "1",
        "startretries": "20",
        "stopsignal": program.stop_signal.name.removeprefix("SIG"),
        "stopwaitsecs": str(program.stop_seconds),
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": str(home.log_file(program.name)),
        "stdout_logfile_maxbytes": "20MB",
        "stdout_logfile_backups": "2",
    }
    if program.environment:
        section["environment"] = program.environment
    return {key: value.replace("%", "%%") for key, value in section.items()}


def _launched(home: Home, name: str, program: Sequence[str]) -> list[str]:
    return processes.launch_command(program, pid_file=home.pid_file(name), die_with_parent=signal.SIGTERM)


def _script(name: str) -> str:
    """A console script of the environment that this runs in."""
    return str(Path(sys.executable).with_name(name))
