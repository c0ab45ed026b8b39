from urllib.parse import parse_qs, urlsplit

import pytest

from providers.graph.clouds import KNOWN_ORIGINS, Cloud, admin_consent_url, authority_url, hosts


@pytest.mark.parametrize(
    ("cloud", "login", "graph"),
    [
        ("global", "login.microsoftonline.com", "graph.microsoft.com"),
        ("usgov_l4", "login.microsoftonline.us", "graph.microsoft.us"),
        ("usgov_l5", "login.microsoftonline.us", "dod-graph.microsoft.us"),
        ("china", "login.chinacloudapi.cn", "microsoftgraph.chinacloudapi.cn"),
    ],
)
def test_each_cloud_has_its_own_hosts(cloud, login, graph):
    found = hosts(Cloud(cloud))
    assert (found.login, found.graph) == (f"https://{login}", f"https://{graph}")
    assert {found.login, found.graph} <= KNOWN_ORIGINS


def test_admin_consent_url_asks_for_everything_registered_on_the_app():
    url = admin_consent_url(
        Cloud.USGOV_L5, "contoso.example", "app-1", "https://tp.example/return?a=1&b=2", "st&te"
    )
    parts = urlsplit(url)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == (
        "https://login.microsoftonline.us/contoso.example/v2.0/adminconsent"
    )
    assert parse_qs(parts.query) == {
        "client_id": ["app-1"],
        "scope": ["https://dod-graph.microsoft.us/.default"],
        "redirect_uri": ["https://tp.example/return?a=1&b=2"],
        "state": ["st&te"],
    }


@pytest.mark.parametrize("tenant", ["", "a/b", "..", "a?b", "a#b", "a@b", "a b", "contoso.example/"])
def test_tenant_that_could_change_the_url_is_refused(tenant):
    with pytest.raises(ValueError):
        authority_url(Cloud.GLOBAL, tenant)
