"""Writing what was read: order, repeats, odd values, and two readers of one collection."""

from typing import Any

import pytest
from django.db import transaction

from providers import directory_store
from providers.choices import ObjectKind
from providers.directory_store import Scope, Superseded
from providers.graph.errors import ResponseInvalid
from tests.providers.conftest import Live


def scope(live: Live, fence: int, *, connection_id: int = 0) -> Scope:
    connection_id = connection_id or live.connection.pk
    return Scope(live.tenant.pk, connection_id, ObjectKind.GROUPS, "all_groups_v1", fence, transaction.atomic)


def test_the_newer_of_two_readers_of_one_collection_wins(live: Live) -> None:
    """Two connections of a tenant share its collections; the older run is told, and changes nothing."""
    older, newer = (scope(live, fence) for fence in (5, 6))
    first = directory_store.begin(older)
    second = directory_store.begin(newer)
    second.add([{"id": "a", "displayName": "Newer"}])
    second.complete(whole=True)
    first.add([{"id": "a", "displayName": "Older"}, {"id": "b", "displayName": "B"}])
    with pytest.raises(Superseded):
        first.complete(whole=True)
    with pytest.raises(Superseded):
        directory_store.begin(older)
    assert list(live.groups().values_list("object_id", "display_name")) == [("a", "Newer")]


def test_a_row_of_a_newer_fence_is_not_overwritten(live: Live) -> None:
    read = directory_store.begin(scope(live, 5))
    read.add([{"id": "a", "displayName": "First"}, {"id": "b", "displayName": "B"}])
    read.complete(whole=True)
    live.groups().filter(object_id="a").update(fence=9, display_name="Ninth")
    again = directory_store.begin(scope(live, 7))
    again.add([{"id": "b", "displayName": "B"}])
    again.complete(whole=True)
    third = directory_store.begin(scope(live, 8))
    third.add([{"id": "a", "displayName": "Eighth"}, {"id": "b", "displayName": "B"}])
    third.complete(whole=True)
    kept = live.group("a")
    assert (kept.display_name, kept.gone_at, kept.fence) == ("Ninth", None, 9)


def test_what_comes_twice_counts_as_it_came_last(live: Live) -> None:
    read = directory_store.begin(scope(live, 5))
    read.add([{"id": "a", "displayName": "A1"}, {"id": "b"}, {"id": "c"}])
    read.add([{"id": "a", "displayName": "A2"}, {"id": "b", "@removed": {"reason": "deleted"}}])
    read.add([{"id": "c", "@removed": {"reason": "changed"}}, {"id": "c", "displayName": "C"}])
    written = read.complete(whole=False, delta_link="https://graph.microsoft.com/next")
    assert (written.objects, written.gone) == (2, 1)
    rows = {group.object_id: group for group in live.groups()}
    assert rows["a"].display_name == "A2"
    assert rows["b"].gone_at is not None
    assert rows["c"].gone_at is None


@pytest.mark.parametrize(
    "item", [{}, {"id": ""}, {"id": 7}, {"id": "x" * 129}, {"id": "a", "createdDateTime": "soon"}]
)
def test_an_object_that_can_not_be_kept_ends_the_read(live: Live, item: dict[str, Any]) -> None:
    read = directory_store.begin(scope(live, 5))
    with pytest.raises(ResponseInvalid):
        read.add([item])


def test_odd_values_are_kept_as_far_as_they_can_be(live: Live) -> None:
    read = directory_store.begin(scope(live, 5))
    odd = {"id": "a", "displayName": "Nul\x00l\ttab\\n", "groupTypes": ['a,"b"', "{c}"], "mailEnabled": "yes"}
    read.add([{**odd, "createdDateTime": "2025-03-11T08:42:17.5330117Z"}, {"id": "b", "displayName": None}])
    read.complete(whole=True)
    group = live.group("a")
    assert (group.display_name, group.group_types) == ("Null\ttab\\n", ['a,"b"', "{c}"])
    assert group.mail_enabled is False
    assert live.group("b").display_name == ""


def test_a_delta_link_is_not_used_through_another_connection(live: Live) -> None:
    live.sync()
    own = directory_store.begin(scope(live, live.collection().fence))
    assert own.delta_link
    other = directory_store.begin(scope(live, own.scope.fence, connection_id=live.connection.pk + 1))
    assert other.delta_link == ""
