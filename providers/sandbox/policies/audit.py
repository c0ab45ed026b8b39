"""Intune's audit log: every write adds an event that says who changed what."""

from providers.sandbox import schema
from providers.sandbox.calls import Call
from providers.sandbox.data import JSON
from providers.sandbox.ids import format_random_guid, now_text
from providers.sandbox.policies.table import GRAPH, ObjectType

_ENDED = {"Create": "Create", "Patch": "Patch", "Delete": "Delete", "Assign": "Action"}


def note(call: Call, kind: ObjectType, item: JSON, activity: str) -> JSON:
    """An audit event about a write of this request."""
    app = call.state.app(call.client_id)
    actor = {
        **schema.blank("beta", f"{GRAPH}auditActor"),
        "type": "ItPro",
        "auditActorType": "Application",
        "applicationId": call.client_id,
        "applicationDisplayName": app.display_name if app else None,
        "servicePrincipalName": None,
    }
    resource = {
        **schema.blank("beta", f"{GRAPH}auditResource"),
        "resourceId": item["id"],
        "displayName": item.get(kind.name),
        "auditResourceType": kind.full_type,
        "modifiedProperties": [],
    }
    name = kind.type[0].upper() + kind.type[1:]
    return {
        **schema.blank("beta", f"{GRAPH}auditEvent"),
        "id": format_random_guid(),
        "displayName": f"{activity} {name}",
        "componentName": "DeviceConfiguration",
        "activity": f"{activity} {name}",
        "activityType": f"{activity} {name}",
        "activityOperationType": _ENDED.get(activity, "Action"),
        "activityResult": "Success",
        "activityDateTime": now_text(),
        "correlationId": format_random_guid(),
        "category": "DeviceConfiguration",
        "actor": actor,
        "resources": [resource],
    }
