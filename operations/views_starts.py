"""The start surfaces of the contract."""

import re
from dataclasses import fields
from typing import Any

from django.http import Http404, HttpResponse
from rest_framework.request import Request

from operations import gate, registry, run_record
from operations.choices import Origin, Surface
from operations.gate import Start
from operations.http import OutcomeView, StartView, decided, operation_on, read_id, start_key, user_id
from operations.inputs import StartInput
from operations.phrases import may_retry
from operations.registry import OperationType
from providers.selectors import Target, target_for_connection, target_for_tenant
from tenantpilot.console.pages import require
from tenantpilot.tenancy.capabilities import Capability
from tenantpilot.tenancy.models import SLUG


class TenantStart(StartView):
    """POST: start an operation on a tenant, through the connection that the body names or its default one."""

    reads_body = True
    body_schema = "ProviderStartRequest"

    def target(self, request: Request, sent: StartInput, **url: Any) -> Target | None:
        return visible_tenant(request, url["tenant"], sent)

    def operation(self, **url: Any) -> OperationType:
        return operation_on(Surface.TENANT, url["operation"])

    def default_surface(self) -> str:
        return "tenant"


class PathStart(StartView):
    """POST: the same start at the operation's own path. Its input stands beside the connection."""

    in_context = False
    name = ""

    def target(self, request: Request, sent: StartInput, **url: Any) -> Target | None:
        return visible_tenant(request, url["tenant"], sent)

    def operation(self, **url: Any) -> OperationType:
        return registry.get(self.name)

    def default_surface(self) -> str:
        return registry.get(self.name).path


class ConnectionStart(StartView):
    """POST: start an operation through one connection. It takes no input."""

    def target(self, request: Request, sent: StartInput, **url: Any) -> Target | None:
        return target_for_connection(user_id(request), read_id(url["connection"]))

    def operation(self, **url: Any) -> OperationType:
        return operation_on(Surface.CONNECTION, url["operation"])

    def default_surface(self) -> str:
        return "connection"


class RunRetry(OutcomeView):
    """POST: start the same work once more, with the same input. Writes are no reads and have no retry."""

    def post(self, request: Request, **url: Any) -> HttpResponse:
        run = run_record.find(user_id(request), read_id(url["run"]))
        if run is None or not may_retry(run.operation_type):
            raise Http404
        operation = registry.get(run.operation_type)
        require(run.capabilities, Capability.VIEW_RUN)
        require(run.capabilities, operation.capability)
        # Through the tenant: a connection that was removed since is an answer of the gate, not a missing page.
        target = target_for_tenant(user_id(request), run.tenant_slug, run.connection_id)
        if target is None:
            raise Http404
        start = Start(
            operation,
            target,
            user_id(request),
            run.params,
            origin=Origin.RETRY,
            surface="retry",
            retry_of_id=run.id,
        )
        outcome = decided(lambda: gate.start(start, key=start_key(request, {})))
        return self.answer(request._request, outcome, target.capabilities)


def visible_tenant(request: Request, slug: str, sent: StartInput) -> Target | None:
    """Return the tenant's target; what is no slug names no tenant."""
    if re.match(SLUG.regex, slug) is None:
        return None
    return target_for_tenant(user_id(request), slug, sent.connection_id)


def takes_input(kind: OperationType) -> bool:
    """Say whether the operation has input of its own, and so a body at its own path."""
    return bool(fields(kind.params))


def body_schema(kind: OperationType) -> str:
    """Return the name of that body's schema."""
    return "".join(part.title() for part in re.split(r"[._]", kind.name)) + "Request"
