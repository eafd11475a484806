"""A branch that is written to fast, and what is to be seen of that."""

from __future__ import annotations

import itertools
import logging
import re
import threading
from typing import TYPE_CHECKING, Any, Final

import psycopg2

if TYPE_CHECKING:
    from branchpg_harness.stack import Stack

__all__ = ["Load", "has_spare", "postgres_timeline", "spares", "whole"]

_LOG: Final = logging.getLogger(__name__)


class Load:
    """Writes to a branch, more than a megabyte a second, and counts."""

    def __init__(self, stack: Stack, branch: str = "main") -> None:
        self.acknowledged = 0
        self._stack = stack
        self._branch = branch
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> Load:
        self._ask("CREATE TABLE IF NOT EXISTS written (n int)")
        self._ask("CREATE TABLE IF NOT EXISTS bulk (s text)")
        self.acknowledged = self._ask("SELECT coalesce(max(n), 0) FROM written")
        self._add(self.acknowledged + 1)  # whoever looks from now on finds a commit
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._end.set()
        self._thread.join()

    def _ask(self, statement: str) -> Any:
        return self._stack.sql(statement, branch=self._branch)

    def _write(self) -> None:
        for n in itertools.count(self.acknowledged + 1):
            if self._end.wait(0.2):
                return
            while not self._end.is_set():
                try:
                    self._add(n)
                    break
                except psycopg2.Error:  # it restarts; the commit may be there or not
                    self._end.wait(0.1)

    def _add(self, n: int) -> None:
        with (
            self._stack.connect(self._branch) as connection,
            connection.cursor() as cursor,
        ):
            if n % 50 == 0:
                cursor.execute("TRUNCATE bulk")
            cursor.execute(
                "INSERT INTO bulk SELECT repeat('x', 1000) FROM generate_series(1, 600)"
            )
            cursor.execute(
                "INSERT INTO written SELECT %s WHERE %s NOT IN (SELECT n FROM written)",
                (n, n),
            )
        self.acknowledged = n


def spares(stack: Stack, branch: str = "main") -> int:
    """Return how many spares a branch has."""
    text = stack.http("pageserver").raw("GET", "/metrics").decode()
    timeline = stack.timeline(branch)
    found = re.search(rf'^pageserver_spares{{.*"{timeline}"}} ([\d.]+)', text, re.M)
    assert found
    return int(float(found[1]))


def has_spare(stack: Stack, branch: str = "main") -> bool:
    return spares(stack, branch) >= 1  # and another one where a snapshot is soon due


def postgres_timeline(stack: Stack, branch: str) -> int:
    """Return PostgreSQL's timeline, which has nothing to do with that of a branch."""
    found = "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)"
    return int(stack.sql(found, branch=branch), 16)


def whole(stack: Stack, branch: str, since: int) -> bool:
    """Return whether a branch has every commit up to one, and none twice."""
    found = stack.sql(
        "SELECT coalesce(array_agg(n ORDER BY n), '{}') FROM written", branch=branch
    )
    expected = range(1, max([since, *found]) + 1)
    if found == [*expected]:
        return True
    missing = sorted({*expected} - {*found})
    _LOG.error("%s: %d commits, not there: %s", branch, len(found), missing)
    return False
