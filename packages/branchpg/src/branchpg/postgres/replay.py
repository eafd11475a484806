"""How far a server that only reads has come."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Final

import psycopg2

from branchpg.errors import TryLater

if TYPE_CHECKING:
    from branchpg.lsn import Lsn

__all__ = ["until", "until_replayed", "wait_for_replay"]

_SECONDS: Final = 600.0
_LOOK_SECONDS: Final = 0.005


def wait_for_replay(dsn: str, lsn: Lsn) -> None:
    """Wait until a standby has replayed up to an LSN.

    Raises:
        TryLater: it did not come so far, or does not answer.
    """
    try:
        connection = psycopg2.connect(dsn)
        connection.autocommit = True
        with contextlib.closing(connection), connection.cursor() as cursor:
            until_replayed(cursor, lsn, _SECONDS)
    except psycopg2.Error as error:
        raise TryLater(f"the server does not answer: {error}") from error


def until_replayed(cursor: psycopg2.extensions.cursor, lsn: Lsn, within: float) -> None:
    """Wait until the server of a cursor has replayed up to an LSN.

    Raises:
        TryLater: it did not come so far within some seconds.
    """
    statement = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
    if not until(cursor, statement, (str(lsn),), within):
        raise TryLater(f"the server did not replay up to {lsn} in {within:.0f} s")


def until(
    cursor: psycopg2.extensions.cursor,
    statement: str,
    arguments: tuple[object, ...],
    within: float,
) -> bool:
    """Ask until the answer is true; return False where it is not in time."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        cursor.execute(statement, arguments)
        row = cursor.fetchone()
        if row and row[0]:
            return True
        threading.Event().wait(_LOOK_SECONDS)
    return False
