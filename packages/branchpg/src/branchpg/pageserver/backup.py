"""PostgreSQL's backup mode, in which a copy of a running server's files is good."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import psycopg2

from branchpg.errors import BranchpgError, TryLater
from branchpg.lsn import Lsn
from branchpg.pageserver.live import Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from branchpg.store.catalog import Attachment

__all__ = ["Backup", "backup"]


class Backup:
    """A backup that goes on; `redo` is where its label lets replay begin."""

    def __init__(self, connection: psycopg2.extensions.connection, redo: Lsn) -> None:
        self._connection = connection
        self.redo = redo

    def stop(self) -> tuple[Lsn, str]:
        """End the backup; return where it is consistent, and its label."""
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT lsn, labelfile FROM pg_backup_stop(false)")
            row = cursor.fetchone()
        if row is None:
            raise BranchpgError("pg_backup_stop returned nothing")
        return Lsn.parse(row[0]), row[1]


@contextlib.contextmanager
def backup(running: Attachment) -> Iterator[Backup]:
    """Let a server write WAL that makes a copy of its files consistent."""
    if running.dsn is None:
        raise TryLater(f"endpoint {running.endpoint_id} is still starting")
    try:
        connection = psycopg2.connect(running.dsn)
    except psycopg2.OperationalError as error:
        raise Unreachable(
            f"endpoint {running.endpoint_id} does not answer: {error}"
        ) from error
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backup_start('branchpg', true)")
            row = cursor.fetchone()
        if row is None:
            raise BranchpgError("pg_backup_start returned nothing")
        yield Backup(connection, Lsn.parse(row[0]))
    except psycopg2.Error as error:
        raise TryLater(f"the snapshot failed: {error}") from error
    finally:
        connection.close()  # which ends a backup that was not stopped, too
