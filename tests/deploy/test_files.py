"""The files of docs/deploy do what `make run` does, and are what their programs understand."""

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from prometheus_client.core import GaugeMetricFamily

from operations import metrics
from tenantpilot import settings
from tenantpilot.quickstart import programs
from tenantpilot.quickstart.home import PROJECT, Home
from tenantpilot.quickstart.preflight import Address

DEPLOY = PROJECT / "docs" / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
DOCS = (PROJECT / "docs" / "deploy.md").read_text()


def section(unit: Path, name: str) -> dict[str, str]:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(unit.read_text())
    return dict(parser[name])


@pytest.mark.parametrize("name", ["web", "worker", "beat"])
def test_a_unit_starts_what_make_run_starts(name: str, tmp_path: Path) -> None:
    home = Home(tmp_path)
    kept = {
        "web": lambda: programs.web(home, Address("127.0.0.1", 8000)),
        "worker": lambda: programs.worker(home),
        "beat": lambda: programs.beat(home),
    }[name]()
    script = str(Path(sys.executable).with_name("granian" if name == "web" else "celery"))
    wanted = list(kept.command)[list(kept.command).index(script) + 1 :]
    service = section(DEPLOY / "systemd" / f"tenantpilot-{name}.service", "Service")
    command = service["ExecStart"].split()
    assert command[0] == f"/opt/tenantpilot/.venv/bin/{Path(script).name}"
    assert command[1:] == wanted
    for pair in kept.environment.replace('"', "").split(","):
        assert pair in service["Environment"].split()
    assert int(service["TimeoutStopSec"]) >= kept.stop_seconds


@pytest.mark.parametrize("unit", UNITS, ids=lambda each: each.stem)
def test_a_unit_is_locked_down_and_understood(unit: Path, tmp_path: Path) -> None:
    service = section(unit, "Service")
    assert service["User"] == "tenantpilot"
    assert (service["NoNewPrivileges"], service["ProtectSystem"], service["CapabilityBoundingSet"]) == (
        "true",
        "strict",
        "",
    )
    if shutil.which("systemd-analyze") is None:
        return
    # The programs of this machine stand in for those of /opt.
    here = str(Path(sys.executable).parent)
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace("/opt/tenantpilot/.venv/bin", here))
    found = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True, check=False
    )
    ours = [line for line in found.stderr.splitlines() if unit.name in line]
    assert ours == [], found.stderr


def test_the_proxy_sets_what_the_console_believes() -> None:
    text = (DEPLOY / "nginx.conf").read_text()
    for header, value in (
        ("Host", "$host"),
        ("X-Forwarded-For", "$remote_addr"),
        ("X-Forwarded-Proto", "https"),
    ):
        assert re.search(rf"proxy_set_header {header} +{re.escape(value)};", text), header
    assert "$proxy_add_x_forwarded_for" not in text
    assert "location = /metrics { return 404; }" in text


def test_the_proxy_is_understood_where_it_is_installed(tmp_path: Path) -> None:
    nginx = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    text = (DEPLOY / "nginx.conf").read_text()
    assert text.count("{") == text.count("}")
    if nginx is None:
        return
    make = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=x -keyout key.pem -out fullchain.pem"
    subprocess.run(make.split(), cwd=tmp_path, check=True, capture_output=True)
    text = text.replace("/etc/ssl/tenantpilot", str(tmp_path))
    main = tmp_path / "nginx.conf"
    main.write_text(f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; {text} }}")
    found = subprocess.run([nginx, "-t", "-c", main], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr


def test_the_example_of_the_environment_names_only_what_is_known() -> None:
    text = (DEPLOY / "tenantpilot.env.example").read_text()
    named = set(re.findall(r"^([A-Z_]+)=", text, re.M))
    assert named - {"DATABASE_URL", "REDIS_URL"} <= settings.KNOWN
    assert named >= {"TENANTPILOT_SECRET_KEY", "TENANTPILOT_CREDENTIAL_KEYS", "TENANTPILOT_ALLOWED_HOSTS"}


@pytest.mark.django_db
def test_alerts_and_docs_name_figures_that_exist() -> None:
    counters = (
        metrics.START_ANSWERS,
        metrics.RUNS_ENDED,
        metrics.FENCED_OUT,
        metrics.STALE_RESULTS,
        metrics.PUBLISH_FAILURES,
    )
    known = {f"{family.name}_total" for counter in counters for family in counter.collect()}
    gauges = list(metrics.RunGauges().collect())
    assert all(isinstance(each, GaugeMetricFamily) for each in gauges)
    known |= {each.name for each in gauges}
    rules = yaml.safe_load((DEPLOY / "prometheus-rules.yml").read_text())["groups"][0]["rules"]
    in_rules = {name for rule in rules for name in re.findall(r"tenantpilot_\w+", rule["expr"])}
    assert in_rules <= known
    figures = set(re.findall(r"`(tenantpilot_[a-z_]+)`", DOCS))
    assert figures == known
    assert all(rule["annotations"]["summary"] for rule in rules)


def test_every_file_is_told_of_in_the_docs() -> None:
    for path in DEPLOY.rglob("*"):
        if path.is_file() and path.suffix != ".service":
            assert f"deploy/{path.relative_to(DEPLOY)}" in DOCS, path
