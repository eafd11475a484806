"""The old database, read only, as of one moment."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import psycopg2
from psycopg2 import extras, sql

from workspace_ops.database import rows, value
from workspace_ops.errors import OperationError
from workspace_ops.schema import CATEGORIES, ITEMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection as Connection

__all__ = ["Source", "opened"]

_BATCH: Final = 1000
_PLACES: Final = (
    "SELECT table_schema, table_name FROM information_schema.tables"
    " WHERE table_type = 'BASE TABLE' AND table_name = ANY(%s)"
    " AND table_schema NOT IN ('pg_catalog', 'information_schema')"
    " ORDER BY table_schema <> 'workspace', table_schema <> 'public', table_schema"
)
_COLUMNS: Final = (
    "SELECT column_name, data_type FROM information_schema.columns"
    " WHERE table_schema = %s AND table_name = %s"
)
_NEEDED: Final = frozenset({"id", "title", "category", "priority", "created_at"})


@dataclass(frozen=True)
class Source:
    """An old workspace.

    Attributes:
        name: what tells it from other databases: its cluster's id and its own name.
        schema: where its tables are.
        shape: `numbered` or `uuid`, by the type of an item's id.
        has_categories: whether it has a table of them at all.
    """

    connection: Connection
    name: str
    schema: str
    shape: str
    has_categories: bool

    def categories(self) -> list[dict[str, Any]]:
        """Return the rows of categories, in their order."""
        if not self.has_categories:
            return []
        columns = _columns(self.connection, self.schema, CATEGORIES)
        names = ("sort_order", "display_order", "name")
        order = next(name for name in names if name in columns)
        table = sql.Identifier(self.schema, CATEGORIES)
        asked = sql.SQL("SELECT * FROM {} ORDER BY {}, name")
        with self.connection.cursor(cursor_factory=extras.RealDictCursor) as cursor:
            cursor.execute(asked.format(table, sql.Identifier(order)))
            return [dict(row) for row in cursor.fetchall()]

    def items(self) -> Iterator[dict[str, Any]]:
        """Yield the rows of items, the oldest first, a batch at a time."""
        table = sql.Identifier(self.schema, ITEMS)
        asked = sql.SQL("SELECT * FROM {} ORDER BY created_at, id").format(table)
        with self.connection.cursor(
            "items", cursor_factory=extras.RealDictCursor
        ) as cursor:
            cursor.itersize = _BATCH
            cursor.execute(asked)
            for row in cursor:
                yield dict(row)


@contextlib.contextmanager
def opened(dsn: str) -> Iterator[Source]:
    """Yield the old workspace behind a connection string; nothing is written there.

    Raises:
        OperationError: it cannot be reached, or has no workspace.
    """
    try:
        connection = psycopg2.connect(dsn, connect_timeout=15)
    except psycopg2.Error as error:
        raise OperationError(
            f"cannot connect to the old database: {' '.join(str(error).split())}",
            hint="--from 'host=... port=... dbname=... user=...', the password in"
            " PGPASSWORD or ~/.pgpass",
        ) from error
    try:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        yield _found(connection)
    finally:
        connection.close()


def _found(connection: Connection) -> Source:
    places = rows(connection, _PLACES, [[ITEMS, CATEGORIES]])
    schemas = [schema for schema, table in places if table == ITEMS]
    if not schemas:
        raise OperationError(
            f"the old database has no table {ITEMS} in any schema",
            hint="name the database that held the workspace in --from",
        )
    schema = schemas[0]
    columns = _columns(connection, schema, ITEMS)
    missing = sorted(_NEEDED - columns.keys())
    if missing:
        raise OperationError(
            f"{schema}.{ITEMS} of the old database lacks {', '.join(missing)}",
            hint="it is no workspace of a shape that is known",
        )
    cluster = value(connection, "SELECT system_identifier FROM pg_control_system()")
    database = value(connection, "SELECT current_database()")
    return Source(
        connection=connection,
        name=f"{cluster}/{database}/{schema}",
        schema=schema,
        shape="uuid" if columns["id"] == "uuid" else "numbered",
        has_categories=(schema, CATEGORIES) in places,
    )


def _columns(connection: Connection, schema: str, table: str) -> dict[str, str]:
    return dict(rows(connection, _COLUMNS, [schema, table]))
