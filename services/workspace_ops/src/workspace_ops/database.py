"""Connections to the stack's database, and its programs."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import psycopg2

from branchpg.postgres import programs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from psycopg2.extensions import connection as Connection

    from workspace_ops.settings import Settings

__all__ = ["connected", "program", "rows", "value"]


@contextlib.contextmanager
def connected(settings: Settings, branch: str | None = None) -> Iterator[Connection]:
    """Yield a connection to a branch; None is the default one.

    What was done is committed by whoever asked for it, or is gone.
    """
    connection = psycopg2.connect(**settings.dsn(branch))  # type: ignore[call-overload]
    try:
        yield connection
    finally:
        connection.close()


def rows(
    connection: Connection, statement: Any, arguments: Sequence[Any] = ()
) -> list[tuple[Any, ...]]:
    """Return the rows that a statement answers; none where it answers nothing."""
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments or None)
        return cursor.fetchall() if cursor.description else []


def value(connection: Connection, statement: Any, arguments: Sequence[Any] = ()) -> Any:
    """Return the first column of the first row, None where there is no row."""
    found = rows(connection, statement, arguments)
    return found[0][0] if found else None


def program(settings: Settings, name: str) -> str:
    """Return the file of one of PostgreSQL's programs."""
    return programs.find(settings.variables).path(name)
