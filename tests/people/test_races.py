"""Acts at the same time, on real connections: the last owner stays, a link is used once."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection

from tenantpilot.tenancy import invitations, people
from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.models import Membership, User
from tests import factories
from tests.conftest import make_world
from tests.people.conftest import invited, member

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*acts: Callable[[], object]) -> list[str]:
    """Run each act on a connection of its own; returns the names of what they raised, "" for none."""
    gate, ended = threading.Barrier(len(acts)), [""] * len(acts)

    def run(place: int, act: Callable[[], object]) -> None:
        connection.ensure_connection()
        gate.wait()
        try:
            act()
        except Exception as error:
            ended[place] = type(error).__name__
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place, act)) for place, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return ended


def owners(world) -> int:
    return Membership.objects.filter(
        workspace=world.workspace, role=Role.OWNER, all_tenants=True, disabled_at=None
    ).count()


@pytest.mark.parametrize("act", ["remove", "disable", "demote", "mixed"])
def test_owners_who_end_each_other_at_once_leave_one(act):
    world = make_world()
    all_owners = [world.owner, *(factories.make_member(world.workspace, Role.OWNER) for _ in range(3))]
    ways = {
        "remove": lambda target, by: people.member_remove(membership=target, actor=by),
        "disable": lambda target, by: people.member_disable(membership=target, actor=by),
        "demote": lambda target, by: people.member_role_set(
            membership=target, role=Role.READONLY, all_tenants=True, actor=by
        ),
    }
    picked = [ways[act]] * 4 if act != "mixed" else [*ways.values(), ways["remove"]]
    # Each ends their own membership, so that nobody's right to act is gone before their turn.
    ended = at_once(
        *(
            lambda way=way, owner=owner: way(member(world, owner), owner)
            for way, owner in zip(picked, all_owners, strict=True)
        )
    )
    assert sorted(ended) == ["", "", "", "LastOwner"]
    assert owners(world) == 1


def test_two_owners_who_remove_each_other_leave_one():
    world = make_world()
    second = factories.make_member(world.workspace, Role.OWNER)
    ended = at_once(
        lambda: people.member_remove(membership=member(world, second), actor=world.owner),
        lambda: people.member_remove(membership=member(world, world.owner), actor=second),
    )
    assert sorted(ended) == ["", "PermissionDenied"]
    assert owners(world) == 1


def test_one_link_lets_one_person_in():
    world = make_world()
    token = invited(world)

    def join(number: int) -> None:
        invitations.invitation_accept_new(
            token=token, username=f"guest-{number}", full_name="", password=factories.PASSWORD
        )

    ended = at_once(*(lambda number=number: join(number) for number in range(6)))
    assert sorted(ended) == ["", *["InvitationGone"] * 5]
    assert User.objects.filter(username__startswith="guest-").count() == 1


def test_one_name_is_given_once():
    world = make_world()
    tokens = [invited(world) for _ in range(4)]

    def join(token: str) -> None:
        invitations.invitation_accept_new(
            token=token, username="ada", full_name="", password=factories.PASSWORD
        )

    ended = at_once(*(lambda token=token: join(token) for token in tokens))
    assert sorted(ended) == ["", *["NameTaken"] * 3]


def test_removal_and_a_new_tenant_role_at_once_leave_no_grant_behind():
    world = make_world()
    target = member(world, world.operator)
    at_once(
        lambda: people.member_remove(membership=target, actor=world.owner),
        lambda: people.tenant_role_set(
            membership=target, tenant=world.tenant, role=Role.OWNER, actor=world.owner
        ),
    )
    assert not Membership.objects.filter(user=world.operator).exists()
    assert not world.operator.groups.exists()
    assert not world.operator.entitlements.exists()
