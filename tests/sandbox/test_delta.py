"""Delta on groups: enumerate, remember, ask again; and everything that makes the link useless."""

import time

import pytest

from tests.sandbox.client import JSON, Graph, error_of


def changes(graph: Graph, link: str, **headers: str) -> tuple[list[JSON], str]:
    """Objects of all pages from a link on, and the deltaLink at the end."""
    pages = graph.pages(link, **headers)
    assert all("@odata.deltaLink" not in page for page in pages[:-1])
    return [item for page in pages for item in page["value"]], pages[-1]["@odata.deltaLink"]


def test_the_first_enumeration_holds_every_group_and_ends_in_a_delta_link(graph: Graph) -> None:
    graph.sandbox.control.set("contoso", "delta_page_size", 70)
    pages = graph.pages("/groups/delta?$select=displayName,description")
    assert [len(page["value"]) for page in pages] == [70, 70, 70, 40]
    assert pages[0]["@odata.context"].endswith("#groups(displayName,description)")
    items = [item for page in pages for item in page["value"]]
    assert {item["id"] for item in items} == {group["id"] for group in graph.objects("/groups")}
    assert {"id", "displayName"} in [set(item) for item in items], "a property never set is absent"
    assert all(None not in item.values() for item in items)


@pytest.mark.parametrize(
    "path",
    ["/groups/delta", "/groups/delta()", "/groups/microsoft.graph.delta", "/groups/microsoft.graph.delta()"],
)
def test_every_spelling_of_the_function_works(graph: Graph, path: str) -> None:
    items, _ = changes(graph, f"{path}?$select=id")
    assert len(items) == 250


def test_a_delta_link_tells_what_changed_since(graph: Graph) -> None:
    control = graph.sandbox.control
    _, link = changes(graph, "/groups/delta?$select=displayName,mailNickname")
    assert changes(graph, link)[0] == []
    renamed = control.rename_group("contoso", "Finance", "Treasury")
    unified = control.delete_group("contoso", "All Company")
    security = control.delete_group("contoso", "Legal")
    added = control.add_group("contoso", "New people")
    items, link = changes(graph, link)
    by_id = {item["id"]: item for item in items}
    assert by_id[renamed]["displayName"] == "Treasury"
    assert "mailNickname" in by_id[renamed], "unchanged selected properties are repeated"
    assert by_id[unified] == {"id": unified, "@removed": {"reason": "changed"}}
    assert by_id[security] == {"id": security, "@removed": {"reason": "deleted"}}
    assert by_id[added]["displayName"] == "New people"
    assert len(items) == 4
    assert changes(graph, link)[0] == []


def test_return_minimal_leaves_unchanged_properties_out(graph: Graph) -> None:
    _, link = changes(graph, "/groups/delta?$select=displayName,mailNickname")
    renamed = graph.sandbox.control.rename_group("contoso", "Finance", "Treasury")
    items, _ = changes(graph, link, Prefer="return=minimal")
    assert items == [{"id": renamed, "displayName": "Treasury"}]


def test_changes_are_paged_too(graph: Graph) -> None:
    _, link = changes(graph, "/groups/delta?$select=displayName")
    ids = {graph.sandbox.control.add_group("contoso", f"New {number}") for number in range(9)}
    graph.sandbox.control.set("contoso", "delta_page_size", 4)
    pages = graph.pages(link)
    assert [len(page["value"]) for page in pages] == [4, 4, 1]
    assert {item["id"] for page in pages for item in page["value"]} == ids


def test_a_change_during_the_enumeration_is_told_by_the_next_delta(graph: Graph) -> None:
    graph.sandbox.control.set("contoso", "delta_page_size", 100)
    first = graph.get("/groups/delta?$select=displayName").json()
    seen = first["value"][0]["id"]
    graph.sandbox.control.delete_group("contoso", seen)
    rest, link = changes(graph, first["@odata.nextLink"])
    assert seen not in {item["id"] for item in rest}
    assert changes(graph, link)[0][0]["id"] == seen


def test_a_tenant_may_replay_everything(graph: Graph) -> None:
    _, link = changes(graph, "/groups/delta?$select=displayName")
    gone = graph.sandbox.control.delete_group("contoso", "Legal")
    graph.sandbox.control.set("contoso", "replay_deltas", True)
    items, link = changes(graph, link)
    assert len(items) == 249 + 1
    assert [item for item in items if "@removed" in item] == [{"id": gone, "@removed": {"reason": "deleted"}}]
    items, _ = changes(graph, link)
    assert len(items) == 249, "a deletion is told once"


def test_latest_gives_a_link_without_data(graph: Graph) -> None:
    items, link = changes(graph, "/groups/delta?$select=displayName&$deltatoken=latest")
    assert items == []
    added = graph.sandbox.control.add_group("contoso", "New people")
    assert changes(graph, link)[0] == [{"id": added, "displayName": "New people"}]


def test_membership_is_told_in_parts_and_by_change(graph: Graph) -> None:
    items, link = changes(graph, "/groups/delta?$select=displayName,members")
    parts = [len(item["members@delta"]) for item in items if "members@delta" in item]
    assert max(parts) == 20
    ids = [item["id"] for item in items]
    assert len(ids) > len(set(ids)) == 250
    item = next(item for item in items if len(item.get("members@delta", [])) == 20)
    member = item["members@delta"][0]
    assert member["@odata.type"] in ("#microsoft.graph.user", "#microsoft.graph.device")
    assert graph.send("DELETE", f"/groups/{item['id']}/members/{member['id']}/$ref").status_code == 204
    told, _ = changes(graph, link)
    assert told[0]["members@delta"] == [{**member, "@removed": {"reason": "deleted"}}]


def test_a_filter_by_id_travels_in_the_links(graph: Graph) -> None:
    first, second = graph.objects("/groups")[:2]
    items, link = changes(graph, f"/groups/delta?$select=displayName&$filter=id eq '{first['id']}'")
    assert [item["id"] for item in items] == [first["id"]]
    graph.sandbox.control.rename_group("contoso", second["id"], "Other")
    assert changes(graph, link)[0] == []
    graph.sandbox.control.rename_group("contoso", first["id"], "Mine")
    assert [item["displayName"] for item in changes(graph, link)[0]] == ["Mine"]
    assert graph.get("/groups/delta?$filter=displayName eq 'x'").status_code == 400


@pytest.mark.parametrize(
    "query", ["$top=5", "$orderby=displayName", "$expand=members", '$search="displayName:x"']
)
def test_options_that_delta_does_not_take_are_refused(graph: Graph, query: str) -> None:
    answer = graph.get(f"/groups/delta?{query}")
    assert (answer.status_code, error_of(answer)["code"]) == (400, "Request_UnsupportedQuery")


def test_an_edited_delta_token_is_refused(graph: Graph) -> None:
    _, link = changes(graph, "/groups/delta?$select=displayName")
    for edited in (link[:-2], link + "A", link[:-1] + ("A" if link[-1] != "A" else "B")):
        assert graph.get(edited).status_code == 400


@pytest.mark.parametrize("how", ["age", "reset"])
def test_a_delta_link_ends_with_410_and_a_place_to_start_again(graph: Graph, how: str) -> None:
    _, link = changes(graph, "/groups/delta?$select=displayName")
    if how == "age":
        graph.sandbox.control.set("contoso", "delta_lifetime_s", 0.05)
        time.sleep(0.1)
    else:
        graph.sandbox.control.reset_deltas("contoso")
    answer = graph.get(link, Host="graph.microsoft.com")
    assert answer.status_code == 410
    assert answer.headers["location"] == "https://graph.microsoft.com/v1.0/groups/delta?$deltatoken="
    graph.sandbox.control.set("contoso", "delta_lifetime_s", 60.0)
    assert len(changes(graph, "/groups/delta?$deltatoken=")[0]) == 250
