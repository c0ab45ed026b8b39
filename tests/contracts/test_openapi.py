"""The contract as data, our document held against it, and real answers held against both."""

import hashlib
import json
from io import StringIO
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from operations import transitions
from operations.choices import RunOutcome
from operations.transitions import Ending
from providers.models import ProviderConnection
from tests import factories
from tests.contracts.conftest import OUTCOME, RUN

CONTRACT: dict[str, Any] = json.loads(Path(__file__).with_name("contract.json").read_text())
CONTRACT_HASH = "34ef15e7b09a2e9ec414cd8f46bd03a75a95e5f362b5bd68b08f021aa11d3416"

STARTS = {
    "/admin/t/contoso/provider-actions/provider.connection.check/start",
    "/admin/t/contoso/directory/groups/sync",
    "/admin/t/contoso/directory/role-definitions/sync",
    "/admin/provider-connections/{connection}/actions/directory.groups.sync/start",
    "/admin/onboarding/{session}/provider-actions/provider.connection.check/start",
}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    out, noise = StringIO(), StringIO()
    call_command("spectacular", "--fail-on-warn", "--validate", stdout=out, stderr=noise)
    assert noise.getvalue() == ""
    return yaml.safe_load(out.getvalue())


def contained(small: Any, large: Any, where: str = "") -> None:
    """Assert that everything of ``small`` stands in ``large``; lists of names need every name."""
    if isinstance(small, dict):
        for key, value in small.items():
            assert key in large, f"{where}/{key} is missing"
            contained(value, large[key], f"{where}/{key}")
    elif isinstance(small, list) and all(isinstance(item, str) for item in small):
        assert set(small) == set(large), where
    else:
        assert small == large, where


def test_the_contract_is_the_agreed_one():
    canonical = json.dumps(CONTRACT, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(canonical.encode()).hexdigest() == CONTRACT_HASH


def test_our_document_has_every_path_and_shape_of_the_contract(document):
    assert set(CONTRACT["paths"]) <= set(document["paths"])
    assert set(CONTRACT["components"]["schemas"]) <= set(document["components"]["schemas"])


@pytest.mark.parametrize("path", sorted(CONTRACT["paths"]))
def test_our_document_renames_and_drops_nothing(document, path):
    for method, contract in CONTRACT["paths"][path].items():
        ours = document["paths"][path][method]
        for parameter in contract["parameters"]:
            mine = [one for one in ours["parameters"] if one["name"] == parameter["name"]]
            contained(parameter, mine[0], path)
        assert ("requestBody" in contract) == ("requestBody" in ours)
        contained(contract.get("requestBody", {}), ours.get("requestBody", {}), path)
        contained(contract["responses"], ours["responses"], path)


@pytest.mark.parametrize("name", sorted(CONTRACT["components"]["schemas"]))
def test_our_shapes_hold_the_contracts(document, name):
    contained(CONTRACT["components"]["schemas"][name], document["components"]["schemas"][name], name)


def test_what_we_add_is_declared(document):
    starts = document["paths"]["/admin/t/{tenant}/directory/groups/sync"]["post"]["responses"]
    assert set(starts) == {"200", "302", "303", "400", "403", "404", "405", "406", "415", "422"}
    detail = document["paths"]["/admin/operations/{run}"]["get"]["responses"]
    assert set(detail) == {"200", "302", "403", "404", "405", "406"}


def shape(source: dict[str, Any], name: str) -> jsonschema.Draft202012Validator:
    root = {**source, "$ref": f"#/components/schemas/{name}"}
    return jsonschema.Draft202012Validator(root)


def strict(document: dict[str, Any]) -> dict[str, Any]:
    """Our own shapes without room for keys that we do not declare."""

    def close(value: Any) -> Any:
        if isinstance(value, list):
            return [close(item) for item in value]
        if not isinstance(value, dict):
            return value
        closed = {key: close(item) for key, item in value.items()}
        if closed.get("type") == "object" and "additionalProperties" not in closed:
            closed["additionalProperties"] = False
        return closed

    return close({"components": document["components"]})


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("redis_url")
class TestRealAnswers:
    @pytest.fixture
    def client(self, world) -> Client:
        client = Client(headers={"Accept": OUTCOME})
        client.force_login(world.owner)
        return client

    @pytest.fixture
    def check(self, document):
        def hold(answer, name):
            data = json.loads(answer.content)
            for source in (CONTRACT, strict(document)):
                shape({"components": source["components"]}, name).validate(data)
            return data

        return hold

    @pytest.mark.parametrize("path", sorted(STARTS))
    def test_every_outcome_of_every_start_surface(self, client, check, world, path):
        session = factories.make_session(
            world.tenant, world.owner, connection=world.connection, connected_at=timezone.now()
        )
        url = path.format(connection=world.connection.pk, session=session.pk)
        seen = [check(client.post(url), "ProviderStartOutcome") for _ in range(2)]
        other = "/admin/t/contoso/provider-actions/directory.groups.sync/start"
        if "groups" in url:
            other = "/admin/t/contoso/directory/role-definitions/sync"
        seen.append(check(client.post(other), "ProviderStartOutcome"))
        client.post(f"{seen[0]['run']['url']}/cancel", headers={"Accept": RUN})
        ProviderConnection.objects.update(enabled=False)
        seen.append(check(client.post(url), "ProviderStartOutcome"))
        assert [data["status"] for data in seen] == ["accepted", "deduped", "scope_busy", "blocked"]

    def test_every_outcome_of_the_restore_surface(self, client, check, world):
        restore = factories.make_restore(world.tenant, world.owner)
        granted = ["DeviceManagementConfiguration.ReadWrite.All"]
        ProviderConnection.objects.update(granted_permissions=granted)
        url = f"/admin/t/contoso/restore-runs/{restore.pk}/execute"
        other = factories.make_restore(world.tenant, world.owner)
        seen = [check(client.post(url), "ProviderStartOutcome") for _ in range(2)]
        busy = f"/admin/t/contoso/restore-runs/{other.pk}/execute"
        seen.append(check(client.post(busy), "ProviderStartOutcome"))
        client.post(f"{seen[0]['run']['url']}/cancel", headers={"Accept": RUN})
        ProviderConnection.objects.update(granted_permissions=[])
        seen.append(check(client.post(url), "ProviderStartOutcome"))
        assert [data["status"] for data in seen] == ["accepted", "deduped", "scope_busy", "blocked"]
        assert seen[3]["reasonCode"] == "provider.permission_missing"
        assert seen[0]["operatorVerb"] == "Execute restore"

    def test_a_run_waiting_and_ended(self, client, check):
        url = client.post("/admin/t/contoso/directory/groups/sync").json()["run"]["url"]
        waiting = check(client.get(url, headers={"Accept": RUN}), "ProviderBackedRunDetail")
        assert waiting["executionStatus"] == "queued"
        claim = transitions.claim(waiting["runId"], "host:1:2")
        assert claim is not None
        failures = [{"type": "groups", "code": "provider.unreachable", "facts": {}}]
        cost = {"requests": 1, "retries": 0, "throttledSeconds": 0.25, "bytes": 12}
        answers = [{"requestId": "r", "status": 200, "path": "/groups"}]
        progress = {"stage": "groups", "done": 1, "total": 2}
        ending = Ending(
            RunOutcome.PARTIALLY_SUCCEEDED, "provider.unreachable", {}, progress, {"groups": 1}, failures, cost, answers
        )  # fmt: skip
        assert transitions.finish(claim, ending)
        ended = check(client.get(url, headers={"Accept": RUN}), "ProviderBackedRunDetail")
        assert ended["outcome"] == "partially_succeeded"
        assert set(ended) >= {
            "diagnostics",
            "failures",
            "cost",
            "progress",
            "counts",
            "timeline",
            "nextSteps",
        }

    def test_a_retry_answers_as_a_start(self, client, check):
        url = client.post("/admin/t/contoso/directory/groups/sync").json()["run"]["url"]
        assert check(client.post(f"{url}/retry"), "ProviderStartOutcome")["status"] == "deduped"

    @pytest.mark.parametrize(
        ("accept", "url", "body"),
        [
            (OUTCOME, "/admin/t/nowhere/directory/groups/sync", b"{}"),
            (OUTCOME, "/admin/t/contoso/directory/groups/sync", b"["),
            (OUTCOME, "/admin/t/contoso/directory/groups/sync", b'{"selectionKey": 1}'),
            ("application/json", "/admin/t/contoso/directory/groups/sync", b"{}"),
        ],
    )
    def test_errors_are_problems(self, client, document, accept, url, body):
        answer = client.post(url, body, content_type="application/json", headers={"Accept": accept})
        assert answer["Content-Type"] == "application/problem+json"
        shape(strict(document), "Problem").validate(answer.json())
        assert answer.json()["status"] == answer.status_code
