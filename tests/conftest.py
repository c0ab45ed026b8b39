"""The cast: a workspace, its people, a tenant that is ready, and the servers behind them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import redis
from django.conf import settings
from django.db import connection as database

from operations import broker
from providers.models import ProviderConnection
from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.models import Tenant, User, Workspace
from tests import emptying, factories
from tests.live import people as people
from tests.live import stack as stack
from tests.schedule import pytest_xdist_make_scheduler as pytest_xdist_make_scheduler


@dataclass(frozen=True)
class World:
    """A workspace with people of every role and a tenant that everything can start on; an outsider beside it."""

    workspace: Workspace
    tenant: Tenant
    connection: ProviderConnection
    owner: User
    manager: User
    operator: User
    readonly: User
    outsider: User


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Tests empty the tables between them; everywhere else the audit log refuses that."""
    emptying.use()
    with django_db_blocker.unblock(), database.cursor() as cursor:
        for table in ("audit_auditentry", "audit_auditlink"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER audit_not_emptied")
        cursor.execute("ALTER TABLE operations_runevent DISABLE TRIGGER events_not_emptied")


@pytest.fixture
def redis_url() -> Iterator[str]:
    """The address of a real Valkey, emptied before each test."""
    client = redis.Redis.from_url(settings.REDIS_URL)
    client.flushdb()
    client.close()
    broker.reset()
    yield settings.REDIS_URL


@pytest.fixture
def world(db: None) -> World:
    return make_world()


def make_world() -> World:
    workspace = factories.make_workspace("contoso-msp")
    owner = factories.make_member(workspace, Role.OWNER, username="owner")
    manager = factories.make_member(workspace, Role.MANAGER, username="manager")
    operator = factories.make_member(workspace, Role.OPERATOR, all_tenants=False, username="operator")
    readonly = factories.make_member(workspace, Role.READONLY, username="readonly")
    outsider = factories.make_member(factories.make_workspace("other-msp"), Role.OWNER, username="outsider")
    tenant = factories.make_tenant(workspace, "contoso")
    factories.entitle(operator, tenant, Role.OPERATOR)
    connection = factories.make_connection(tenant, owner)
    return World(workspace, tenant, connection, owner, manager, operator, readonly, outsider)
