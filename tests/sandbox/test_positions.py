"""Faults at exactly one request, and the sandbox's own log as proof of what was sent and what landed."""

import json
from typing import Any

import pytest

from providers.sandbox.policies.table import BY_KEY
from tests.sandbox.inprocess import JSON, Direct

PATH = "deviceManagement/deviceCategories"
BODY = {"displayName": "Once", "description": ""}
JSON_TYPE = {"Content-Type": "application/json"}


@pytest.fixture
def tenant() -> Direct:
    return Direct.tenant_of(policies=2)


def names(tenant: Direct) -> list[str]:
    return [item["displayName"] for item in tenant.control.objects("contoso", "deviceCategories")]


KINDS: list[tuple[JSON, int, bool]] = [
    ({"status": 403, "style": "intune"}, 403, False),
    ({"status": 429, "retry_after": "2"}, 429, False),
    ({"status": 500}, 500, False),
    ({"status": 503}, 503, False),
    ({"status": 504, "after_write": True}, 504, True),
    ({"kind": "drop"}, 0, False),
    ({"kind": "drop", "after_write": True}, 0, True),
    ({"kind": "hang", "after_write": True}, 0, True),
]


@pytest.mark.parametrize(("script", "status", "applied"), KINDS)
@pytest.mark.parametrize("position", [1, 2, 3])
def test_exactly_the_nth_request_fails(
    tenant: Direct, script: JSON, status: int, applied: bool, position: int
) -> None:
    mark = tenant.control.mark()
    tenant.control.fail_request("contoso", position, **script)
    bodies = [{**BODY, "displayName": f"N{number}"} for number in (1, 2, 3)]
    answers = [tenant.ask("POST", PATH, body) for body in bodies]
    assert [answer.status for answer in answers] == [status if at == position else 201 for at in (1, 2, 3)]
    if status == 429:
        assert answers[position - 1].headers["Retry-After"] == "2"
    made = {name for name in names(tenant) if name.startswith("N")}
    assert made == {f"N{at}" for at in (1, 2, 3) if at != position or applied}
    writes = tenant.control.writes("contoso", since=mark)
    assert [entry["applied"] for entry in writes] == [at != position or applied for at in (1, 2, 3)]
    assert [entry["status"] for entry in writes] == [answer.status for answer in answers]
    assert len({entry["body_hash"] for entry in writes}) == 3


def batch(*items: tuple[str, str, Any]) -> JSON:
    return {
        "requests": [
            {"id": str(number), "method": method, "url": f"/{path}", "body": body, "headers": JSON_TYPE}
            for number, (method, path, body) in enumerate(items, 1)
        ]
    }


def test_a_request_inside_of_a_batch_fails_alone(tenant: Direct) -> None:
    tenant.control.fail_request("contoso", 2, batch=True, status=504, after_write=True)
    sent = batch(("GET", PATH, None), ("POST", PATH, BODY), ("POST", PATH, {**BODY, "displayName": "Two"}))
    answers = tenant.json("POST", "$batch", sent)["responses"]
    assert {item["id"]: item["status"] for item in answers} == {"1": 200, "2": 504, "3": 201}
    assert names(tenant).count("Once") == 1


def test_the_batch_itself_can_fail_before_and_after_its_items_were_done(tenant: Direct) -> None:
    sent = batch(("POST", PATH, BODY))
    tenant.control.fail_request("contoso", 1, batch=False, status=503)
    assert tenant.ask("POST", "$batch", sent).status == 503
    assert "Once" not in names(tenant)
    tenant.control.fail_request("contoso", 1, batch=False, status=504, after_write=True)
    assert tenant.ask("POST", "$batch", sent).status == 504
    assert names(tenant).count("Once") == 1
    tenant.control.fail_request("contoso", 1, batch=False, kind="drop")
    assert tenant.ask("POST", "$batch", sent).transport == "drop"
    assert tenant.control.counts("contoso", "batch") == {0: 1, 503: 1, 504: 1}


def test_every_request_has_a_position_whether_in_a_batch_or_not(tenant: Direct) -> None:
    """The batch is the first, its items are the second and third, the single request is the fourth."""
    sent = batch(("GET", PATH, None), ("GET", PATH, None))
    for position, expected in ((1, (503, [])), (2, (200, [503, 200])), (3, (200, [200, 503]))):
        tenant.control.fail_request("contoso", position, status=503)
        answer = tenant.ask("POST", "$batch", sent)
        items = json.loads(answer.content).get("responses", [])
        assert (
            answer.status,
            [item["status"] for item in sorted(items, key=lambda item: item["id"])],
        ) == expected
    tenant.control.fail_request("contoso", 4, status=503)
    tenant.ask("POST", "$batch", sent)
    assert tenant.ask("GET", PATH).status == 503


def test_the_hash_of_a_body_does_not_depend_on_its_way(tenant: Direct) -> None:
    mark = tenant.control.mark()
    tenant.ask("POST", PATH, BODY)
    tenant.ask("POST", PATH, dict(reversed(BODY.items())))
    tenant.ask("POST", "$batch", batch(("POST", PATH, BODY)))
    tenant.ask("POST", PATH, {**BODY, "description": "other"})
    hashes = [entry["body_hash"] for entry in tenant.control.writes("contoso", since=mark)]
    assert len(set(hashes[:3])) == 1
    assert hashes[3] not in hashes[:3]
    assert [entry["in_batch"] for entry in tenant.control.writes("contoso", since=mark)] == [
        False,
        False,
        True,
        False,
    ]


@pytest.mark.parametrize(
    "key", ["configurationPolicies", "conditionalAccessPolicies", "mobileApps", "intents"]
)
def test_faults_reach_every_new_path_by_page_and_path(key: str) -> None:
    tenant = Direct.tenant_of(policies=3, page_size=1)
    path = BY_KEY[key].path
    tenant.control.fault(path=f"/{path}", page=2, status=503, times=1)
    first = tenant.get(path)
    assert tenant.ask("GET", first["@odata.nextLink"]).status == 503
    assert tenant.ask("GET", first["@odata.nextLink"]).status == 200
    tenant.control.fault(path=f"/{path}/*", status=404, times=1)
    item = first["value"][0]["id"]
    assert [tenant.ask("GET", f"{path}/{item}").status for _ in (1, 2)] == [404, 200]


def test_conditional_access_can_be_limited_to_one_request_a_second() -> None:
    tenant = Direct.tenant_of(policies=1, throttle_conditional_access=True)
    path = "identity/conditionalAccess/policies"
    answers = [tenant.ask("GET", path), tenant.ask("GET", "identity/conditionalAccess/namedLocations")]
    assert [answer.status for answer in answers] == [200, 429]
    assert "Retry-After" not in answers[1].headers
    assert tenant.ask("GET", "policies/authenticationStrengthPolicies").status == 200
    free = Direct.tenant_of(policies=1)
    assert [free.ask("GET", path).status for _ in range(5)] == [200] * 5


def test_intune_counts_writes_and_devices_apart() -> None:
    tenant = Direct.tenant_of(policies=1, throttle_intune=True)
    statuses = [tenant.ask("POST", PATH, BODY).status for _ in range(101)]
    assert statuses == [201] * 100 + [429]
    scripts = "deviceManagement/deviceShellScripts"
    assert tenant.refusal("POST", scripts, {})[0] == 400, "scripts have a limit of their own"
    assert tenant.ask("GET", PATH).status == 200
