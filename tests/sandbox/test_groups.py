"""Reading groups: pages, options in every spelling, and the service's refusals."""

import time
from urllib.parse import quote

import pytest

from providers.sandbox.testing import SandboxServer
from tests.sandbox.client import Graph, error_of

EVENTUAL = {"ConsistencyLevel": "eventual"}


def test_pages_are_followed_to_the_exact_number_of_groups(graph: Graph) -> None:
    pages = graph.pages("/groups")
    assert [len(page["value"]) for page in pages] == [100, 100, 50]
    ids = [group["id"] for page in pages for group in page["value"]]
    assert len(set(ids)) == len(ids) == graph.sandbox.control.count("contoso") == 250
    assert "@odata.nextLink" not in pages[-1]


def test_links_are_on_the_host_the_client_used(graph: Graph) -> None:
    page = graph.get("/groups?$top=5&$select=id", Host="graph.microsoft.com").json()
    assert page["@odata.context"] == "https://graph.microsoft.com/v1.0/$metadata#groups(id)"
    assert page["@odata.nextLink"].startswith(
        "https://graph.microsoft.com/v1.0/groups?$top=5&$select=id&$skiptoken="
    )
    assert (
        graph.get("/groups?$top=5").json()["@odata.nextLink"].startswith(f"{graph.sandbox.url}/v1.0/groups?")
    )


def test_the_page_token_carries_the_query(graph: Graph) -> None:
    link = graph.get("/groups?$top=5&$select=displayName").json()["@odata.nextLink"]
    bare = link.partition("?")[0] + "?$skiptoken=" + link.rpartition("$skiptoken=")[2]
    page = graph.get(bare).json()
    assert [set(group) for group in page["value"]] == [{"displayName"}] * 5


def test_an_edited_page_token_is_refused(graph: Graph) -> None:
    link = graph.get("/groups?$top=5").json()["@odata.nextLink"]
    for edited in (
        link[:-1] + ("A" if link[-1] != "A" else "B"),
        link[:-4],
        link + "x",
        link.replace("/groups?", "/servicePrincipals?"),
    ):
        answer = graph.get(edited)
        assert (answer.status_code, error_of(answer)["code"]) == (400, "Directory_ExpiredPageToken")


def test_a_page_token_of_one_tenant_is_useless_in_another(graph: Graph, sandbox: SandboxServer) -> None:
    link = graph.get("/groups?$top=5").json()["@odata.nextLink"]
    with Graph.in_new_tenant(sandbox, "fabrikam") as other:
        assert other.get(link).status_code == 400


def test_groups_are_the_same_after_a_restart(graph: Graph) -> None:
    first = graph.objects("/groups?$top=999")
    with SandboxServer() as again, Graph.in_new_tenant(again, "contoso", groups=250) as other:
        assert other.objects("/groups?$top=999") == first


@pytest.mark.parametrize("top", [0, 1000, 5000])
def test_a_page_size_beyond_the_limits_is_refused(graph: Graph, top: int) -> None:
    answer = graph.get(f"/groups?$top={top}")
    assert (answer.status_code, error_of(answer)["code"]) == (400, "Request_UnsupportedQuery")
    assert (
        error_of(answer)["message"]
        == f"Invalid page size specified: '{top}'. Must be between 1 and 999 inclusive."
    )


def test_a_tenant_can_page_smaller_than_asked(graph: Graph) -> None:
    graph.sandbox.control.set("contoso", "page_size", 60)
    assert [len(page["value"]) for page in graph.pages("/groups?$top=999")] == [60, 60, 60, 60, 10]


@pytest.mark.parametrize(
    "query",
    ["$select=id,displayName&$top=2", "%24select=id,displayName&%24top=2", "select=id,displayName&top=2",
     "?$select=id,displayName&$top=2", "$SELECT=id,+displayName&$Top=2", "$select=id%2CDisplayName&$top=2"],
)  # fmt: skip
def test_every_spelling_of_options_means_the_same(graph: Graph, query: str) -> None:
    page = graph.get(f"/groups?{query}").json()
    assert [set(group) for group in page["value"]] == [{"id", "displayName"}] * 2


def test_every_form_of_a_key_means_the_same(graph: Graph) -> None:
    group = graph.get("/groups?$top=1").json()["value"][0]
    for path in (f"/groups/{group['id']}", f"/groups('{group['id']}')", f"/GROUPS/{group['id'].upper()}/",
                 f"/groups(%27{group['id']}%27)"):  # fmt: skip
        assert graph.get(path).json()["displayName"] == group["displayName"]


def test_segments_are_matched_without_regard_to_case(graph: Graph) -> None:
    assert graph.get("/RoleManagement/DIRECTORY/roledefinitions/").status_code == 200
    assert graph.get("/devicemanagement/ROLEDEFINITIONS").status_code == 200


@pytest.mark.parametrize(
    ("path", "segment"),
    [("/grups", "grups"), ("/groups/x/nothing", "nothing"),
     ("/deviceManagement/configurationPolicies", "configurationPolicies"),
     ("/deviceManagement/assignmentFilters/1", "assignmentFilters")],
)  # fmt: skip
def test_a_path_that_is_not_in_this_version_is_named(graph: Graph, path: str, segment: str) -> None:
    answer = graph.get(path)
    assert answer.status_code == 400
    assert error_of(answer)["code"] == "BadRequest"
    assert error_of(answer)["message"] == f"Resource not found for the segment '{segment}'."


def test_a_path_that_only_microsoft_serves_says_so(graph: Graph) -> None:
    answer = graph.get(f"{graph.sandbox.url}/beta/deviceManagement/configurationPolicyTemplates")
    assert (answer.status_code, error_of(answer)["code"]) == (501, "NotImplemented")


def test_unknown_things_are_refused(graph: Graph) -> None:
    assert (
        error_of(graph.get("/groups/00000000-0000-4000-8000-000000000000"))["code"]
        == "Request_ResourceNotFound"
    )
    assert graph.get("/groups/not-a-guid").status_code == 404
    for query in ("$select=colour", "$nonsense=1", "$top=many", "$top=1&$top=2", "$expand=colour", "$skip=5",
                  "$filter=displayName eq", "$filter=colour eq 'x'", "$count=yes",
                  "$orderby=displayName sideways"):  # fmt: skip
        assert graph.get(f"/groups?{query}").status_code == 400, query
    assert graph.send("PUT", "/groups", {}).status_code == 405


FILTERS = {
    "securityEnabled eq true": lambda group: group["securityEnabled"],
    "mailEnabled eq false and securityEnabled eq true": lambda group: (
        group["securityEnabled"] and not group["mailEnabled"]
    ),
    "groupTypes/any(c:c eq 'Unified')": lambda group: "Unified" in group["groupTypes"],
    "groupTypes/any(kind: kind eq 'DynamicMembership') or displayName eq 'finance'": lambda group: (
        "DynamicMembership" in group["groupTypes"] or group["displayName"] == "Finance"
    ),
    "startswith(displayName,'Pay')": lambda group: group["displayName"].startswith("Pay"),
    "startsWith(displayName, 'Pay') eq true": lambda group: group["displayName"].startswith("Pay"),
    "displayName in ('Finance', 'Legal')": lambda group: group["displayName"] in ("Finance", "Legal"),
    "createdDateTime ge 2022-01-01T00:00:00Z": lambda group: group["createdDateTime"] >= "2022",
    "(displayName eq 'Finance')": lambda group: group["displayName"] == "Finance",
}  # fmt: skip
ADVANCED_FILTERS = {
    "displayName ne 'Finance'": lambda group: group["displayName"] != "Finance",
    "not groupTypes/any(c:c eq 'Unified')": lambda group: "Unified" not in group["groupTypes"],
    "NOT(securityEnabled eq true)": lambda group: not group["securityEnabled"],
    "endsWith(mail,'contoso.example')": lambda group: (group["mail"] or "").endswith("contoso.example"),
    "onPremisesSyncEnabled ne null": lambda group: group["onPremisesSyncEnabled"] is not None,
}


@pytest.mark.parametrize("text", FILTERS)
def test_a_filter_finds_what_it_says(graph: Graph, text: str) -> None:
    everything = graph.objects("/groups?$top=999")
    wanted = [group["id"] for group in everything if FILTERS[text](group)]
    assert 0 < len(wanted) < len(everything)
    found = graph.objects(f"/groups?$filter={quote(text)}&$top=20")
    assert [group["id"] for group in found] == wanted


@pytest.mark.parametrize("text", ADVANCED_FILTERS)
def test_an_advanced_filter_needs_header_and_count(graph: Graph, text: str) -> None:
    path = f"/groups?$filter={quote(text)}"
    for refused in (graph.get(path), graph.get(path, **EVENTUAL), graph.get(f"{path}&$count=true")):
        assert (refused.status_code, error_of(refused)["message"]) == (400, "Unsupported Query.")
    wanted = [group["id"] for group in graph.objects("/groups?$top=999") if ADVANCED_FILTERS[text](group)]
    pages = graph.pages(f"{path}&$count=true&$top=30", **EVENTUAL)
    assert [group["id"] for page in pages for group in page["value"]] == wanted
    assert [page.get("@odata.count") for page in pages] == [len(wanted)] + [None] * (len(pages) - 1)


def test_a_doubled_quote_in_a_filter_is_one_quote(graph: Graph) -> None:
    graph.sandbox.control.add_group("contoso", "Director's office")
    found = graph.objects("/groups?$filter=displayName+eq+'Director''s+office'")
    assert [group["displayName"] for group in found] == ["Director's office"]


def test_a_property_the_service_cannot_filter_is_refused(graph: Graph) -> None:
    answer = graph.get("/groups?$filter=description eq 'x'")
    assert error_of(answer)["code"] == "Request_UnsupportedQuery"
    assert "property 'description' of resource 'Group'" in error_of(answer)["message"]


def test_ids_are_found_without_reading_everything(graph: Graph) -> None:
    ids = [group["id"] for group in graph.objects("/groups?$top=3")[:3]]
    text = " or ".join(f"id eq '{group_id}'" for group_id in ids)
    assert [group["id"] for group in graph.objects(f"/groups?$filter={text}")] == ids
    listed = ",".join(f"'{group_id}'" for group_id in ids[:2])
    assert [group["id"] for group in graph.objects(f"/groups?$filter=id in ({listed})")] == ids[:2]


def test_counting_needs_the_header(graph: Graph) -> None:
    refused = graph.get("/groups/$count")
    assert (refused.status_code, error_of(refused)["message"]) == (400, "$count is not currently supported.")
    answer = graph.get("/groups/%24count", **EVENTUAL)
    assert (answer.text, answer.headers["content-type"]) == ("250", "text/plain")
    assert int(graph.get("/groups/$count?$filter=mailEnabled eq true", **EVENTUAL).text) < 250
    assert "@odata.count" not in graph.get("/groups?$count=true&$top=1").json()
    assert graph.get("/groups?$count=true&$top=1", **EVENTUAL).json()["@odata.count"] == 250


def test_order_is_by_name_and_needs_more_with_a_filter(graph: Graph) -> None:
    names = [
        group["displayName"].lower() for group in graph.objects("/groups?$orderby=displayName desc&$top=40")
    ]
    assert names == sorted(names, reverse=True)
    assert len(names) == 250
    combined = "/groups?$filter=securityEnabled eq true&$orderby=displayName"
    assert graph.get(combined).status_code == 400
    assert graph.get(f"{combined}&$count=true", **EVENTUAL).status_code == 200
    assert (
        error_of(graph.get("/groups?$orderby=description"))["message"]
        == "Sorting not supported for current query."
    )


def test_search_needs_the_header_and_matches_beginnings_of_words(graph: Graph) -> None:
    refused = graph.get('/groups?$search="displayName:pilot"')
    assert "ConsistencyLevel: eventual" in error_of(refused)["message"]
    found = graph.objects('/groups?$search="displayName:pil" AND "displayName:intune"', **EVENTUAL)
    assert [group["displayName"] for group in found] == ["Intune - Assignment Ring Pilot Users"]
    assert graph.get('/groups?$search="colour:x"', **EVENTUAL).status_code == 400


def test_members_have_pages_counts_casts_and_expansion(graph: Graph) -> None:
    groups = graph.objects("/groups?$top=60")[:60]
    busy = max(groups, key=lambda group: len(graph.objects(f"/groups/{group['id']}/members")))
    members = graph.objects(f"/groups/{busy['id']}/members")
    assert len(members) > 20
    assert len(graph.pages(f"/groups/{busy['id']}/members?$top=7")) == -(-len(members) // 7)
    assert graph.get(f"/groups/{busy['id']}/members/$count").status_code == 400
    assert graph.get(f"/groups/{busy['id']}/members/$count", **EVENTUAL).text == str(len(members))
    for cast in ("microsoft.graph.user", "graph.user"):
        users = graph.objects(f"/groups/{busy['id']}/members/{cast}?$select=id")
        assert users == [
            {"id": member["id"]} for member in members if member["@odata.type"] == "#microsoft.graph.user"
        ]
    expanded = graph.get(f"/groups/{busy['id']}?$expand=members($select=id)").json()
    assert [set(member) for member in expanded["members"]] == [{"@odata.type", "id"}] * 20
    assert graph.get(f"/groups/{busy['id']}??$expand=members").json()["members"] == members[:20]


def test_members_are_added_and_removed(graph: Graph) -> None:
    first, second = graph.objects("/groups?$top=2")[:2]
    link = {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{second['id']}"}
    before = len(graph.objects(f"/groups/{first['id']}/members"))
    assert graph.send("POST", f"/groups/{first['id']}/members/$ref", link).status_code == 204
    assert graph.send("POST", f"/groups/{first['id']}/members/$ref", link).status_code == 400
    assert len(graph.objects(f"/groups/{first['id']}/members")) == before + 1
    assert graph.send("DELETE", f"/groups/{first['id']}/members/{second['id']}/$ref").status_code == 204
    assert graph.send("DELETE", f"/groups/{first['id']}/members/{second['id']}/$ref").status_code == 404
    assert len(graph.objects(f"/groups/{first['id']}/members")) == before
    assert graph.send("POST", f"/groups/{first['id']}/members/$ref", {"id": second["id"]}).status_code == 400


def test_a_group_is_created_changed_and_deleted(graph: Graph) -> None:
    body = {"displayName": "Night shift", "mailEnabled": True, "mailNickname": "night", "securityEnabled": False,
            "groupTypes": ["Unified"]}  # fmt: skip
    created = graph.send("POST", "/groups", body)
    group = created.json()
    assert (created.status_code, group["mail"], group["visibility"]) == (
        201,
        "night@contoso.example",
        "Public",
    )
    assert group["id"] in created.headers["location"]
    assert graph.send("PATCH", f"/groups/{group['id']}", {"displayName": "Late shift"}).status_code == 204
    assert graph.get(f"/groups/{group['id']}").json()["displayName"] == "Late shift"
    assert graph.sandbox.control.count("contoso") == 251
    assert graph.objects("/groups?$top=999")[-1]["id"] == group["id"]
    assert graph.send("DELETE", f"/groups/{group['id']}").status_code == 204
    assert graph.get(f"/groups/{group['id']}").status_code == 404
    assert graph.sandbox.control.count("contoso") == 250


def test_headers_are_those_of_the_service(graph: Graph) -> None:
    request_id = "0f6c7c02-2d83-4c80-8a5a-9c1d9f7f2c11"
    headers = {"client-request-id": request_id, "Accept-Encoding": "gzip"}
    answer = graph.get("/groups?$top=50", **headers)
    assert answer.headers["client-request-id"] == request_id
    assert len(answer.headers["request-id"]) == 36
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-type"] == (
        "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
    )
    assert answer.headers["x-ms-resource-unit"] == "1"
    assert answer.headers["odata-version"] == "4.0"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert "ServerInfo" in answer.headers["x-ms-ags-diagnostic"]
    assert {"date", "strict-transport-security"} <= set(answer.headers)
    plain = graph.get("/groups?$top=50", **{"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    failed = graph.get("/groups/x", **headers)
    assert error_of(failed)["innerError"]["client-request-id"] == request_id
    assert error_of(failed)["innerError"]["request-id"] == failed.headers["request-id"]


def test_annotations_follow_the_metadata_level(graph: Graph) -> None:
    full = graph.get("/groups?$top=1", Accept="application/json;odata.metadata=full")
    assert full.json()["value"][0]["@odata.type"] == "#microsoft.graph.group"
    assert full.json()["value"][0]["@odata.id"].endswith(full.json()["value"][0]["id"])
    assert "odata.metadata=full" in full.headers["content-type"]
    bare = graph.get("/groups?$top=1", Accept="application/json;odata.metadata=none").json()
    assert "@odata.context" not in bare
    assert "@odata.nextLink" in bare
    assert not [key for key in bare["value"][0] if key.startswith("@")]


def test_a_write_can_be_read_only_after_a_while(graph: Graph) -> None:
    graph.sandbox.control.set("contoso", "consistency_delay_s", 0.3)
    body = {"displayName": "Slow", "mailEnabled": False, "mailNickname": "slow", "securityEnabled": True}
    group = graph.send("POST", "/groups", body).json()
    assert graph.get(f"/groups/{group['id']}").status_code == 404
    time.sleep(0.35)
    assert graph.get(f"/groups/{group['id']}").status_code == 200
