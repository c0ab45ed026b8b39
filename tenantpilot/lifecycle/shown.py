"""What pages show of a tenant that is on its way out, as plain data."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, FilteredRelation, Q
from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from operations.choices import ACTIVE
from operations.phrases import verb_of
from providers.selectors import Target
from tenantpilot.tenancy.capabilities import Capability, least_role_with
from tenantpilot.tenancy.choices import TenantState
from tenantpilot.tenancy.models import Tenant, User, tenant_state
from tenantpilot.tenancy.permissions import capabilities_on, visible_to

MOST_RUNS = 10
POLL_SECONDS = 2
# The day of deletion is told in amber from here on.
SOON = timedelta(days=14)
TIMES = ("archived_at", "sealed_at", "deleting_at", "deleted_at")


def leaving(target: Target) -> dict[str, Any] | None:
    """The banner of an archived tenant (`lifecycle/_leaving.html`), in one statement; None for one in use."""
    if target.tenant.archived_at is None:
        return None
    waiting = FilteredRelation("runs", condition=Q(runs__status__in=ACTIVE))
    rows = Tenant.objects.filter(pk=target.tenant.id).annotate(waiting=waiting).order_by("waiting__id")
    columns = {"run": F("waiting__id"), "operation": F("waiting__operation_type"), "status": F("waiting__status"),
               "asked_at": F("waiting__cancel_requested_at")}  # fmt: skip
    found = list(rows.annotate(**columns).values("keep_until", *TIMES, *columns)[: MOST_RUNS + 1])
    if not found or found[0]["archived_at"] is None:
        return None
    state = tenant_state(*(found[0][name] for name in TIMES))
    words = _archiving(target, found) if state is TenantState.ARCHIVING else _archived(target, found[0])
    return {"state": state.value, **words, **_acts(target, state)}


def tombstone(user: User, slug: str) -> dict[str, Any]:
    """What is left to show of a tenant that is being deleted, or was (`lifecycle/tombstone.html`).

    Raises Http404 for every other one, and where this person can't see it.
    """
    gone = Tenant.objects.filter(slug=slug, deleting_at__isnull=False).select_related("workspace")
    tenant = visible_to(gone, user).first()
    if tenant is None:
        raise Http404
    held, query = capabilities_on(user, tenant), urlencode({"tenant": slug})
    return {
        "tenant": {"name": tenant.name, "workspace": {"name": tenant.workspace.name}},
        "state": tenant.state.value,
        "at": tenant.deleted_at or tenant.deleting_at,
        "runsUrl": f"{reverse('operations')}?{query}" if Capability.VIEW_RUN in held else "",
        "auditUrl": f"{reverse('audit')}?{query}" if Capability.VIEW_AUDIT in held else "",
    }


def _archiving(target: Target, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    runs = [row for row in rows if row["run"] is not None]
    waits = ngettext("It waits for a run to end.", "It waits for %(n)d runs to end.", len(runs)) % {
        "n": len(runs)
    }
    return {
        "tone": "info",
        "title": _("%(tenant)s is being archived.") % {"tenant": target.tenant.name},
        "texts": [_("Nothing new starts."), waits if runs else _("The last step follows in a moment.")],
        "runs": [_run(row) for row in runs[:MOST_RUNS]] if Capability.VIEW_RUN in target.capabilities else [],
        "poll": {"url": reverse("tenant_archive_status", args=[target.tenant.slug]), "seconds": POLL_SECONDS},
    }


def _archived(target: Target, row: dict[str, Any]) -> dict[str, Any]:
    keep_until: datetime = row["keep_until"]
    return {
        "tone": "warn" if keep_until - timezone.now() < SOON else "mute",
        "title": _("%(tenant)s is archived.") % {"tenant": target.tenant.name},
        "texts": [_("Nothing starts, and its own credentials are wiped.")],
        "keepUntil": keep_until,
    }


def _run(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "label": verb_of(row["operation"]),
        "url": reverse("run", args=[row["run"]]),
        "state": row["status"],
        "askedAt": row["asked_at"],
    }


def _acts(target: Target, state: TenantState) -> dict[str, Any]:
    slug = [target.tenant.slug]
    if Capability.MANAGE_TENANT not in target.capabilities:
        words = {
            "role": least_role_with(Capability.MANAGE_TENANT).label,
            "workspace": target.tenant.workspace,
        }
        return {"askWho": _("Ask somebody who is %(role)s in %(workspace)s to bring it back.") % words}
    acts = {"bringBackUrl": reverse("tenant_bring_back", args=slug)}
    if state is TenantState.ARCHIVED and Capability.DELETE_TENANT in target.capabilities:
        acts["deleteUrl"] = reverse("tenant_delete", args=slug)
    return acts
