"""Creating, changing, replacing and deleting objects."""

from providers.sandbox import schema
from providers.sandbox.calls import Call, Reply, no_content
from providers.sandbox.data import JSON
from providers.sandbox.ids import format_random_guid, now_text
from providers.sandbox.policies import rules
from providers.sandbox.policies.audit import note
from providers.sandbox.policies.bodies import changed_body, new_body, refused, whole_body
from providers.sandbox.policies.derived import completed
from providers.sandbox.policies.reading import admit, answer_object, find
from providers.sandbox.policies.seeds import identifier
from providers.sandbox.policies.table import TAG_NAMES, ObjectType


def create(kind: ObjectType, call: Call) -> Reply:
    admit(kind, call)
    item = rules.of(kind).create(call, made(kind, call, new_body(kind, call)))
    save(kind, call, item, "Create")
    return answer(kind, call, item, kind.statuses.create)


def made(kind: ObjectType, call: Call, body: JSON) -> JSON:
    """A new object: what the body sets, the rest as the service fills it in."""
    refuse_unknown_tags(kind, call, body)
    name = str(body.get("@odata.type", kind.full_type)).removeprefix("#")
    blank, now = schema.blank("beta", name), now_text()
    stamps = dict.fromkeys(("createdDateTime", "lastModifiedDateTime", "modifiedDateTime"), now)
    item = {**blank, **{key: value for key, value in stamps.items() if key in blank}}
    item |= {tags: ["0"] for tags in TAG_NAMES if tags in blank}
    if blank.get("version") == 0:
        item["version"] = 1
    if kind.typed or name != kind.full_type:
        item = {"@odata.type": f"#{name}", **item}
    number = max((int(key) for key in call.tenant.policies.shelf(kind.key) if key.isdigit()), default=0)
    item["id"] = identifier(kind, number, format_random_guid(), name)
    return completed(kind, {**item, **body}, new=True)


def update(kind: ObjectType, call: Call) -> Reply:
    admit(kind, call)
    stored = find(kind, call)
    body = changed_body(kind, call, stored)
    refuse_unknown_tags(kind, call, body)
    changed = rules.of(kind).update(call, stored, completed(kind, {**stored, **body}))
    changed = touched(changed)
    save(kind, call, changed, "Patch")
    return answer(kind, call, changed, kind.statuses.update)


def replace(kind: ObjectType, call: Call) -> Reply:
    """PUT: the only way to change the settings of a settings catalog."""
    admit(kind, call)
    stored = find(kind, call)
    body = whole_body(kind, call)
    refuse_unknown_tags(kind, call, body)
    changed = rules.of(kind).update(call, stored, completed(kind, {**stored, **body}))
    save(kind, call, touched(changed), "Patch")
    return no_content()


def touched(item: JSON) -> JSON:
    """The object with a new time of change, and a new version where the service counts them."""
    changed = {**item}
    for name in ("lastModifiedDateTime", "modifiedDateTime"):
        if name in changed:
            changed[name] = now_text()
    if isinstance(changed.get("version"), int):
        changed["version"] += 1
    return changed


def save(kind: ObjectType, call: Call, item: JSON, activity: str) -> None:
    """Keep an object, now or when reads lag behind writes, and tell the audit log who did it."""
    policies, event = call.tenant.policies, note(call, kind, item, activity)

    def change() -> None:
        policies.put(kind.key, item)
        policies.put("auditEvents", event)

    call.tenant.write(change)


def delete(kind: ObjectType, call: Call) -> Reply:
    admit(kind, call)
    stored = find(kind, call)
    rules.of(kind).delete(call, stored)
    policies, event = call.tenant.policies, note(call, kind, stored, "Delete")

    def change() -> None:
        policies.remove(kind.key, stored["id"])
        policies.put("auditEvents", event)

    call.tenant.write(change)
    return no_content() if kind.statuses.delete == 204 else Reply(kind.statuses.delete)


def answer(kind: ObjectType, call: Call, item: JSON, status: int) -> Reply:
    if status == 204:
        return no_content()
    return answer_object(kind, call, item, status)


def refuse_unknown_tags(kind: ObjectType, call: Call, body: JSON) -> None:
    known = call.tenant.policies.shelf("roleScopeTags")
    for name in TAG_NAMES:
        for tag in body.get(name) or []:
            if tag not in known:
                raise refused(kind, f"The scope tag '{tag}' does not exist.")
