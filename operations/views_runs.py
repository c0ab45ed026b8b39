"""A run's page, its live part, and what may be done to it."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django_htmx.http import HTMX_STOP_POLLING
from rest_framework.request import Request
from rest_framework.response import Response

from operations import acts, chains, registry, run_record
from operations.choices import Access
from operations.http import RUNS_CHANGED, SeeOther, read_id, user_id
from operations.phrases import CANCEL, CANCEL_CHAIN, FORCE_RELEASE, verb_of
from operations.run_record import RunRecord
from operations.run_serializers import may_force_release, page_keys, run_data
from operations.schemas import RUN_SCHEMAS
from tenantpilot.console.http import is_htmx
from tenantpilot.console.pages import require
from tenantpilot.core.http import PageRenderer, Problem, Surface, VendorJSON
from tenantpilot.tenancy.capabilities import Capability


class RunJSON(VendorJSON):
    media_type = "application/vnd.tenantpilot.provider-backed-run-detail+json"
    schema_name = "ProviderBackedRunDetail"


class RunView(Surface):
    """What shows one run."""

    http_method_names = ["get", "head"]
    renderer_classes = [PageRenderer, RunJSON]
    component_schemas = RUN_SCHEMAS
    page_template = "operations/run_detail.html"
    fragment_template = "operations/_run_status.html"
    run: RunRecord

    def load(self, request: Request, text: Any) -> RunRecord:
        """Return the run. Raises Http404 where it is not visible, PermissionDenied without the right to see runs."""
        run = run_record.find(user_id(request), read_id(str(text)))
        if run is None:
            raise Http404
        require(run.capabilities, Capability.VIEW_RUN)
        self.run = run
        return run

    def page_keys(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return page_keys(self.run)

    def get(self, request: Request, **url: Any) -> HttpResponse:
        return Response(run_data(self.load(request, url["run"])))


class RunStatus(RunView):
    """GET: the part that is polled; 286 stops the polling once the run has ended."""

    renderer_classes = [PageRenderer]
    statuses = (286,)
    page_template = "operations/_run_status.html"

    def page_keys(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return {**super().page_keys(data), "fragment": True}

    def get(self, request: Request, **url: Any) -> HttpResponse:
        run = self.load(request, url["run"])
        if run.completed_at is None:
            return Response(run_data(run))
        return Response(run_data(run), status=HTMX_STOP_POLLING, headers={"HX-Trigger": "tp:run-ended"})


class RunProgress(RunStatus):
    """GET: how far the run is, for the page of what it works on."""

    page_template = fragment_template = "operations/_run_live.html"


class RunAct(RunView):
    """An act on a run: GET asks, POST does it. Without JavaScript it leads back to the run's page."""

    http_method_names = ["get", "head", "post"]
    statuses: ClassVar[tuple[int, ...]] = (303,)
    kind: ClassVar[str] = ""
    asks: bool = False

    def get(self, request: Request, **url: Any) -> HttpResponse:
        run = self.load(request, url["run"])
        self.permit(run)
        self.asks = True
        self.page_template = self.fragment_template = "ui/confirm.html"
        return Response(run_data(run))

    def post(self, request: Request, **url: Any) -> HttpResponse:
        run = self.load(request, url["run"])
        self.permit(run)
        said = self.act(request, run)
        if self.wants_page and not is_htmx(request._request):
            messages.add_message(request._request, messages.INFO, said)
            return SeeOther(reverse("run", args=[run.id]))
        headers = {"HX-Trigger": RUNS_CHANGED} if self.wants_page else {}
        return Response(run_data(self.load(request, run.id)), headers=headers)

    def page_keys(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return self.question(self.run) if self.asks else super().page_keys(data)

    @abstractmethod
    def permit(self, run: RunRecord) -> None:
        """Raise PermissionDenied unless the reader may do this."""

    @abstractmethod
    def act(self, request: Request, run: RunRecord) -> str:
        """Do it, and return what to tell the reader. Raises Problem."""

    def question(self, run: RunRecord) -> dict[str, Any]:
        """Return the keys of the page that asks."""
        page = reverse("run", args=[run.id])
        number = _("Run %(id)s") % {"id": run.id}
        return {
            "title": f"{verb_of(run.operation_type)} · {run.tenant}",
            "crumbs": [
                {"label": run.tenant, "url": reverse("tenant", args=[run.tenant_slug])},
                {"label": number, "url": page},
            ],
            "postUrl": reverse(f"run_{self.kind}", args=[run.id]),
            "keepUrl": page,
            "keepLabel": _("Keep running"),
        }


class RunCancel(RunAct):
    """Ask the run to stop; one that waits ends at once. Whoever could start it may."""

    kind = CANCEL

    def permit(self, run: RunRecord) -> None:
        if not registry.knows(run.operation_type):
            raise Http404
        require(run.capabilities, registry.get(run.operation_type).capability)

    def act(self, request: Request, run: RunRecord) -> str:
        done = acts.cancel(run.id, user_id(request))
        if done == "ended":
            return _("The run was cancelled.")
        if done == "requested":
            return _("The run was asked to stop.")
        return _("The run has ended.") if run.completed_at else _("The run was asked to stop before.")

    def question(self, run: RunRecord) -> dict[str, Any]:
        done, total = run.progress.get("done"), run.progress.get("total")
        message = _("This stops the run.")
        if done and total:
            message = _("This stops the run. %(done)s of %(total)s are already done.") % {
                "done": done,
                "total": total,
            }
        return {**super().question(run), "message": message, "confirmLabel": _("Stop run")}


class RunCancelChain(RunCancel):
    """Cancel the chain that the run is a step of: what waits is not started, what runs is asked to stop."""

    kind = CANCEL_CHAIN

    def load(self, request: Request, text: Any) -> RunRecord:
        run = super().load(request, text)
        if run.chain_id is None:
            raise Http404
        return run

    def act(self, request: Request, run: RunRecord) -> str:
        assert run.chain_id is not None
        if chains.cancel(run.chain_id, user_id(request)) is None:
            return _("All its steps have ended.")
        return _("The steps that waited were cancelled.")

    def question(self, run: RunRecord) -> dict[str, Any]:
        message = _("This stops the run and every step that waits behind it.")
        return {**super().question(run), "message": message, "confirmLabel": _("Cancel all steps")}


class RunForceRelease(RunAct):
    """End a run that was asked to stop a minute ago and does not: its worker is fenced out. Owners only."""

    kind = FORCE_RELEASE
    statuses = (303, 409)

    def permit(self, run: RunRecord) -> None:
        require(run.capabilities, Capability.FORCE_RELEASE)

    def act(self, request: Request, run: RunRecord) -> str:
        if not acts.force_release(run.id, user_id(request)):
            detail = _("Cancel it first; a minute later its scope can be released.")
            if run.completed_at or may_force_release(run):
                detail = _("It has ended.")
            raise Problem(409, "not_releasable", _("This run can't be released now"), detail)
        return _("The run was ended and its scope released.")

    def question(self, run: RunRecord) -> dict[str, Any]:
        keys = {
            **super().question(run),
            "message": _("This ends the run as failed and frees its connection."),
            "confirmLabel": _("Force-release"),
        }
        if registry.knows(run.operation_type) and registry.get(run.operation_type).access is Access.WRITE:
            keys["message"] = _("This ends the run as failed and frees its directory.")
            keys["details"] = _("A request under way may still land. Resume shows what is left to do.")
        return keys
