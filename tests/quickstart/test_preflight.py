"""Before anything is started, each problem is one sentence."""

import os
import socket
from pathlib import Path

import pytest

from tenantpilot.quickstart import preflight
from tenantpilot.quickstart.home import CannotStart, Home
from tenantpilot.quickstart.preflight import Address


def test_a_port_in_use_names_the_port_and_another_to_take() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotStart, match=f"Port {port} of .* is in use .*; choose another: PORT="):
            preflight.check_address(Address("127.0.0.1", port))


def test_a_free_port_is_no_problem() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    preflight.check_address(Address("127.0.0.1", port))


def test_a_host_that_is_not_ours_is_named() -> None:
    with pytest.raises(CannotStart, match=r"cannot listen on HOST=192\.0\.2\.1 PORT=8000: Cannot assign"):
        preflight.check_address(Address("192.0.2.1", 8000))


@pytest.mark.parametrize("value", ["eighty", "-1", "65536", "8000.5"])
def test_a_port_that_is_none_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", value)
    with pytest.raises(CannotStart, match="PORT must be a number from 0 to 65535"):
        preflight.address_from_environment()


def test_without_host_and_port_the_console_listens_on_this_machine_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("HOST", raising=False)
    monkeypatch.delenv("PORT", raising=False)
    assert preflight.address_from_environment() == Address("127.0.0.1", 8000)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::1", "http://[::1]:8000"),
    ],
)
def test_the_address_is_one_that_a_browser_can_open(host: str, url: str) -> None:
    assert Address(host, 8000).url == url


def test_a_full_disk_says_how_much_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "LEAST_FREE_BYTES", 2**62)
    with pytest.raises(
        CannotStart, match=r"The disk that holds .* is full: \d+ MB are free, \d+ MB are needed"
    ):
        preflight.check_disk(Home(tmp_path))


def test_an_old_python_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight.sys, "version_info", (3, 10, 4, "final", 0))
    with pytest.raises(CannotStart, match=r"needs Python 3\.11 or newer; this is 3\.10\.4"):
        preflight.check_python()


def test_a_home_belongs_to_one_start_at_a_time(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with (
        home.held(),
        pytest.raises(CannotStart, match=rf"already runs from .* \(process {os.getpid()}\)"),
        home.held(),
    ):
        pass
    with home.held():
        pass


def test_a_home_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotStart, match="cannot be made: Not a directory"):
        Home(tmp_path / "file" / "home").create()


def test_secrets_are_made_once_and_marked_as_those_of_a_demo(tmp_path: Path) -> None:
    home = Home(tmp_path)
    made = home.secrets()
    assert made == home.secrets()
    assert all(value.startswith("demo-") for value in made.values())
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
