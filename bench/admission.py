"""Gate admission beside the bare SQL transaction and beside procrastinate's ``defer`` with ``queueing_lock``.

python -m bench.admission [--rounds 20]
"""

import argparse
import itertools
import os
import uuid

from bench.common import interleaved, servers, show

EACH = 20
BARE_NAME = "bare SQL: insert on conflict, event"
BARE = """
WITH run AS (INSERT INTO bench_run (scope, op_key, params) VALUES (%s, %s, '{}')
  ON CONFLICT (scope) WHERE status IN ('queued', 'running') DO NOTHING RETURNING id)
INSERT INTO bench_event (run_id, seq, kind) SELECT id, 1, 'accepted' FROM run RETURNING run_id
"""
TABLES = """
CREATE TABLE bench_run (id bigserial PRIMARY KEY, scope text, op_key text, params jsonb, status text DEFAULT 'queued',
  created_at timestamptz DEFAULT now());
CREATE UNIQUE INDEX ON bench_run (scope) WHERE status IN ('queued', 'running');
CREATE TABLE bench_event (run_id bigint REFERENCES bench_run, seq int, kind text, at timestamptz DEFAULT now(),
  UNIQUE (run_id, seq));
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    with servers():
        _measure(parser.parse_args().rounds)


def _measure(rounds: int) -> None:
    import procrastinate
    import psycopg

    from bench.world import Scopes
    from operations import broker, gate

    scopes = Scopes((rounds + 1) * EACH * 2 + 1)
    held = scopes.fresh()
    gate.start(held)
    numbers = itertools.count()
    publish = broker.publish

    def admit_only() -> None:
        broker.publish = lambda *_: True
        gate.start(scopes.fresh())
        broker.publish = publish

    app = procrastinate.App(connector=procrastinate.SyncPsycopgConnector(conninfo=os.environ["DATABASE_URL"]))
    work = app.task(name="work")(lambda: None)
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as plain, app.open():
        plain.execute(TABLES)
        app.schema_manager.apply_schema()
        works = {
            BARE_NAME: lambda: plain.execute(BARE, [str(next(numbers)), "x" * 64]),
            "gate: accepted, without publish": admit_only,
            "gate: accepted, with publish": lambda: gate.start(scopes.fresh()),
            "gate: deduped": lambda: gate.start(held),
            "procrastinate: defer with queueing_lock": lambda: work.configure(
                queueing_lock=str(uuid.uuid4())
            ).defer(),
        }
        show("Admission", interleaved(works, rounds=rounds, each=EACH), beside=BARE_NAME)


if __name__ == "__main__":
    main()
