"""What the database's schema really is."""

from psycopg import Connection
from psycopg.rows import DictRow

from dispatcher.adapters.database import execute, translated


def revision(connection: Connection[DictRow]) -> str | None:
    """The schema's revision, None where no migration ever ran."""
    with translated():
        there = connection.execute("SELECT to_regclass('alembic_version') AS there").fetchall()[0]["there"]
    if there is None:
        return None
    rows = execute(connection, "SELECT version_num FROM alembic_version", {})
    return rows[0]["version_num"] if rows else None


def columns(connection: Connection[DictRow], table: str) -> frozenset[str]:
    """The names of a table's columns that we may use; empty where there is no such table."""
    # As information_schema.columns tells it, for a twentieth of what that view costs at each start.
    statement = """
    SELECT attname::text FROM pg_attribute
    WHERE attrelid = to_regclass(%(table)s) AND attnum > 0 AND NOT attisdropped
      AND has_column_privilege(attrelid, attnum, 'SELECT, INSERT, UPDATE, REFERENCES')
    """
    return frozenset(row["attname"] for row in execute(connection, statement, {"table": table}))


def unique_columns(connection: Connection[DictRow], table: str) -> list[frozenset[str]]:
    """The column sets on which the table has a unique index."""
    statement = """
    SELECT array_agg(a.attname::text) AS columns
    FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
    WHERE i.indrelid = to_regclass(%(table)s) AND i.indisunique
    GROUP BY i.indexrelid
    """
    return [frozenset(row["columns"]) for row in execute(connection, statement, {"table": table})]
