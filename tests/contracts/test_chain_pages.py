"""A chain as its run pages show it, its cancel, and the outcome of its start."""

import jsonschema
import pytest

from operations import transitions
from operations.chain_data import bootstrap_outcome_data
from operations.choices import RunOutcome
from operations.models import Chain
from operations.schemas import BOOTSTRAP_SCHEMAS
from operations.transitions import Ending
from tenantpilot.tenancy.capabilities import Role
from tests import factories
from tests.contracts.conftest import RUN
from tests.contracts.test_query_counts import statements

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis_url")]
GROUPS, ROLES = "directory.groups.sync", "directory.role_definitions.sync"


@pytest.fixture
def started(world):
    return factories.start_chain(world)


def url(outcome, act="") -> str:
    return f"/admin/operations/{outcome.run.id}" + (f"/{act}" if act else "")


def test_the_outcome_names_what_runs_and_what_waits(world, started):
    data = bootstrap_outcome_data(started, frozenset())
    assert (data["status"], data["acceptedOperation"], data["pendingOperations"]) == (
        "accepted",
        GROUPS,
        [ROLES],
    )
    root = {
        "components": {"schemas": BOOTSTRAP_SCHEMAS},
        "$ref": "#/components/schemas/OnboardingBootstrapStartOutcome",
    }
    jsonschema.Draft202012Validator(root).validate(data)


def test_keys_without_a_value_are_left_out(world):
    outcome = factories.start_chain(world, GROUPS)
    assert "pendingOperations" not in bootstrap_outcome_data(outcome, frozenset())


def test_the_run_shows_the_steps_of_its_chain(world, as_, started):
    data = as_(world.operator, accept=RUN).get(url(started)).json()
    assert data["chain"]["state"] == "active"
    first, second = data["chain"]["steps"]
    assert (first["operatorVerb"], first["state"], first["run"]["id"]) == (
        "Sync groups",
        "queued",
        started.run.id,
    )
    assert (second["operationType"], second["state"]) == (ROLES, "pending")
    assert "run" not in second
    assert [action["kind"] for action in data["actions"]] == ["cancel", "cancel_chain"]


def test_the_page_leads_from_step_to_step(world, as_, started):
    claim = transitions.claim(started.run.id, "host:1:2")
    assert transitions.finish(
        claim, Ending(RunOutcome.FAILED, "provider.unreachable", {}, {}, {}, [], {}, [])
    )
    second = Chain.objects.get().runs.latest("pk")
    page = as_(world.operator).get(f"/admin/operations/{second.pk}").content.decode()
    assert f'<a href="{url(started)}">Sync groups</a>' in page
    assert 'aria-current="step"' in page
    assert "Cancel all steps" not in page, "nothing waits behind the last one"


def test_a_chain_that_stopped_says_why(world, as_, started):
    factories.entitle(world.operator, world.tenant, Role.READONLY)
    claim = transitions.claim(started.run.id, "host:1:2")
    assert transitions.finish(claim, Ending(RunOutcome.SUCCEEDED, "", {}, {}, {}, [], {}, []))
    chain = as_(world.owner, accept=RUN).get(url(started)).json()["chain"]
    assert (chain["state"], chain["reasonCode"]) == ("stopped", "operation.rights_lost")
    assert chain["shortReason"] == "operator may not start this any more. The rest was not started."
    assert chain["steps"][1]["state"] == "skipped"


def test_a_run_of_no_chain_shows_none(world, as_):
    run = factories.start(GROUPS, world.tenant, world.operator).run
    assert "chain" not in as_(world.operator, accept=RUN).get(f"/admin/operations/{run.id}").json()


def test_cancel_asks_first_and_then_cancels_all(world, as_, started):
    operator = as_(world.operator)
    asked = operator.get(url(started, "cancel-chain")).content.decode()
    assert "every step that waits behind it" in asked
    assert Chain.objects.get().state == "active"
    answer = operator.post(url(started, "cancel-chain"))
    assert (answer.status_code, answer["Location"]) == (303, url(started))
    assert [step.status for step in Chain.objects.get().steps.order_by("number")] == ["admitted", "cancelled"]
    assert (
        "All its steps have ended."
        in operator.post(url(started, "cancel-chain"), follow=True).content.decode()
    )


def test_a_run_of_no_chain_has_no_chain_to_cancel(world, as_):
    run = factories.start(GROUPS, world.tenant, world.operator).run
    for send in (as_(world.operator).get, as_(world.operator).post):
        assert send(f"/admin/operations/{run.id}/cancel-chain").status_code == 404


def test_a_run_of_a_chain_costs_one_statement_more(world, as_, started):
    operator = as_(world.operator)
    assert statements(lambda: operator.get(url(started), headers={"Accept": RUN})) <= 4
