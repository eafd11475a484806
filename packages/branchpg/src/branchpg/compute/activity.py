"""Whether an endpoint is in use, by Neon's rules."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import psycopg2

from branchpg.errors import BranchpgError
from branchpg.lsn import Lsn
from branchpg.postgres import follower

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

__all__ = ["Activity", "Observer"]

_QUERY: Final = """
SELECT
    (SELECT sum(active_time) FILTER (WHERE datname <> 'postgres') + sum(sessions)
        FROM pg_stat_database),
    (SELECT max(state_change) FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
        AND usename <> 'cloud_admin'),
    EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'client backend'
        AND pid <> pg_backend_pid() AND usename <> 'cloud_admin' AND state <> 'idle'),
    (SELECT count(DISTINCT application_name) FROM pg_stat_replication
        WHERE application_name = ANY (%s) AND state = 'streaming'),
    EXISTS (SELECT FROM pg_stat_replication WHERE application_name <> ALL (%s)),
    EXISTS (SELECT FROM pg_stat_subscription WHERE pid IS NOT NULL),
    EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'autovacuum worker')
"""

_DROP_SLOTS: Final = """
WITH dropped AS MATERIALIZED (
    SELECT slot_name::text, pg_drop_replication_slot(slot_name)
    FROM pg_replication_slots
    WHERE slot_name = ANY (%s) AND NOT active AND restart_lsn < %s
) SELECT array_agg(slot_name) FROM dropped
"""


@dataclass(frozen=True)
class Activity:
    """What was seen of a server at one moment.

    `safekeepers` is how many of them receive. `is_busy` forbids to suspend whatever the
    time: a statement or transaction runs, a replica or subscription is connected, or
    autovacuum works. `work` grows with statements and sessions; the time that our own
    statements take in the database postgres is left out.
    """

    work: float
    changed: datetime | None
    safekeepers: int
    is_busy: bool


class Observer:
    """Asks a server how busy it is, and other things, on one connection it keeps."""

    def __init__(self, dsn: str, safekeepers: Sequence[str]) -> None:
        self._dsn = dsn
        self._safekeepers = list(safekeepers)
        self._connection: psycopg2.extensions.connection | None = None
        self._asking = threading.Lock()

    def look(self) -> Activity:
        """Return what goes on; raise BranchpgError where the server does not answer."""
        names = self._safekeepers
        row = self.ask(_QUERY, (names, [*names, follower.NAME]))
        if row is None:
            raise BranchpgError("cannot see activity: no answer")
        work, changed, running, safekeepers, *busy = row
        is_busy = running or any(busy)
        return Activity(float(work or 0), changed, safekeepers, is_busy)

    def flushed(self) -> Lsn:
        """Return the end of its log; raise BranchpgError as `look` does."""
        row = self.ask("SELECT pg_current_wal_flush_lsn()", ())
        if row is None:
            raise BranchpgError("cannot see the end of the log: no answer")
        return Lsn.parse(row[0])

    def keep_from(self, lsn: Lsn) -> list[str]:
        """Keep no log from before, whichever safekeeper is away; return those."""
        row = self.ask(_DROP_SLOTS, (self._safekeepers, str(lsn)))
        return row[0] or [] if row else []

    def ask(self, query: str, arguments: Sequence[object]) -> tuple[Any, ...] | None:
        """Return the first row of an answer; raise BranchpgError as `look` does."""
        try:
            with self._asking:
                if self._connection is None:
                    self._connection = psycopg2.connect(self._dsn)
                    self._connection.autocommit = True
                with self._connection.cursor() as cursor:
                    cursor.execute(query, arguments)
                    return cursor.fetchone()
        except psycopg2.Error as error:
            self.close()
            raise BranchpgError(f"cannot see activity: {error}") from error

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
