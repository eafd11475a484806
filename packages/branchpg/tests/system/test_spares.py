"""Branches of a parent that is written to fast: one is kept ready, and taken."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psycopg2
import pytest
from branchpg_harness.stack import Stack, postmasters, wait_for

from branchpg.errors import BranchpgError
from branchpg.postgres.server import postmaster

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(180)


class Load:
    """Writes to the default branch, more than a megabyte a second, and counts."""

    def __init__(self, stack: Stack) -> None:
        self.acknowledged = 0
        self._stack = stack
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> Load:
        self._stack.sql("CREATE TABLE IF NOT EXISTS written (n int)")
        self._stack.sql("CREATE TABLE IF NOT EXISTS bulk (s text)")
        self.acknowledged = self._stack.sql("SELECT coalesce(max(n), 0) FROM written")
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._end.set()
        self._thread.join()

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
        with self._stack.connect() as connection, connection.cursor() as cursor:
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


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack() as started:
        # Also where files are copied in full, which is not so without a word.
        content = {"tenant_id": started.tenant, "spares": 1}
        started.http("pageserver").send("PATCH", "/v1/tenant/config", content, dict)
        yield started


@pytest.fixture
def load(stack: Stack) -> Iterator[Load]:
    with Load(stack) as running:
        yield running


def spares(stack: Stack) -> int:
    """Return how many spares the default branch has."""
    text = stack.http("pageserver").raw("GET", "/metrics").decode()
    timeline = stack.timeline("main")
    found = re.search(rf'^pageserver_spares{{.*"{timeline}"}} ([\d.]+)', text, re.M)
    assert found
    return int(float(found[1]))


def has_spare(stack: Stack) -> bool:
    return spares(stack) >= 1  # and another one where a snapshot is soon due


def settled(stack: Stack) -> int:
    """Return how many spares became something until now."""
    return stack.log("pageserver").count("spare settled at")


def followers(stack: Stack) -> list[int]:
    return list(postmasters(f"{stack.root}/pageserver/staging"))


def whole(stack: Stack, branch: str, since: int) -> bool:
    """Return whether a branch has every commit up to one, and none twice."""
    count, last = stack.sql("SELECT count(*), max(n) FROM written", branch=branch)[0]
    return count == last >= since


def test_a_branch_takes_the_spare_and_the_next_one_is_made(
    stack: Stack, load: Load
) -> None:
    wait_for(lambda: has_spare(stack), "a spare of a busy branch")
    stack.sql("ALTER SYSTEM SET work_mem = '7MB'")
    for name in ("first", "second"):
        wait_for(lambda: has_spare(stack), "a spare")
        before, acknowledged = settled(stack), load.acknowledged
        stack.create(name)
        assert settled(stack) == before + 1
        assert whole(stack, name, acknowledged)
        # What is in no log comes along, and PostgreSQL's timeline stays the same.
        assert stack.sql("SHOW work_mem", branch=name) == "7MB"
        timeline = "SELECT timeline_id FROM pg_control_checkpoint()"
        assert stack.sql(timeline, branch=name) == 1
        stack.sql("DELETE FROM written", branch=name)
    assert load.acknowledged
    # And a branch of such a branch goes back to before it took the spare, too.
    point = stack.branch("GET", "/first")["branch"]["parent_lsn"]
    stack.create("at", "main", parent_lsn=point)
    assert whole(stack, "at", 1)


def test_several_at_once_are_each_complete(stack: Stack, load: Load) -> None:
    wait_for(lambda: has_spare(stack), "a spare")
    acknowledged = load.acknowledged
    names = [f"several-{n}" for n in range(3)]
    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(stack.create, names))
    assert all(whole(stack, name, acknowledged) for name in names)


def test_a_snapshot_takes_a_spare_and_leaves_one(stack: Stack, load: Load) -> None:
    wait_for(lambda: has_spare(stack), "a spare")
    before = settled(stack)
    stack.api("PUT", f"/timeline/{stack.timeline('main')}/checkpoint", {})
    assert settled(stack) == before + 1
    assert has_spare(stack)
    stack.create("of-snapshot", parent_lsn=str(stack.lsn()))
    assert whole(stack, "of-snapshot", 1)


def test_a_follower_that_was_killed_is_done_without(stack: Stack, load: Load) -> None:
    wait_for(lambda: has_spare(stack), "a spare")
    for pid in followers(stack):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    acknowledged = load.acknowledged
    stack.create("without")
    assert whole(stack, "without", acknowledged)


def test_a_parent_that_was_killed_comes_back_with_all_that_counts(
    stack: Stack, load: Load
) -> None:
    wait_for(lambda: has_spare(stack), "a spare")
    acknowledged = load.acknowledged
    pgdata = f"{stack.root}/compute/endpoints/{stack.endpoint('main')['id']}/pgdata"
    running = postmaster(pgdata)
    assert running
    os.kill(running.pid, signal.SIGKILL)
    stack.create("after-kill")
    assert whole(stack, "after-kill", acknowledged)
    assert whole(stack, "main", acknowledged)


@pytest.mark.parametrize("step", [1, 3, 5])
def test_the_pageserver_dies_while_a_branch_takes_the_spare(
    stack: Stack, load: Load, step: int
) -> None:
    wait_for(lambda: has_spare(stack), "a spare")
    acknowledged = load.acknowledged
    stack.http("pageserver").send("PUT", "/v1/failpoints", {"kill_at": step}, dict)
    with pytest.raises((BranchpgError, OSError)):
        stack.create(f"killed-{step}")
    stack.kill("pageserver")
    stack.start("pageserver")
    wait_for(lambda: not followers(stack), "followers end with their pageserver")
    names = [one["name"] for one in stack.branch("GET")["branches"]]
    if f"killed-{step}" not in names:
        stack.create(f"killed-{step}")
    assert whole(stack, f"killed-{step}", acknowledged)


def test_a_branch_that_sleeps_has_none(stack: Stack) -> None:
    with Load(stack):
        wait_for(lambda: has_spare(stack), "a spare")
    stack.http("compute").raw(
        "POST", f"/endpoints/{stack.endpoint('main')['id']}/suspend"
    )
    wait_for(lambda: not followers(stack), "no follower of a branch that sleeps")
    assert whole(stack, "main", 1)


def test_none_are_kept_where_none_are_wanted(stack: Stack) -> None:
    with Stack() as other, Load(other):
        content = {"tenant_id": other.tenant, "spares": 0}
        other.http("pageserver").send("PATCH", "/v1/tenant/config", content, dict)
        with Load(stack):
            wait_for(lambda: has_spare(stack), "a spare where they are wanted")
        assert spares(other) == 0
