"""Carrying out a frozen plan, item by item: plan the request, send it once, confirm it or look, verify the object."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from providers import catalogue
from providers.catalogue import ObjectType
from providers.choices import ItemOutcome, RestoreAction
from providers.graph.client import GraphClient
from providers.graph.errors import GraphError, NotFound, Stopped, Throttled, TokenError, Unauthorized
from providers.graph.retry import pause
from providers.models import RestorePlanItem, RestoreStep
from providers.objects.canonical import content_hash
from providers.objects.reader import list_objects
from providers.restore import groups, looking, priorities
from providers.restore.entered import NOTHING, Entered
from providers.restore.journal import Journal
from providers.restore.model import PENDING, Content
from providers.restore.plan import differing, equal
from providers.restore.reading import read_one
from providers.restore.store import contents_of
from providers.restore.writers import Step, create_steps, delete_steps, priority_step, update_steps

FATAL = (TokenError, Throttled, Unauthorized)
"""After these no other request would fare better: what is left is not reached."""
APPROVAL = "provider.approval_required"
# An idempotent request is sent again at most so often after reading back showed that it had not landed.
_RESENDS = 2


class ItemEnded(Exception):
    """The item ends here, for this reason."""

    def __init__(
        self, outcome: ItemOutcome, code: str, facts: dict[str, Any], *, fatal: bool = False
    ) -> None:
        super().__init__(code)
        self.outcome, self.code, self.facts, self.fatal = outcome, code, facts, fatal


@dataclass(frozen=True, slots=True)
class Written:
    """An object that is written but for its place among its kind, after so many steps."""

    item: RestorePlanItem
    object_id: str
    wanted: Content
    steps: int


@dataclass(slots=True)
class Executor:
    """One execution. ``known`` are the ids that the tenant's lists showed right before the first write, by type.
    ``secrets`` are those that people entered, by item; contents are compared without them.

    ``checkpoint`` raises Stopped where the work may stop; ``facts_of`` says what the words of an error's reason need.
    """

    graph: GraphClient
    journal: Journal
    checkpoint: Callable[[], None]
    facts_of: Callable[[GraphError], dict[str, Any]]
    secrets: Mapping[int, Entered]
    known: dict[str, set[str]]
    progress: Callable[[int], None] = lambda done: None
    made: dict[str, str] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    ended: dict[int, ItemOutcome] = field(default_factory=dict)
    unplaced: list[Written] = field(default_factory=list)
    fatal: ItemEnded | None = None

    def carry_out(self, items: Sequence[RestorePlanItem]) -> None:
        """Work on all items in order. What stops it is raised after the rest was noted as not reached."""
        left = list(items)
        try:
            while left and self.fatal is None:
                self.checkpoint()
                self._item(left[0])
                item = left.pop(0)
                if self.unplaced and item.object_type not in {each.object_type for each in left}:
                    self._put_in_order(catalogue.get(item.object_type))
                self.progress(len(items) - len(left))
        finally:
            self._not_reached(left)

    def _not_reached(self, items: Iterable[RestorePlanItem]) -> None:
        # Whoever is fenced out may write nothing any more: then the missing results say it.
        with suppress(Stopped):
            for each in self.unplaced:
                self._end(each.item, ItemOutcome.UNVERIFIED, "unplaced", remote_id=each.object_id)
            for item in items:
                if item.pk not in self.ended:
                    code = self.fatal.code if self.fatal else ""
                    self._end(item, ItemOutcome.NOT_REACHED, code)

    def _item(self, item: RestorePlanItem) -> None:
        if lacking := [key for key in item.depends if key in self.lost]:
            self.lost.add(item.key)
            self._end(item, ItemOutcome.SKIPPED, "dependency", {"count": len(lacking)})
            return
        try:
            self._write(item)
        except ItemEnded as end:
            self._failed(item, end)

    def _failed(self, item: RestorePlanItem, end: ItemEnded) -> None:
        self.lost.add(item.key)
        self._end(item, end.outcome, end.code, end.facts)
        if end.fatal:
            self.fatal = end

    def _write(self, item: RestorePlanItem) -> None:
        kind = catalogue.get(item.object_type)
        wanted, live = contents_of(item)
        secrets = self.secrets.get(item.pk, NOTHING)
        filled: Content = secrets.without(_filled(wanted, self.made)) if wanted is not None else {}
        if item.action == RestoreAction.CREATE and kind.key == groups.KEY:
            steps = groups.steps(filled)
        elif item.action == RestoreAction.CREATE:
            steps = create_steps(kind, filled, origin=self.graph.origin, secrets=secrets)
        elif item.action == RestoreAction.DELETE:
            steps = delete_steps(kind, live or {})
        else:
            now = secrets.without(live or {})
            steps = update_steps(kind, filled, now, origin=self.graph.origin, secrets=secrets)
        object_id = item.live_id
        for position, step in enumerate(steps):
            object_id = self._step(kind, item, step, position, object_id, filled)
            if position == 0 and item.action == RestoreAction.CREATE:
                self.made[item.key] = object_id
                self.known.setdefault(kind.key, set()).add(object_id)
        if kind.priority is not None and kind.priority.of(filled.get("object", {})):
            self.unplaced.append(Written(item, object_id, filled, len(steps)))
        else:
            self._verify(kind, item, object_id, filled)

    def _put_in_order(self, kind: ObjectType) -> None:
        """Put the objects of the type at their places once all of them are there; then read each back."""
        try:
            standings = self._standings(kind)
        except GraphError as error:
            code, facts = error.reason_code, self.facts_of(error)
            while self.unplaced:
                each = self.unplaced.pop()
                self._end(each.item, ItemOutcome.UNVERIFIED, code, facts, remote_id=each.object_id)
            return
        by_id = {each.object_id: each for each in self.unplaced}
        for standing in standings:
            for object_id, place in priorities.moves(standing, _places(kind, by_id, standing)):
                if self.fatal is None:
                    self._move(kind, by_id[object_id], place)
        while self.unplaced and self.fatal is None:
            each = self.unplaced[0]
            self._verify(kind, each.item, each.object_id, each.wanted)
            self.unplaced.pop(0)

    def _standings(self, kind: ObjectType) -> list[priorities.Standing]:
        """The orders of the type, with what was just created in them. Raises GraphError."""
        wanted = {each.object_id for each in self.unplaced}
        for wait in settings.RESTORE_READ_BACK:
            pause(wait, self.checkpoint)
            pages = list_objects(self.graph, kind)
            found = priorities.standings(kind, (each.item for page in pages for each in page.objects))
            if wanted <= {object_id for standing in found.values() for object_id, _place in standing}:
                break
        return list(found.values())

    def _move(self, kind: ObjectType, written: Written, place: int) -> None:
        try:
            step = priority_step(kind, place)
            self._step(kind, written.item, step, written.steps, written.object_id, written.wanted)
        except ItemEnded as end:
            self.unplaced.remove(written)
            self._failed(written.item, end)

    def _step(
        self,
        kind: ObjectType,
        item: RestorePlanItem,
        step: Step,
        position: int,
        object_id: str,
        wanted: Content,
    ) -> str:
        """Send one request; the id of the object it is about. Raises ItemEnded and Stopped."""
        path = step.path_for(object_id)
        self.checkpoint()
        row = self.journal.plan(item, step, position, path)
        lost: GraphError | None = None
        for _attempt in range(1 + _RESENDS):
            answer = self._send(item, step, path, object_id, row)
            if isinstance(answer, str):
                self.journal.confirmed(row, answer)
                return answer
            lost = answer
            found = self._look(kind, item, step, object_id or _own(step, wanted), wanted)
            if found.landed:
                self.journal.confirmed(row, found.object_id)
                return found.object_id
            if step.makes or not found.certain:
                break
        assert lost is not None
        facts = self.facts_of(lost)
        self.journal.uncertain(row, lost.reason_code, facts)
        raise ItemEnded(ItemOutcome.UNCERTAIN, lost.reason_code, facts)

    def _send(
        self, item: RestorePlanItem, step: Step, path: str, object_id: str, row: RestoreStep
    ) -> str | GraphError:
        """The object's id, or the error that leaves open whether the request landed. Raises ItemEnded and Stopped."""
        try:
            answer = self.graph.send(
                step.method,
                path,
                step.body_for(object_id),
                version=step.version,
                sending=lambda: self.journal.sent(row),
            )
        except Stopped:
            # Raised only while nothing is under way.
            self.journal.refused_for_now(row)
            raise
        except NotFound as error:
            if step.method == "DELETE":
                return object_id
            raise self._refused(item, row, error) from None
        except GraphError as error:
            if error.uncertain:
                return error
            raise self._refused(item, row, error) from None
        if not step.creates:
            return object_id or path.rpartition("/")[2]
        made = answer.get("id")
        if isinstance(made, str) and made:
            return made
        return GraphError("The answer to a create has no id.")

    def _refused(self, item: RestorePlanItem, row: RestoreStep, error: GraphError) -> ItemEnded:
        code, facts = error.reason_code, self.facts_of(error)
        self.journal.refused(row, code, facts)
        fatal = isinstance(error, FATAL) or code == APPROVAL
        if code == "provider.response_invalid" and item.pk not in self.secrets:
            # Graph refused the content; its own words are the only ones there are. They may repeat a secret.
            facts = {**facts, "detail": error.message[:300]}
        return ItemEnded(ItemOutcome.FAILED, code, facts, fatal=fatal)

    def _look(
        self, kind: ObjectType, item: RestorePlanItem, step: Step, object_id: str, wanted: Content
    ) -> looking.Found:
        """Read back what a lost answer would have told, more than once: Graph shows new objects late."""
        found, secrets = looking.Found(), self.secrets.get(item.pk, NOTHING)
        for wait in settings.RESTORE_READ_BACK:
            pause(wait, self.checkpoint)
            try:
                found = looking.look(
                    self.graph, kind, step, object_id, wanted, self.known.get(kind.key, set()), secrets
                )
            except GraphError:
                found = looking.Found()
            if found.landed:
                break
        return found

    def _verify(self, kind: ObjectType, item: RestorePlanItem, object_id: str, wanted: Content) -> None:
        if kind.key == groups.KEY:
            self._end(item, ItemOutcome.VERIFIED, remote_id=object_id)
            return
        now: Content | None = None
        secrets = self.secrets.get(item.pk, NOTHING)
        for wait in settings.RESTORE_READ_BACK:
            pause(wait, self.checkpoint)
            try:
                now = read_one(self.graph, kind, object_id)
            except GraphError as error:
                self._end(
                    item, ItemOutcome.UNVERIFIED, error.reason_code, self.facts_of(error), remote_id=object_id
                )
                return
            if self._as_wanted(kind, item, wanted, now and secrets.without(now)):
                self._end(item, ItemOutcome.VERIFIED, remote_id=object_id, content_hash=_hash(kind, now))
                return
        facts = {"properties": _differs(kind, wanted, now and secrets.without(now))}
        self._end(
            item, ItemOutcome.DIFFERS, "differs", facts, remote_id=object_id, content_hash=_hash(kind, now)
        )

    def _as_wanted(
        self, kind: ObjectType, item: RestorePlanItem, wanted: Content, now: Content | None
    ) -> bool:
        if item.action == RestoreAction.DELETE:
            return now is None
        return now is not None and equal(kind, wanted, now)

    def _end(
        self,
        item: RestorePlanItem,
        outcome: ItemOutcome,
        code: str = "",
        facts: dict[str, Any] | None = None,
        *,
        remote_id: str = "",
        content_hash: str = "",
    ) -> None:
        self.journal.result(
            item, outcome, code=code, facts=facts, remote_id=remote_id, content_hash=content_hash
        )
        self.ended[item.pk] = outcome


def _places(
    kind: ObjectType, written: Mapping[str, Written], standing: priorities.Standing
) -> dict[str, int]:
    """Where those of this order shall be."""
    assert kind.priority is not None
    return {
        object_id: kind.priority.of(written[object_id].wanted["object"])
        for object_id, _place in standing
        if object_id in written
    }


def _hash(kind: ObjectType, content: Content | None) -> str:
    return content_hash(kind, content) if content is not None else ""


def _differs(kind: ObjectType, wanted: Content, now: Content | None) -> str:
    return ", ".join(differing(kind, wanted, now)) if now is not None and wanted else ""


def _own(step: Step, wanted: Content) -> str:
    """An object that chose its id itself has it before it is created."""
    return "" if step.creates else str(wanted.get("object", {}).get("id", ""))


def _filled(value: Any, made: dict[str, str]) -> Any:
    """A copy in which ids that the plan itself made stand in place of their marks."""
    if isinstance(value, dict):
        return {name: _filled(each, made) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, made) for each in value]
    if isinstance(value, str) and value.startswith(_MARK):
        return made.get(value[len(_MARK) : -len(_END)], value)
    return value


_MARK, _, _END = PENDING.partition("%s")
