"""The list of open onboardings, and the wizard: one page that shows a step and takes what its forms send."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from onboarding import abandon, services
from onboarding.acts import ACTS, Answer, Refused
from onboarding.choices import SessionState, StepName
from onboarding.pages import step_context, wizard_context
from onboarding.scope import refusal, session_for
from onboarding.selectors import Seen, colleagues, onboarding_workspaces, open_sessions, standing_of
from onboarding.steps import current, open_before
from onboarding.words import overtaken_words, person_name, session_url, step_words, title_of
from tenantpilot.console.pages import SignedInRequest, page
from tenantpilot.console.paging import keyset_page


@page("GET", "POST")
def onboarding(request: SignedInRequest) -> HttpResponse:
    """Onboardings that are not done yet; POST begins one."""
    workspaces = list(onboarding_workspaces(request.user))
    if not workspaces:
        raise refusal()
    if request.method == "POST":
        chosen = request.POST.get("workspace", workspaces[0].slug)
        workspace = next((one for one in workspaces if one.slug == chosen), None)
        if workspace is None:
            raise Http404
        session = services.session_open(workspace=workspace, actor=request.user)
        return HttpResponseRedirect(session_url(session.pk))
    shown = keyset_page(open_sessions(request.user), request.GET, ("asked", "id"))
    context = {
        "sessions": [_listed(request, row) for row in shown.rows],
        "showWorkspace": len(workspaces) > 1,
        "workspaces": [{"slug": one.slug, "name": one.name} for one in workspaces],
        "pager": shown.pager,
    }
    return render(request, "onboarding/session_list.html", context)


@page("GET", "POST")
def onboarding_session(request: SignedInRequest, session: int) -> HttpResponse:
    """The step that is next, or with ``?step=`` one that may be opened; POST takes what a form of it sends."""
    seen = session_for(request.user, session)
    if request.method == "POST":
        return _act(request, seen)
    wanted = request.GET.get("step", "")
    if not wanted:
        return _draw(request, seen, current(seen.standing))
    if wanted not in StepName.values or seen.session.state == SessionState.ABANDONED:
        return HttpResponseRedirect(request.path)
    step = StepName(wanted)
    before = open_before(seen.standing, step)
    if before is None:
        return _draw(request, seen, step)
    messages.info(request, _("The step %(step)s comes first.") % {"step": before.label})
    return HttpResponseRedirect(request.path)


@page("GET", "POST")
def onboarding_abandon(request: SignedInRequest, session: int) -> HttpResponse:
    """Ask on GET what becomes of it; give the onboarding up on POST."""
    seen = session_for(request.user, session)
    back = session_url(session)
    if request.method == "POST":
        try:
            left = abandon.abandon(session_id=session, version=version_of(request), actor=request.user)
        except services.Overtaken as overtaken:
            messages.warning(request, overtaken_words(overtaken))
            return HttpResponseRedirect(back)
        messages.success(request, _left_words(seen, left))
        return HttpResponseRedirect(reverse("onboarding"))
    context = {
        "title": str(seen.session),
        "message": _consequence(seen, abandon.leaves(seen.session)),
        "details": _("Links that were sent out stop working. Nothing changes at the provider."),
        "crumbs": crumbs(seen),
        "postUrl": request.path,
        "fields": [{"name": "version", "value": seen.session.version}],
        "confirmLabel": _("Abandon onboarding"),
        "keepLabel": _("Keep onboarding"),
        "keepUrl": back,
    }
    return render(request, "ui/confirm.html", context)


@page("GET", "POST")
def onboarding_hand_over(request: SignedInRequest, session: int) -> HttpResponse:
    """Put a colleague in charge who may go on with it."""
    seen = session_for(request.user, session)
    others = colleagues(seen.session)
    status, problem = 200, ""
    if request.method == "POST":
        chosen = next((one for one in others if str(one.pk) == request.POST.get("colleague", "")), None)
        if chosen is not None:
            return _handed(request, seen, chosen)
        if version_of(request) != seen.session.version:
            messages.warning(request, overtaken_words(services.Overtaken(seen.session)))
            return HttpResponseRedirect(session_url(session))
        status, problem = 400, _("Choose somebody from the list.")
    context = {
        "title": _("Hand over"),
        "crumbs": crumbs(seen),
        "session": seen.session,
        "colleagues": [{"value": one.pk, "label": person_name(one)} for one in others],
        "problem": problem,
        "cancelUrl": session_url(session),
    }
    return render(request, "onboarding/hand_over.html", context, status=status)


def version_of(request: SignedInRequest) -> int:
    """The version of the session that the form was drawn from; one that no session has for what is no number."""
    text = request.POST.get("version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


def crumbs(seen: Seen) -> list[dict[str, str]]:
    """Breadcrumbs of a page below the session."""
    return [
        {"label": _("Onboarding"), "url": reverse("onboarding")},
        {"label": title_of(seen), "url": session_url(seen.session.pk)},
    ]


def _act(request: SignedInRequest, seen: Seen) -> HttpResponse:
    act = ACTS.get(request.POST.get("act", ""))
    if act is None:
        messages.warning(request, _("This form is out of date. Nothing was changed."))
        return HttpResponseRedirect(request.path)
    before = open_before(seen.standing, act.step)
    if before is not None:
        messages.info(request, _("The step %(step)s comes first.") % {"step": before.label})
        return HttpResponseRedirect(request.path)
    try:
        answer: Answer = act.run(request, seen, version_of(request))
    except services.Overtaken as overtaken:
        messages.warning(request, overtaken_words(overtaken))
        return _draw(request, session_for(request.user, seen.session.pk), None, status=409)
    except Refused as refused:
        return _draw(request, seen, act.step, status=400, **refused.context)
    if answer.message:
        messages.success(request, answer.message)
    return HttpResponseRedirect(answer.url or session_url(seen.session.pk))


def _draw(
    request: SignedInRequest, seen: Seen, step: StepName | None, *, status: int = 200, **more: Any
) -> HttpResponse:
    shown = step or current(seen.standing)
    context = {
        **wizard_context(seen, shown),
        **step_context(request, seen, shown, more),
        "title": title_of(seen),
        "crumbs": [{"label": _("Onboarding"), "url": reverse("onboarding")}],
    }
    return render(request, "onboarding/session.html", context, status=status)


def _listed(request: SignedInRequest, row: dict[str, Any]) -> dict[str, Any]:
    at = current(standing_of(row))
    full = f"{row['in_charge__first_name']} {row['in_charge__last_name']}".strip()
    return {
        "name": row["tenant__name"] or row["asked"] or _("New tenant"),
        "url": session_url(row["id"]),
        "step": step_words(at),
        "inCharge": full or row["in_charge__username"],
        "mine": row["in_charge_id"] == request.user.pk,
        "changedAt": row["changed_at"],
        "workspace": row["workspace__name"],
    }


def _handed(request: SignedInRequest, seen: Seen, to: Any) -> HttpResponse:
    session_id = seen.session.pk
    try:
        services.hand_over(session_id=session_id, version=version_of(request), to=to, actor=request.user)
    except services.Overtaken as overtaken:
        messages.warning(request, overtaken_words(overtaken))
    except services.NotEntitled:
        messages.warning(request, _("%(person)s may not go on with it.") % {"person": person_name(to)})
    else:
        messages.success(request, _("%(person)s is in charge now.") % {"person": person_name(to)})
    return HttpResponseRedirect(session_url(session_id))


def _consequence(seen: Seen, left: abandon.Leaves) -> str:
    words = {"tenant": title_of(seen)}
    if left is abandon.Leaves.REMOVED:
        return _("This removes %(tenant)s and its connection again.") % words
    if left is abandon.Leaves.ARCHIVED:
        return _("This archives %(tenant)s. Its runs and what they read stay.") % words
    return _("This ends the onboarding. Nothing was made yet.")


def _left_words(seen: Seen, left: abandon.Leaves) -> str:
    words = {"tenant": title_of(seen)}
    if left is abandon.Leaves.REMOVED:
        return _("%(tenant)s and its connection are removed.") % words
    if left is abandon.Leaves.ARCHIVED:
        return _("%(tenant)s is archived.") % words
    return _("The onboarding is ended.")
