"""What protecting a directory costs a read, by three ways to write the lock: admitted and ended, on bare tables.

python -m bench.scopes [--rounds 20]
"""

import argparse
import itertools
import os

from bench.common import interleaved, servers, show

EACH = 20
RUN = """
CREATE TABLE {name} (id bigserial PRIMARY KEY, scope text, directory text, status text DEFAULT 'queued'{more})
  WITH (fillfactor = 80);
"""
ACTIVE = "status IN ('queued', 'running')"
COLUMNS = f"""
{RUN.format(name="s_columns", more="")}
CREATE UNIQUE INDEX ON s_columns (scope) WHERE {ACTIVE};
CREATE UNIQUE INDEX ON s_columns (directory) WHERE {ACTIVE} AND directory IS NOT NULL;
"""
CHILDREN = f"""
{RUN.format(name="s_children", more=f", active boolean GENERATED ALWAYS AS ({ACTIVE}) STORED, UNIQUE (id, active)")}
CREATE UNIQUE INDEX ON s_children (scope) WHERE {ACTIVE};
CREATE TABLE s_scope (run bigint, active boolean, scope text,
  FOREIGN KEY (run, active) REFERENCES s_children (id, active) ON UPDATE CASCADE);
CREATE UNIQUE INDEX ON s_scope (scope) WHERE active;
CREATE INDEX ON s_scope (run, active);
"""
EXCLUSION = f"""
{RUN.format(name="s_exclusion", more=", protects int8range")}
CREATE UNIQUE INDEX ON s_exclusion (scope) WHERE {ACTIVE};
ALTER TABLE s_exclusion ADD EXCLUDE USING gist (protects WITH &&) WHERE ({ACTIVE});
"""
ENDED = "UPDATE {} SET status = 'completed' WHERE id = %s"
ADMIT = "INSERT INTO {} (scope) VALUES (%s) ON CONFLICT (scope) WHERE {} DO NOTHING RETURNING id"
# A read of the first two ways looks for a write in its directory, too.
BESIDE = """
INSERT INTO {} (scope) SELECT %s WHERE NOT EXISTS (SELECT 1 FROM {})
ON CONFLICT (scope) WHERE {} DO NOTHING RETURNING id
"""
RANGE = """
INSERT INTO s_exclusion (scope, protects) VALUES (%s, int8range(%s, %s, '[]')) ON CONFLICT DO NOTHING RETURNING id
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    args = parser.parse_args()
    with servers():
        _measure(args.rounds)


def _measure(rounds: int) -> None:
    import psycopg

    numbers = itertools.count()
    beside = f"s_columns w WHERE w.directory = 'd' AND w.{ACTIVE}"
    in_scope = "s_scope w WHERE w.scope = 'd' AND w.active"
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as plain:
        plain.execute(COLUMNS + CHILDREN + EXCLUSION)

        def life(table: str, sql: str, *more: int) -> None:
            number = next(numbers)
            values = [str(number), *(number for _ in more)]
            row = plain.execute(sql, values).fetchone()
            assert row
            plain.execute(ENDED.format(table), [row[0]])

        works = {
            "one key only, no directory": lambda: life("s_columns", ADMIT.format("s_columns", ACTIVE)),
            "two columns, partial unique indexes": lambda: life(
                "s_columns", BESIDE.format("s_columns", beside, ACTIVE)
            ),
            "child rows, composite key, cascade": lambda: life(
                "s_children", BESIDE.format("s_children", in_scope, ACTIVE)
            ),
            "exclusion constraint over a range": lambda: life("s_exclusion", RANGE, 1, 1),
        }
        show(
            "A read's life", interleaved(works, rounds=rounds, each=EACH), beside="one key only, no directory"
        )


if __name__ == "__main__":
    main()
