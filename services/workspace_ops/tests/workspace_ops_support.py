"""What several test modules do to databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg2

from workspace_ops.database import connected, rows, value

if TYPE_CHECKING:
    from workspace_ops.settings import Settings


def answers(settings: Settings) -> bool:
    """Return whether a branch can be asked something; that starts its server."""
    try:
        with connected(settings) as connection:
            return bool(value(connection, "SELECT true"))
    except psycopg2.OperationalError:
        return False


def clear(settings: Settings) -> None:
    """Take away what tests leave, so that the schema can be made anew."""
    with connected(settings) as connection:
        connection.set_session(readonly=False, autocommit=True)
        for statement in (
            f'ALTER DATABASE "{settings.database}" RESET default_transaction_read_only',
            "DROP SCHEMA IF EXISTS workspace CASCADE",
            "DROP SCHEMA IF EXISTS workspace_ops CASCADE",
            "DROP TABLE IF EXISTS public.since",
            "DROP FUNCTION IF EXISTS public.spoil CASCADE",
        ):
            rows(connection, statement)


def execute(dsn: str, script: str) -> None:
    """Run statements outside of a transaction."""
    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(script)
    finally:
        connection.close()
