"""Links from profiles to certificates, as the service takes and shows them."""

import pytest

from tests.sandbox.inprocess import JSON, Direct
from tests.sandbox.writable import ZERO, refused

PATH, PREFIX = "deviceManagement/deviceConfigurations", "microsoft.graph."
WIFI, SCEP = f"{PREFIX}iosEnterpriseWiFiConfiguration", f"{PREFIX}iosScepCertificateProfile"
ROOTS = "rootCertificatesForServerValidation"


@pytest.fixture
def tenant() -> Direct:
    return Direct.tenant_of(policies=1)


def make(tenant: Direct, kind: str, name: str, **more: JSON) -> JSON:
    return tenant.json("POST", PATH, {"@odata.type": f"#{PREFIX}{kind}", "displayName": name, **more})


def root(tenant: Direct, name: str = "Root", platform: str = "ios") -> str:
    return str(make(tenant, f"{platform}TrustedRootCertificate", name)["id"])


def link(its_id: str) -> str:
    return f"https://graph.microsoft.com/beta/deviceManagement/deviceConfigurations('{its_id}')"


def test_a_profile_is_made_with_its_links_and_shows_them_where_asked(tenant: Direct) -> None:
    first, second = root(tenant), root(tenant, "Second")
    scep = make(tenant, "iosScepCertificateProfile", "Device", **{"rootCertificate@odata.bind": link(first)})
    assert "rootCertificate" not in tenant.get(f"{PATH}/{scep['id']}")
    shown = tenant.get(f"{PATH}/{scep['id']}?$select=id&$expand={SCEP}/rootCertificate($select=id)")
    assert shown["rootCertificate"]["id"] == first
    assert "displayName" not in shown
    wifi = make(tenant, "iosEnterpriseWiFiConfiguration", "Corp", **{
        f"{ROOTS}@odata.bind": [link(first), link(second)],
    })  # fmt: skip
    names = f"{WIFI}/{ROOTS}($select=id),{WIFI}/identityCertificateForClientAuthentication($select=id)"
    shown = tenant.get(f"{PATH}/{wifi['id']}?$expand={names}")
    assert [each["id"] for each in shown[ROOTS]] == [first, second]
    assert shown["identityCertificateForClientAuthentication"] is None


def test_a_link_leads_to_a_profile_of_the_right_type(tenant: Direct) -> None:
    mac = root(tenant, "Mac", "macOS")
    body = {"@odata.type": f"#{SCEP}", "displayName": "Device"}
    refused(tenant, "POST", PATH, body | {"rootCertificate@odata.bind": link(mac)}, "macOSTrustedRoot")
    refused(tenant, "POST", PATH, body | {"rootCertificate@odata.bind": link(ZERO)}, "does not exist")
    refused(tenant, "POST", PATH, body | {"rootCertificate@odata.bind": [link(mac)]}, "rootCertificate")
    refused(tenant, "POST", PATH, body | {"identityCertificate@odata.bind": link(mac)}, "identityCertificate")


def test_links_of_an_existing_profile_are_exchanged_by_ref_alone(tenant: Direct) -> None:
    first, second = root(tenant), root(tenant, "Second")
    scep = make(tenant, "iosScepCertificateProfile", "Device", **{"rootCertificate@odata.bind": link(first)})
    where = f"{PATH}/{scep['id']}"
    body = {"@odata.type": f"#{SCEP}", "rootCertificate@odata.bind": link(second)}
    refused(tenant, "PATCH", where, body, "$ref")
    ref = f"{where}/{SCEP}/rootCertificate/$ref"
    assert tenant.ask("PUT", ref, {"@odata.id": link(second)}).status == 204
    assert tenant.control.object("contoso", "deviceConfigurations", scep["id"])["rootCertificate"] == second
    refused(tenant, "PUT", ref, {"@odata.id": link(ZERO)}, "does not exist")
    assert (
        tenant.refusal("PUT", f"{where}/{WIFI}/rootCertificate/$ref", {"@odata.id": link(second)})[0] == 404
    )
    assert tenant.ask("DELETE", ref).status == 204
    assert tenant.refusal("DELETE", ref)[0] == 404


def test_many_links_come_and_go_one_by_one(tenant: Direct) -> None:
    first, second = root(tenant), root(tenant, "Second")
    wifi = make(tenant, "iosEnterpriseWiFiConfiguration", "Corp", **{f"{ROOTS}@odata.bind": [link(first)]})
    refs = f"{PATH}/{wifi['id']}/{WIFI}/{ROOTS}"
    assert tenant.ask("POST", f"{refs}/$ref", {"@odata.id": link(second)}).status == 204
    refused(tenant, "POST", f"{refs}/$ref", {"@odata.id": link(second)}, "already")
    assert tenant.ask("DELETE", f"{refs}/{first}/$ref").status == 204
    assert tenant.refusal("DELETE", f"{refs}/{first}/$ref")[0] == 404
    there = tenant.control.object("contoso", "deviceConfigurations", wifi["id"])
    assert there[ROOTS] == [second]
