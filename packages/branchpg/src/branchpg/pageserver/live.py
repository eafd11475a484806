"""What a running compute is asked: where its log is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg2

from branchpg.errors import TryLater
from branchpg.lsn import Lsn

if TYPE_CHECKING:
    from branchpg.store.catalog import Attachment

__all__ = ["Unreachable", "flushed_lsn"]


class Unreachable(TryLater):
    """A compute that is said to run a timeline does not answer."""


def flushed_lsn(running: Attachment) -> Lsn:
    """Return an LSN after every commit that was acknowledged until now.

    Raises:
        Unreachable: the compute does not answer.
    """
    try:
        connection = psycopg2.connect(running.dsn or "")
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_current_wal_flush_lsn()")
                row = cursor.fetchone()
        finally:
            connection.close()
    except psycopg2.Error as error:
        raise Unreachable(
            f"endpoint {running.endpoint_id} does not answer: {error}"
        ) from error
    if row is None:
        raise TryLater(f"endpoint {running.endpoint_id} does not tell its position")
    return Lsn.parse(row[0])
