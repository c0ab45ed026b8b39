"""Microsoft's clouds and their published hosts.

Source: https://learn.microsoft.com/graph/deployments and
https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote, urlencode


class Cloud(StrEnum):
    """Tokens of one cloud are useless in another; GCC lives in the global one."""

    GLOBAL = "global"
    USGOV_L4 = "usgov_l4"
    USGOV_L5 = "usgov_l5"
    CHINA = "china"


@dataclass(frozen=True)
class CloudHosts:
    """https origins, without a trailing slash."""

    login: str
    graph: str

    @property
    def scope(self) -> str:
        """The only scope an app may ask for: everything that was granted to it."""
        return f"{self.graph}/.default"


_HOSTS = {
    Cloud.GLOBAL: CloudHosts("https://login.microsoftonline.com", "https://graph.microsoft.com"),
    Cloud.USGOV_L4: CloudHosts("https://login.microsoftonline.us", "https://graph.microsoft.us"),
    Cloud.USGOV_L5: CloudHosts("https://login.microsoftonline.us", "https://dod-graph.microsoft.us"),
    Cloud.CHINA: CloudHosts("https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn"),
}

KNOWN_ORIGINS: frozenset[str] = frozenset(
    origin for each in _HOSTS.values() for origin in (each.login, each.graph)
)

_TENANT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")


def hosts(cloud: Cloud) -> CloudHosts:
    """The two hosts of a cloud."""
    return _HOSTS[Cloud(cloud)]


def authority_url(cloud: Cloud, tenant: str) -> str:
    """Where tokens of this tenant are issued. Raises ``ValueError`` unless it is a GUID or a domain."""
    return f"{hosts(cloud).login}/{_tenant_segment(tenant)}"


def admin_consent_url(cloud: Cloud, tenant: str, client_id: str, redirect_uri: str, state: str) -> str:
    """Where a Global Administrator grants the application permissions registered on the app.

    ``tenant`` is a tenant id, a verified domain or ``organizations``. The redirect that follows proves
    nothing by itself: check ``state``, then get a token for the tenant.
    https://learn.microsoft.com/entra/identity-platform/v2-admin-consent
    """
    query = urlencode(
        {
            "client_id": client_id,
            "scope": hosts(cloud).scope,
            "redirect_uri": redirect_uri,
            "state": state,
        },
        quote_via=quote,
        safe="",
    )
    return f"{authority_url(cloud, tenant)}/v2.0/adminconsent?{query}"


def _tenant_segment(tenant: str) -> str:
    if not _TENANT.fullmatch(tenant):
        raise ValueError("A tenant is named by its id or a domain name.")
    return tenant
