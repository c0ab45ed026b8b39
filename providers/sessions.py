"""From a stored connection to a Graph client that speaks for it."""

from collections.abc import Callable
from contextlib import closing
from functools import cache

from django.conf import settings

from providers import secrets
from providers.choices import CredentialKind
from providers.graph.auth import TokenSource, claims, roles
from providers.graph.client import GraphClient
from providers.graph.clouds import Cloud
from providers.graph.credentials import AppIdentity, ClientCertificate, ClientSecret
from providers.graph.discovery import FoundTenant, find_tenant
from providers.graph.meter import Meter
from providers.graph.throttle import RateBudget, budget_redis
from providers.graph.transport import Transport
from providers.models import ProviderConnection


@cache
def transport() -> Transport:
    """Return this process's one way out, shared by token and Graph requests."""
    return Transport(settings.GRAPH_HOST_MAP)


def _impatient() -> Transport:
    """The way out while a person waits for a page: better no answer than a late one."""
    return Transport(settings.GRAPH_HOST_MAP, connect_timeout=3, read_timeout=8, total_timeout=10)


def look_up(cloud: str, name: str) -> FoundTenant:
    """Return the tenant that a domain or tenant id stands for. Raises as ``find_tenant``."""
    with closing(_impatient()) as way_out:
        return find_tenant(way_out, Cloud(cloud), name)


def try_sign_in(who: AppIdentity) -> frozenset[str]:
    """Sign in afresh, once, and return the application permissions that the token carries.

    Raises a ``TokenError``, ``Unreachable`` or ``ResponseInvalid``.
    """
    with closing(_impatient()) as way_out:
        return roles(TokenSource(way_out).token(who))


@cache
def tokens() -> TokenSource:
    """Return this process's token cache."""
    return TokenSource(transport())


def identity(connection: ProviderConnection) -> AppIdentity:
    """Return how we sign in for ``connection``; a new secret or consent makes a new cache key."""
    app = connection.app_registration
    clear = secrets.decrypt(app.credential_encrypted)
    credential = (
        ClientCertificate(private_key_pem=clear, certificate_pem=app.certificate_pem)
        if app.credential_kind == CredentialKind.CERTIFICATE
        else ClientSecret(clear)
    )
    return AppIdentity(
        cloud=Cloud(app.cloud),
        tenant_id=str(connection.tenant.entra_tenant_id),
        client_id=str(app.client_id),
        credential=credential,
        cache_key=f"{connection.pk}:{app.credential_version}:{connection.consent_version}",
    )


def roles_issued_since(moment: float, who: AppIdentity) -> frozenset[str] | None:
    """Return the application permissions of a token issued since ``moment`` (monotonic); None where there is none.

    A token that can't be read says nothing: that is not the same as no permissions.
    """
    token = tokens().at_hand(who)
    if token is None or token.issued_at < moment or not claims(token):
        return None
    return roles(token)


def roles_in_use(who: AppIdentity) -> frozenset[str] | None:
    """Return the application permissions of the token that the next request carries; None for one that can't be read.

    Graph judges a request by its token, so what this one lacks is refused. Raises TokenError.
    """
    token = tokens().token(who)
    return roles(token) if claims(token) else None


def graph_client(connection_id: int, *, meter: Meter, checkpoint: Callable[[], None]) -> GraphClient:
    """Return a Graph client for the connection. Raises ValueError when no key opens its credential."""
    connection = ProviderConnection.objects.select_related("app_registration", "tenant").get(pk=connection_id)
    who = identity(connection)
    budget = RateBudget(budget_redis(settings.REDIS_URL), key=f"{who.client_id}:{who.tenant_id}")
    return GraphClient(
        who, transport=transport(), tokens=tokens(), budget=budget, meter=meter, checkpoint=checkpoint
    )
