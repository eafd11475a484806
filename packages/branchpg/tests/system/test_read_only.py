"""Endpoints that only read show what had committed where they stand, and no more.

They are PostgreSQL's standbys, which learn from the log which transactions run: the
snapshots here are taken while that is not what a reader is to see.
"""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from branchpg_harness.stack import Stack, query, wait_for

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"

pytestmark = pytest.mark.timeout(180)


def take_snapshot(stack: Stack, branch: str) -> None:
    stack.api("PUT", f"/timeline/{stack.timeline(branch)}/checkpoint", {})


def read(stack: Stack, branch: str, statement: str) -> object:
    """Ask an endpoint at the head that only reads."""
    added = stack.branch("POST", f"/{branch}/endpoints", type="read_only")
    reader = stack.open(options=f"endpoint={added['endpoint']['id']}")
    with contextlib.closing(reader), reader.cursor() as cursor:
        assert query(cursor, "SELECT pg_is_in_recovery()")
        return query(cursor, statement)


def test_a_commit_that_waits_for_its_safekeepers_during_a_snapshot_is_seen(
    stack: Stack,
) -> None:
    """It has committed, while the log still tells of it as of one that runs."""
    stack.create("waits")
    stack.sql("SELECT 1", branch="waits")
    with ThreadPoolExecutor(2) as pool:
        with stack.held("safekeeper1"):
            commit = pool.submit(
                stack.sql, "CREATE TABLE t AS SELECT 1 AS a", branch="waits"
            )
            wait_for(
                lambda: stack.sql(WAITING, branch="waits"),
                "the commit waits for its safekeeper",
            )
            before = stack.log("pageserver").count("copy of")
            snapshot = pool.submit(take_snapshot, stack, "waits")
            wait_for(
                lambda: stack.log("pageserver").count("copy of") > before,
                "the snapshot is taken",
            )
        commit.result()
        snapshot.result()
    assert read(stack, "waits", "SELECT a FROM t") == 1


def test_a_transaction_of_many_savepoints_during_a_snapshot_keeps_no_reader_out(
    stack: Stack,
) -> None:
    """A standby takes no connections as long as the log may lack some that run."""
    stack.create("savepoints")
    stack.sql("CREATE TABLE t AS SELECT 0 AS a", branch="savepoints")
    writer = stack.open("savepoints")
    with contextlib.closing(writer), writer.cursor() as cursor:
        cursor.execute("BEGIN")
        for n in range(100):  # PostgreSQL's shared memory has room for 64
            cursor.execute("SAVEPOINT s%s; INSERT INTO t VALUES (%s)", (n, n))
        take_snapshot(stack, "savepoints")
        assert read(stack, "savepoints", "SELECT count(*) FROM t") == 1
        cursor.execute("COMMIT")
    assert read(stack, "savepoints", "SELECT count(*) FROM t") == 101
