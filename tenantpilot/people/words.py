"""Sentences and names that several pages about people share."""

from django.urls import reverse
from django.utils.translation import gettext as _

from tenantpilot.tenancy.models import Invitation, Membership, User, Workspace


def person_name(user: User) -> str:
    """The full name where it is known, else the name of the sign-in."""
    return user.get_full_name() or user.get_username()


def last_owner(workspace: Workspace) -> str:
    """Why the only owner stays what they are."""
    return _("%(workspace)s needs an owner for all tenants. Make someone else owner first.") % {
        "workspace": workspace.name
    }


def out_of_reach() -> str:
    """Why a reach can't be handed out."""
    return _("You can hand out only tenants that you reach yourself.")


def reach_words(given: Membership | Invitation) -> str:
    """Where a workspace role counts."""
    return _("All tenants") if given.all_tenants else _("Chosen tenants")


def crumbs(workspace: Workspace) -> list[dict[str, str]]:
    """The way back to the people of a workspace."""
    return [{"label": _("People"), "url": f"{reverse('people')}?workspace={workspace.slug}"}]
