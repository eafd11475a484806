"""The profile `ha`: three safekeepers, of which any two make a commit last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from workspace_harness.client import wait_for
from workspace_stack import Workspace, workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.xdist_group("workspace-quorum"), pytest.mark.timeout(240)]
KEEPERS = [
    "workspace-db-safekeeper",
    "workspace-db-safekeeper-2",
    "workspace-db-safekeeper-3",
]


@pytest.fixture(scope="module")
def stack() -> Iterator[Workspace]:
    # Begun with one, as most are, and taken over as the guide says.
    with workspace() as single:
        single.add("written with one")
        single.yard("dump", "one.dump")
        single.yard("down", "-v", "-y")
        found = Workspace(single.root, single.home, single.ports, ("ha",))
        found.yard("up", "-d", "--wait")
        found.yard("load", "one.dump")
        yield found


def standbys(stack: Workspace) -> list[str]:
    with stack.database() as cursor:
        cursor.execute(
            "SELECT application_name FROM pg_stat_replication"
            " WHERE application_name ~ '^safekeeper' ORDER BY 1"
        )
        return [name for (name,) in cursor.fetchall()]


def test_a_quorum_of_three_is_asked_for(stack: Workspace) -> None:
    wait_for(lambda: len(standbys(stack)) == 3, "three safekeepers receive")
    with stack.database() as cursor:
        cursor.execute("SHOW synchronous_standby_names")
        (names,) = cursor.fetchone()
    assert names.startswith("ANY 2 (")
    assert "written with one" in stack.titles()


@pytest.mark.parametrize("keeper", KEEPERS)
def test_any_one_of_them_may_be_missing(stack: Workspace, keeper: str) -> None:
    wait_for(lambda: len(standbys(stack)) == 3, "three safekeepers receive")
    stack.yard("kill", keeper)
    stack.yard("stop", keeper)
    try:
        stack.add(f"written without {keeper}")
        assert f"written without {keeper}" in stack.titles()
    finally:
        stack.yard("start", "--wait", keeper)


def test_a_read_replica_follows(stack: Workspace) -> None:
    stack.yard("branch", "add-compute", "main", "--type", "read_only")
    stack.add("seen on the replica")
    asked = (
        "SELECT count(*) FROM workspace.workspace_items"
        " WHERE title = 'seen on the replica'"
    )
    where = ("psql", "main", "--endpoint-type", "read_only", "--", "-Atc")

    wait_for(lambda: stack.yard(*where, asked) == "1\n", "the replica has it")

    refused = stack.run(*where, "DELETE FROM workspace.workspace_items")
    assert "read-only transaction" in refused.stderr
