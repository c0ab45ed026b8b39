"""Start a process so that it can be found again, and end what an earlier start left behind.

Runs as a script, too (``python processes.py --pid-file F -- program args``): it notes its own process id and
becomes the program, so that there is no moment in which the program runs and is not noted. It imports nothing
of the project, since it stands before every process that ``make run`` starts.
"""

import argparse
import ctypes
import os
import pwd
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

HOME_VARIABLE = "TENANTPILOT_HOME"
UNPRIVILEGED_USER = "nobody"

_PR_SET_PDEATHSIG, _PR_SET_KEEPCAPS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 1, 8, 47, 2
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 1, 2
_CAPABILITY_VERSION_3 = 0x20080522


def launch_command(
    program: Sequence[str],
    *,
    pid_file: Path,
    unprivileged: bool = False,
    die_with_parent: signal.Signals | None = None,
) -> list[str]:
    """The command that notes its process id in ``pid_file`` and then becomes ``program``.

    ``unprivileged`` gives root's rights away first (PostgreSQL refuses to run as root). ``die_with_parent``
    is the signal that the program gets when the thread that started it ends, however it ends; Linux only.
    """
    command = [sys.executable, "-E", str(Path(__file__).resolve()), "--pid-file", str(pid_file)]
    if unprivileged and os.geteuid() == 0:
        command.append("--unprivileged")
    if die_with_parent is not None:
        command += ["--die-with-parent", str(int(die_with_parent))]
    return [*command, "--", *program]


def running(pid_file: Path, home: Path) -> psutil.Process | None:
    """The live process noted in ``pid_file``, if it is one of ``home``; a reused process id is not."""
    try:
        process = psutil.Process(int(pid_file.read_text()))
    except (OSError, ValueError, psutil.NoSuchProcess):
        return None
    return process if belongs(process, home) else None


def belongs(process: psutil.Process, home: Path) -> bool:
    """Whether a process was started for ``home``: its command line, its folder or its environment says so."""
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        if any(str(home) in argument for argument in process.cmdline()):
            return True
        if Path(process.cwd()).is_relative_to(home):
            return True
        return process.environ().get(HOME_VARIABLE) == str(home)
    except (psutil.Error, OSError):
        return False


def group(pid_file: Path, home: Path) -> list[psutil.Process]:
    """Every live process of ``home`` in the process group that the noted process leads or led."""
    try:
        leader = int(pid_file.read_text())
    except (OSError, ValueError):
        return []
    return [one for one in psutil.process_iter() if _group_of(one) == leader and belongs(one, home)]


def _group_of(process: psutil.Process) -> int | None:
    try:
        return os.getpgid(process.pid)
    except OSError:
        return None


def stop(pid_file: Path, home: Path, *, by: signal.Signals = signal.SIGTERM, wait: float = 10) -> None:
    """End the noted process and its group: by signal ``by``, after ``wait`` seconds by SIGKILL."""
    members = group(pid_file, home)
    leader = running(pid_file, home)
    if leader is not None:
        _send(leader, by)
        wait_for([leader], seconds=wait)
    kill(members)
    pid_file.unlink(missing_ok=True)


def kill(doomed: Sequence[psutil.Process]) -> None:
    """End processes at once, and wait until they have ended."""
    for process in doomed:
        _send(process, signal.SIGKILL)
    wait_for(doomed, seconds=5)


def wait_for(ending: Sequence[psutil.Process], *, seconds: float) -> None:
    """Wait until all have ended. A zombie has: whether its parent ever asks for it is not our matter."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and any(_lives(process) for process in ending):
        time.sleep(0.02)


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _send(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def main(arguments: Sequence[str] | None = None) -> None:
    """Note the process id, give up what is not needed, become the program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pid-file", type=Path, required=True)
    parser.add_argument("--unprivileged", action="store_true")
    parser.add_argument("--die-with-parent", type=int)
    parser.add_argument("program", nargs="+")
    options = parser.parse_args(arguments)
    if home := os.environ.get(HOME_VARIABLE):
        _end_orphans(options.pid_file, Path(home))
    options.pid_file.write_text(f"{os.getpid()}\n")
    if options.unprivileged:
        _become_unprivileged(Path(options.program[0]), Path.cwd())
    if options.die_with_parent and sys.platform == "linux":
        _libc().prctl(_PR_SET_PDEATHSIG, options.die_with_parent, 0, 0, 0)
    os.execv(options.program[0], options.program)  # noqa: S606 (replaces this process, as intended)


def _end_orphans(pid_file: Path, home: Path) -> None:
    """End what a killed predecessor's children still do; they would hold its port."""
    own = os.getpid()
    kill([orphan for orphan in group(pid_file, home) if orphan.pid != own])


def _become_unprivileged(*needed: Path) -> None:
    """Go on as the user nobody.

    Where the project lies in a folder that is closed to others (root's own home, say), the process keeps the
    one capability that lets it look up paths; the folder's mode stays as it is.
    """
    entry = pwd.getpwnam(UNPRIVILEGED_USER)
    closed = not all(_open_to_all(path) for path in needed)
    libc = _libc()
    if closed and sys.platform == "linux":
        libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    if closed and sys.platform == "linux":
        _keep_path_lookup(libc)
    if not os.access(needed[0], os.X_OK):
        sys.exit(
            f"PostgreSQL does not run as root, and the user {UNPRIVILEGED_USER} may not enter "
            f"{needed[0].parent}. Run this as an ordinary user, or move the project to a folder open to all."
        )


def _open_to_all(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents)


class _CapabilityHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _CapabilityData(ctypes.Structure):
    _fields_ = [
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    ]


def _keep_path_lookup(libc: ctypes.CDLL) -> None:
    """Keep one capability across exec, the weaker of two that this process holds (capabilities(7))."""
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    data = (_CapabilityData * 2)()
    libc.capget(ctypes.byref(header), data)
    held = [one for one in (_CAP_DAC_READ_SEARCH, _CAP_DAC_OVERRIDE) if data[0].permitted & (1 << one)]
    if not held:
        return
    bit = 1 << held[0]
    kept = (_CapabilityData * 2)(_CapabilityData(bit, bit, bit), _CapabilityData(0, 0, 0))
    libc.capset(ctypes.byref(header), kept)
    libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, held[0], 0, 0)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


if __name__ == "__main__":
    main()
