"""How long the backups of a whole workspace are kept, and what another rule would let go before it is saved."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from providers.backups import retention
from providers.backups.retention import Rule
from providers.models import RetentionRule
from providers.views.backup_retention import NUMBERS, RuleForm, numbers_of
from tenantpilot.audit.record import About, record
from tenantpilot.console.pages import SignedInRequest, page
from tenantpilot.people.scope import chosen_workspace, switch
from tenantpilot.tenancy.models import Tenant, Workspace
from tenantpilot.tenancy.permissions import visible_to

SHOWN = 50


class WorkspaceRuleForm(RuleForm):
    """The three numbers, and those that the person has seen the effect of."""

    previewed = forms.CharField(required=False, max_length=32, widget=forms.HiddenInput)

    @property
    def seen(self) -> bool:
        """Whether what these numbers would let go was on the page that sent them."""
        return bool(self.cleaned_data["previewed"] == _said(self.rule))


@page("GET", "POST")
def workspace_retention(request: SignedInRequest) -> HttpResponse:
    """Show the rule of a workspace; on POST show what another one would let go, and keep that one the second time."""
    workspace = chosen_workspace(request)
    current = retention.workspace_rule_of(workspace)
    if request.method != "POST":
        return _page(request, workspace, current, WorkspaceRuleForm(initial=numbers_of(current)))
    if request.POST.get("remove"):
        return _keep(request, workspace, current, None)
    form = WorkspaceRuleForm(request.POST)
    if not form.is_valid():
        return _page(request, workspace, current, form)
    if not (request.POST.get("save") and form.seen):
        shown = WorkspaceRuleForm(initial=_numbers(form.rule) | {"previewed": _said(form.rule)})
        return _page(request, workspace, current, shown, form.rule)
    return _keep(request, workspace, current, form.rule)


def _page(
    request: SignedInRequest,
    workspace: Workspace,
    current: RetentionRule | None,
    form: WorkspaceRuleForm,
    previewed: Rule | None = None,
) -> HttpResponse:
    own = visible_to(retention.with_own_rule(workspace), request.user).order_by("name", "id")
    context = {
        "workspace": workspace,
        "quick": switch(request, workspace),
        "form": form,
        "rule": _numbers(current) if current else None,
        "preview": _preview(request, workspace, previewed) if previewed else None,
        "exceptions": [_linked(tenant) for tenant in own[:SHOWN]],
        "moreExceptions": max(own.count() - SHOWN, 0),
        "action": _here(workspace),
    }
    return render(request, "people/retention.html", context, status=400 if form.errors else 200)


def _preview(request: SignedInRequest, workspace: Workspace, rule: Rule) -> dict[str, Any]:
    found = list(retention.effects(workspace, rule))
    losing = {each.tenant_id: each for each in found if each.going}
    seen = visible_to(Tenant.objects.filter(pk__in=losing), request.user).order_by("name", "id")
    rows = [
        _linked(tenant) | {"going": losing[tenant.pk].going, "staying": losing[tenant.pk].staying}
        for tenant in seen[:SHOWN]
    ]
    return {
        "going": sum(each.going for each in found),
        "staying": sum(each.staying for each in found),
        "tenants": rows,
        "more": len(losing) - len(rows),
    }


def _linked(tenant: Tenant) -> dict[str, Any]:
    return {"name": tenant.name, "url": reverse("backup_retention", args=[tenant.slug])}


@transaction.atomic
def _keep(
    request: SignedInRequest, workspace: Workspace, before: RetentionRule | None, after: Rule | None
) -> HttpResponse:
    if after:
        RetentionRule.objects.update_or_create(workspace=workspace, defaults=_numbers(after))
        messages.success(request, _("Retention was saved. It takes effect within a day."))
    else:
        RetentionRule.objects.filter(workspace=workspace).delete()
        messages.success(request, _("The rule was removed."))
    record(
        "retention.changed",
        workspace_id=workspace.pk,
        actor_id=request.user.pk,
        about=About("workspace", workspace.pk, workspace.name),
        before=_numbers(before) if before else {},
        after=_numbers(after) if after else {},
    )
    return HttpResponseRedirect(_here(workspace))


def _numbers(rule: RetentionRule | Rule) -> dict[str, int]:
    return {name: getattr(rule, name) for name in NUMBERS}


def _said(rule: Rule) -> str:
    return f"{rule.keep_last}-{rule.keep_days}-{rule.keep_months}"


def _here(workspace: Workspace) -> str:
    return f"{reverse('workspace_retention')}?workspace={workspace.slug}"
