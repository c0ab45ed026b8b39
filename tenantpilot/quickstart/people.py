"""Who can sign in to the demo; needs no set-up Django, unlike ``demo``."""

from dataclasses import dataclass

from tenantpilot.tenancy.capabilities import Role

PASSWORD = "tenantpilot-demo"  # noqa: S105 (published: the demo's sign-in)


@dataclass(frozen=True)
class Person:
    """A demo user: the role on the whole workspace, or on all of its tenants but some."""

    username: str
    workspace: str
    role: Role
    without: frozenset[str] = frozenset()


PEOPLE = (
    Person("owner", "contoso-msp", Role.OWNER),
    Person("manager", "contoso-msp", Role.MANAGER),
    Person("operator", "contoso-msp", Role.OPERATOR, without=frozenset({"fabrikam"})),
    Person("readonly", "contoso-msp", Role.READONLY),
    Person("outsider", "other-msp", Role.OWNER),
)
