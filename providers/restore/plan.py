"""Freezing a plan: pure, from what was backed up, what was read of the live tenant, and what was chosen."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any

import orjson

from providers import catalogue
from providers.catalogue import AssignmentsWrite, ObjectType, Priority, Protection, Ref
from providers.choices import WRITING_ACTIONS, RestoreAction
from providers.objects.canonical import canonical, content_hash
from providers.objects.lookups import REF_OF, TYPE_OF
from providers.objects.masking import VALUE_MASKED, VALUE_TOKEN, VALUE_WRITE_ONLY
from providers.restore import assigning, conditional
from providers.restore.matching import Match, match
from providers.restore.model import (
    PENDING,
    Content,
    Decision,
    Draft,
    Hidden,
    Note,
    Options,
    Planned,
    Reading,
    RefKey,
    Resolution,
    Source,
)
from providers.restore.priorities import Orders
from providers.restore.references import keys_in, leads_to_own_type, rewritten
from providers.restore.resolving import GROUP_KEY, Resolver


def freeze(
    sources: Sequence[Source],
    reading: Reading,
    options: Options,
    *,
    same_tenant: bool,
    decisions: Mapping[RefKey, Decision] | None = None,
    names: Mapping[RefKey, str] | None = None,
    known_ids: Mapping[str, str] | None = None,
    backup_ids: Collection[tuple[str, str]] = (),
) -> Draft:
    """Decide for every source what happens to it.

    ``known_ids``: live ids of sources (by key) that an earlier run created. ``backup_ids``: type and id of everything
    the backup knows, chosen or not: such an object is never taken for another one.
    """
    freezer = _Freezer(reading, options, same_tenant, known_ids or {}, frozenset(backup_ids))
    return freezer.freeze(sources, decisions or {}, names or {})


def plan_hash(tenant_id: int, draft: Draft) -> str:
    """What makes two plans the same: what they would do to which state of the tenant."""
    meaning = [tenant_id, [_meaning(item) for item in draft.items]]
    return hashlib.sha256(orjson.dumps(meaning, option=orjson.OPT_SORT_KEYS)).hexdigest()


def equal(kind: ObjectType, left: Content, right: Content) -> bool:
    """Whether two contents mean the same; an absent list is an empty one."""
    return bool(_whole(kind, left) == _whole(kind, right))


def differing(kind: ObjectType, left: Content, right: Content) -> list[str]:
    """The parts and properties in which two contents differ."""
    one, other = _whole(kind, left), _whole(kind, right)
    found = [name for name in sorted(one.keys() | other.keys()) if name != "object"]
    found = [name for name in found if one.get(name) != other.get(name)]
    mine, theirs = one["object"], other["object"]
    return [
        *(name for name in sorted(mine.keys() | theirs.keys()) if mine.get(name) != theirs.get(name)),
        *found,
    ]


def _whole(kind: ObjectType, content: Content) -> Content:
    form = canonical(kind, {"object": {}, **content})
    return {name: part for name, part in form.items() if name == "object" or part not in ([], {}, None)}


def _meaning(item: Planned) -> list[Any]:
    notes = [[note.code, dict(note.facts)] for note in (*item.warnings, *([item.why] if item.why else []))]
    secrets = [[each.way, each.entered] for each in item.secrets]
    return [
        item.key,
        str(item.action),
        item.live_id,
        item.live_hash,
        item.wanted_hash,
        notes,
        item.missing,
        secrets,
    ]


class _Freezer:
    def __init__(
        self,
        reading: Reading,
        options: Options,
        same_tenant: bool,
        known_ids: Mapping[str, str],
        backup_ids: frozenset[tuple[str, str]],
    ) -> None:
        self.reading, self.options, self.same_tenant = reading, options, same_tenant
        self.known_ids, self.backup_ids = known_ids, backup_ids
        self.orders = Orders(reading)

    def freeze(
        self, sources: Sequence[Source], decisions: Mapping[RefKey, Decision], names: Mapping[RefKey, str]
    ) -> Draft:
        ordered = _by_need(
            sorted(sources, key=lambda source: (catalogue.get(source.type).order, source.name, source.id))
        )
        items = [self._first_look(source) for source in ordered]
        _refuse_twins(items)
        resolver = Resolver(self.reading, decisions, names, self.same_tenant, self._planned_ids(items))
        self.orders = Orders.of(zip(ordered, items, strict=True), self.reading)
        for source, item in zip(ordered, items, strict=True):
            if item.action in WRITING_ACTIONS:
                self._second_look(source, item, resolver)
        self.orders.settle(items, update=self.options.update)
        _cascade(items)
        groups = _groups_to_create(items, resolver)
        return Draft([*groups, *items], list(resolver.answers.values()))

    def _first_look(self, source: Source) -> Planned:
        """Which live object it is, and whether anything may happen to it at all."""
        kind = catalogue.get(source.type)
        item = Planned(source.type, source.key, source.name, RestoreAction.SKIP, source.item_id)
        if (stop := self._stop(kind, source)) is not None:
            item.action, item.why = stop
            return item
        found = self._match(kind, source)
        item.candidates = found.candidates
        if found.candidates:
            item.action = RestoreAction.UNRESOLVED
            item.why = Note("ambiguous", {"count": len(found.candidates)})
        elif found.id:
            self._exists(kind, item, found.id)
        else:
            self._absent(kind, source, item)
        return item

    def _stop(self, kind: ObjectType, source: Source) -> tuple[RestoreAction, Note] | None:
        if source.choice == "skip":
            return RestoreAction.SKIP, Note("chosen_skip")
        if not kind.restorable:
            return RestoreAction.SKIP, Note("not_restorable", {"type": kind.key})
        if kind.protection(source.content["object"]) is Protection.NEVER:
            return RestoreAction.SKIP, Note("protected")
        if source.incomplete:
            return RestoreAction.UNRESOLVED, Note("incomplete", {"parts": ", ".join(source.incomplete)})
        if kind.key in self.reading.failed:
            code, facts = self.reading.failed[kind.key]
            return RestoreAction.UNRESOLVED, Note("not_read", {"reason": code, **facts})
        return None

    def _match(self, kind: ObjectType, source: Source) -> Match:
        if source.choice == "create":
            return Match()
        live = self.reading.listed.get(kind.key, [])
        if source.choice:
            return Match(source.choice) if source.choice in {row.id for row in live} else Match()
        others = {key for kept, key in self.backup_ids if kept == kind.key and key != source.id}
        return match(
            kind,
            {**source.content["object"], "id": source.id},
            live,
            known_id=self.known_ids.get(source.key, ""),
            same_tenant=self.same_tenant,
            others=others,
        )

    def _exists(self, kind: ObjectType, item: Planned, live_id: str) -> None:
        item.live_id = live_id
        parts = self.reading.incomplete.get((kind.key, live_id), [])
        live = self.reading.contents.get((kind.key, live_id))
        if live is None or parts:
            item.action = RestoreAction.UNRESOLVED
            item.why = Note("live_incomplete", {"parts": ", ".join(parts)})
            return
        item.live, item.live_hash = live, content_hash(kind, live)
        item.action = RestoreAction.UPDATE

    def _absent(self, kind: ObjectType, source: Source, item: Planned) -> None:
        if kind.protection(source.content["object"]) is Protection.UPDATE_ONLY:
            item.action, item.why = RestoreAction.UNRESOLVED, Note("no_such_default")
        elif not self.options.create:
            item.why = Note("not_created")
        else:
            item.action = RestoreAction.CREATE

    def _planned_ids(self, items: Iterable[Planned]) -> dict[RefKey, str]:
        """What references to planned objects become: the live id, or a mark until there is one."""
        planned: dict[RefKey, str] = {}
        for key, live_id in self.known_ids.items():
            type_, _slash, source_id = key.partition("/")
            if type_ in REF_OF:
                planned[(REF_OF[type_].value, source_id)] = live_id
        for item in items:
            if item.type in REF_OF and item.action in (RestoreAction.CREATE, RestoreAction.UPDATE):
                source_id = item.key.partition("/")[2]
                planned[(REF_OF[item.type].value, source_id)] = item.live_id or _own_id(item, source_id)
        return planned

    def _second_look(self, source: Source, item: Planned, resolver: Resolver) -> None:
        """What it shall be, and whether that changes anything."""
        kind = catalogue.get(source.type)
        item.secrets = _hidden(source, self.same_tenant)
        resolved = [resolver.resolve(key) for key in self._keys(kind, source, item)]
        missing = [each for each in resolved if each.how == "missing"]
        if missing:
            item.action, item.missing = RestoreAction.UNRESOLVED, [each.key for each in missing]
            item.why = Note(
                "target_missing", {"names": ", ".join(each.source_name or each.source_id for each in missing)}
            )
            return
        wanted, warnings = self._wanted(kind, source, item, resolver)
        item.warnings += warnings + _by_name(resolved)
        item.wanted, item.wanted_hash = wanted, content_hash(kind, wanted)
        item.depends = tuple(dict.fromkeys(_pending(each) for each in resolved if _pending(each)))
        self._judge(kind, source, item, resolver)

    def _keys(self, kind: ObjectType, source: Source, item: Planned) -> list[RefKey]:
        content = source.content
        if self.options.assignments == assigning.AssignmentChoice.NONE:
            content = {
                name: part for name, part in content.items() if name not in ("assignments", "roleAssignments")
            }
        return keys_in(kind, content)

    def _wanted(
        self, kind: ObjectType, source: Source, item: Planned, resolver: Resolver
    ) -> tuple[Content, list[Note]]:
        content, dropped = rewritten(kind, source.content, lambda key: resolver.resolve(key).value)
        warnings = []
        for each in dropped:
            resolution = resolver.resolve(each.key)
            facts = {"name": resolution.source_name or each.key[1], "reason": resolution.reason}
            warnings.append(Note("widened" if each.widens else "left_out", facts))
        _keep_unread(kind, content, item.live)
        _set_assignments(kind, content, item.live, self.options.assignments)
        if kind.key == conditional.KEY:
            warnings += self._guard(content, item)
        if kind.priority is not None:
            warnings += self._place(kind.priority, content["object"], item)
        return content, warnings

    def _place(self, priority: Priority, thing: Content, item: Planned) -> list[Note]:
        there = priority.of(item.live["object"]) if item.live else 0
        before, after = priority.of(thing), self.orders.places.get(item.key, there)
        thing[priority.field] = after
        return [Note("priority_limited", {"priority": after})] if 0 < after < before else []

    def _guard(self, content: Content, item: Planned) -> list[Note]:
        before = deepcopy(content["object"])
        exclusions = self.reading.exclusions if self.options.guarded else {}
        as_backed_up = self.options.state_as_backed_up or not self.options.guarded
        content["object"] = conditional.guarded(before, exclusions, as_backed_up=as_backed_up)
        notes = []
        if content["object"].get("state") != before.get("state"):
            notes.append(Note("report_only"))
        elif before.get("state") == conditional.ENFORCED:
            notes.append(Note("enforced"))
        users_before = (before.get("conditions") or {}).get("users") or {}
        users_after = content["object"]["conditions"]["users"]
        if any(set(users_after.get(name) or ()) - set(users_before.get(name) or ()) for name in exclusions):
            notes.append(Note("break_glass"))
        return notes

    def _judge(self, kind: ObjectType, source: Source, item: Planned, resolver: Resolver) -> None:
        assert item.wanted is not None
        if item.action is RestoreAction.CREATE:
            if any(not each.required and each.entered is None for each in item.secrets):
                item.warnings.append(Note("secret_to_enter"))
            item.warnings += _gaps(kind, item.wanted)
            _judge_secrets(source, item)
            return
        assert item.live is not None
        entered = any(each.entered is not None for each in item.secrets)
        if not entered and (
            equal(kind, item.wanted, item.live) or self._equal_as_backed_up(kind, source, item, resolver)
        ):
            item.action, item.why, item.warnings = RestoreAction.SKIP, Note("unchanged"), []
        elif not self.options.update:
            item.action, item.why, item.warnings = RestoreAction.SKIP, Note("not_updated"), []
        elif changed := _immutable(kind, item.wanted, item.live):
            item.action, item.why = (
                RestoreAction.UNRESOLVED,
                Note("immutable", {"properties": ", ".join(changed)}),
            )
        else:
            item.warnings += _gaps(kind, item.wanted)
            _judge_secrets(source, item)

    def _equal_as_backed_up(
        self, kind: ObjectType, source: Source, item: Planned, resolver: Resolver
    ) -> bool:
        """A policy that is just as it was is not switched to report-only for that alone."""
        if kind.key != conditional.KEY or item.live is None:
            return False
        content, _dropped = rewritten(kind, source.content, lambda key: resolver.resolve(key).value)
        return equal(kind, content, item.live)


def _by_need(sources: Sequence[Source]) -> list[Source]:
    """The same order, but that what an object of its own type needs comes before it."""
    by_key, placed = {source.key: source for source in sources}, dict[str, Source]()

    def place(source: Source, above: tuple[str, ...] = ()) -> None:
        kind = catalogue.get(source.type)
        if source.key in placed or source.key in above:
            return
        if leads_to_own_type(kind):
            for ref, its_id in keys_in(kind, source.content):
                needed = by_key.get(f"{TYPE_OF.get(Ref(ref))}/{its_id}")
                if needed is not None and needed.type == source.type:
                    place(needed, (*above, source.key))
        placed[source.key] = source

    for source in sources:
        place(source)
    return list(placed.values())


def _keep_unread(kind: ObjectType, content: Content, live: Content | None) -> None:
    """A part that this backup never asked for is not empty: it stays as it is."""
    for detail in kind.details:
        if live is not None and detail.name not in content and detail.name in live:
            content[detail.name] = deepcopy(live[detail.name])


def _hidden(source: Source, same_tenant: bool) -> list[Hidden]:
    """The secrets that the backup lacks. Those that Graph never gives may stay as they are; stars and tokens may not.

    Stars written back would replace the secret; a token is good in its own tenant only.
    """
    found: dict[str, bool] = {}
    for flag in source.flags:
        if flag.code != VALUE_TOKEN or not same_tenant:
            found[flag.path] = found.get(flag.path, False) or flag.code != VALUE_WRITE_ONLY
    return [Hidden(way, required, source.entered.get(way)) for way, required in found.items()]


def _judge_secrets(source: Source, item: Planned) -> None:
    """What waits for a secret is not written without it."""
    lacking = {each.way for each in item.secrets if each.required and each.entered is None}
    if not lacking:
        return
    codes = {flag.code for flag in source.flags if flag.path in lacking}
    item.action = RestoreAction.UNRESOLVED
    item.why = Note("secret_masked" if VALUE_MASKED in codes else "secret_foreign")


def _set_assignments(kind: ObjectType, content: Content, live: Content | None, choice: str) -> None:
    if kind.assignments is None:
        return
    name = "roleAssignments" if kind.assignments.write is AssignmentsWrite.ROLES else "assignments"
    there = (live or {}).get(name) or []
    if live is not None and kind.protection(live["object"]) is Protection.UPDATE_ONLY:
        choice = assigning.AssignmentChoice.NONE
    content[name] = assigning.wanted(choice, content.get(name) or [], there)


def _gaps(kind: ObjectType, wanted: Content) -> list[Note]:
    """What of the object is not restored, though it is written."""
    return [Note(gap.code) for gap in kind.gaps if gap.concerns(wanted["object"])]


def _immutable(kind: ObjectType, wanted: Content, live: Content) -> list[str]:
    mine, theirs = canonical(kind, {"object": wanted["object"]}), canonical(kind, {"object": live["object"]})
    return [name for name in kind.immutable if mine["object"].get(name) != theirs["object"].get(name)]


def _own_id(item: Planned, source_id: str) -> str:
    """Authentication contexts keep the id that they had; everything else gets a new one."""
    kept = catalogue.get(item.type).create is catalogue.Create.PATCH_OWN_ID
    return source_id if kept else PENDING % item.key


def _pending(resolution: Resolution) -> str:
    head, _mark, tail = PENDING.partition("%s")
    target = resolution.target_id
    return target[len(head) : -len(tail)] if target.startswith(head) else ""


def _by_name(resolved: Iterable[Resolution]) -> list[Note]:
    names = [each.source_name for each in resolved if each.how == "name"]
    return [Note("by_name", {"names": ", ".join(names)})] if names else []


def _refuse_twins(items: Sequence[Planned]) -> None:
    """Two sources that lead to one live object: neither may be written over it."""
    taken: dict[tuple[str, str], list[Planned]] = {}
    for item in items:
        if item.live_id:
            taken.setdefault((item.type, item.live_id), []).append(item)
    for twins in taken.values():
        if len(twins) > 1:
            for item in twins:
                item.action, item.why = RestoreAction.UNRESOLVED, Note("twins", {"count": len(twins)})


def _cascade(items: Sequence[Planned]) -> None:
    """What needs an object that the plan does not make after all is unresolved, too."""
    action = {item.key: item.action for item in items}
    for item in items:
        if item.action not in WRITING_ACTIONS:
            continue
        lacking = [key for key in item.depends if key in action and action[key] is RestoreAction.UNRESOLVED]
        if lacking:
            item.action = action[item.key] = RestoreAction.UNRESOLVED
            item.why = Note("dependency_unresolved", {"count": len(lacking)})


def _groups_to_create(items: Iterable[Planned], resolver: Resolver) -> list[Planned]:
    wanted = {key for item in items if item.action in WRITING_ACTIONS for key in item.depends}
    groups = []
    for resolution in resolver.answers.values():
        key = GROUP_KEY % resolution.source_id
        if resolution.how == "create" and resolution.kind == Ref.GROUP.value and key in wanted:
            thing = {"id": resolution.source_id, "displayName": resolution.source_name}
            groups.append(_group(key, thing))
    return groups


def _group(key: str, thing: Content) -> Planned:
    item = Planned("groups", key, thing["displayName"], RestoreAction.CREATE, wanted={"object": thing})
    item.warnings = [Note("empty_group")]
    item.wanted_hash = hashlib.sha256(orjson.dumps(thing, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return item
