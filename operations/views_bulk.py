"""Starting one operation on several tenants, and the page that says what became of each."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from operations import bulk, registry
from operations.choices import Access, StartStatus, Surface
from operations.http import RUNS_CHANGED
from operations.models import StartAnswer
from operations.outcomes import StartOutcome
from operations.params import InvalidInput
from operations.phrases import verb_of
from operations.registry import OperationType
from operations.serializers import outcome_data
from providers.selectors import Target, targets_for_tenants
from tenantpilot.console.errors import problem_response
from tenantpilot.console.http import is_htmx
from tenantpilot.console.pages import SignedInRequest, page
from tenantpilot.tenancy.models import SLUG

MOST = 1000
ENDPOINT = "POST tenants_start"
_ORDER = (StartStatus.BLOCKED, StartStatus.SCOPE_BUSY, StartStatus.DEDUPED, StartStatus.ACCEPTED)


@page("POST")
def tenants_start(request: SignedInRequest) -> HttpResponse:
    """Start ``operation`` on each ``tenant`` (a slug, repeated). One that the person can't see makes it all a 404."""
    slugs = list(dict.fromkeys(request.POST.getlist("tenant")))
    wrong = _wrong(request.POST.get("operation", ""), slugs)
    if wrong:
        return problem_response(request, 400, "invalid_input", _("This input can't be used"), detail=wrong)
    operation = registry.get(request.POST["operation"])
    # What is no slug names no tenant.
    targets = targets_for_tenants(request.user.pk, [slug for slug in slugs if re.match(SLUG.regex, slug)])
    if len(targets) < len(slugs):
        raise Http404
    try:
        outcomes = bulk.start_many(operation, targets, request.user.pk, surface="tenants")
    except InvalidInput as error:
        return problem_response(
            request,
            400,
            "invalid_input",
            _("This input can't be used"),
            detail=" ".join(error.errors.values()),
        )
    there = reverse("tenants_started", args=[_keep(request.user.pk, outcomes)])
    if not is_htmx(request):
        response: HttpResponse = HttpResponseRedirect(there)
        response.status_code = 303
        return response
    events = {"tp:toast": _toast(outcomes, there), RUNS_CHANGED: {}}
    return HttpResponse(headers={"HX-Trigger": json.dumps(events), "HX-Reswap": "none"})


@page()
def tenants_started(request: SignedInRequest, answer: UUID) -> HttpResponse:
    """What became of each start, for a day and for the person who asked; first those that did not start."""
    kept = StartAnswer.objects.filter(
        initiator=request.user, endpoint=ENDPOINT, key=str(answer), expires_at__gt=timezone.now()
    ).first()
    if kept is None:
        raise Http404
    outcomes = [StartOutcome.load(data) for data in kept.answer or []]
    # Asked anew: what the person lost sight of meanwhile is not shown any more.
    seen = {
        target.tenant.slug: target
        for target in targets_for_tenants(request.user.pk, [outcome.tenant["slug"] for outcome in outcomes])
    }
    outcomes = [outcome for outcome in outcomes if outcome.tenant["slug"] in seen]
    outcomes.sort(key=lambda outcome: _ORDER.index(outcome.status))
    context = {
        "heading": verb_of(outcomes[0].operation_type) if outcomes else _("Operations"),
        "summary": _summary(outcomes),
        "rows": [_row(outcome, seen[outcome.tenant["slug"]]) for outcome in outcomes],
        "tenantsUrl": reverse("tenants"),
        "runsUrl": reverse("operations"),
    }
    return render(request, "operations/bulk_outcome.html", context)


def bulk_operations() -> list[OperationType]:
    """Return what may be started on several tenants at once: reads that take no input of their own."""
    kinds = registry.types_on(Surface.TENANT)
    return [kind for kind in kinds if kind.access is Access.READ and not kind.bind]


def _wrong(name: str, slugs: Sequence[str]) -> str:
    if name not in {kind.name for kind in bulk_operations()}:
        return _("operation: Choose one that can be started on several tenants.")
    if not slugs:
        return _("tenant: Choose at least one.")
    if len(slugs) > MOST:
        return _("tenant: Choose at most %(count)s.") % {"count": MOST}
    return ""


def _keep(user_id: int, outcomes: list[StartOutcome]) -> str:
    key = str(uuid4())
    StartAnswer.objects.create(
        initiator_id=user_id,
        endpoint=ENDPOINT,
        key=key,
        answer=[outcome.dump() for outcome in outcomes],
        expires_at=timezone.now() + timedelta(hours=settings.START_ANSWER_HOURS),
    )
    return key


def _summary(outcomes: Sequence[StartOutcome]) -> str:
    """Count the outcomes in one sentence: "12 queued, 3 blocked." """
    count = Counter(outcome.status for outcome in outcomes)
    parts = [
        (count[StartStatus.ACCEPTED], _("%(n)s queued")),
        (count[StartStatus.DEDUPED], _("%(n)s already running")),
        (count[StartStatus.SCOPE_BUSY], _("%(n)s busy")),
        (count[StartStatus.BLOCKED], _("%(n)s blocked")),
    ]
    return ", ".join(words % {"n": n} for n, words in parts if n) + "." if outcomes else ""


def _toast(outcomes: Sequence[StartOutcome], there: str) -> dict[str, str]:
    count = Counter(outcome.status for outcome in outcomes)
    stopped = count[StartStatus.BLOCKED] + count[StartStatus.SCOPE_BUSY]
    if not stopped:
        runs = reverse("operations")
        return {
            "outcome": "accepted",
            "text": _summary(outcomes),
            "href": runs,
            "label": _("Open operations"),
        }
    label = _("Show blocked") if count[StartStatus.BLOCKED] else _("Show busy")
    tone = StartStatus.BLOCKED if stopped == len(outcomes) else StartStatus.SCOPE_BUSY
    return {"outcome": tone.value, "text": _summary(outcomes), "href": there, "label": label}


def _row(outcome: StartOutcome, target: Target) -> dict[str, Any]:
    data = outcome_data(outcome, target.capabilities)
    tenant = {"name": target.tenant.name, "url": reverse("tenant", args=[target.tenant.slug])}
    return {**data, "tenant": tenant, "label": str(outcome.status.label)}
