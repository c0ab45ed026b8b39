"""Backups as files: downloaded with their secrets left out or under a passphrase, and imported again."""

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from providers.backups import archive, importing
from providers.choices import BackupState
from providers.models import Backup
from providers.selectors import Target
from providers.views import backup_words as words
from providers.views.backups import tenant_data, visible_backup
from providers.views.parts import visible_tenant
from providers.views.tabs import tabs
from tenantpilot.audit.record import About, record
from tenantpilot.console.pages import SignedInRequest, page, require
from tenantpilot.tenancy.capabilities import Capability

LEAST_PASSPHRASE = 12


def _passphrase(*, new: bool) -> forms.CharField:
    autocomplete = "new-password" if new else "off"
    return forms.CharField(
        label=gettext_lazy("Passphrase"),
        required=False,
        strip=False,
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": autocomplete, "class": "tp-input"}),
    )


class DownloadForm(forms.Form):
    """Secrets come along only by choice, and then under a passphrase."""

    secrets = forms.BooleanField(
        label=gettext_lazy("Include secrets, encrypted under a passphrase"), required=False
    )
    passphrase = _passphrase(new=True)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("secrets") and len(data.get("passphrase", "")) < LEAST_PASSPHRASE:
            words_of = _("Use at least %(count)s characters.") % {"count": LEAST_PASSPHRASE}
            self.add_error("passphrase", words_of)
        return data


class ImportForm(forms.Form):
    """An archive, and the passphrase of its secrets if they are to come along."""

    archive = forms.FileField(
        label=gettext_lazy("Archive"), widget=forms.FileInput(attrs={"class": "tp-input", "accept": ".zip"})
    )
    passphrase = _passphrase(new=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["passphrase"].help_text = _("Only to import secrets. Without it they are left out.")


@page("GET", "POST")
def backup_export(request: SignedInRequest, tenant: str, backup: int) -> HttpResponse:
    """Ask on GET what to include; send the archive on POST."""
    target = visible_tenant(request, tenant)
    row = visible_backup(target, backup)
    require(target.capabilities, Capability.TRANSFER_BACKUPS)
    form = DownloadForm(request.POST if request.method == "POST" else None)
    if row["state"] == BackupState.RUNNING:
        form.add_error(None, _("This backup is still being written.")) if form.is_bound else None
    if form.is_bound and form.is_valid():
        return cast(HttpResponse, _download(request, target, backup, form.cleaned_data))
    context = {
        "tenant": tenant_data(target),
        "tabs": tabs(target, "backups"),
        "backup": words.backup_data(row, target),
        "form": form,
    }
    return render(request, "providers/backup_export.html", context, status=400 if form.errors else 200)


@page("GET", "POST")
def backup_import(request: SignedInRequest, tenant: str) -> HttpResponse:
    """Ask on GET for an archive; make a backup of this tenant from it on POST."""
    target = visible_tenant(request, tenant)
    require(target.capabilities, Capability.TRANSFER_BACKUPS)
    form = ImportForm(*((request.POST, request.FILES) if request.method == "POST" else ()))
    if form.is_bound and form.is_valid():
        made = _imported(request, target, form)
        if made is not None:
            messages.success(request, _("%(count)s objects were imported.") % {"count": made.object_count})
            return HttpResponseRedirect(reverse("backup", args=[tenant, made.pk]))
    context = {"tenant": tenant_data(target), "tabs": tabs(target, "backups"), "form": form}
    return render(request, "providers/backup_import.html", context, status=400 if form.errors else 200)


def _download(
    request: SignedInRequest, target: Target, pk: int, wanted: dict[str, Any]
) -> StreamingHttpResponse:
    backup = Backup.objects.select_related("tenant").get(pk=pk)
    passphrase = wanted["passphrase"] if wanted["secrets"] else ""
    _record(request, "backup.downloaded", target, backup, secrets=bool(passphrase))
    response = StreamingHttpResponse(archive.archive(backup, passphrase), content_type="application/zip")
    name = f"{target.tenant.slug}-backup-{pk}.zip"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store, private"
    return response


def _imported(request: SignedInRequest, target: Target, form: ImportForm) -> Backup | None:
    upload: UploadedFile = form.cleaned_data["archive"]
    try:
        source = importing.opened(cast(Any, upload))
        made = importing.imported(
            source,
            tenant_id=target.tenant.id,
            actor_id=request.user.pk,
            file_name=upload.name or "",
            passphrase=form.cleaned_data["passphrase"],
        )
    except importing.BadArchive as error:
        form.add_error(error.field, str(error))
        return None
    _record(
        request, "backup.imported", target, made, **{key: str(value) for key, value in made.source.items()}
    )
    return made


def _record(request: SignedInRequest, action: str, target: Target, backup: Backup, **facts: Any) -> None:
    record(
        action,
        workspace_id=target.tenant.workspace_id,
        tenant_id=target.tenant.id,
        actor_id=request.user.pk,
        about=About("backup", backup.pk, _("Backup %(id)s") % {"id": backup.pk}),
        facts=facts,
    )
