"""What every record page keeps: nothing is added, changed or deleted, and nothing is shown that is not named."""

from collections.abc import Iterator
from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.utils import label_for_field, lookup_field, unquote
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise, cached_property
from django.utils.translation import gettext as _

from tenantpilot.audit.exports import record_export
from tenantpilot.audit.models import AuditEntry
from tenantpilot.audit.page.words import action_words
from tenantpilot.console.exports import csv_response
from tenantpilot.console.pages import page
from tenantpilot.records import rights

MOST_LISTED = 1000
EXPORT_BATCH = 500


class NewestOnly(Paginator):
    """Counts up to a thousand and no further: counting a million runs would delay every page."""

    @cached_property
    def count(self) -> int:
        """How many rows the list offers."""
        rows = cast("QuerySet[Any]", self.object_list)
        return len(rows.order_by().values_list("pk", flat=True)[:MOST_LISTED])


class RecordAdmin(admin.ModelAdmin):
    """Pages to look at one model's rows. A subclass names `fields`: what it does not name is never shown.

    `tenant` or else `workspace` leads from the model to where it belongs; see `records.rights`.
    """

    title: str | Promise = ""
    tenant: str | None = None
    workspace = ""
    capability = "view_tenant"
    kind = ""
    """The kind under which the audit log keeps acts on such a row; the history shows them."""
    actions = None
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = NewestOnly
    ordering = ("-pk",)
    sortable_by = ()

    def visible(self, rows: QuerySet[Any], user: Any) -> QuerySet[Any]:
        """The rows that this person sees anywhere in the console."""
        if self.tenant is not None:
            return rights.of_tenant(rows, user, self.tenant, capability=self.capability)
        return rights.of_workspace(rows, user, self.workspace)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """What lists, search, autocomplete and export are made from."""
        tenant = self.tenant
        path = self.workspace if tenant is None else f"{tenant}__workspace" if tenant else "workspace"
        rows = super().get_queryset(request)
        return rights.owned(self.visible(rows, request.user), cast(Any, request.user), path)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Model | None:
        """The row. Raises Http404 when it is out of sight, PermissionDenied when it is but not theirs to open."""
        seen = self.visible(super().get_queryset(request), request.user)
        try:
            found = seen.filter(pk=self.opts.pk.to_python(object_id)).exists()
        except ValidationError as error:
            raise Http404 from error
        if not found:
            raise Http404
        row = super().get_object(request, object_id)
        if row is None:
            raise PermissionDenied(refusal())
        return row

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether this person opens records at all; `get_object` has asked about the row."""
        if not hasattr(request, "_opens_records"):
            opens = rights.owned_workspaces(cast(Any, request.user)).exists()
            request._opens_records = opens  # type: ignore[attr-defined]  # asked for each model on each page
        return bool(request._opens_records)  # type: ignore[attr-defined]

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Alike for every model."""
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody adds rows here: each is written by the act that it stands for."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes rows here."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes rows here."""
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All that is shown; the form of a page has no field."""
        return self.fields

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Filters on offer alone: any other field would tell by its matches what is never shown."""
        return lookup.removesuffix("__exact") in self.list_filter

    def to_field_allowed(self, request: HttpRequest, to_field: str) -> bool:
        """Rows are found by their own key."""
        return to_field == self.opts.pk.name

    def get_urls(self) -> list[URLPattern]:
        """Export before the admin's own, which would take it for an id."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        return [path("export/", page()(self.export_view), name=name), *super().get_urls()]

    def export_view(self, request: HttpRequest) -> HttpResponse:
        """The rows of the list as CSV, all of them, under the list's filters."""
        if not self.has_view_permission(request):
            raise PermissionDenied(refusal())
        _readable(request)
        rows = self.get_changelist_instance(request).get_queryset(request)
        user = cast(Any, request.user)
        owned = list(rights.owned_workspaces(user).order_by("pk").values_list("pk", flat=True))
        filters = {key: str(value)[:200] for key, value in request.GET.items()}
        record_export(str(self.opts.model_name), actor_id=user.pk, workspace_ids=owned, filters=filters)
        columns = [str(name) for name in self.get_list_display(request)]
        header = [str(label_for_field(name, self.model, self)) for name in columns]
        return cast(HttpResponse, csv_response(str(self.opts.model_name), header, self._lines(rows, columns)))

    def _lines(self, rows: QuerySet[Any], columns: list[str]) -> Iterator[list[Any]]:
        for row in rows.iterator(chunk_size=EXPORT_BATCH):
            yield [lookup_field(name, row, self)[2] for name in columns]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list, called by its plural; with the way to its export."""
        _readable(request)
        export = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_export")
        query = request.GET.urlencode()
        context = {
            "title": self.title,
            "subtitle": None,
            "exportUrl": f"{export}?{query}" if query else export,
            "mostListed": MOST_LISTED,
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The acts on this row that the audit log keeps, newest first."""
        row = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, row):
            raise PermissionDenied(refusal())
        acts = AuditEntry.objects.filter(object_kind=self.kind, object_id=str(row.pk if row else ""))
        owned = rights.owned_workspaces(cast(Any, request.user)).values("pk")
        found = acts.filter(workspace__in=owned).select_related("actor").order_by("-id")[:MOST_LISTED]
        context = {
            **self.admin_site.each_context(request),
            "title": str(row),
            "opts": self.opts,
            "object": row,
            "listTitle": self.title,
            "acts": [
                {
                    "at": act.at,
                    "act": action_words(act.action),
                    "person": act.actor.get_username() if act.actor else "",
                }
                for act in (found if self.kind else ())
            ],
            **(extra_context or {}),
        }
        return TemplateResponse(request, "records/history.html", context)

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The record's own name is its title."""
        context["title"] = str(context.get("original") or "")
        context["subtitle"] = None
        context["listTitle"] = self.title
        return super().render_change_form(request, context, *args, **kwargs)


def _readable(request: HttpRequest) -> None:
    if any("\x00" in value for values in dict(request.GET.lists()).values() for value in values):
        raise BadRequest


def refusal() -> str:
    """What a person is told who may open no records."""
    return _("You need Owner to open records.")
