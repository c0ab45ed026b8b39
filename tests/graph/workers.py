"""What a worker process does in the test of two workers on one throttled tenant."""

import time
from collections.abc import Mapping

from providers.graph.auth import TokenSource
from providers.graph.client import GraphClient
from providers.graph.credentials import AppIdentity
from providers.graph.errors import Stopped
from providers.graph.throttle import RateBudget
from providers.graph.transport import Transport


def read_groups_for(
    seconds: float, identity: AppIdentity, host_map: Mapping[str, str], redis_url: str
) -> None:
    """Read all groups, over and over, until the time is up."""
    until = time.monotonic() + seconds

    def checkpoint() -> None:
        if time.monotonic() > until:
            raise Stopped

    transport = Transport(host_map)
    budget = RateBudget(redis_url, key=f"{identity.tenant_id}:{identity.client_id}")
    client = GraphClient(
        identity, transport=transport, tokens=TokenSource(transport), budget=budget, checkpoint=checkpoint
    )
    try:
        while True:
            for _ in client.pages("/groups", select="id"):
                pass
    except Stopped:
        transport.close()
