"""The documentation names what there is."""

import json
import re

import pytest

from tenantpilot import settings
from tenantpilot.quickstart import demo
from tenantpilot.quickstart.home import PROJECT
from tenantpilot.quickstart.people import PASSWORD, PEOPLE
from tenantpilot.quickstart.runner import SANDBOX_VARIABLES

README = (PROJECT / "README.md").read_text()
DEVELOPMENT = (PROJECT / "docs" / "development.md").read_text()
MAKEFILE = (PROJECT / "Makefile").read_text()


@pytest.mark.parametrize("name", sorted(settings.KNOWN) + [f"SANDBOX_{name}" for name in SANDBOX_VARIABLES])
def test_every_environment_variable_is_explained(name: str) -> None:
    assert f"`{name}`" in DEVELOPMENT


def test_no_environment_variable_is_explained_that_does_not_exist() -> None:
    assert set(re.findall(r"`(TENANTPILOT_[A-Z_]+)`", DEVELOPMENT)) == settings.KNOWN


def test_the_readme_names_every_person_with_the_password() -> None:
    assert f"`{PASSWORD}`" in README
    for person in PEOPLE:
        assert f"| `{person.username}` |" in README


def test_the_readme_names_every_tenant_and_the_secret_that_mends_tailspin() -> None:
    data = json.loads(demo.DATA.read_text())
    for tenant in data["tenants"]:
        assert f"| `{tenant['slug']}` |" in README
    renewed = [item["renewed_secret"] for item in data["app_registrations"] if item.get("renewed_secret")]
    assert renewed
    assert all(secret in README for secret in renewed)


def test_every_make_target_that_the_documentation_names_exists() -> None:
    named = set(re.findall(r"(?<=make )[a-z][a-z-]+", README + DEVELOPMENT)) - {"the"}
    phony = next(line for line in MAKEFILE.splitlines() if line.startswith(".PHONY:"))
    targets = set(phony.removeprefix(".PHONY:").split())
    assert {name for name in named if f"`make {name}" in README + DEVELOPMENT} <= targets
