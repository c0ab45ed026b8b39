"""The contract's restore surface: POST /admin/t/<tenant>/restore-runs/<restoreRun>/execute."""

from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from rest_framework.request import Request

from operations import gate
from operations.choices import Origin, Surface
from operations.gate import Start
from operations.http import OutcomeView, decided, operation_on, read_id, start_key, user_id
from operations.inputs import StartInput
from operations.views_starts import visible_tenant
from providers.choices import WRITING_ACTIONS
from providers.models import RestoreRun
from providers.restore.access import may_use_source
from tenantpilot.console.pages import require
from tenantpilot.core.http import invalid_input

OPERATION = "restore.execute"
PLAN_HASH, CONFIRM, TENANT_NAME = "planHash", "confirm", "tenantName"
TYPED_ABOVE = 25
"""Above that many objects the tenant's name has to be typed."""


class RestoreExecute(OutcomeView):
    """POST: carry out the current plan. A body is ignored, but a form's: its confirmation is checked."""

    def post(self, request: Request, **url: Any) -> HttpResponse:
        http, actor = request._request, user_id(request)
        restore = _visible(actor, url["tenant"], url["restoreRun"])
        target = visible_tenant(request, url["tenant"], StartInput(connection_id=restore.connection_id))
        if target is None:
            raise Http404
        operation = operation_on(Surface.RESTORE, OPERATION)
        require(target.capabilities, operation.capability)
        if not may_use_source(actor, restore):
            raise PermissionDenied(_("You may not use the backup of the other tenant."))
        data: dict[str, Any] = {"restoreRun": restore.pk}
        if self.wants_page:
            data[PLAN_HASH] = _confirmed(http, restore)
        start = Start(
            operation,
            target,
            actor,
            data,
            origin=Origin.CONSOLE if self.wants_page else Origin.API,
            surface="restore",
        )
        outcome = decided(lambda: gate.start(start, key=start_key(request, {})))
        return self.answer(http, outcome, target.capabilities)


def _visible(actor: int, slug: str, number: str) -> RestoreRun:
    """The restore run into the tenant of this slug; whether the tenant is visible is asked next, with the same 404."""
    restore = (
        RestoreRun.objects.select_related("plan", "tenant", "backup__tenant")
        .filter(pk=read_id(number), tenant__slug=slug)
        .first()
    )
    if restore is None:
        raise Http404
    return restore


def _confirmed(request: HttpRequest, restore: RestoreRun) -> str:
    """The hash of the plan that the person saw and confirmed. Raises Problem (400) naming each field that lacks."""
    form, wrong = request.POST, {}
    plan_hash = form.get(PLAN_HASH, "")
    if not plan_hash:
        wrong[PLAN_HASH] = _("Open the preview again and confirm what it shows.")
    if form.get(CONFIRM) != "yes":
        wrong[CONFIRM] = _("Tick the box to confirm.")
    if wants_name(restore) and form.get(TENANT_NAME, "").strip() != restore.tenant.name:
        wrong[TENANT_NAME] = _("Type the name %(tenant)s.") % {"tenant": restore.tenant.name}
    if wrong:
        raise invalid_input(wrong)
    return plan_hash


def wants_name(restore: RestoreRun) -> bool:
    """Whether the tenant's name has to be typed: for large plans, and in production for every one."""
    counts = restore.plan.counts if restore.plan else {}
    return settings.PRODUCTION or sum(counts.get(action.value, 0) for action in WRITING_ACTIONS) > TYPED_ABOVE
