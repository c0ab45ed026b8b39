"""Which group a path names."""

from providers.sandbox.calls import Call
from providers.sandbox.errors import GraphError


def not_found(group_id: str) -> GraphError:
    message = (
        f"Resource '{group_id}' does not exist or one of its queried reference-property objects "
        "are not present."
    )
    return GraphError(404, "Request_ResourceNotFound", message)


def position_of(call: Call) -> int:
    """Position of the group a path names; raises 404."""
    group_id = call.keys[0].text
    position = call.tenant.groups.position(group_id)
    if position is None or call.keys[0].alternate is not None:
        raise not_found(group_id)
    return position
