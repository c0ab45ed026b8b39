"""How long backups are kept: the rule, what it would do, and who may change it."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from providers.backups import retention
from providers.backups.retention import Rule, Verdict
from providers.models import RetentionRule
from providers.selectors import Target
from providers.views import backup_words as words
from providers.views.backups import tenant_data
from providers.views.parts import visible_tenant
from providers.views.tabs import tabs
from tenantpilot.audit.record import About, record
from tenantpilot.console.pages import SignedInRequest, page, require
from tenantpilot.tenancy.capabilities import Capability
from tenantpilot.tenancy.models import Tenant

NUMBERS = ("keep_last", "keep_days", "keep_months")
SUGGESTED = Rule(keep_last=10, keep_days=30, keep_months=12)
SHOWN = 100


class RuleForm(forms.Form):
    """Three numbers; a backup stays while any of them keeps it."""

    keep_last = forms.IntegerField(label=gettext_lazy("Keep the last backups"), min_value=1, max_value=1_000)
    keep_days = forms.IntegerField(label=gettext_lazy("Keep all for days"), min_value=0, max_value=3_650)
    keep_months = forms.IntegerField(
        label=gettext_lazy("Keep one a month for months"), min_value=0, max_value=120
    )

    @property
    def rule(self) -> Rule:
        return Rule(**{name: self.cleaned_data[name] for name in NUMBERS})


@page("GET", "POST")
def backup_retention(request: SignedInRequest, tenant: str) -> HttpResponse:
    """Show the rule and what it deletes; on POST show what another one would delete, or keep that one."""
    target = visible_tenant(request, tenant)
    row = Tenant.objects.get(pk=target.tenant.id)
    current = retention.rule_of(row)
    if request.method == "POST":
        require(target.capabilities, Capability.MANAGE_TENANT)
        return _changed(request, target, row, current)
    return _page(request, target, current, RuleForm(initial=numbers_of(current)), rule_in(current))


def _changed(
    request: SignedInRequest, target: Target, tenant: Tenant, current: RetentionRule | None
) -> HttpResponse:
    if request.POST.get("remove"):
        RetentionRule.objects.filter(tenant=tenant).delete()
        _record(request, target, current, None)
        messages.success(request, _("The tenant's own rule was removed."))
        return HttpResponseRedirect(request.path)
    form = RuleForm(request.POST)
    if not form.is_valid():
        return _page(request, target, current, form, None)
    if request.POST.get("preview"):
        return _page(request, target, current, form, form.rule, previewed=True)
    RetentionRule.objects.update_or_create(tenant=tenant, defaults=form.cleaned_data)
    _record(request, target, current, form.rule)
    messages.success(request, _("Retention was saved. It takes effect within a day."))
    return HttpResponseRedirect(reverse("backup_retention", args=[target.tenant.slug]))


def _page(
    request: SignedInRequest,
    target: Target,
    current: RetentionRule | None,
    form: RuleForm,
    rule: Rule | None,
    *,
    previewed: bool = False,
) -> HttpResponse:
    found = retention.verdicts(target.tenant.id, rule) if rule else []
    going = [each for each in found if not each.because]
    context = {
        "tenant": tenant_data(target),
        "tabs": tabs(target, "backups"),
        "form": form,
        "mayChange": Capability.MANAGE_TENANT in target.capabilities,
        "hasOwn": current is not None and current.tenant_id is not None,
        "source": _source(current),
        "previewed": previewed,
        "verdicts": [_verdict(each, target) for each in found[:SHOWN]],
        "more": max(len(found) - SHOWN, 0),
        "going": len(going),
        "staying": len(found) - len(going),
        "backupsUrl": reverse("backups", args=[target.tenant.slug]),
    }
    return render(request, "providers/backup_retention.html", context, status=400 if form.errors else 200)


def _verdict(verdict: Verdict, target: Target) -> dict[str, Any]:
    reasons = {
        "running": _("It is still running."),
        "needed": _("A restore needs it."),
        "last": _("It is one of the last."),
        "days": _("It is young enough."),
        "month": _("It is the one of its month."),
        "complete": _("It is the last complete one of a type."),
    }
    return {
        "title": words.title_of({"kind": verdict.kind, "id": verdict.backup_id}),
        "url": reverse("backup", args=[target.tenant.slug, verdict.backup_id]),
        "at": verdict.created_at,
        "because": reasons.get(verdict.because, ""),
    }


def _source(current: RetentionRule | None) -> str:
    if current is None:
        return _("There is no rule: every backup is kept.")
    if current.tenant_id is None:
        return _("The rule of the workspace applies.")
    return _("This tenant has a rule of its own.")


def rule_in(current: RetentionRule | None) -> Rule | None:
    """The rule itself, without whose it is."""
    return Rule(current.keep_last, current.keep_days, current.keep_months) if current else None


def numbers_of(current: RetentionRule | None) -> dict[str, int]:
    """What a form begins with: the rule, or the one that we suggest."""
    rule = rule_in(current) or SUGGESTED
    return {name: getattr(rule, name) for name in NUMBERS}


def _record(
    request: SignedInRequest, target: Target, before: RetentionRule | None, after: Rule | None
) -> None:
    record(
        "retention.changed",
        workspace_id=target.tenant.workspace_id,
        tenant_id=target.tenant.id,
        actor_id=request.user.pk,
        about=About("tenant", target.tenant.id, target.tenant.name),
        before=numbers_of(before) if before else {},
        after={name: getattr(after, name) for name in NUMBERS} if after else {},
    )
