"""Empty the tables after a test that committed, in milliseconds.

Django's flush truncates every table and then makes all content types and permissions anew: most of a second, a thousand
times over. Here rows are deleted where there are any, and what migrations made of types and permissions stays.
"""

from typing import Any

from django.db import connection
from django.test import TransactionTestCase

KEPT = ("django_migrations", "django_content_type", "auth_permission")
# As on a replica no trigger and no foreign key has a say: neither in which order, nor whether history may go.
_EMPTY = """
DO $$ DECLARE found regclass; BEGIN
  SET LOCAL session_replication_role = replica;
  FOR found IN SELECT oid::regclass FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
    AND pg_relation_size(oid) > 0 AND NOT relname = ANY (string_to_array('{kept}', ','))
  LOOP EXECUTE format('DELETE FROM %s', found); END LOOP;
END $$
"""


def empty_tables() -> None:
    """Leave no row but those of ``KEPT``. Caches of content types stay true, since their ids do not change."""
    with connection.cursor() as cursor:
        cursor.execute(_EMPTY.format(kept=",".join(KEPT)))


def _after_test(self: Any) -> None:
    empty_tables()


def use() -> None:
    """Let every test that commits end this way."""
    TransactionTestCase._fixture_teardown = _after_test  # type: ignore[method-assign]
