"""Groups that a plan creates for missing targets: empty security groups, since members are not ours to copy."""

import re

from providers.restore.writers.step import Content, Step

KEY = "groups"


def steps(wanted: Content) -> list[Step]:
    """The one request that creates the group."""
    name = str(wanted["object"]["displayName"])
    body = {
        "displayName": name,
        "description": "Created by a restore.",
        "mailEnabled": False,
        "mailNickname": nickname(name),
        "securityEnabled": True,
    }
    return [Step("create", "POST", "/groups", "v1.0", body, makes=True, creates=True)]


def nickname(name: str) -> str:
    """A mail nickname as the directory takes it."""
    return re.sub(r"[^A-Za-z0-9-]", "", name)[:64] or "restored-group"
