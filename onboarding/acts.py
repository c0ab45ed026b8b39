"""What the wizard's forms send: each act belongs to a step and makes one domain call."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.http import Http404
from django.urls import reverse
from django.utils.translation import gettext as _

from onboarding import connect, forms, services
from onboarding.certificates import expires_at, make_certificate, read_certificate
from onboarding.checks import wanted_permissions
from onboarding.choices import StepName
from onboarding.selectors import Seen, shared_apps
from onboarding.words import session_url, title_of
from providers.choices import Cloud, Purpose
from providers.graph.errors import (
    ConsentMissing,
    CredentialRefused,
    GraphError,
    TenantUnknown,
    TokenUnavailable,
    Unreachable,
)
from tenantpilot.console.pages import SignedInRequest


class Refused(Exception):
    """The form can't be taken as it is; ``context`` is what its step shows instead."""

    def __init__(self, **context: Any) -> None:
        super().__init__()
        self.context = context


@dataclass(frozen=True, slots=True)
class Answer:
    """What was done, and where to go on; without an address to the step that is next."""

    message: str = ""
    url: str = ""


Run = Callable[[SignedInRequest, Seen, int], Answer]


@dataclass(frozen=True, slots=True)
class Act:
    step: StepName
    run: Run = field(repr=False)


def _identify(request: SignedInRequest, seen: Seen, version: int) -> Answer:
    form = forms.IdentifyForm(request.POST)
    if not form.is_valid():
        raise Refused(form=form)
    name, cloud = form.cleaned_data["name"], form.cleaned_data["cloud"]
    try:
        found = services.look_up(seen.session, name=name, cloud=cloud, actor=request.user)
    except services.AlreadyHere as here:
        raise Refused(form=form, here=here) from None
    except services.WrongCloud as wrong:
        label = Cloud(wrong.cloud).label
        form.add_error(
            "cloud", _("This tenant lives in the cloud %(cloud)s. Choose that.") % {"cloud": label}
        )
        raise Refused(form=form) from None
    except GraphError as error:
        form.add_error("name", _not_found(error, name))
        raise Refused(form=form) from None
    services.found_record(
        session_id=seen.session.pk, version=version, name=name, found=found, actor=request.user
    )
    return Answer()


def _not_found(error: GraphError, name: str) -> str:
    if isinstance(error, TenantUnknown):
        words = {"name": name}
        return _("No tenant uses %(name)s.") % words
    if isinstance(error, Unreachable | TokenUnavailable):
        return _("Microsoft did not answer. Try again in a minute.")
    return _("Microsoft sent an answer that can't be read.")


def _add_tenant(request: SignedInRequest, seen: Seen, version: int) -> Answer:
    try:
        services.tenant_create(session_id=seen.session.pk, version=version, actor=request.user)
    except services.AlreadyHere as here:
        raise Refused(here=here) from None
    return Answer()


def _use_app(request: SignedInRequest, seen: Seen, version: int) -> Answer:
    apps = shared_apps(seen.session.workspace_id, seen.session.cloud)
    chosen = request.POST.get("app_registration", "")
    app = next((one for one in apps if str(one.pk) == chosen), None)
    if app is None:
        raise Refused(problem=_("Choose an app registration from the list."))
    try:
        connect.use_app(session_id=seen.session.pk, version=version, app=app, actor=request.user)
    except connect.InUse:
        raise Refused(problem=in_use()) from None
    return Answer()


def _bring_app(request: SignedInRequest, seen: Seen, version: int) -> Answer:
    kind = connect.kind_of(seen.session.certificate, request.POST.get("kind", ""))
    form: Any = forms.BROUGHT_APP_FORMS[kind](request.POST)
    shown = {"form": form, "way": "own", "kind": kind}
    if not form.is_valid():
        raise Refused(**shown)
    app = {
        "name": _("TenantPilot in %(tenant)s") % {"tenant": title_of(seen)},
        "client_id": form.cleaned_data["client_id"],
        "cloud": seen.session.cloud,
        "purpose": Purpose.READ.value,
    }
    try:
        connect.bring_app(
            session_id=seen.session.pk,
            version=version,
            app=app,
            credential=_credential(seen, form, kind),
            actor=request.user,
        )
    except connect.InUse:
        raise Refused(problem=in_use(), **shown) from None
    except GraphError as error:
        form.add_error(*sign_in_refused(error, form))
        raise Refused(**shown) from None
    return Answer(_("Signing in works."))


def _credential(seen: Seen, form: Any, kind: str) -> dict[str, Any]:
    if kind != "made":
        credential: dict[str, Any] = form.credential()
        return credential
    made = seen.session.certificate
    if made is None:
        raise Http404
    return connect.made_credential(made, expires_at(read_certificate(made.certificate_pem)))


def sign_in_refused(error: GraphError, form: Any) -> tuple[str | None, str]:
    """The field that a refused sign-in is about, and what is wrong with it."""
    secret = next((name for name in ("secret", "certificate_pem") if name in form.fields), None)
    if isinstance(error, CredentialRefused):
        expired = error.reason_code == "provider.credential_expired"
        return secret, _("It has expired.") if expired else _("Microsoft refuses it.")
    if isinstance(error, ConsentMissing):
        return "client_id", _("This tenant knows no app registration with this ID.")
    if isinstance(error, TenantUnknown):
        return None, _("Microsoft knows no tenant with this ID.")
    if isinstance(error, Unreachable | TokenUnavailable):
        return None, _("Microsoft did not answer. Try again in a minute.")
    return None, _("Microsoft refuses this sign-in.")


def in_use() -> str:
    """Why a way in that was chosen before can't be changed here."""
    return _("Runs went through this connection. Add another one on the tenant's page.")


def _new_link(request: SignedInRequest, seen: Seen, version: int) -> Answer:
    _own_connection(seen)
    connect.request_new(session_id=seen.session.pk, version=version, actor=request.user)
    return Answer(
        _("There is a new link. Earlier ones stopped working."),
        session_url(seen.session.pk, StepName.CONNECT),
    )


def _revoke_link(request: SignedInRequest, seen: Seen, version: int) -> Answer:
    _own_connection(seen)
    connect.request_revoke(session_id=seen.session.pk, version=version, actor=request.user)
    return Answer(_("The link stopped working."), session_url(seen.session.pk, StepName.CONNECT))


def _own_connection(seen: Seen) -> None:
    if seen.session.connection_id is None:
        raise Http404


def _make_certificate(request: SignedInRequest, seen: Seen, version: int) -> Answer:
    connect.certificate_make(
        session_id=seen.session.pk,
        version=version,
        made=make_certificate(f"TenantPilot {title_of(seen)}"),
        actor=request.user,
    )
    return Answer(
        _("The certificate is made. Download it and upload it at the provider."),
        f"{session_url(seen.session.pk, StepName.CONNECT)}&way=own&kind=made",
    )


def _leave_out(request: SignedInRequest, seen: Seen, version: int) -> Answer:
    permission = request.POST.get("permission", "")
    if permission not in wanted_permissions():
        raise Http404
    out = request.POST.get("out") != "no"
    services.left_out_set(
        session_id=seen.session.pk, version=version, permission=permission, out=out, actor=request.user
    )
    return Answer(url=session_url(seen.session.pk, StepName.VERIFY))


def _finish(request: SignedInRequest, seen: Seen, version: int) -> Answer:
    assert seen.standing.target is not None
    services.finish(session_id=seen.session.pk, version=version, actor=request.user)
    return Answer(url=reverse("tenant", args=[seen.standing.target.tenant.slug]))


ACTS = {
    "identify": Act(StepName.IDENTIFY, _identify),
    "add_tenant": Act(StepName.IDENTIFY, _add_tenant),
    "use_app": Act(StepName.CONNECT, _use_app),
    "bring_app": Act(StepName.CONNECT, _bring_app),
    "new_link": Act(StepName.CONNECT, _new_link),
    "revoke_link": Act(StepName.CONNECT, _revoke_link),
    "make_certificate": Act(StepName.CONNECT, _make_certificate),
    "leave_out": Act(StepName.VERIFY, _leave_out),
    "finish": Act(StepName.DONE, _finish),
}
