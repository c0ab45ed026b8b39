"""The sandbox as a program: start, control page and command line, restart, stop."""

import contextlib
import json
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from providers.sandbox import ctl
from providers.sandbox.control import COMMANDS
from providers.sandbox.demo import demo_document
from providers.sandbox.state import StateFileError
from providers.sandbox.testing import SandboxServer
from tests.sandbox.client import NO_TLS, Graph

ROOT = Path(__file__).resolve().parents[2]
SANDBOX = ROOT / "providers" / "sandbox"


@contextlib.contextmanager
def program(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The running program and its address, as its one line of output tells it."""
    command = [sys.executable, "-m", "providers.sandbox", "--port", "0", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.fullmatch(r"Graph sandbox ready at (https?://127\.0\.0\.1:\d+)/\n", line)
            assert found, line
            yield process, found[1]
        finally:
            process.kill()


def run_ctl(capsys: pytest.CaptureFixture[str], url: str, *arguments: str) -> str:
    assert ctl.main(["--url", url, *arguments]) == 0
    return capsys.readouterr().out.strip()


def test_changes_survive_a_restart_and_sigterm_ends_cleanly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with program("--state", str(tmp_path)) as (process, url):
        assert run_ctl(capsys, url, "count", "contoso") == "2400"
        run_ctl(capsys, url, "delete-group", "contoso", "Finance")
        run_ctl(capsys, url, "consent", "northwind")
        run_ctl(capsys, url, "grant", "woodgrove", "GroupMember.Read.All")
        run_ctl(capsys, url, "reach", "wingtip")
        secret = run_ctl(capsys, url, "add-secret", "tailspin")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    with program("--state", str(tmp_path)) as (process, url):
        assert run_ctl(capsys, url, "count", "contoso") == "2399"
        facts = {
            tenant["tenant"]: tenant for tenant in httpx.get(f"{url}/_sandbox/api/tenants").json()["result"]
        }
        assert all(facts[slug]["missing"] == [] for slug in ("northwind", "woodgrove"))
        assert facts["wingtip"]["reachable"] is True
        app = facts["tailspin"]
        form = {"client_id": app["client_id"], "client_secret": secret, "grant_type": "client_credentials",
                "scope": "https://graph.microsoft.com/.default"}  # fmt: skip
        assert httpx.post(f"{url}/tailspin.example/oauth2/v2.0/token", data=form).status_code == 200


def test_tokens_survive_a_restart(tmp_path: Path) -> None:
    with SandboxServer(state_dir=tmp_path) as first:
        graph = Graph.in_new_tenant(first, "contoso")
        bearer = graph.http.headers["Authorization"]
        delta = graph.pages("/groups/delta?$select=id")[-1]["@odata.deltaLink"].rpartition("/")[2]
        first.state.save()
    with SandboxServer(state_dir=tmp_path) as second:
        headers = {"Authorization": bearer}
        assert httpx.get(f"{second.url}/v1.0/organization", headers=headers).status_code == 200
        assert httpx.get(f"{second.url}/v1.0/groups/{delta}", headers=headers).status_code == 200


def test_sizes_and_tls_are_options(tmp_path: Path) -> None:
    with program("--state", str(tmp_path), "--scale", "contoso=7,fabrikam=9,0.5", "--tls") as (_, url):
        context = ssl.create_default_context(cafile=tmp_path / "ca.pem")
        found = httpx.get(f"{url}/_sandbox/api/tenants", verify=context, trust_env=False).json()["result"]
    sizes = {item["tenant"]: item["groups"] for item in found}
    assert (sizes["contoso"], sizes["fabrikam"], sizes["litware"]) == (7, 9, 600)


def test_the_command_line_covers_every_day_needs(
    sandbox: SandboxServer, graph: Graph, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: str) -> str:
        return run_ctl(capsys, sandbox.url, *arguments)

    group = run("add-group", "contoso", "Visitors")
    assert run("rename-group", "contoso", "Visitors", "Guests") == group
    assert graph.get(f"/groups/{group}").json()["displayName"] == "Guests"
    assert run("delete-group", "contoso", group) == group
    assert "contoso" in run("tenants")
    run("set", "contoso", "page_size", "20")
    assert len(graph.get("/groups").json()["value"]) == 20
    run("fault", json.dumps({"path": "/groups", "status": 503, "times": 1}))
    assert graph.get("/groups").status_code == 503
    assert "503: 1" in run("log", "contoso")
    run("throttle", "contoso", "1", "--window", "5")
    run("expire-tokens", "contoso")
    assert graph.get("/groups").status_code == 401
    run("revoke", "contoso")
    assert "no consent" in run("tenants")
    for wrong in (["count", "nosuch"], ["delete-group", "contoso", "nosuch"], ["grant", "contoso", "No.Such"],
                  ["set", "contoso", "colour", "1"], ["set", "contoso", "page_size", '"many"'],
                  ["set", "contoso", "page_size", "{"]):  # fmt: skip
        with pytest.raises(SystemExit) as refused:
            ctl.main(["--url", sandbox.url, *wrong])
        assert isinstance(refused.value.code, str)


def test_no_sandbox_at_the_address_is_one_sentence() -> None:
    with pytest.raises(SystemExit, match="No sandbox answers at"):
        ctl.main(["--url", "http://127.0.0.1:9", "tenants"])


def test_the_api_checks_commands_arguments_and_origin(sandbox: SandboxServer, graph: Graph) -> None:
    api = f"{sandbox.url}/_sandbox/api"
    assert httpx.get(f"{api}/count?tenant=contoso").json() == {"result": 250}
    assert httpx.get(f"{api}/delete-group?tenant=contoso").status_code == 404, "reading changes nothing"
    assert httpx.post(f"{api}/explode").status_code == 404
    assert httpx.post(f"{api}/count", json={}).status_code == 400
    assert httpx.post(f"{api}/count", content=b"[").status_code == 400
    crossing = httpx.post(
        f"{api}/count", json={"tenant": "contoso"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert crossing.status_code == 403
    assert {"consent", "grant", "reach", "delete_group", "fault", "log"} <= set(COMMANDS)


def test_the_page_shows_and_changes_tenants(sandbox: SandboxServer, graph: Graph) -> None:
    root = f"{sandbox.url}/_sandbox"
    with httpx.Client(follow_redirects=True, trust_env=False, verify=NO_TLS) as browser:
        assert browser.get(sandbox.url).url == f"{root}/"
        page = browser.get(f"{root}/")
        assert "250 groups" in page.text
        assert "<script" not in page.text
        assert " style=" not in page.text
        assert browser.get(f"{root}/static/sandbox.css").status_code == 200

        def act(**form: str) -> str:
            return browser.post(f"{root}/act", data={"tenant": "contoso", **form}).text

        assert "no consent" in act(command="revoke")
        assert "no consent" not in act(command="consent")
        assert ">unreachable<" in act(command="unreach")
        assert ">reachable<" in act(command="reach")
        assert "249 groups" in act(command="delete_group", group="Finance")
        assert "250 groups" in act(command="add_group", name="<b>Bold</b>")
        assert "<b>Bold" not in act(command="rename_group", group="<b>Bold</b>", name="<i>x</i>")
        assert "No group is named" in act(command="delete_group", group="nosuch")
        secret = re.search(r"shown this once: (\S+?)<", act(command="replace_secret"))
        assert secret
        graph.secret = secret[1]
        graph.renew()
        assert secret[1] not in browser.get(f"{root}/").text


def test_the_sandbox_imports_no_product_code() -> None:
    allowed = re.compile(
        r"^\s*(?:from|import) (?:providers\.sandbox\b|(?!tenantpilot|providers|operations|onboarding|django))"
    )
    for file in SANDBOX.rglob("*.py"):
        for line in file.read_text().splitlines():
            if re.match(r"^\s*(from|import) \w", line):
                assert allowed.match(line), f"{file.name}: {line}"


def test_a_state_file_of_another_scenario_is_left_alone_and_a_damaged_one_named(tmp_path: Path) -> None:
    with SandboxServer(state_dir=tmp_path) as first:
        first.control.add_tenant("contoso")
        first.state.save()
    with SandboxServer(scenario="demo", state_dir=tmp_path) as second:
        assert len(second.control.tenants()) == len(demo_document()["tenants"])
    (tmp_path / "state.json").write_text('{"origin": ')
    with pytest.raises(StateFileError, match="delete it to start over"):
        SandboxServer(state_dir=tmp_path)
