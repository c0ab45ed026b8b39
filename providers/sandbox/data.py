"""Reference data carried with the sandbox: schemas, permissions, role catalogue, example objects."""

import json
from functools import cache
from pathlib import Path
from typing import Any

JSON = dict[str, Any]

DATA_DIR = Path(__file__).parent / "data"
GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"
INTUNE_PLAN_ID = "c1ec4a95-1f05-45b3-a911-aa3fa01094f5"


@cache
def load(name: str) -> JSON:
    """The parsed file `name` of the data directory; callers must not change it."""
    loaded: JSON = json.loads((DATA_DIR / name).read_text(encoding="utf-8"))
    return loaded


@cache
def app_roles() -> dict[str, JSON]:
    """The application permissions of Microsoft Graph by value, e.g. `GroupMember.Read.All`."""
    return {role["value"]: role for role in load("permissions.json")["appRoles"]}


@cache
def app_role_values() -> dict[str, str]:
    """Application permission values by app role id; the ids are the same in every tenant."""
    return {role["id"]: value for value, role in app_roles().items()}


def permission_profile(name: str) -> list[str]:
    """Permission values of a named profile (`read`, `restore`, `none`); raises KeyError for others."""
    profiles = load("permissions.json")["profiles"]
    known = {
        "none": [],
        "read": profiles["read"],
        "restore": profiles["read"] + profiles["restore_adds"] + ["Group.ReadWrite.All"],
    }
    return list(known[name])
