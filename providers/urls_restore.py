"""Paths of a tenant's restores."""

from django.urls import path

from providers.views import restore_drafts, restore_secrets, restore_targets, restores
from providers.views.restore_execute import RestoreExecute
from tenantpilot.console.pages import page_path

_ONE = "t/<slug:tenant>/restore-runs/<int:restore_run>"

urlpatterns = [
    *page_path("t/<slug:tenant>/restore-runs", restore_drafts.restore_runs, "restore_runs"),
    *page_path("t/<slug:tenant>/restore-runs/new", restore_drafts.restore_new, "restore_new"),
    path(
        "t/<str:tenant>/restore-runs/<str:restoreRun>/execute",
        RestoreExecute.as_view(),
        name="restore_execute",
    ),
    *page_path(_ONE, restores.restore_run, "restore_run"),
    *page_path(f"{_ONE}/review", restores.restore_review, "restore_review"),
    *page_path(f"{_ONE}/items/<int:item>", restores.restore_item, "restore_item"),
    *page_path(f"{_ONE}/secrets/<int:item>", restore_secrets.restore_secrets, "restore_secrets"),
    path(f"{_ONE}/options", restore_drafts.restore_options, name="restore_options"),
    path(f"{_ONE}/items", restore_drafts.restore_items, name="restore_items"),
    path(f"{_ONE}/targets", restore_targets.restore_targets, name="restore_targets"),
    path(f"{_ONE}/resume", restore_drafts.restore_resume, name="restore_resume"),
    path(f"{_ONE}/undo", restore_drafts.restore_undo, name="restore_undo"),
]
