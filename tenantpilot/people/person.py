"""One member of a workspace: role, tenants, rights and why; disable, enable, remove."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenantpilot.console.filters import Choice, chosen, filter_data, search_text
from tenantpilot.console.pages import SignedInRequest, page
from tenantpilot.console.paging import keyset_page
from tenantpilot.people.forms import ALL, CHOSEN, RoleForm, TenantRoleForm
from tenantpilot.people.scope import managed_workspaces, member_of
from tenantpilot.people.words import crumbs, last_owner, out_of_reach, person_name, reach_words
from tenantpilot.tenancy import people as members
from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.models import Membership, Tenant, TenantEntitlement, User
from tenantpilot.tenancy.permissions import visible_to
from tenantpilot.tenancy.rights import tenant_rights, workspace_rights

Row = dict[str, Any]
OWN_ROLE = Choice(
    "own",
    gettext_lazy("Tenant role"),
    [("yes", gettext_lazy("With a tenant role")), ("no", gettext_lazy("Without one"))],
    gettext_lazy("All tenants"),
)


@page("GET", "POST")
def person(request: SignedInRequest, member: int) -> HttpResponse:
    """One member: role in the workspace, tenants, and what can be done about both."""
    found = member_of(request, member)
    known = {"role": found.role, "reach": ALL if found.all_tenants else CHOSEN}
    form = RoleForm(request.POST if request.method == "POST" else None, initial=known)
    if request.method == "POST" and form.is_valid():
        role, reach = Role(form.cleaned_data["role"]), form.all_tenants()
        try:
            members.member_role_set(membership=found, role=role, all_tenants=reach, actor=request.user)
        except members.LastOwner:
            form.add_error(None, last_owner(found.workspace))
        except members.OutOfReach:
            form.add_error("reach", out_of_reach())
        except members.MemberGone:
            raise Http404 from None
        else:
            messages.success(
                request,
                _("%(person)s is %(role)s now.") % {"person": person_name(found.user), "role": role.label},
            )
            return _after(request, found)
    return render(request, "people/person.html", _person_context(request, found, form), status=_status(form))


@page("GET", "POST")
def person_tenant(request: SignedInRequest, member: int, tenant: str) -> HttpResponse:
    """What a member may do on one tenant, why, and the role there."""
    found = member_of(request, member)
    # Nobody gets a role on what is being deleted.
    mine = visible_to(Tenant.objects.filter(workspace=found.workspace_id, deleting_at=None), request.user)
    target = mine.filter(slug=tenant).first()
    if target is None:
        raise Http404
    role = (
        TenantEntitlement.objects.filter(tenant=target, user=found.user)
        .values_list("role", flat=True)
        .first()
    )
    form = TenantRoleForm(request.POST if request.method == "POST" else None, initial={"role": role or ""})
    if request.method == "POST" and form.is_valid():
        wanted = form.chosen_role()
        try:
            members.tenant_role_set(membership=found, tenant=target, role=wanted, actor=request.user)
        except (members.MemberGone, members.OutOfReach):
            raise Http404 from None
        messages.success(request, _role_changed(found, target, wanted))
        return HttpResponseRedirect(reverse("person_tenant", args=[found.pk, target.slug]))
    context = {
        "title": _("%(person)s on %(tenant)s") % {"person": person_name(found.user), "tenant": target.name},
        "person": {"name": person_name(found.user), "url": reverse("person", args=[found.pk])},
        "tenant": {"name": target.name},
        "crumbs": [*crumbs(found.workspace), _crumb(found)],
        "form": form,
        "rights": tenant_rights(found, target),
    }
    return render(request, "people/person_tenant.html", context, status=_status(form))


@page("GET", "POST")
def person_disable(request: SignedInRequest, member: int) -> HttpResponse:
    """Ask, then take every right in the workspace away until the member is enabled again."""
    found = member_of(request, member)
    words = {"person": person_name(found.user), "workspace": found.workspace.name}
    if request.method == "POST":
        return _act(
            request, found, members.member_disable, _("%(person)s is disabled in %(workspace)s.") % words
        )
    return _ask(
        request, found,
        message=_("%(person)s loses every right in %(workspace)s at once.") % words,
        details=_("Roles are kept. Enable brings them back. Work that runs goes on."),
        confirm=_("Disable person"), keep=_("Keep enabled"), url=reverse("person_disable", args=[found.pk]),
    )  # fmt: skip


@page("POST")
def person_enable(request: SignedInRequest, member: int) -> HttpResponse:
    """Give a disabled member the same rights back."""
    found = member_of(request, member)
    words = {"person": person_name(found.user), "workspace": found.workspace.name}
    return _act(request, found, members.member_enable, _("%(person)s is enabled in %(workspace)s.") % words)


@page("GET", "POST")
def person_remove(request: SignedInRequest, member: int) -> HttpResponse:
    """Ask, then take the membership away for good."""
    found = member_of(request, member)
    words = {"person": person_name(found.user), "workspace": found.workspace.name}
    if request.method == "POST":
        back = f"{reverse('people')}?workspace={found.workspace.slug}"
        done = _("%(person)s is removed from %(workspace)s.") % words
        return _act(request, found, members.member_remove, done, back=back)
    return _ask(
        request, found,
        message=_("%(person)s is signed out and loses every role in %(workspace)s.") % words,
        details=_("Coming back takes a new invitation. Runs and the audit log keep the name."),
        confirm=_("Remove person"), keep=_("Keep person"), url=reverse("person_remove", args=[found.pk]),
    )  # fmt: skip


def _act(
    request: SignedInRequest, member: Membership, act: Callable[..., None], done: str, *, back: str = ""
) -> HttpResponse:
    try:
        act(membership=member, actor=request.user)
    except members.LastOwner:
        messages.error(request, last_owner(member.workspace))
        return HttpResponseRedirect(reverse("person", args=[member.pk]))
    except members.MemberGone:
        raise Http404 from None
    messages.success(request, done)
    return HttpResponseRedirect(back) if back else _after(request, member)


def _after(request: SignedInRequest, member: Membership) -> HttpResponse:
    """Back to the person; whoever gave up their own rights goes where they still may."""
    if managed_workspaces(request.user).filter(pk=member.workspace_id).exists():
        return HttpResponseRedirect(reverse("person", args=[member.pk]))
    return HttpResponseRedirect(reverse("home"))


def _ask(
    request: SignedInRequest,
    member: Membership,
    *,
    message: str,
    details: str,
    confirm: str,
    keep: str,
    url: str,
) -> HttpResponse:
    context = {
        "title": person_name(member.user),
        "message": message,
        "details": details,
        "crumbs": [*crumbs(member.workspace), _crumb(member)],
        "postUrl": url,
        "confirmLabel": confirm,
        "keepLabel": keep,
        "keepUrl": reverse("person", args=[member.pk]),
    }
    return render(request, "ui/confirm.html", context)


def _crumb(member: Membership) -> dict[str, str]:
    return {"label": person_name(member.user), "url": reverse("person", args=[member.pk])}


def _role_changed(member: Membership, tenant: Tenant, role: Role | None) -> str:
    words = {"person": person_name(member.user), "tenant": tenant.name}
    if role is None:
        return _("%(person)s has no role of its own on %(tenant)s now.") % words
    return _("%(person)s is %(role)s on %(tenant)s now.") % {**words, "role": role.label}


def _status(form: Any) -> int:
    return 400 if form.errors else 200


def _person_context(request: SignedInRequest, member: Membership, form: RoleForm) -> Row:
    search, own = search_text(request), chosen(request, OWN_ROLE)
    shown = keyset_page(_tenant_rows(request.user, member, search, own), request.GET, ("name", "id"))
    disabled = member.disabled_at is not None
    return {
        "title": person_name(member.user),
        "person": {
            "username": member.user.get_username(),
            "email": member.user.email,
            "status": "disabled" if disabled else "active",
            "isReader": member.user_id == request.user.pk,
            "role": Role(member.role).label,
            "reach": reach_words(member),
            "since": member.created_at,
        },
        "workspace": member.workspace,
        "crumbs": crumbs(member.workspace),
        "form": form,
        "rights": workspace_rights(member),
        "keepReason": last_owner(member.workspace) if members.is_last_owner(member) else "",
        "enableUrl": reverse("person_enable", args=[member.pk]) if disabled else "",
        "disableUrl": reverse("person_disable", args=[member.pk]),
        "removeUrl": reverse("person_remove", args=[member.pk]),
        "tenants": [_tenant_row(member, row) for row in shown.rows],
        "filters": filter_data(request, choices=[OWN_ROLE], search_label=_("Search name or domain")),
        "filtered": bool(search or own),
        "clearUrl": request.path,
        "pager": shown.pager,
    }


def _tenant_rows(reader: User, member: Membership, search: str, own: str) -> QuerySet[Any, Any]:
    role = TenantEntitlement.objects.filter(tenant=OuterRef("pk"), user=member.user_id).values("role")
    rows = visible_to(Tenant.objects.filter(workspace=member.workspace_id, archived_at=None), reader)
    rows = rows.annotate(role=Subquery(role))
    if search:
        rows = rows.filter(Q(name__icontains=search) | Q(primary_domain__icontains=search))
    if own:
        rows = rows.filter(role__isnull=own == "no")
    return rows.values("id", "name", "slug", "primary_domain", "role")


def _tenant_row(member: Membership, row: Row) -> Row:
    roles = [Role(row["role"])] if row["role"] else []
    if member.all_tenants:
        roles.append(Role(member.role))
    order = list(Role)
    strongest = max(roles, key=order.index, default=None)
    acts_as = "" if member.disabled_at is not None or strongest is None else strongest.label
    return {
        "name": row["name"],
        "domain": row["primary_domain"],
        "role": Role(row["role"]).label if row["role"] else "",
        "actsAs": acts_as,
        "url": reverse("person_tenant", args=[member.pk, row["slug"]]),
    }
