"""A start's whole POST in process, beside a view that does nothing, with its SQL statements.

python -m bench.start_post [--times 300]
"""

import argparse

from bench.common import interleaved, servers, show


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=300)
    with servers():
        _measure(parser.parse_args().times)


def _measure(times: int) -> None:
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from bench.world import CHECK, GROUPS, Scopes
    from operations import gate
    from providers.models import ProviderConnection

    rounds = max(1, times // 20)
    scopes = Scopes((rounds + 1) * 20 + 30)
    client = Client(HTTP_ACCEPT="application/vnd.tenantpilot.provider-start-outcome+json")
    client.force_login(scopes.world.owner)
    other = next(scopes.ids)
    gate.start(scopes.start(other))
    disabled = next(scopes.ids)
    ProviderConnection.objects.filter(pk=disabled).update(enabled=False)

    def post(connection_id: int, operation: str = CHECK, expect: str = "") -> None:
        answer = client.post(f"/admin/provider-connections/{connection_id}/actions/{operation}/start")
        assert answer.status_code == 200, answer.content
        assert answer.json()["status"] == expect, answer.json()

    works = {
        "a view that does nothing": lambda: client.get("/livez"),
        "accepted": lambda: post(next(scopes.ids), expect="accepted"),
        "deduped": lambda: post(other, expect="deduped"),
        "scope_busy": lambda: post(other, GROUPS, expect="scope_busy"),
        "blocked": lambda: post(disabled, expect="blocked"),
    }
    print("SQL statements:")
    for name, work in works.items():
        with CaptureQueriesContext(connection) as queries:
            work()
        # Django notes a BEGIN and a COMMIT of the gate's check for open transactions; psycopg sends neither.
        sent = [query for query in queries if query["sql"] not in {"BEGIN", "COMMIT"}]
        print(f"  {name:30}{len(sent)}")
    show(
        "Start POST in process", interleaved(works, rounds=rounds, each=20), beside="a view that does nothing"
    )


if __name__ == "__main__":
    main()
