"""The bell, the list behind it, and how a person wants to be told."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from operations import notices
from operations.notice_words import notice_data
from tenantpilot.console.http import is_htmx
from tenantpilot.console.pages import SignedInRequest, page
from tenantpilot.console.paging import MAX_ID, cut, link, page_size, read_cursor


@page()
def notice_list(request: SignedInRequest) -> HttpResponse:
    """The person's notices, newest first."""
    return render(request, "operations/notice_list.html", _context(request))


@page()
def bell(request: SignedInRequest) -> HttpResponse:
    """The bell of the top bar alone, drawn anew when a run began or ended."""
    return render(request, "operations/_bell.html", {"bar": notices.bar_of(request.user)})


@page("POST")
def read_all(request: SignedInRequest) -> HttpResponse:
    """Mark everything that the page showed as read; what came in since stays unread."""
    newest = request.POST.get("newest", "")
    if newest.isascii() and newest.isdigit() and len(newest) < 20:
        notices.mark_read(request.user, upto=min(int(newest), MAX_ID))
    return _answer(request)


@page("POST")
def read_one(request: SignedInRequest, notice: int) -> HttpResponse:
    """Mark one notice as read. Somebody else's is a 404; one that was read before stays so."""
    if notice > MAX_ID or not notices.notices_of(request.user.pk, only=notice):
        raise Http404
    notices.mark_read(request.user, only=notice)
    return _answer(request)


@page("POST")
def email(request: SignedInRequest) -> HttpResponse:
    """Turn e-mail on or off for this person."""
    wanted = request.POST.get("email") == "on"
    if wanted and not request.user.email:
        messages.error(request, _("Your account has no e-mail address. Ask a workspace owner to add it."))
    else:
        notices.set_by_email(request.user, wanted=wanted)
        said = _("Notifications are sent by e-mail too.") if wanted else _("E-mail is off.")
        messages.success(request, said)
    return HttpResponseRedirect(reverse("notifications"))


def _answer(request: SignedInRequest) -> HttpResponse:
    if not is_htmx(request):
        return HttpResponseRedirect(reverse("notifications"))
    response = render(request, "operations/_notices.html", {**_context(request), "fragment": True})
    response["HX-Trigger"] = "tp:notices-changed"
    return response


def _context(request: SignedInRequest) -> dict[str, Any]:
    only_unread = request.GET.get("unread") == "1"
    cursor, size = read_cursor(request.GET, (int,)), page_size(request.GET)
    at, backwards = (cursor.values[0], cursor.backwards) if cursor else (None, False)
    found = notices.notices_of(
        request.user.pk,
        unread=only_unread,
        before=None if backwards else at,
        after=at if backwards else None,
        limit=size + 1,
    )
    page_of_rows = cut(found, cursor, size, request.GET, ("id",))
    shown = [notice_data(row) for row in page_of_rows.rows]
    return {
        "notices": shown,
        "pager": page_of_rows.pager,
        "quick": [
            {"label": _("All"), "url": link(request.GET, unread=None), "current": not only_unread},
            {"label": _("Unread"), "url": link(request.GET, unread="1"), "current": only_unread},
        ],
        "onlyUnread": only_unread,
        "unread": any(notice["unread"] for notice in shown),
        "newest": shown[0]["id"] if shown else 0,
        "email": {
            "offered": settings.MAIL_ENABLED,
            "on": notices.by_email(request.user),
            "address": request.user.email,
        },
    }
