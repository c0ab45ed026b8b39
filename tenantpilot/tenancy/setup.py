"""The first workspace of an installation, and its owner."""

import re

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import connection, transaction
from django.utils.text import slugify

from tenantpilot.audit.record import About, record
from tenantpilot.tenancy import grants
from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.models import User, Workspace


class AlreadySetUp(Exception):
    """There is a workspace already, and nobody asked for another."""


def workspace_exists() -> bool:
    """Say whether the installation has a workspace."""
    return Workspace.objects.exists()


def owner_named(username: str) -> User | None:
    """Return the account with this name, if there is one."""
    return User.objects.filter(username=username).first()


def slug_for(name: str) -> str:
    """Return a slug that a workspace with this name could have; it may be taken."""
    return re.sub(r"[^a-z0-9-]", "", slugify(name))[:63].strip("-") or "workspace"


@transaction.atomic
def workspace_set_up(
    *, name: str, slug: str, username: str, email: str = "", password: str = "", another: bool = False
) -> Workspace:
    """Make a workspace and its owner for all tenants; an account that exists keeps its password.

    Raises AlreadySetUp, and ValidationError for a name, slug or password that breaks the rules.
    """
    with connection.cursor() as cursor:
        # Two set-ups at once: the second one waits, and then finds the workspace of the first.
        cursor.execute("LOCK TABLE tenancy_workspace IN SHARE ROW EXCLUSIVE MODE")
    if not another and workspace_exists():
        raise AlreadySetUp
    workspace = Workspace(name=name, slug=slug)
    workspace.full_clean()
    workspace.save()
    owner = owner_named(username) or _account(username, email, password)
    grants.membership_set(workspace=workspace, user=owner, role=Role.OWNER, all_tenants=True)
    record(
        "workspace.created",
        workspace_id=workspace.pk,
        actor_id=None,
        surface="command",
        about=About("workspace", workspace.pk, name),
        facts={"owner": username},
    )
    return workspace


def _account(username: str, email: str, password: str) -> User:
    if email:
        validate_email(email)
    owner = User(username=username, email=email, is_staff=True)
    validate_password(password, owner)
    owner.set_password(password)
    owner.full_clean()
    owner.save()
    return owner


def refusals(error: ValidationError) -> list[str]:
    """Return the sentences of a refusal, each with the field it is about."""
    if not hasattr(error, "error_dict"):
        return list(error.messages)
    return [f"{field}: {text}" for field, texts in error.message_dict.items() for text in texts]
