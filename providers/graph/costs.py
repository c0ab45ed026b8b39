"""What a request costs in the throttling of Microsoft Graph.

https://learn.microsoft.com/graph/throttling-limits: directory requests are counted in resource units, per app
and tenant; Intune and conditional access in requests. The directory answers with what it really charged
(``x-ms-resource-unit``), so this is a first guess.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

DIRECTORY = "directory"
INTUNE = "intune"
INTUNE_WRITES = "intune_writes"
IDENTITY = "identity"

_SERVICES = (
    (re.compile(r"^/(deviceManagement|deviceAppManagement)\b", re.IGNORECASE), INTUNE),
    (re.compile(r"^/identity(Protection)?/", re.IGNORECASE), IDENTITY),
)
_UNITS = (
    (re.compile(r"/transitiveMembers\b", re.IGNORECASE), 5),
    (re.compile(r"^/groups/[^/]+/members\b|^/groups\('[^']+'\)/members\b", re.IGNORECASE), 3),
    (re.compile(r"^/(subscribedSkus|contracts)\b", re.IGNORECASE), 3),
    (re.compile(r"/appRoleAssignments\b", re.IGNORECASE), 2),
    (re.compile(r"^/(users|applications)\b", re.IGNORECASE), 2),
)


@dataclass(frozen=True)
class Cost:
    """``units`` of the budget of ``service``."""

    service: str
    units: float


def cost_of(url: str) -> Cost:
    """Guess from an absolute URL or one relative to the version's root."""
    parts = urlsplit(url)
    path = re.sub(r"^/(v1\.0|beta)(?=/)", "", "/" + parts.path.lstrip("/"))
    service = next((name for pattern, name in _SERVICES if pattern.search(path)), DIRECTORY)
    if service != DIRECTORY:
        return Cost(service, 1)
    units = next((units for pattern, units in _UNITS if pattern.search(path)), 1)
    return Cost(service, max(1, units + _adjustment(dict(parse_qsl(parts.query)))))


def write_costs(url: str) -> tuple[Cost, ...]:
    """Return what a write costs: Intune counts it among all requests and, more narrowly, among the writes."""
    cost = cost_of(url)
    return (cost, Cost(INTUNE_WRITES, 1)) if cost.service == INTUNE else (cost,)


def _adjustment(query: Mapping[str, str]) -> int:
    top = query.get("$top", "")
    return ("$expand" in query) - ("$select" in query) - (top.isdecimal() and int(top) < 20)
