"""What the panel of a start waits for: a way that is free again, or the end of the run."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest
from django.urls import Resolver404, resolve, reverse

from operations import registry
from operations.choices import StartStatus

POLL_SECONDS, FOLLOW_SECONDS = 5, 2
MAX_VALUE = 200
_NOT_INPUT = frozenset({"csrfmiddlewaretoken", "next", "slot", "sourceSurface"})
_STARTS = frozenset({"tenant_start", "connection_start", "run_retry", "onboarding_start"})


def wait_for(request: HttpRequest, data: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return where the panel asks: a busy one whether it may start now, another one whether its run has ended.

    None when nothing is there to ask.
    """
    run = data.get("run")
    if run and data["status"] in (StartStatus.ACCEPTED, StartStatus.DEDUPED):
        return {"url": reverse("run_follow", args=[run["id"]]), "seconds": FOLLOW_SECONDS}
    if data["status"] != StartStatus.SCOPE_BUSY or not run or not is_start(request.path):
        return None
    fields = {
        name: value
        for name, value in request.POST.items()
        if name not in _NOT_INPUT and isinstance(value, str) and len(value) <= MAX_VALUE
    }
    query = urlencode({"again": request.path, **{f"field.{name}": value for name, value in fields.items()}})
    return {"url": f"{reverse('run_ready', args=[run['id']])}?{query}", "seconds": POLL_SECONDS}


def start_again(request: HttpRequest) -> dict[str, Any]:
    """Return the start that the query names, as a button takes it. Raises Http404 for what is no start of ours."""
    url = request.GET.get("again", "")
    if not is_start(url):
        raise Http404
    fields = [
        {"name": name.removeprefix("field."), "value": value[:MAX_VALUE]}
        for name, value in request.GET.items()
        if name.startswith("field.") and name.removeprefix("field.") not in _NOT_INPUT
    ]
    return {"url": url, "fields": fields}


def is_start(path: str) -> bool:
    """Say whether the path is one of the surfaces that start work, so that no form of ours posts elsewhere."""
    if not path.startswith("/admin/"):
        return False
    try:
        name = resolve(path).url_name or ""
    except Resolver404:
        return False
    return name in _STARTS or name in {f"{kind.name}_start" for kind in registry.all_types() if kind.path}
