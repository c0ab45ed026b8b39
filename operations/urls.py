"""Start surfaces, runs and the run list. The list's own paths stand before ``operations/<run>``."""

from django.urls import path
from django.views.generic import RedirectView

from operations import registry, urls_list
from operations.views_ready import run_follow, run_ready
from operations.views_runs import RunCancel, RunCancelChain, RunForceRelease, RunProgress, RunStatus, RunView
from operations.views_starts import (
    ConnectionStart,
    PathStart,
    RunRetry,
    TenantStart,
    body_schema,
    takes_input,
)

_mend = RedirectView.as_view(
    pattern_name="run", permanent=True, query_string=True, http_method_names=["get", "head"]
)

urlpatterns = [
    *urls_list.urlpatterns,
    path("t/<str:tenant>/provider-actions/<str:operation>/start", TenantStart.as_view(), name="tenant_start"),
    path(
        "provider-connections/<str:connection>/actions/<str:operation>/start",
        ConnectionStart.as_view(),
        name="connection_start",
    ),
    *(
        path(
            f"t/<str:tenant>/{kind.path}",
            PathStart.as_view(name=kind.name, reads_body=takes_input(kind), body_schema=body_schema(kind)),
            name=f"{kind.name}_start",
        )
        for kind in registry.all_types()
        if kind.path
    ),
    path("operations/<int:run>", RunView.as_view(), name="run"),
    path("operations/<int:run>/", _mend),
    path("operations/<str:run>/ready", run_ready, name="run_ready"),
    path("operations/<str:run>/follow", run_follow, name="run_follow"),
    path("operations/<int:run>/status", RunStatus.as_view(), name="run_status"),
    path("operations/<int:run>/progress", RunProgress.as_view(), name="run_progress"),
    path("operations/<str:run>/retry", RunRetry.as_view(), name="run_retry"),
    path("operations/<str:run>/cancel", RunCancel.as_view(), name="run_cancel"),
    path("operations/<str:run>/cancel-chain", RunCancelChain.as_view(), name="run_cancel_chain"),
    path("operations/<str:run>/force-release", RunForceRelease.as_view(), name="run_force_release"),
]
