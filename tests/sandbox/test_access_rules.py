"""The rules of conditional access: policies, named locations, authentication strengths and contexts."""

from typing import Any

import pytest

from providers.sandbox.policies.table import BY_KEY
from tests.sandbox.inprocess import JSON, Direct
from tests.sandbox.writable import ZERO, changed, first, refused, writable

ACCESS = "identity/conditionalAccess"


def access_policy(tenant: Direct) -> JSON:
    return writable(BY_KEY["conditionalAccessPolicies"], first(tenant, "conditionalAccessPolicies"))


@pytest.mark.parametrize(
    ("path", "value", "word"),
    [
        ("conditions.applications.includeApplications", [], "application"),
        ("conditions.users.includeRoles", [], "user condition"),
        ("conditions.users.includeGroups", [ZERO], ZERO),
        ("conditions.users.excludeGroups", [ZERO], ZERO),
        ("conditions.users.includeUsers", ["Everybody"], "Everybody"),
        ("conditions.locations", {"includeLocations": [ZERO], "excludeLocations": []}, ZERO),
        ("conditions.applications.includeAuthenticationContextClassReferences", ["c42"], "c42"),
        ("conditions.clientAppTypes", ["everything"], "clientAppTypes"),
        ("conditions.colour", "blue", "colour"),
        ("grantControls", None, "control"),
        ("grantControls.operator", "XOR", "operator"),
        ("grantControls.builtInControls", ["block", "mfa"], "Block"),
        ("grantControls.authenticationStrength", {"id": ZERO}, "operator AND"),
        ("state", "on", "state"),
    ],
)
def test_conditional_access_policies_keep_the_rules(tenant: Direct, path: str, value: Any, word: str) -> None:
    refused(tenant, "POST", f"{ACCESS}/policies", changed(access_policy(tenant), path, value), word)


def test_authentication_strengths_are_sent_by_id_and_shown_whole(tenant: Direct) -> None:
    path = f"{ACCESS}/policies"
    strength = first(tenant, "authenticationStrengthPolicies", policyType="custom")
    controls = {"operator": "AND", "builtInControls": [], "authenticationStrength": {"id": strength["id"]}}
    body = {**access_policy(tenant), "grantControls": controls}
    made = tenant.json("POST", path, body, status=201)
    shown = tenant.get(f"{path}/{made['id']}")["grantControls"]
    assert shown["authenticationStrength"]["displayName"] == strength["displayName"]
    assert "authenticationStrength@odata.context" in shown
    refused(tenant, "POST", path, {**body, "grantControls": {**controls, "authenticationStrength": strength}})
    refused(tenant, "POST", path, changed(body, "grantControls.authenticationStrength.id", ZERO), ZERO)
    where = f"policies/authenticationStrengthPolicies/{strength['id']}"
    refused(tenant, "DELETE", where, None, "uses the strength")
    refused(tenant, "PATCH", where, {"allowedCombinations": ["fido2"]}, "allowedCombinations")
    fewer = {"allowedCombinations": ["fido2", "x509CertificateMultiFactor"]}
    result = tenant.json("POST", f"{where}/updateAllowedCombinations", fewer)
    assert (result["currentCombinations"], result["previousCombinations"]) == (
        fewer["allowedCombinations"],
        strength["allowedCombinations"],
    )
    refused(
        tenant,
        "POST",
        f"{where}/updateAllowedCombinations",
        {"allowedCombinations": ["magic"]},
        "allowedCombinations",
    )
    built_in = first(tenant, "authenticationStrengthPolicies", policyType="builtIn")
    refused(
        tenant,
        "PATCH",
        f"policies/authenticationStrengthPolicies/{built_in['id']}",
        {"description": "x"},
        "Built-in",
    )


def test_conditions_of_single_methods_are_written_one_by_one(tenant: Direct) -> None:
    strengths, prefix = "policies/authenticationStrengthPolicies", "#microsoft.graph."
    body = {"displayName": "Keys", "allowedCombinations": ["fido2", "x509CertificateMultiFactor"]}
    made = tenant.json("POST", strengths, body, status=201)
    where = f"{strengths}/{made['id']}/combinationConfigurations"
    key = {
        "@odata.type": f"{prefix}fido2CombinationConfiguration",
        "appliesToCombinations": ["fido2"],
        "allowedAAGUIDs": ["2fc0579f-8113-47ea-b116-bb5a8db9202a"],
    }
    there = tenant.json("POST", where, key, status=201)
    assert tenant.values(where) == [{name: there[name] for name in there if name != "@odata.context"}]
    refused(tenant, "POST", where, key, "already")
    card = {
        "@odata.type": f"{prefix}x509CertificateCombinationConfiguration",
        "appliesToCombinations": ["x509CertificateMultiFactor"],
    }
    refused(tenant, "POST", where, card, "limits nothing")
    refused(tenant, "POST", where, card | {"appliesToCombinations": ["fido2"], "allowedIssuerSkis": ["A"]})
    single = card | {"appliesToCombinations": ["x509CertificateSingleFactor"], "allowedIssuerSkis": ["A"]}
    refused(tenant, "POST", where, single, "must be allowed")
    refused(tenant, "POST", where, {"appliesToCombinations": ["fido2"]}, "@odata.type")
    refused(tenant, "POST", where, key | {"id": "x"}, "id")
    tenant.json("POST", where, card | {"allowedPolicyOIDs": ["1.2.3"]}, status=201)
    refused(tenant, "PATCH", f"{where}/{there['id']}", {"allowedAAGUIDs": ["yubi"]}, "GUIDs")
    refused(tenant, "PATCH", f"{where}/{there['id']}", {"allowedPolicyOIDs": ["1"]}, "allowedPolicyOIDs")
    assert tenant.ask("PATCH", f"{where}/{there['id']}", {"allowedAAGUIDs": [ZERO]}).status == 204
    assert tenant.get(f"{where}/{there['id']}")["allowedAAGUIDs"] == [ZERO]
    fewer = {"allowedCombinations": ["x509CertificateMultiFactor"]}
    action = f"{strengths}/{made['id']}/updateAllowedCombinations"
    refused(tenant, "POST", action, fewer, "fido2", "must be allowed")
    assert tenant.ask("DELETE", f"{where}/{there['id']}").status == 204
    assert tenant.ask("POST", action, fewer).status == 200
    built_in = first(tenant, "authenticationStrengthPolicies", policyType="builtIn")
    refused(tenant, "POST", f"{strengths}/{built_in['id']}/combinationConfigurations", key, "Built-in")


def test_conditions_of_single_methods_take_the_permissions_of_their_strength() -> None:
    reader = Direct.tenant_of(permissions=["Policy.Read.All"], policies=3)
    strength = first(reader, "authenticationStrengthPolicies", policyType="custom")
    where = f"policies/authenticationStrengthPolicies/{strength['id']}/combinationConfigurations"
    part = reader.values(where)[0]["id"]
    for method, path in (("POST", where), ("PATCH", f"{where}/{part}"), ("DELETE", f"{where}/{part}")):
        assert reader.refusal(method, path, {})[0] == 403


def test_writing_conditional_access_takes_three_permissions_together() -> None:
    some = ["Policy.ReadWrite.ConditionalAccess", "Policy.Read.All"]
    partly = Direct.tenant_of(permissions=some, policies=3)
    body = access_policy(partly)
    assert partly.refusal("POST", f"{ACCESS}/policies", body)[0] == 403
    fully = Direct.tenant_of(permissions=[*some, "Application.Read.All"], policies=3)
    assert fully.ask("POST", f"{ACCESS}/policies", body).status == 201
    reader = Direct.tenant_of(permissions=["Policy.Read.All", "Application.Read.All"], policies=3)
    assert reader.refusal("POST", f"{ACCESS}/policies", body)[0] == 403


def test_authentication_contexts_are_created_by_patch_under_their_own_id(tenant: Direct) -> None:
    path = f"{ACCESS}/authenticationContextClassReferences"
    body = {"displayName": "Payments", "description": "", "isAvailable": True}
    assert tenant.ask("PATCH", f"{path}/c42", body).status == 204
    assert tenant.get(f"{path}/c42")["displayName"] == "Payments"
    assert tenant.ask("PATCH", f"{path}/c42", {"displayName": "Other"}).status == 204
    assert tenant.get(f"{path}/c42") | {"displayName": "Other"} == tenant.get(f"{path}/c42")
    refused(tenant, "PATCH", f"{path}/c100", body, "c99")
    refused(tenant, "PATCH", f"{path}/c43", {**body, "colour": 1}, "colour")
    assert tenant.ask("POST", path, body).status == 405


def test_trusted_locations_are_untrusted_before_they_go(tenant: Direct) -> None:
    path = f"{ACCESS}/namedLocations"
    body = {
        "@odata.type": "#microsoft.graph.ipNamedLocation",
        "displayName": "Site",
        "isTrusted": True,
        "ipRanges": [{"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "192.0.2.0/24"}],
    }
    made = tenant.json("POST", path, body)
    where = f"{path}/{made['id']}"
    refused(tenant, "DELETE", where, None, "trusted")
    refused(tenant, "PATCH", where, {"isTrusted": False}, "@odata.type")
    assert tenant.ask("PATCH", where, {"@odata.type": body["@odata.type"], "isTrusted": False}).status == 204
    assert tenant.ask("DELETE", where).status == 204
    refused(
        tenant,
        "POST",
        path,
        changed(body, "ipRanges", [{"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "here"}]),
        "here",
    )
    refused(tenant, "POST", path, changed(body, "ipRanges", []), "range")
