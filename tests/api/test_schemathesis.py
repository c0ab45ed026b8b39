"""Requests made up from the OpenAPI documents, sent to the running console: ours and the contract it grew from."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import yaml
from django.core.management import call_command
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, CheckFunction
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.live import People
from tests.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

CONTRACT = Path(__file__).parents[1] / "contracts" / "contract.json"
OPERATIONS = ["provider.connection.check", "directory.groups.sync", "directory.role_definitions.sync"]
# Restore comes with a path of its own; until then it is a 404 and answers nothing to look at.
LATER = ("/admin/t/{tenant}/restore-runs/",)
# An onboarding of the tenant that has come to Verify or, once it is healthy, to Bootstrap.
SESSION = """
INSERT INTO onboarding_onboardingsession (workspace_id, tenant_id, connection_id, created_by_id, in_charge_id,
  changed_by_id, state, asked, cloud, entra_tenant_id, connected_at, trouble_code, left_out, version, created_at,
  changed_at)
SELECT t.workspace_id, t.id, c.id, u.id, u.id, u.id, 'open', t.primary_domain, 'global', t.entra_tenant_id, now(), '',
  '{}', 0, now(), now()
FROM tenancy_tenant t JOIN providers_providerconnection c ON c.tenant_id = t.id, tenancy_user u
WHERE t.slug = 'proseware' AND u.username = 'outsider' ON CONFLICT DO NOTHING RETURNING id
"""
BOUNDED = settings(
    max_examples=12,
    derandomize=True,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
Checks = tuple[CheckFunction, ...]
IN_CONTRACT: Checks = (not_a_server_error, content_type_conformance, response_schema_conformance)
IN_OURS: Checks = (*IN_CONTRACT, status_code_conformance, response_headers_conformance)


def within_reach(document: dict[str, Any], stack: Stack) -> dict[str, Any]:
    """Let most paths lead to what there is: to the tenant, connection and a run of the other workspace."""
    run = stack.rows(
        "SELECT r.id FROM operations_operationrun r JOIN tenancy_tenant t ON t.id = r.tenant_id "
        "WHERE t.slug = 'proseware' LIMIT 1"
    )[0][0]
    stack.rows(SESSION)
    session = stack.rows(
        "SELECT s.id FROM onboarding_onboardingsession s JOIN tenancy_tenant t ON t.id = s.tenant_id "
        "WHERE t.slug = 'proseware' AND s.state = 'open'"
    )[0][0]
    known = {
        "session": [session],
        "tenant": ["proseware"],
        "operation": OPERATIONS,
        "connection": [stack.connection_id("proseware")],
        "run": [run],
    }
    for methods in document["paths"].values():
        for method in methods.values():
            for parameter in method.get("parameters", ()):
                if parameter["in"] == "path" and parameter["name"] in known:
                    there = {"enum": known[parameter["name"]]}
                    parameter["schema"] = {"anyOf": [there, parameter["schema"], there]}
    paths = {path: methods for path, methods in document["paths"].items() if not path.startswith(LATER)}
    return {**document, "paths": paths}


def test_every_answer_is_one_that_our_document_tells_of(stack: Stack, people: People) -> None:
    out = StringIO()
    call_command("spectacular", stdout=out)
    ask_everything(yaml.safe_load(out.getvalue()), stack, people, IN_OURS)


def test_every_answer_keeps_the_contract(stack: Stack, people: People) -> None:
    ask_everything(json.loads(CONTRACT.read_text()), stack, people, IN_CONTRACT)


def ask_everything(document: dict[str, Any], stack: Stack, people: People, checks: Checks) -> None:
    """Send what the document lets one think of to each of its paths."""
    schema = schemathesis.openapi.from_dict(within_reach(document, stack))
    asked = 0
    for found in schema.get_all_operations():
        operation = found.ok()

        @BOUNDED
        @given(case=operation.as_strategy())
        def ask(case: Case) -> None:
            nonlocal asked
            asked += 1
            send(case, stack, people, checks)

        ask()
    assert asked > 5 * len(schema)


def send(case: Case, stack: Stack, people: People, checks: Checks) -> None:
    """Send it as the owner of the other workspace, in each of the media types that its path answers with."""
    owner = people("outsider")
    for accept in ("application/*", "text/html"):
        answer = case.call(
            base_url=stack.address,
            headers={**owner.headers, "Accept": accept},
            cookies=dict(owner.client.cookies),
            allow_redirects=False,
        )
        case.validate_response(answer, checks=list(checks))
