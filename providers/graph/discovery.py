"""Which tenant a domain or a tenant id stands for, as the identity platform's OpenID configuration tells it.

It needs no sign-in and no consent: https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc
"""

from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

import orjson

from providers.graph.clouds import Cloud, authority_url, hosts
from providers.graph.errors import ResponseInvalid
from providers.graph.token_failures import token_failure
from providers.graph.transport import Transport


@dataclass(frozen=True, slots=True)
class FoundTenant:
    """A tenant, and the cloud that it lives in: the one that was asked may know it without being its home."""

    tenant_id: UUID
    cloud: Cloud


def find_tenant(transport: Transport, cloud: Cloud, name: str) -> FoundTenant:
    """Return the tenant with this id or verified domain.

    Raises TenantUnknown, Unreachable, TokenUnavailable, ResponseInvalid; ValueError for what is neither.
    """
    url = f"{authority_url(cloud, name)}/v2.0/.well-known/openid-configuration"
    reply = transport.send("GET", url, headers={"Accept": "application/json"})
    if reply.status != 200:
        raise token_failure(reply.status, reply.headers, reply.content, hide="")
    try:
        document = orjson.loads(reply.content)
        # https://{login host}/{tenant id}/v2.0
        tenant_id = UUID(urlsplit(document["issuer"]).path.split("/")[1])
    except (orjson.JSONDecodeError, KeyError, IndexError, TypeError, ValueError, AttributeError):
        raise ResponseInvalid("The OpenID configuration names no tenant.", status=200) from None
    return FoundTenant(tenant_id, _home(document.get("msgraph_host"), asked=cloud))


def _home(graph_host: object, *, asked: Cloud) -> Cloud:
    if not isinstance(graph_host, str) or hosts(asked).graph == f"https://{graph_host.lower()}":
        return asked
    return next((each for each in Cloud if hosts(each).graph == f"https://{graph_host.lower()}"), asked)
