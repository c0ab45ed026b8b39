"""People pages as each kind of person opens them."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from tenantpilot.tenancy import invitations
from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.models import Membership, User
from tests.conftest import World


@pytest.fixture
def as_(world: World) -> Callable[[User], Client]:
    """A browser in which this person is signed in."""

    def browser(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return browser


def member(world: World, user: User) -> Membership:
    return Membership.objects.get(workspace=world.workspace, user=user)


def person_url(world: World, user: User, name: str = "person", *more: str) -> str:
    return reverse(name, args=[member(world, user).pk, *more])


def invited(world: World, **facts: object) -> str:
    """The token of an invitation."""
    wanted = {
        "addressee": "ada@example.org",
        "role": Role.OPERATOR,
        "all_tenants": False,
        "tenants": [world.tenant],
    }
    return invitations.invitation_create(workspace=world.workspace, actor=world.owner, **(wanted | facts))[1]
