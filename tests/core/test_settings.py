"""Settings come from the environment, and what they do not understand stops the start."""

import os
import subprocess
import sys

import pytest

KEY = "2bJ5mDRzK1Jm3nq2SRY0Zc3QXqS3mT4yW5o8m3r0c1E="
PRODUCTION = {
    "TENANTPILOT_ENV": "production",
    "TENANTPILOT_SECRET_KEY": "x" * 60,
    "TENANTPILOT_CREDENTIAL_KEYS": KEY,
    "TENANTPILOT_ALLOWED_HOSTS": "console.example",
    "TENANTPILOT_PUBLIC_URL": "https://console.example",
    "DATABASE_URL": "postgres://a@127.0.0.1/a",
}
SANDBOX = "https://graph.microsoft.com=http://127.0.0.1:8400"


def load(**changes: str) -> str:
    """Read the settings in a fresh process and return what stopped it; empty when nothing did."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("TENANTPILOT_", "GRAPH_"))
    }
    given = {name: value for name, value in (PRODUCTION | changes).items() if value}
    done = subprocess.run(
        [sys.executable, "-c", "import tenantpilot.settings"],
        env=kept | given,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr if done.returncode else ""


def test_a_complete_production_environment_starts():
    assert load() == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"TENANTPILOT_ENV": "prod"}, "TENANTPILOT_ENV must be one of demo, production, test."),
        ({"TENANTPILOT_LEASE_SECOND": "3"}, "Unknown setting: TENANTPILOT_LEASE_SECOND."),
        ({"TENANTPILOT_LEASE_SECONDS": "soon"}, "TENANTPILOT_LEASE_SECONDS must be a number."),
        ({"TENANTPILOT_LEASE_SECONDS": "20"}, "Heartbeat, self-fence and lease must grow in this order."),
        ({"TENANTPILOT_DEBUG": "perhaps"}, "TENANTPILOT_DEBUG must be one of"),
        ({"TENANTPILOT_DEBUG": "1"}, "can't be on in production"),
        ({"TENANTPILOT_SECRET_KEY": ""}, "TENANTPILOT_SECRET_KEY is missing."),
        ({"TENANTPILOT_SECRET_KEY": "demo-" + "x" * 60}, "can't start with the secrets of the demo"),
        ({"TENANTPILOT_CREDENTIAL_KEYS": ""}, "TENANTPILOT_CREDENTIAL_KEYS is missing"),
        ({"TENANTPILOT_ALLOWED_HOSTS": ""}, "TENANTPILOT_ALLOWED_HOSTS is missing."),
        ({"TENANTPILOT_PUBLIC_URL": "http://console.example"}, "must be the https address"),
        ({"GRAPH_HOST_MAP": SANDBOX}, "can't be set in production"),
        ({"GRAPH_HOST_MAP": "graph=here"}, "GRAPH_HOST_MAP holds pairs like"),
        ({"DATABASE_URL": "sqlite:///a.db"}, "must name a PostgreSQL database"),
    ],
)
def test_what_is_missing_or_not_understood_stops_the_start(changes, words):
    assert words in load(**changes)
