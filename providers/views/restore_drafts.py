"""Restores of a tenant: the list, a new draft, and what a person changes about it."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from operations.http import SeeOther
from providers.choices import RestoreState
from providers.models import Backup
from providers.restore import drafts
from providers.restore.access import may_use_backup
from providers.restore.lists import runs_of, types_in
from providers.selectors import Target
from providers.views.parts import visible_tenant
from providers.views.restore_changes import back, changed, is_id, prepared
from providers.views.restore_forms import DraftForm, OptionsForm
from providers.views.restore_parts import listed, run_states
from providers.views.tabs import tabs
from tenantpilot.console.pages import SignedInRequest, page, require
from tenantpilot.console.paging import Cursor, cut, page_size, read_cursor
from tenantpilot.tenancy.capabilities import Capability
from tenantpilot.tenancy.models import Tenant
from tenantpilot.tenancy.permissions import visible_to


@page("GET", "POST")
def restore_runs(request: SignedInRequest, tenant: str) -> HttpResponse:
    """The restore runs of a tenant; POST makes a draft."""
    target = visible_tenant(request, tenant)
    if request.method == "POST":
        require(target.capabilities, Capability.PREVIEW_RESTORE)
        return _drafted(request, target)
    cursor, size = read_cursor(request.GET, (int,)), page_size(request.GET)
    found = _newest(target.tenant.id, cursor, size)
    shown = cut(found, cursor, size, request.GET, ("id",))
    # One that was stopped before its first request is a draft again.
    ended = [row["run"] for row in shown.rows if row["run"] and row["state"] != RestoreState.DRAFT]
    states = run_states(target.tenant.id, ended)
    context = {
        "tenant": {"name": target.tenant.name, "url": reverse("tenant", args=[tenant])},
        "tabs": tabs(target, "restore_runs"),
        "restores": [listed(row, target, states) for row in shown.rows],
        "pager": shown.pager,
        "mayPrepare": Capability.PREVIEW_RESTORE in target.capabilities,
    }
    return render(request, "restores/restore_list.html", context)


def _newest(tenant_id: int, cursor: Cursor | None, size: int) -> list[dict[str, Any]]:
    rows = runs_of(tenant_id)
    if cursor is None:
        return list(rows.order_by("-id")[: size + 1])
    side = {"id__gt" if cursor.backwards else "id__lt": cursor.values[0]}
    return list(rows.filter(**side).order_by("id" if cursor.backwards else "-id")[: size + 1])


@page()
def restore_new(request: SignedInRequest, tenant: str) -> HttpResponse:
    """Choose what of a backup is restored into this tenant, and how."""
    target = visible_tenant(request, tenant)
    require(target.capabilities, Capability.PREVIEW_RESTORE)
    backup = _backup(request, target, request.GET.get("backup", ""))
    items = request.GET.getlist("item")
    form = _form(target, backup, items)
    return _form_page(request, target, backup, items, form, status=200)


def _drafted(request: SignedInRequest, target: Target) -> HttpResponse:
    backup = _backup(request, target, request.POST.get("backup", ""))
    numbers = request.POST.getlist("item")
    form = _form(target, backup, numbers, request.POST)
    items = backup.items.filter(pk__in=[int(number) for number in numbers if is_id(number)])
    if not numbers and form.is_valid():
        items = backup.items.filter(object_type__in=form.cleaned_data["types"])
    if form.is_valid() and not items.exists():
        form.add_error(None, _("Choose at least one object of this backup."))
    if not form.is_valid():
        return _form_page(request, target, backup, numbers, form, status=400)
    restore = drafts.draft_create(
        tenant=Tenant.objects.get(pk=target.tenant.id),
        backup=backup,
        items=items,
        options=form.options(),
        connection_id=form.connection_id(),
        actor=request.user,
    )
    return SeeOther(reverse("restore_run", args=[target.tenant.slug, restore.pk]))


def _form(target: Target, backup: Backup, items: list[str], data: Any = None) -> DraftForm:
    return DraftForm(data, tenant_id=target.tenant.id, types=types_in(backup.pk), single=bool(items))


def _form_page(
    request: SignedInRequest,
    target: Target,
    backup: Backup,
    items: list[str],
    form: DraftForm,
    *,
    status: int,
) -> HttpResponse:
    slug = target.tenant.slug
    context = {
        "tenant": {"name": target.tenant.name, "url": reverse("tenant", args=[slug])},
        "backup": {"id": backup.pk, "at": backup.created_at, "tenant": backup.tenant.name},
        "isOther": backup.tenant_id != target.tenant.id,
        "items": list(backup.items.filter(pk__in=[int(each) for each in items if is_id(each)])[:200]),
        "intoUrls": _others(request, target, backup, items),
        "postUrl": reverse("restore_runs", args=[slug]),
        "form": form,
    }
    return render(request, "restores/restore_new.html", context, status=status)


def _others(
    request: SignedInRequest, target: Target, backup: Backup, items: list[str]
) -> list[dict[str, str]]:
    """The other tenants into which this person may prepare a restore of this backup."""
    source = visible_tenant(request, backup.tenant.slug)
    if Capability.TRANSFER_BACKUPS not in source.capabilities:
        return []
    rows = visible_to(
        Tenant.objects.filter(archived_at=None), request.user, capability=Capability.PREVIEW_RESTORE
    )
    query = "&".join([f"backup={backup.pk}", *(f"item={each}" for each in items if is_id(each))])
    return [
        {"name": name, "url": f"{reverse('restore_new', args=[slug])}?{query}"}
        for name, slug in rows.exclude(pk=target.tenant.id).order_by("name").values_list("name", "slug")[:50]
    ]


def _backup(request: SignedInRequest, target: Target, number: str) -> Backup:
    """The backup, of this tenant or of another that the person may take it from. Raises Http404."""
    found = Backup.objects.select_related("tenant").filter(pk=int(number) if is_id(number) else 0).first()
    if found is None or not may_use_backup(request.user.pk, found, target.tenant.id):
        raise Http404
    return found


@page("POST")
def restore_options(request: SignedInRequest, tenant: str, restore_run: int) -> HttpResponse:
    """Change what the restore may do."""
    target, restore = prepared(request, tenant, restore_run)
    form = OptionsForm(request.POST, tenant_id=target.tenant.id)
    if not form.is_valid():
        for words in form.errors.values():
            messages.error(request, " ".join(str(each) for each in words))
        return back(restore)
    return changed(
        request,
        restore,
        lambda version: drafts.options_change(
            restore_id=restore.pk,
            version=version,
            options=form.options(),
            connection_id=form.connection_id(),
            actor=request.user,
        ),
        _("The options are changed."),
    )


@page("POST")
def restore_items(request: SignedInRequest, tenant: str, restore_run: int) -> HttpResponse:
    """Choose what happens to single objects: fields ``choice:<backup item>``."""
    _target, restore = prepared(request, tenant, restore_run)
    choices = {
        int(name.partition(":")[2]): str(value)[:200]
        for name, value in request.POST.items()
        if name.startswith("choice:") and is_id(name.partition(":")[2])
    }
    return changed(
        request,
        restore,
        lambda version: drafts.selection_change(
            restore_id=restore.pk, version=version, choices=choices, actor=request.user
        ),
        _("The choice is kept."),
    )


@page("POST")
def restore_resume(request: SignedInRequest, tenant: str, restore_run: int) -> HttpResponse:
    """Make a draft of what is left of an execution."""
    _target, restore = prepared(request, tenant, restore_run)
    again = drafts.resume_create(restore=restore, actor=request.user)
    return SeeOther(reverse("restore_run", args=[tenant, again.pk]))


@page("POST")
def restore_undo(request: SignedInRequest, tenant: str, restore_run: int) -> HttpResponse:
    """Make a draft that takes an execution back."""
    _target, restore = prepared(request, tenant, restore_run)
    try:
        undoing = drafts.undo_create(restore=restore, actor=request.user)
    except drafts.Closed:
        messages.error(request, _("This restore wrote nothing. There is nothing to undo."))
        return back(restore)
    return SeeOther(reverse("restore_run", args=[tenant, undoing.pk]))
