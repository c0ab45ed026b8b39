"""The way to the provider's admin consent page and back.

https://learn.microsoft.com/entra/identity-platform/v2-admin-consent: the answer proves nothing by itself. `state` ties
it to a person and a connection, and a connection check has to see the consent before work starts.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, QueryDict
from django.urls import reverse

from providers.graph.clouds import Cloud, admin_consent_url

SALT = "providers.consent"
# The link may wait in the inbox of a customer's administrator.
STATE_MAX_AGE = 7 * 24 * 3600
# The account that signed in is no administrator, is of another tenant, or is unknown there.
_WRONG_ACCOUNT = frozenset({"AADSTS90093", "AADSTS90094", "AADSTS50020", "AADSTS50034"})
_NUMBER = re.compile(r"AADSTS\d+")


class Answer(StrEnum):
    """What the provider said."""

    GRANTED = "granted"
    DECLINED = "declined"
    WRONG_ACCOUNT = "wrong_account"
    OTHER_TENANT = "other_tenant"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class State:
    """Who asked for consent, and for which connection."""

    user_id: int
    connection_id: int


def sign_state(state: State) -> str:
    """The `state` parameter of a consent link."""
    return signing.dumps([state.user_id, state.connection_id], salt=SALT)


def read_state(signed: str) -> State | None:
    """The state that came back; None when it was changed, is too old, or is none of ours."""
    try:
        user_id, connection_id = signing.loads(signed, salt=SALT, max_age=STATE_MAX_AGE)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return State(user_id, connection_id)


def read_answer(params: QueryDict, entra_tenant_id: UUID) -> Answer:
    """What the redirect's query says. Errors are read first: ``admin_consent=True`` comes with failures, too."""
    if params.get("error"):
        number = _NUMBER.search(params.get("error_description", ""))
        return Answer.WRONG_ACCOUNT if number and number[0] in _WRONG_ACCOUNT else Answer.DECLINED
    if params.get("admin_consent", "").lower() != "true":
        return Answer.UNCLEAR
    tenant = params.get("tenant", "").lower()
    return Answer.OTHER_TENANT if tenant and tenant != str(entra_tenant_id) else Answer.GRANTED


def consent_url(
    request: HttpRequest, *, cloud: str, entra_tenant_id: UUID, client_id: UUID, connection_id: int
) -> str:
    """The link for the customer's administrator, bound to the person who asks for it."""
    assert request.user.pk is not None
    state = sign_state(State(request.user.pk, connection_id))
    return consent_url_for(
        request, cloud=cloud, entra_tenant_id=entra_tenant_id, client_id=client_id, state=state
    )


def consent_url_for(
    request: HttpRequest, *, cloud: str, entra_tenant_id: UUID, client_id: UUID, state: str
) -> str:
    """The provider's consent page for this tenant and app; ``state`` comes back with the answer."""
    return browser_url(
        admin_consent_url(Cloud(cloud), str(entra_tenant_id), str(client_id), return_url(request), state)
    )


def return_url(request: HttpRequest) -> str:
    """Where the provider sends the administrator afterwards; register it as redirect URI of the app."""
    return public_url(request, reverse("consent_return"))


def public_url(request: HttpRequest, path: str) -> str:
    """The whole address of one of our paths, as somebody outside reaches it."""
    return f"{settings.PUBLIC_URL}{path}" if settings.PUBLIC_URL else request.build_absolute_uri(path)


def browser_url(url: str) -> str:
    """The same address where a browser can reach it: it does not follow GRAPH_HOST_MAP as our own client does."""
    for published, address in settings.GRAPH_HOST_MAP.items():
        if url == published or url.startswith(f"{published}/"):
            return f"{address}{url.removeprefix(published)}"
    return url
