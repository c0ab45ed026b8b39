"""A workspace whose tenant has as many connections as a bench wants scopes."""

import dataclasses
import uuid
from collections.abc import Iterator
from typing import Any

from operations import gate, registry
from providers.models import AppRegistration, ProviderConnection
from providers.selectors import Target, target_for_tenant
from tests.conftest import World, make_world

CHECK = "provider.connection.check"
GROUPS = "directory.groups.sync"


class Scopes:
    """Hands out starts, each on a connection of its own."""

    def __init__(self, count: int) -> None:
        self.world: World = make_world()
        target = target_for_tenant(self.world.owner.pk, self.world.tenant.slug)
        assert target is not None
        self._target: Target = target
        self.ids: Iterator[int] = iter(self._connections(count))

    def start(self, connection_id: int, operation: str = CHECK) -> gate.Start:
        facts = dataclasses.replace(self._facts(), id=connection_id)
        target = dataclasses.replace(self._target, connection=facts)
        return gate.Start(registry.get(operation), target, self.world.owner.pk)

    def fresh(self, operation: str = CHECK) -> gate.Start:
        return self.start(next(self.ids), operation)

    def _facts(self) -> Any:
        return self._target.connection

    def _connections(self, count: int) -> list[int]:
        apps = AppRegistration.objects.bulk_create(
            AppRegistration(
                workspace=self.world.workspace, name="bench", client_id=uuid.uuid4(), credential_encrypted="x"
            )
            for _ in range(count)
        )
        made = ProviderConnection.objects.bulk_create(
            ProviderConnection(tenant=self.world.tenant, app_registration=app, label="bench") for app in apps
        )
        return [connection.pk for connection in made]
