"""What every change of a restore draft shares: who may make it, and how it is answered."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from operations.http import SeeOther
from providers.models import RestoreRun
from providers.restore import drafts
from providers.restore.access import may_use_source
from providers.selectors import MAX_ID, Target
from providers.views.restore_parts import restore_of
from tenantpilot.console.pages import SignedInRequest, require
from tenantpilot.tenancy.capabilities import Capability


def is_id(number: str) -> bool:
    """Whether a text from outside is the number of a row."""
    return number.isascii() and number.isdigit() and len(number) < 20 and 0 < int(number) <= MAX_ID


def prepared(request: SignedInRequest, tenant: str, restore_run: int) -> tuple[Target, RestoreRun]:
    """The restore run of a person who may prepare it; one from another tenant's backup needs rights there, too."""
    target, restore = restore_of(request, tenant, restore_run)
    require(target.capabilities, Capability.PREVIEW_RESTORE)
    if not may_use_source(request.user.pk, restore):
        raise Http404
    return target, restore


def changed(
    request: SignedInRequest,
    restore: RestoreRun,
    change: Callable[[int], Any],
    done: str,
    again: Callable[[], HttpResponse] | None = None,
) -> HttpResponse:
    """Make a change to the version that the person saw, say how that went, and go back to the restore.

    ``again`` shows what the person entered once more, where somebody else was first.
    """
    version = request.POST.get("version", "")
    try:
        change(int(version) if is_id(version) else 0)
    except drafts.Changed:
        words = _("Somebody else changed this restore. Look at it again. Nothing was lost.")
        messages.warning(request, words)
        if again is not None:
            return again()
    except drafts.Closed:
        messages.error(request, _("This restore was executed already. It does not change any more."))
    except drafts.Stale:
        messages.warning(request, _("The preview is older than 30 minutes. Preview again first."))
    else:
        messages.success(request, done)
    return back(restore)


def back(restore: RestoreRun) -> HttpResponse:
    """Lead to the page of the restore."""
    return SeeOther(reverse("restore_run", args=[restore.tenant.slug, restore.pk]))
