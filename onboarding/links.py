"""Signed addresses of a request for consent: the page for the customer's administrator, and ``state`` of the provider.

Both name one request and carry its nonce. They work while the request is neither revoked nor too old and the session
is open; the database keeps the nonce, so that a new request ends what was sent out before.
"""

from datetime import timedelta
from hmac import compare_digest

from django.core import signing
from django.utils import timezone

from onboarding.choices import SessionState
from onboarding.models import ConsentRequest

_LINK, _STATE = "onboarding.consent.link", "onboarding.consent.state"
# It may wait in the inbox of a customer's administrator.
VALID_FOR = timedelta(days=7)


def link_token(request: ConsentRequest) -> str:
    """The token in the address of the page that explains what will be granted."""
    return signing.dumps([request.pk, request.nonce], salt=_LINK)


def state_of(request: ConsentRequest) -> str:
    """The ``state`` that goes to the provider and comes back with its answer."""
    return signing.dumps([request.pk, request.nonce], salt=_STATE)


def by_token(token: str) -> ConsentRequest | None:
    """The request of a page's address; None for one that was changed, revoked or is too old, alike."""
    found = _signed(token, _LINK)
    return found if found is not None and is_usable(found) else None


def by_state(state: str) -> ConsentRequest | None:
    """The request that an answer belongs to, usable or not; None for what is none of ours."""
    return _signed(state, _STATE)


def is_usable(request: ConsentRequest) -> bool:
    """Whether consent may still be given through the request."""
    tenant = request.session.tenant
    open_session = (
        request.session.state == SessionState.OPEN and tenant is not None and tenant.archived_at is None
    )
    return open_session and request.revoked_at is None and request.expires_at > timezone.now()


def _signed(text: str, salt: str) -> ConsentRequest | None:
    try:
        pk, nonce = signing.loads(text, salt=salt)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    rows = ConsentRequest.objects.select_related(
        "session__workspace",
        "session__tenant",
        "connection__app_registration",
        "connection__tenant",
        "asked_by",
    )
    found = rows.filter(pk=pk).first()
    return found if found is not None and compare_digest(found.nonce, nonce) else None
