"""What the wizard's page shows: the list of steps, and the step that is open, as plain data."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from onboarding import connect, forms
from onboarding.certificates import thumbprint
from onboarding.choices import SessionState, StepName
from onboarding.links import is_usable, link_token, state_of
from onboarding.live import bootstrap_data, verify_data
from onboarding.models import ConsentRequest, OnboardingSession
from onboarding.selectors import Seen, shared_apps
from onboarding.services import AlreadyHere
from onboarding.steps import STEPS, current, done, open_before
from onboarding.words import answer_words, person_name, session_url
from operations import words
from providers import consent
from providers.choices import Cloud, CredentialKind, Purpose
from providers.directory_lists import collections_of
from providers.permissions import purposes_for
from providers.readiness import ConnectionFacts
from providers.views.grants import asked_grants, missing_grants
from providers.views.parts import directory_links
from tenantpilot.console.pages import SignedInRequest
from tenantpilot.core import reasons

Data = dict[str, Any]
LOOK_SECONDS = 5


def wizard_context(seen: Seen, shown: StepName) -> Data:
    """The session and its steps: done, now or to do, each that may be opened with its address."""
    session, finished, at = seen.session, done(seen.standing), current(seen.standing)
    steps = [
        {
            "number": number,
            "label": step.name.label,
            "state": "done" if step.name in finished else "now" if step.name == at else "todo",
            "current": step.name == shown,
            "url": session_url(session.pk, step.name)
            if step.name != shown and open_before(seen.standing, step.name) is None
            else "",
        }
        for number, step in enumerate(STEPS, 1)
    ]
    return {
        "session": session,
        "version": session.version,
        "steps": steps,
        "step": shown.value,
        "template": f"onboarding/_{shown}.html",
        "isOpen": session.state == SessionState.OPEN,
        "state": session.state,
        "workspace": session.workspace.name,
        "inCharge": person_name(session.in_charge),
        "handOverUrl": reverse("onboarding_hand_over", args=[session.pk]),
        "abandonUrl": reverse("onboarding_abandon", args=[session.pk]),
        "nextUrl": session_url(session.pk),
    }


def step_context(request: SignedInRequest, seen: Seen, shown: StepName, more: Data) -> Data:
    """What the step itself shows; ``more`` is what a form that was refused brings along."""
    return {**_CONTEXTS[shown](request, seen, more), **more}


def _identify(request: SignedInRequest, seen: Seen, more: Data) -> Data:
    session = seen.session
    found = session.entra_tenant_id is not None
    initial = {"name": session.asked, "cloud": session.cloud}
    context: Data = {
        "form": more.get("form") or forms.IdentifyForm(initial=initial),
        "facts": _identity_facts(session) if found else [],
        "found": found,
        "tenantUrl": reverse("tenant", args=[seen.standing.target.tenant.slug])
        if seen.standing.target
        else "",
    }
    here: AlreadyHere | None = more.pop("here", None)
    return context | ({"already": _already(here)} if here else {})


def _identity_facts(session: OnboardingSession) -> list[Data]:
    facts = [
        {"label": _("Asked for"), "value": session.asked},
        {"label": _("Tenant ID"), "value": str(session.entra_tenant_id), "copyLabel": _("tenant ID")},
    ]
    if session.cloud != Cloud.GLOBAL:
        facts.append({"label": _("Cloud"), "value": session.get_cloud_display()})
    return facts


def _already(here: AlreadyHere) -> Data:
    if here.session is not None:
        words = {"person": person_name(here.session.in_charge)}
        text = _("%(person)s is adding this tenant already.") % words
        return {"text": text, "url": session_url(here.session.pk), "label": _("Open the onboarding")}
    if here.tenant is not None:
        url = reverse("tenant", args=[here.tenant.slug])
        return {"text": _("This tenant is already in this workspace."), "url": url, "label": _("Open it")}
    return {"text": _("This workspace has the tenant already. Ask an owner for access.")}


def _connect(request: SignedInRequest, seen: Seen, more: Data) -> Data:
    session = seen.session
    assert seen.standing.target is not None
    if (
        session.connection is None
        or (request.GET.get("way") and session.connected_at is None)
        or "way" in more
    ):
        return _choose(request, seen, more)
    app = session.connection.app_registration
    shared = app.tenant_id is None
    context: Data = {
        "connected": session.connected_at is not None,
        "connection": {
            "label": session.connection.label,
            "url": reverse("connection", args=[session.connection_id]),
        },
        "app": {"name": app.name, "clientId": str(app.client_id), "shared": shared},
        "permissions": granted_rows(seen.standing.facts, app.purpose),
        "otherWayUrl": f"{session_url(session.pk, StepName.CONNECT)}&way=shared",
    }
    request_ = connect.request_of(session)
    if request_ is not None and shared:
        context |= _asked_for(request, request_)
    return context | {"wait": wait_data(seen)}


def _choose(request: SignedInRequest, seen: Seen, more: Data) -> Data:
    session = seen.session
    apps = list(shared_apps(session.workspace_id, session.cloud))
    way = more.get("way") or request.GET.get("way") or ("shared" if apps else "own")
    kind = more.get("kind") or connect.kind_of(session.certificate, request.GET.get("kind", ""))
    names = list(purposes_for(Purpose.READ))
    here = session_url(session.pk, StepName.CONNECT)
    kinds = [(CredentialKind.SECRET, _("Client secret")), (CredentialKind.CERTIFICATE, _("Own certificate")),
             ("made", _("Certificate made here"))]  # fmt: skip
    made = session.certificate
    return {
        "choose": True,
        "way": way,
        "kind": kind,
        "ways": [
            {
                "label": _("App registration of the workspace"),
                "url": f"{here}&way=shared",
                "current": way != "own",
            },
            {"label": _("Own app registration"), "url": f"{here}&way=own", "current": way == "own"},
        ],
        "kinds": [
            {"label": label, "url": f"{here}&way=own&kind={value}", "current": value == kind}
            for value, label in kinds
        ],
        "apps": [{"value": app.pk, "label": app.name} for app in apps],
        "appsUrl": reverse("app_registrations"),
        "form": more.get("form") or forms.BROUGHT_APP_FORMS[kind](),
        "permissions": asked_grants(),
        "permissionList": "\n".join(names),
        "certificate": _made(session) if made is not None else None,
        "entraTenantId": str(session.entra_tenant_id),
    }


def _made(session: OnboardingSession) -> Data:
    assert session.certificate is not None
    return {
        "url": reverse("onboarding_certificate", args=[session.pk]),
        "thumbprint": thumbprint(session.certificate.certificate_pem),
    }


def _asked_for(request: HttpRequest, asked: ConsentRequest) -> Data:
    url = reverse("consent_link", args=[link_token(asked)])
    context: Data = {"redirectUri": consent.return_url(request), "linkUsable": is_usable(asked)}
    if asked.answer and asked.answer != consent.Answer.GRANTED:
        context["problem"] = answer_words(asked.answer)
    if not context["linkUsable"]:
        return context
    return context | {
        "consentUrl": consent_url(request, asked),
        "link": consent.public_url(request, url),
        "linkEnds": asked.expires_at,
    }


def consent_url(request: HttpRequest, asked: ConsentRequest) -> str:
    """The provider's page for a request."""
    connection = asked.connection
    return consent.consent_url_for(
        request,
        cloud=connection.app_registration.cloud,
        entra_tenant_id=connection.tenant.entra_tenant_id,
        client_id=connection.app_registration.client_id,
        state=state_of(asked),
    )


def granted_rows(facts: ConnectionFacts | None, purpose: str) -> list[Data]:
    """The permissions of the set with what each is for and, once a sign-in has shown them, which are missing."""
    known = facts is not None and facts.permissions_observed_at is not None
    waiting = {each["name"]: each["why"] for each in missing_grants(facts)} if facts and known else {}
    rows = []
    for each in asked_grants(purpose):
        has = facts is not None and each["name"] in facts.granted_permissions
        row = {**each, "state": ("granted" if has else "missing") if known else ""}
        if verbs := waiting.get(each["name"]):
            row["why"] = [*each["why"], _("Needed for %(verbs)s.") % {"verbs": ", ".join(verbs)}]
        rows.append(row)
    return sorted(rows, key=lambda row: row["state"] != "missing")


def wait_data(seen: Seen) -> Data:
    """Whether consent has arrived, and while it has not, where the page asks again."""
    session = seen.session
    if session.connected_at is not None:
        facts = seen.standing.facts
        lacking = [row["name"] for row in granted_rows(facts, Purpose.READ) if row["state"] == "missing"]
        return {"arrived": True, "lacking": lacking, "nextUrl": session_url(session.pk)}
    data: Data = {"url": reverse("onboarding_consent", args=[session.pk]), "seconds": LOOK_SECONDS}
    target = seen.standing.target
    reason = reasons.get(session.trouble_code) if session.trouble_code else None
    if reason is not None and target is not None:
        data["problem"] = words.sentence(reason, {}, target)
        data["nextSteps"] = words.steps(reason, {}, target)
        data["reasonCode"] = reason.code
    return data


def _done(request: SignedInRequest, seen: Seen, more: Data) -> Data:
    assert seen.standing.target is not None
    ref, facts = seen.standing.target.tenant, seen.standing.facts
    return {
        "tenant": {
            "name": ref.name,
            "url": reverse("tenant", args=[ref.slug]),
            "entraTenantId": str(ref.entra_tenant_id),
        },
        "directory": directory_links(ref.slug, collections_of(ref.id)),
        "chain": bootstrap_data(seen)["chain"],
        "doneUrl": session_url(seen.session.pk, StepName.DONE),
        "seconds": LOOK_SECONDS,
        "connection": facts.label if facts else "",
        "addConnectionUrl": f"{reverse('connection_add', args=[ref.slug])}?app=own&purpose={Purpose.RESTORE}",
    }


_CONTEXTS: dict[StepName, Callable[[SignedInRequest, Seen, Data], Data]] = {
    StepName.IDENTIFY: _identify,
    StepName.CONNECT: _connect,
    StepName.VERIFY: lambda request, seen, more: verify_data(seen),
    StepName.BOOTSTRAP: lambda request, seen, more: bootstrap_data(seen),
    StepName.DONE: _done,
}
