"""Secrets that Microsoft Graph masks, typed in for a restore: one write-only field each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from providers import catalogue
from providers.choices import RestoreAction
from providers.models import RestorePlanItem, RestoreRun
from providers.objects.masking import MASK
from providers.objects.readable import secret_words
from providers.objects.ways import leads_somewhere, steps_of
from providers.restore import drafts
from providers.restore.entered import LONGEST
from providers.restore.store import place_key
from providers.views.restore_changes import changed, prepared
from providers.views.restore_parts import title_of
from tenantpilot.console.http import is_htmx
from tenantpilot.console.pages import SignedInRequest, page

FIELD, REMOVE = "secret-", "remove"
_WAITS = frozenset({RestoreAction.CREATE, RestoreAction.UPDATE, RestoreAction.UNRESOLVED})


@dataclass(frozen=True, slots=True)
class Asked:
    """A secret that can be entered: the way to it, what people call it, and whether it is entered."""

    way: str
    label: str
    entered: bool

    @property
    def field(self) -> str:
        return FIELD + place_key(self.way)


def asked_of(action: str, listed: Iterable[Mapping[str, Any]], there: frozenset[int]) -> list[Asked]:
    """The secrets of a plan's item that can be entered; ``there`` are the ids of those that are kept."""
    if action not in _WAITS:
        return []
    return [
        Asked(each["way"], secret_words(steps_of(each["way"])), each["entered"] in there)
        for each in listed
        if leads_somewhere(each["way"])
    ]


def ids_of(restore: RestoreRun) -> frozenset[int]:
    """The ids of the secrets that are kept for a restore."""
    return frozenset(restore.secrets.values_list("pk", flat=True))


class SecretsForm(forms.Form):
    """A field for each secret; an empty one leaves its secret as it is."""

    def __init__(self, *args: Any, asked: Sequence[Asked], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asked = {each.field: each for each in asked}
        for each in asked:
            self.fields[each.field] = forms.CharField(
                label=each.label,
                required=False,
                strip=False,
                max_length=LONGEST,
                widget=forms.PasswordInput(attrs={"autocomplete": "off", "class": "tp-input"}),
            )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if {name for name in self.data if name.startswith(FIELD)} - self.asked.keys():
            raise forms.ValidationError(_("This object has no such secret."))
        if not any(data.values()) and not self.errors:
            unset = [each.field for each in self.asked.values() if not each.entered]
            for name in unset or self.asked:
                self.add_error(name, _("Enter a value."))
        for name, value in list(data.items()):
            if value == MASK:
                self.add_error(name, _("These stars stand for a secret. Enter its value."))
        return data

    def values(self) -> dict[str, str]:
        """What was entered, by the ways to it. Only after `is_valid`."""
        return {self.asked[name].way: value for name, value in self.cleaned_data.items() if value}


@page("GET", "POST")
@sensitive_post_parameters()
def restore_secrets(request: SignedInRequest, tenant: str, restore_run: int, item: int) -> HttpResponse:
    """Enter, replace or remove the secrets of one object of the backup."""
    _target, restore = prepared(request, tenant, restore_run)
    posted = request.method == "POST"
    if not restore.selections.filter(item=item).exists():
        raise Http404
    if posted and request.POST.get("version") != str(restore.version):
        return changed(request, restore, _outdated, "")
    found = RestorePlanItem.objects.filter(plan=restore.plan_id, source_item=item).first()
    asked = asked_of(found.action, found.secrets, ids_of(restore)) if found else []
    if found is None or not asked:
        raise Http404
    form = SecretsForm(request.POST if posted else None, asked=asked, auto_id=f"id_{item}_%s")
    if posted and (way := _removed(request, form)):
        return changed(
            request,
            restore,
            lambda version: drafts.secret_remove(
                restore_id=restore.pk, version=version, item_id=item, way=way, actor=request.user
            ),
            _("The secret is removed."),
        )
    if posted and form.is_valid():
        return changed(
            request,
            restore,
            lambda version: drafts.secrets_enter(
                restore_id=restore.pk,
                version=version,
                item_id=item,
                values=form.values(),
                actor=request.user,
            ),
            _("The secrets are kept until this restore has ended."),
        )
    return _shown(request, restore, found, form, status=400 if posted else 200)


def _outdated(_version: int) -> None:
    raise drafts.Changed


def _removed(request: SignedInRequest, form: SecretsForm) -> str:
    """The way to the secret whose button was pressed, if it is one that was entered."""
    each = form.asked.get(FIELD + request.POST.get(REMOVE, ""))
    return each.way if each and each.entered else ""


def _shown(
    request: SignedInRequest, restore: RestoreRun, item: RestorePlanItem, form: SecretsForm, *, status: int
) -> HttpResponse:
    slug = restore.tenant.slug
    kind = catalogue.get(item.object_type)
    context = {
        "tenant": {"name": restore.tenant.name, "url": reverse("tenant", args=[slug])},
        "listUrl": reverse("restore_runs", args=[slug]),
        "title": title_of(restore.kind, restore.pk),
        "restore": {"version": restore.version, "url": reverse("restore_run", args=[slug, restore.pk])},
        "item": {"id": item.source_item_id, "name": item.name or _("Without a name"), "type": kind.singular},
        "postUrl": reverse("restore_secrets", args=[slug, restore.pk, item.source_item_id]),
        "form": form,
        "secrets": [
            {
                "field": form[each.field],
                "label": each.label,
                "key": each.field.removeprefix(FIELD),
                "entered": each.entered,
            }
            for each in form.asked.values()
        ],
    }
    template = "restores/_restore_secrets.html" if is_htmx(request) else "restores/restore_secrets.html"
    return render(request, template, context, status=status)
