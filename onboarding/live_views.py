"""The parts of the wizard that renew themselves, and the certificate to download."""

from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives.serialization import Encoding
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from onboarding import connect
from onboarding.certificates import read_certificate
from onboarding.choices import StepName
from onboarding.live import bootstrap_data, verify_data
from onboarding.pages import wait_data
from onboarding.scope import session_for
from onboarding.selectors import stamp
from onboarding.steps import open_before
from onboarding.words import session_url
from providers.selectors import MAX_ID
from tenantpilot.console.http import is_htmx
from tenantpilot.console.pages import SignedInRequest, page

# htmx stops a polling element that gets this status, and swaps the answer in.
STOP = 286
_PARTS = {StepName.VERIFY: verify_data, StepName.BOOTSTRAP: bootstrap_data}


@page("POST")
def onboarding_consent(request: SignedInRequest, session: int) -> HttpResponse:
    """Look whether consent has arrived. The page asks every few seconds; without script there is a button."""
    seen = session_for(request.user, session)
    if seen.session.connection_id is None:
        raise Http404
    found = connect.look(seen.session)
    if not is_htmx(request):
        if seen.session.connected_at is None:
            messages.info(request, _("Consent has not arrived yet."))
        return HttpResponseRedirect(session_url(session, StepName.CONNECT))
    if found:
        # Read anew: the sign-in has written what it saw.
        seen = session_for(request.user, session)
    arrived = seen.session.connected_at is not None
    context = {"wait": wait_data(seen), "fragment": True}
    return render(request, "onboarding/_wait.html", context, status=STOP if arrived else 200)


@page()
def onboarding_live(request: SignedInRequest, session: int, step: str) -> HttpResponse:
    """The lines of Verify or the chain of Bootstrap, as they stand now; 204 when the page shows them already."""
    at = ""
    if step in _PARTS and session <= MAX_ID:
        at = stamp(request.user, session, StepName(step))
        if at and at == request.GET.get("at"):
            return HttpResponse(status=204)
    seen = session_for(request.user, session)
    if step not in _PARTS:
        raise Http404
    if open_before(seen.standing, StepName(step)) is not None:
        raise Http404
    data: dict[str, Any] = _PARTS[StepName(step)](seen)
    data["liveUrl"] += f"?{urlencode({'at': at})}"
    template = f"onboarding/_live_{step}.html"
    return render(request, template, {**data, "fragment": True}, status=200 if data.get("seconds") else STOP)


@page()
def onboarding_certificate(request: SignedInRequest, session: int) -> HttpResponse:
    """The public part of the certificate that was made here; its key never leaves."""
    seen = session_for(request.user, session)
    made = seen.session.certificate
    if made is None:
        raise Http404
    return certificate_file(made.certificate_pem, f"tenantpilot-{seen.session.pk}")


def certificate_file(pem: str, name: str) -> HttpResponse:
    """A certificate as a file that the Entra portal takes."""
    content = read_certificate(pem).public_bytes(Encoding.PEM)
    headers = {"Content-Disposition": f'attachment; filename="{name}.cer"'}
    return HttpResponse(content, content_type="application/pkix-cert", headers=headers)
