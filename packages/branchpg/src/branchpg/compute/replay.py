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

__all__ = ["wait_for_replay"]

_SECONDS: Final = 600.0
_LOOK_SECONDS: Final = 0.005
_QUERY: Final = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"


def wait_for_replay(dsn: str, lsn: Lsn) -> None:
    """Wait until a standby has replayed up to an LSN.

    Raises:
        TryLater: it did not come so far, or does not answer.
    """
    try:
        connection = psycopg2.connect(dsn)
        connection.autocommit = True
        with contextlib.closing(connection):
            _watch(connection, lsn)
    except psycopg2.Error as error:
        raise TryLater(f"the endpoint does not answer: {error}") from error


def _watch(connection: psycopg2.extensions.connection, lsn: Lsn) -> None:
    deadline = time.monotonic() + _SECONDS
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(_QUERY, (str(lsn),))
            row = cursor.fetchone()
            if row and row[0]:
                return
            threading.Event().wait(_LOOK_SECONDS)
    raise TryLater(f"the endpoint did not replay up to {lsn} in {_SECONDS:.0f} s")
