"""Counts and checksums of tables, by which two copies are found to be equal.

A checksum is the sum of 64 bits of each row's MD5: independent of the order of rows,
and the same on every version of PostgreSQL. It finds mistakes, not forgeries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from psycopg2 import sql

from workspace_ops.database import rows, value

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

__all__ = ["Table", "of_schema"]

_NAMES: Final = (
    "SELECT table_name FROM information_schema.tables"
    " WHERE table_schema = %s AND table_type = 'BASE TABLE' ORDER BY 1"
)
_SUM: Final = (
    "SELECT count(*), coalesce(sum(('x' || substr(md5(t::text), 1, 16))"
    "::bit(64)::bigint), 0)::text FROM {} t"
)
# A row as text depends on them.
_SETTINGS: Final = (
    "SET LOCAL timezone = 'UTC'",
    "SET LOCAL datestyle = 'ISO, YMD'",
    "SET LOCAL intervalstyle = 'postgres'",
    "SET LOCAL bytea_output = 'hex'",
    "SET LOCAL extra_float_digits = 1",
)


class Table(msgspec.Struct, frozen=True):
    """What a table holds."""

    count: int
    checksum: str


def of_schema(connection: Connection, schema: str) -> dict[str, Table]:
    """Return the tables of a schema, within the transaction that is open."""
    for statement in _SETTINGS:
        rows(connection, statement)
    names = [name for (name,) in rows(connection, _NAMES, [schema])]
    return {name: _table(connection, schema, name) for name in names}


def _table(connection: Connection, schema: str, name: str) -> Table:
    asked = sql.SQL(_SUM).format(sql.Identifier(schema, name))
    ((count, checksum),) = rows(connection, asked)
    return Table(int(count), str(checksum))


def is_empty(connection: Connection, schema: str, name: str) -> bool:
    """Return whether a table has no rows; one that is not there has none."""
    found = value(connection, "SELECT to_regclass(%s)", [f"{schema}.{name}"])
    if found is None:
        return True
    asked = sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(schema, name))
    return value(connection, asked) is None
