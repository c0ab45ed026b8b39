"""Freezing a plan, without a tenant: what is matched, resolved, guarded and refused."""

from typing import Any

import pytest

from providers import catalogue
from providers.catalogue import Ref
from providers.choices import MappingChoice, RestoreAction
from providers.objects.masking import VALUE_MASKED, VALUE_TOKEN, VALUE_WRITE_ONLY, Flag
from providers.restore import assigning, conditional
from providers.restore.matching import live_row
from providers.restore.model import PENDING, Decision, Draft, Options, Planned, Reading, Source
from providers.restore.plan import freeze, plan_hash
from providers.restore.words import NOTES, note_words

CONFIGURATIONS, FILTERS, TAGS = "deviceConfigurations", "assignmentFilters", "roleScopeTags"
TYPE = "#microsoft.graph.windows10CustomConfiguration"
GROUP = "#microsoft.graph.groupAssignmentTarget"
EXCLUDED = "#microsoft.graph.exclusionGroupAssignmentTarget"


def configuration(number: str, name: str = "Baseline", **more: Any) -> dict[str, Any]:
    return {"id": number, "@odata.type": TYPE, "displayName": name, "roleScopeTagIds": ["0"], **more}


def source(thing: dict[str, Any], *, type: str = CONFIGURATIONS, **more: Any) -> Source:
    assignments = more.pop("assignments", [])
    content = {"object": thing, "assignments": assignments}
    return Source(type, thing["id"], thing.get("displayName", ""), content, **more)


def live(*things: dict[str, Any], type: str = CONFIGURATIONS, **more: Any) -> Reading:
    kind = catalogue.get(type)
    listed = {type: [live_row(kind, thing) for thing in things]}
    contents = {(type, thing["id"]): {"object": thing, "assignments": []} for thing in things}
    return Reading(listed=listed, contents=contents, **more)


def plan(sources: list[Source], reading: Reading, **more: Any) -> Draft:
    options = more.pop("options", Options())
    return freeze(sources, reading, options, **{"same_tenant": True, **more})


def only(draft: Draft) -> Planned:
    (item,) = draft.items
    return item


def code(item: Planned) -> str:
    return item.why.code if item.why else ""


def to_group(group: str, kind: str = GROUP) -> dict[str, Any]:
    return {"target": {"@odata.type": kind, "groupId": group}}


def test_the_old_id_comes_first_even_under_a_new_name() -> None:
    item = only(plan([source(configuration("1"))], live(configuration("1", "Renamed"), configuration("2"))))
    assert (item.action, item.live_id) == (RestoreAction.UPDATE, "1")


def test_without_it_the_one_of_the_same_name_and_type_is_meant() -> None:
    item = only(plan([source(configuration("1", description="a"))], live(configuration("9"))))
    assert (item.action, item.live_id) == (RestoreAction.UPDATE, "9")
    other = configuration("9") | {"@odata.type": "#microsoft.graph.iosCustomConfiguration"}
    assert only(plan([source(configuration("1"))], live(other))).action is RestoreAction.CREATE


def test_two_of_one_name_are_never_guessed_between_and_a_person_chooses() -> None:
    reading = live(configuration("8", description="x"), configuration("9", description="y"))
    item = only(plan([source(configuration("1"))], reading))
    assert (item.action, code(item), item.candidates) == (RestoreAction.UNRESOLVED, "ambiguous", ("8", "9"))
    chosen = only(plan([source(configuration("1"), choice="9")], reading))
    assert (chosen.action, chosen.live_id) == (RestoreAction.UPDATE, "9")
    assert only(plan([source(configuration("1"), choice="create")], reading)).action is RestoreAction.CREATE
    assert only(plan([source(configuration("1"), choice="skip")], reading)).action is RestoreAction.SKIP


def test_a_live_object_that_the_backup_knows_as_another_one_is_not_taken() -> None:
    """Two objects shared a name; one of them was deleted. The one that stayed is not overwritten with it."""
    ids = {(CONFIGURATIONS, "1"), (CONFIGURATIONS, "2")}
    item = only(plan([source(configuration("2"))], live(configuration("1")), backup_ids=ids))
    assert item.action is RestoreAction.CREATE


def test_two_sources_that_lead_to_one_live_object_are_both_left_alone() -> None:
    found = plan(
        [source(configuration("1", description="a")), source(configuration("2", description="b"))],
        live(configuration("9")),
        same_tenant=False,
    )
    assert [(item.action, code(item)) for item in found.items] == [(RestoreAction.UNRESOLVED, "twins")] * 2


def test_what_an_earlier_run_created_is_found_by_its_id() -> None:
    reading = live(configuration("8"), configuration("9", description="y"))
    item = only(
        plan([source(configuration("1"))], reading, known_ids={f"{CONFIGURATIONS}/1": "9"}, same_tenant=False)
    )
    assert (item.action, item.live_id) == (RestoreAction.UPDATE, "9")


@pytest.mark.parametrize(
    ("options", "there", "why"),
    [
        (Options(update=False), configuration("1", description="other"), "not_updated"),
        (Options(create=False), None, "not_created"),
        (Options(), configuration("1"), "unchanged"),
    ],
)
def test_what_is_skipped_says_why(options: Options, there: dict[str, Any] | None, why: str) -> None:
    reading = live(there) if there else live()
    item = only(plan([source(configuration("1"))], reading, options=options))
    assert (item.action, code(item)) == (RestoreAction.SKIP, why)


def test_a_property_that_cannot_change_wants_a_choice() -> None:
    thing = {"id": "1", "displayName": "Corporate", "platform": "windows10AndLater", "rule": "a"}
    there = thing | {"platform": "iOS"}
    item = only(plan([source(thing, type=FILTERS)], live(there, type=FILTERS)))
    assert (item.action, code(item)) == (RestoreAction.UNRESOLVED, "immutable")


@pytest.mark.parametrize(
    ("flag", "same", "expected"),
    [
        (VALUE_MASKED, True, "secret_masked"),
        (VALUE_TOKEN, False, "secret_foreign"),
        (VALUE_TOKEN, True, ""),
        (VALUE_WRITE_ONLY, True, ""),
    ],
)
def test_secrets_that_were_not_readable_stop_the_object_or_warn(flag: str, same: bool, expected: str) -> None:
    item = only(
        plan([source(configuration("1"), flags=(Flag(flag, "object/secret"),))], live(), same_tenant=same)
    )
    assert code(item) == expected
    warned = [note.code for note in item.warnings]
    assert ("secret_to_enter" in warned) is (flag == VALUE_WRITE_ONLY)


def entered(code: str, **ids: int) -> Source:
    return source(
        configuration("1"),
        flags=(Flag(code, "object/one"), Flag(code, "object/two")),
        entered={f"object/{name}": number for name, number in ids.items()},
    )


@pytest.mark.parametrize("code_of", [VALUE_MASKED, VALUE_TOKEN])
def test_an_object_is_written_once_all_its_secrets_are_entered(code_of: str) -> None:
    partly = only(plan([entered(code_of, one=7)], live(), same_tenant=False))
    assert partly.action == RestoreAction.UNRESOLVED
    created = only(plan([entered(code_of, one=7, two=8)], live(), same_tenant=False))
    assert (created.action, created.why) == (RestoreAction.CREATE, None)
    assert [(each.way, each.required, each.entered) for each in created.secrets] == [
        ("object/one", True, 7),
        ("object/two", True, 8),
    ]


def test_a_secret_that_graph_never_gives_is_warned_of_until_it_is_entered() -> None:
    partly = only(plan([entered(VALUE_WRITE_ONLY, one=7)], live()))
    assert [note.code for note in partly.warnings] == ["secret_to_enter"]
    whole = only(plan([entered(VALUE_WRITE_ONLY, one=7, two=8)], live()))
    assert whole.warnings == []
    untouched = only(plan([entered(VALUE_WRITE_ONLY)], live(configuration("1"))))
    assert (untouched.action, code(untouched)) == (RestoreAction.SKIP, "unchanged")


def test_an_entered_secret_is_written_even_where_nothing_else_differs() -> None:
    item = only(plan([entered(VALUE_WRITE_ONLY, one=7)], live(configuration("1"))))
    assert item.action == RestoreAction.UPDATE


def test_another_value_makes_another_plan_and_no_value_is_in_it() -> None:
    drafts = [plan([entered(VALUE_MASKED, one=7, two=two)], live()) for two in (8, 8, 9)]
    hashes = [plan_hash(1, draft) for draft in drafts]
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_type_that_was_not_read_is_not_taken_for_an_empty_one() -> None:
    reading = Reading(failed={CONFIGURATIONS: ("provider.permission_missing", {"permissions": "X.Read.All"})})
    item = only(plan([source(configuration("1"))], reading))
    assert (item.action, code(item)) == (RestoreAction.UNRESOLVED, "not_read")


def test_a_missing_group_is_unresolved_until_it_is_mapped_created_or_left_out() -> None:
    key = (Ref.GROUP.value, "g1")
    assigned = source(configuration("1"), assignments=[to_group("g1")])
    missing = only(plan([assigned], live()))
    assert (missing.action, missing.missing) == (RestoreAction.UNRESOLVED, [key])

    def decided(choice: MappingChoice, **more: str) -> Draft:
        return plan([assigned], live(), decisions={key: Decision(choice, **more)}, names={key: "Pilots"})

    mapped = only(decided(MappingChoice.MAP, target_id="g9"))
    assert mapped.wanted is not None
    assert mapped.wanted["assignments"][0]["target"]["groupId"] == "g9"
    created = decided(MappingChoice.CREATE)
    assert [item.type for item in created.items] == ["groups", CONFIGURATIONS]
    assert created.items[1].depends == ("groups/g1",)
    left_out = only(decided(MappingChoice.SKIP, reason="No pilots here"))
    assert left_out.wanted is not None
    assert left_out.wanted["assignments"] == []
    assert [note.code for note in left_out.warnings] == ["left_out"]


def test_leaving_an_exclusion_out_says_that_more_is_reached() -> None:
    key = (Ref.GROUP.value, "g1")
    assigned = source(configuration("1"), assignments=[to_group("g1", EXCLUDED)])
    item = only(plan([assigned], live(), decisions={key: Decision(MappingChoice.SKIP, reason="Gone")}))
    assert [note.code for note in item.warnings] == ["widened"]


def test_a_group_of_the_same_name_is_taken_only_when_there_is_one() -> None:
    key, assigned = (Ref.GROUP.value, "g1"), source(configuration("1"), assignments=[to_group("g1")])
    one = live(looked_up={(Ref.GROUP.value, "g7"): "Pilots"})
    item = only(plan([assigned], one, names={key: "Pilots"}))
    assert [note.code for note in item.warnings] == ["by_name"]
    two = live(looked_up={(Ref.GROUP.value, "g7"): "Pilots", (Ref.GROUP.value, "g8"): "Pilots"})
    assert only(plan([assigned], two, names={key: "Pilots"})).action is RestoreAction.UNRESOLVED


def test_ids_that_the_plan_makes_are_marked_and_ordered_before_what_needs_them() -> None:
    tag = {"id": "5", "displayName": "Zurich", "description": ""}
    tagged = source(configuration("1") | {"roleScopeTagIds": ["0", "5"]})
    reading = live()
    reading.listed[TAGS] = []
    found = plan([tagged, source(tag, type=TAGS)], reading)
    assert [item.type for item in found.items] == [TAGS, CONFIGURATIONS]
    assert found.items[1].wanted is not None
    assert found.items[1].wanted["object"]["roleScopeTagIds"] == ["0", PENDING % f"{TAGS}/5"]
    assert found.items[1].depends == (f"{TAGS}/5",)


def test_small_numbers_of_scope_tags_never_meet_those_of_another_tenant() -> None:
    """Tag 5 there is another one than tag 5 here: it is matched by its name."""
    tag = {"id": "5", "displayName": "Zurich", "description": ""}
    reading = live()
    reading.listed[TAGS] = [live_row(catalogue.get(TAGS), {"id": "5", "displayName": "Bern"})]
    tagged = source(configuration("1") | {"roleScopeTagIds": ["5"]})
    item = only(plan([tagged], reading, same_tenant=False, names={(Ref.SCOPE_TAG.value, "5"): "Zurich"}))
    assert item.action is RestoreAction.UNRESOLVED
    assert source(tag, type=TAGS).key == f"{TAGS}/5"


class TestConditionalAccess:
    def policy(self, number: str, state: str = "enabled", **users: Any) -> dict[str, Any]:
        who = {"includeUsers": ["All"], "excludeUsers": [], "excludeGroups": [], **users}
        conditions = {"users": who, "applications": {"includeApplications": ["All"]}}
        return {"id": number, "displayName": f"Policy {number}", "state": state, "conditions": conditions}

    def test_policies_come_back_report_only_unless_the_plan_says_otherwise(self) -> None:
        reading = live(type=conditional.KEY)
        item = only(plan([source(self.policy("1"), type=conditional.KEY)], reading))
        assert item.wanted is not None
        assert item.wanted["object"]["state"] == conditional.REPORT_ONLY
        assert [note.code for note in item.warnings] == ["report_only"]
        kept = only(
            plan(
                [source(self.policy("1"), type=conditional.KEY)],
                reading,
                options=Options(state_as_backed_up=True),
            )
        )
        assert kept.wanted is not None
        assert kept.wanted["object"]["state"] == "enabled"
        assert [note.code for note in kept.warnings] == ["enforced"]

    def test_a_policy_that_is_as_it_was_is_not_switched_off_for_that_alone(self) -> None:
        policy = self.policy("1")
        item = only(plan([source(policy, type=conditional.KEY)], live(policy, type=conditional.KEY)))
        assert (item.action, code(item)) == (RestoreAction.SKIP, "unchanged")

    def test_whoever_every_policy_excludes_stays_excluded(self) -> None:
        policies = [self.policy(str(n), excludeUsers=["glass", f"u{n}"], excludeGroups=["g"]) for n in (7, 8)]
        assert conditional.break_glass(policies) == {"excludeUsers": ["glass"], "excludeGroups": ["g"]}
        assert conditional.break_glass(policies[:1]) == {}
        reading = live(type=conditional.KEY, exclusions=conditional.break_glass(policies))
        item = only(plan([source(self.policy("1"), type=conditional.KEY)], reading))
        assert item.wanted is not None
        assert item.wanted["object"]["conditions"]["users"]["excludeUsers"] == ["glass"]
        assert "break_glass" in [note.code for note in item.warnings]

    def test_a_policy_without_anybody_left_is_for_nobody(self) -> None:
        guarded = conditional.guarded(self.policy("1", includeUsers=[]), {}, as_backed_up=False)
        assert guarded["conditions"]["users"]["includeUsers"] == ["None"]


class TestAssignments:
    here, there = to_group("a"), to_group("b")

    def test_the_three_choices(self) -> None:
        choice = assigning.AssignmentChoice
        assert assigning.wanted(choice.BACKED_UP, [self.here], [self.there]) == [self.here]
        assert assigning.wanted(choice.MERGED, [self.here], [self.there]) == [self.there, self.here]
        assert assigning.wanted(choice.NONE, [self.here], [self.there]) == [self.there]

    def test_the_backups_filter_wins_over_the_live_one(self) -> None:
        filtered = {"target": {**self.here["target"], "deviceAndAppManagementAssignmentFilterId": "f"}}
        assert assigning.wanted("merged", [self.here], [filtered]) == [self.here]

    def test_what_the_service_makes_is_not_sent(self) -> None:
        made = {"id": "x", "source": "direct", "sourceId": "y", "intent": "apply", **self.here}
        made["target"] = made["target"] | {"deviceAndAppManagementAssignmentFilterType": "none"}
        assert assigning.sendable(made) == {"intent": "apply", "target": self.here["target"]}


def test_the_hash_is_the_same_for_the_same_plan_and_another_for_another_state() -> None:
    sources = [source(configuration("1", description="a"))]
    first, again = (plan_hash(1, plan(sources, live(configuration("1")))) for _ in range(2))
    assert first == again
    assert plan_hash(1, plan(sources, live(configuration("1", description="b")))) != first
    assert plan_hash(2, plan(sources, live(configuration("1")))) != first


@pytest.mark.parametrize("known", sorted(NOTES))
def test_every_note_has_words_with_and_without_its_facts(known: str) -> None:
    facts = {"type": "mobileApps"} if known == "not_restorable" else {}
    words = note_words({"code": known, "facts": facts})
    assert words
    assert "%(" not in words
