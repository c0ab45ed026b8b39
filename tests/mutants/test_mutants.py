"""Ways to break the life of a run, each as a patch; the suite must notice every one.

A patch that no longer applies says that the code it breaks has moved: make it anew.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
COPIED = ("operations", "providers", "tenantpilot", "onboarding", "templates", "tests")
T = "tests/operations/test_"
KILLED_BY: Mapping[str, str] = {
    "no_fence_on_write": f"{T}transitions.py::test_nothing_is_written_with_an_old_fence_or_after_the_end",
    "reaper_on_a_stale_snapshot": f"{T}recovery.py::test_a_sweep_does_not_take_a_lease_that_was_renewed_meanwhile",
    "publish_only_on_commit": f"{T}relay.py::test_a_fresh_run_is_left_to_the_message_of_its_own_click_for_a_second",
    "predicate_without_running": f"{T}gate.py::test_the_database_alone_refuses_a_second_run_in_every_active_state",
    "claim_that_ignores_queued": f"{T}transitions.py::test_the_second_message_of_a_run_claims_nothing",
    "no_reaper": f"{T}recovery.py::test_a_lost_read_is_queued_again_due_and_unoffered",
    "waiting_for_a_retry_left_out": f"{T}gate.py::test_the_database_alone_refuses_a_second_run_in_every_active_state",
    "scopes_not_freed": f"{T}write_scopes.py::test_every_end_of_a_write_frees_both",
    "write_claimed_beside_a_read": f"{T}write_scopes.py::TestAdmittedInTheSameInstant",
}
OWN_SCHEMA = {"predicate_without_running", "waiting_for_a_retry_left_out", "scopes_not_freed"}

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture
def mutant_tree(tmp_path: Path) -> Path:
    """A copy of the code to break."""
    for name in COPIED:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "data"))
    shutil.copytree(ROOT / "providers/sandbox/data", tmp_path / "providers/sandbox/data")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_mutant_has_a_test_that_kills_it() -> None:
    assert {path.stem for path in HERE.glob("*.patch")} == set(KILLED_BY)


@pytest.mark.parametrize("mutant", sorted(KILLED_BY, key=lambda name: (name in OWN_SCHEMA, name)))
def test_the_suite_kills(mutant: str, mutant_tree: Path) -> None:
    patched = subprocess.run(
        ["patch", "-p1", "--forward", "--fuzz=2", "-i", str(HERE / f"{mutant}.patch")],
        cwd=mutant_tree, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert patched.returncode == 0, patched.stdout + patched.stderr
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--no-header", "--tb=line", "-p", "no:cacheprovider",
         "--create-db" if mutant in OWN_SCHEMA else "--reuse-db", KILLED_BY[mutant]],
        cwd=mutant_tree, env=_environment(mutant), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    summary = ran.stdout.strip().splitlines()[-1]
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert re.search(r"\d+ failed", summary), summary
    assert "error" not in summary, ran.stdout


def _environment(mutant: str) -> dict[str, str]:
    """The same servers, another database: one for all mutants that leave the schema alone."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    database = f"mutant_{mutant if mutant in OWN_SCHEMA else 'any'}_{worker}"
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    assert database not in connection.settings_dict["NAME"]
    return {**kept, "DATABASE_URL": f"{server}/{database}", "PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": "1"}
