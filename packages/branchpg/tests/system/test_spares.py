"""Branches of a parent that is written to fast: one is kept ready, and taken."""

from __future__ import annotations

import contextlib
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from branchpg_harness.load import Load, has_spare, postgres_timeline, spares, whole
from branchpg_harness.stack import Stack, postmasters, wait_for

from branchpg.errors import BranchpgError
from branchpg.postgres.server import postmaster
from branchpg.store import clone

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(180)


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


def settled(stack: Stack) -> int:
    """Return how many spares became snapshots until now."""
    return stack.log("pageserver").count("spare settled at")


def promoted(stack: Stack) -> int:
    """Return how many spares became branches until now."""
    return stack.log("pageserver").count("spare promoted at")


def followers(stack: Stack) -> list[int]:
    return list(postmasters(f"{stack.root}/pageserver/staging"))


def test_a_branch_takes_the_spare_and_the_next_one_is_made(
    stack: Stack, load: Load
) -> None:
    wait_for(lambda: has_spare(stack), "a spare of a busy branch")
    stack.sql("ALTER SYSTEM SET work_mem = '7MB'")
    for name in ("first", "second"):
        wait_for(lambda: has_spare(stack), "a spare")
        before, acknowledged = promoted(stack), load.acknowledged
        stack.create(name)
        assert promoted(stack) == before + 1
        assert whole(stack, name, acknowledged)
        # What is in no log comes along.
        assert stack.sql("SHOW work_mem", branch=name) == "7MB"
        assert postgres_timeline(stack, name) == 2
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
    stack.suspend()
    wait_for(lambda: not followers(stack), "no follower of a branch that sleeps")
    assert whole(stack, "main", 1)


def test_none_are_kept_where_none_are_wanted(stack: Stack) -> None:
    with Stack() as other, Load(other):
        content = {"tenant_id": other.tenant, "spares": 0}
        other.http("pageserver").send("PATCH", "/v1/tenant/config", content, dict)
        with Load(stack):
            wait_for(lambda: has_spare(stack), "a spare where they are wanted")
        assert spares(other) == 0


def test_where_files_are_copied_the_first_branch_asks_for_one(stack: Stack) -> None:
    with Stack() as other, Load(other) as load:
        if clone.probe(other.root).shares:
            pytest.skip("files share their blocks here")
        with Load(stack):
            wait_for(lambda: has_spare(stack), "a spare where they are wanted")
        assert spares(other) == 0
        other.create("first")
        wait_for(lambda: has_spare(other), "a spare for the next one")
        before, acknowledged = promoted(other), load.acknowledged
        other.create("second")
        assert promoted(other) == before + 1
        assert whole(other, "second", acknowledged)
