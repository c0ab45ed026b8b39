"""Undo: back to the safety backup, and away with what the journal confirms as created, if nobody touched it since."""

from collections.abc import Collection
from dataclasses import dataclass

from providers import catalogue
from providers.choices import RestoreAction, StepState
from providers.models import RestoreResult, RestoreRun, RestoreStep
from providers.objects.canonical import content_hash
from providers.restore import groups
from providers.restore.model import Draft, Note, ObjectKey, Planned, Reading


@dataclass(frozen=True, slots=True)
class Created:
    """An object that an earlier run created; ``content_hash`` is that of its last reading back, if there was one."""

    type: str
    id: str
    name: str
    content_hash: str

    @property
    def key(self) -> ObjectKey:
        return (self.type, self.id)


def created_by(restore: RestoreRun) -> list[Created]:
    """What this restore run certainly created, in the order of creation."""
    hashes = dict(RestoreResult.objects.filter(restore_run=restore).values_list("item_id", "content_hash"))
    steps = (
        RestoreStep.objects.filter(
            restore_run=restore,
            item__action=RestoreAction.CREATE,
            key__endswith="/create",
            state=StepState.CONFIRMED,
        )
        .exclude(remote_id="")
        .order_by("id")
        .select_related("item")
    )
    return [
        Created(step.item.object_type, step.remote_id, step.item.name, hashes.get(step.item_id, ""))
        for step in steps
    ]


def with_deletions(draft: Draft, created: Collection[Created], reading: Reading) -> Draft:
    """The plan with the created objects deleted in the reverse order of their creation, after everything else."""
    return Draft(
        [*draft.items, *(_deletion(each, reading) for each in reversed(list(created)))], draft.resolutions
    )


def _deletion(created: Created, reading: Reading) -> Planned:
    item = Planned(created.type, f"{created.type}/{created.id}/created", created.name, RestoreAction.SKIP)
    live = reading.contents.get(created.key)
    if created.type == groups.KEY:
        item.why = Note("group_kept")
    elif created.type in reading.failed:
        code, facts = reading.failed[created.type]
        item.action, item.why = RestoreAction.UNRESOLVED, Note("not_read", {"reason": code, **facts})
    elif live is None:
        item.why = Note("gone")
    elif not created.content_hash:
        item.why = Note("never_verified")
    else:
        item.live_id, item.live = created.id, live
        item.live_hash = content_hash(catalogue.get(created.type), live)
        unchanged = item.live_hash == created.content_hash
        item.action = RestoreAction.DELETE if unchanged else RestoreAction.SKIP
        item.why = None if unchanged else Note("changed_since")
    return item
