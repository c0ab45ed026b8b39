"""The database role that serves the console: it may do its work, and add to the audit log, but not change it."""

from django.db import connection
from psycopg import sql

KEPT = ("audit_auditentry", "audit_auditlink", "operations_runevent")

_TEMPLATE = """\
GRANT USAGE ON SCHEMA {schema} TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role};
REVOKE UPDATE, DELETE, TRUNCATE ON {kept} FROM {role};
REVOKE INSERT ON audit_auditlink FROM {role};
REVOKE UPDATE, DELETE, TRUNCATE ON {kept} FROM PUBLIC;
"""


def statements(role: str) -> str:
    """The SQL to run as the owner of the tables after each upgrade. The links are written by the owner's function."""
    connection.ensure_connection()
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        (schema,) = cursor.fetchone()
    return (
        sql.SQL(_TEMPLATE)
        .format(
            schema=sql.Identifier(schema),
            role=sql.Identifier(role),
            kept=sql.SQL(", ").join(sql.Identifier(table) for table in KEPT),
        )
        .as_string(connection.connection)
    )
