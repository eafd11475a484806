"""A random walk: whatever was done before, each branch has what it should have.

After Neon's `random_ops`: branches are made from heads and from points of the past,
written to, reset, restored, put to sleep, killed and deleted, and a model says what is
in each of them.
"""

from __future__ import annotations

import os
import random
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import psycopg2
import pytest
from branchpg_harness.stack import Stack, wait_for

from branchpg.postgres.server import postmaster

if TYPE_CHECKING:
    from collections.abc import Iterator

    Numbers: TypeAlias = frozenset[int]

STEPS = 60
MOST = 6  # branches at a time

pytestmark = pytest.mark.timeout(300)


@dataclass
class Branch:
    """What a branch should be: its rows now, and at moments since it began."""

    parent: str | None
    rows: Numbers
    points: list[tuple[str, Numbers]] = field(default_factory=list)


class Walk:
    """A project, the model of it, and a source of chance."""

    def __init__(self, stack: Stack, seed: int) -> None:
        self.stack = stack
        self.chance = random.Random(seed)
        self.branches = {"main": Branch(None, frozenset())}
        self.told: list[str] = []
        self._names = 0
        self._numbers = 0

    def step(self) -> None:
        """Do something, and look at the branch that it was done to."""
        operations = [
            *[self.write] * 6,
            *[self.branch_off] * 3,
            *[self.branch_off_the_past] * 2,
            self.reset,
            self.restore,
            self.delete,
            self.sleep,
            self.kill,
            self.snapshot,
        ]
        name = self.chance.choice(sorted(self.branches))
        operation = self.chance.choice(operations)
        self.told.append(f"{operation.__name__} {name}")
        operation(name)

    def write(self, name: str) -> None:
        branch = self.branches[name]
        new = frozenset(
            range(self._numbers, self._numbers + self.chance.choice([1, 500]))
        )
        self._numbers += len(new)
        gone = frozenset(n for n in branch.rows if self.chance.random() < 0.1)
        with self.stack.connect(name) as connection, connection.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("INSERT INTO t SELECT unnest(%s)", (sorted(new),))
            cursor.execute("DELETE FROM t WHERE n = ANY (%s)", (sorted(gone),))
            cursor.execute("COMMIT")
            cursor.execute("SELECT pg_current_wal_insert_lsn()")
            row = cursor.fetchone()
        assert row
        branch.rows = (branch.rows | new) - gone
        branch.points.append((row[0], branch.rows))

    def branch_off(self, name: str) -> None:
        if len(self.branches) < MOST:
            new = self._name()
            self.stack.create(new, name)
            self.branches[new] = Branch(name, self.branches[name].rows)

    def branch_off_the_past(self, name: str) -> None:
        points = self.branches[name].points
        if points and len(self.branches) < MOST:
            lsn, rows = self.chance.choice(points)
            new = self._name()
            self.stack.create(new, name, parent_lsn=lsn)
            self.branches[new] = Branch(name, rows)

    def reset(self, name: str) -> None:
        branch = self.branches[name]
        if branch.parent and not self._children(name):
            self.stack.branch("POST", f"/{name}/reset")
            self.branches[name] = Branch(
                branch.parent, self.branches[branch.parent].rows
            )

    def restore(self, name: str) -> None:
        branch = self.branches[name]
        if not branch.points or len(self.branches) >= MOST:
            return
        lsn, rows = self.chance.choice(branch.points)
        kept = self._name()
        self.stack.branch(
            "POST",
            f"/{name}/restore",
            source_branch_id="^self",
            source_lsn=lsn,
            preserve_under_name=kept,
        )
        # What it was goes on under the other name, with its history and its children.
        self.branches[kept] = branch
        for child in self._children(name):
            self.branches[child].parent = kept
        self.branches[name] = Branch(kept, rows)

    def delete(self, name: str) -> None:
        if name != "main" and not self._children(name):
            self.stack.branch("DELETE", f"/{name}")
            del self.branches[name]

    def sleep(self, name: str) -> None:
        self.stack.suspend(name)

    def kill(self, name: str) -> None:
        """Kill a branch's server as if the memory were short."""
        endpoint = self.stack.endpoint(name)["id"]
        pgdata = f"{self.stack.root}/compute/endpoints/{endpoint}/pgdata"
        running = postmaster(pgdata)
        if running:
            os.kill(running.pid, signal.SIGKILL)
            wait_for(lambda: self._answers(name), f"{name} comes back")

    def snapshot(self, name: str) -> None:
        self.stack.api("PUT", f"/timeline/{self.stack.timeline(name)}/checkpoint", {})

    def check(self) -> None:
        """Compare every branch with the model."""
        for name, branch in self.branches.items():
            found = self.stack.sql("SELECT array_agg(n) FROM t", branch=name)
            assert frozenset(found or ()) == branch.rows, f"{name} after {self.told}"
            assert len(found or ()) == len(branch.rows)

    def _answers(self, name: str) -> bool:
        try:
            return bool(self.stack.sql("SELECT true", branch=name))
        except psycopg2.OperationalError:  # its last connections may break once more
            return False

    def _children(self, name: str) -> list[str]:
        return [child for child, one in self.branches.items() if one.parent == name]

    def _name(self) -> str:
        self._names += 1
        return f"b{self._names}"


@pytest.fixture
def stack() -> Iterator[Stack]:
    with Stack() as started:
        yield started


@pytest.mark.parametrize("seed", range(4))
def test_every_branch_has_what_it_should(stack: Stack, seed: int) -> None:
    stack.sql("CREATE TABLE t (n int)")
    walk = Walk(stack, seed)
    for number in range(STEPS):
        try:
            walk.step()
        except Exception as error:
            error.add_note(f"seed {seed}, after {walk.told}")
            raise
        if number % 10 == 9:
            walk.check()
