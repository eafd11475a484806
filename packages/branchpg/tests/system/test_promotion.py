"""Branches that begin as a promoted replica: on a timeline of PostgreSQL of their own.

Whatever is made of such a branch later begins with a copy from before that, and has to
find the way: from the timeline of its parent to its own one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from branchpg_harness.load import Load, has_spare, postgres_timeline, whole
from branchpg_harness.stack import Stack, postmasters, query, wait_for

from branchpg.errors import BadRequest, BranchpgError, Conflict, NotFound
from branchpg.lsn import Lsn, Segment
from branchpg.postgres import programs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SPARE_SECONDS = 120.0  # a copy in full, maybe, of a server that has much to do

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module", params=[1, 3])
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    with Stack(request.param) as started:
        keep_spares(started)
        with Load(started):
            yield started


def keep_spares(stack: Stack) -> None:
    """Also where files are copied in full, which is not so without a word."""
    content = {"tenant_id": stack.tenant, "spares": 1}
    stack.http("pageserver").send("PATCH", "/v1/tenant/config", content, dict)


def branch_off(stack: Stack, name: str, parent: str = "main") -> Lsn:
    """Make a branch of a busy one; return where it begins."""
    wait_for(lambda: has_spare(stack, parent), "a spare", SPARE_SECONDS)
    before = stack.log("pageserver").count("spare promoted at")
    made = stack.create(name, parent)
    assert stack.log("pageserver").count("spare promoted at") == before + 1
    return Lsn.parse(made["parent_lsn"])


def use(stack: Stack, branch: str) -> None:
    """Write something of its own to a branch."""
    assert whole(stack, branch, 1)
    assert postgres_timeline(stack, branch) == 2
    stack.sql("CREATE TABLE own AS SELECT generate_series(1, 1000) AS n", branch=branch)


def is_used(stack: Stack, branch: str) -> bool:
    """Return whether a branch has what it inherited and what `use` wrote."""
    own = stack.sql("SELECT count(*) FROM own", branch=branch)
    return whole(stack, branch, 1) and own == 1000


def place_of(stack: Stack, branch: str) -> str:
    """Return the directory of a branch's endpoint."""
    return f"{stack.root}/compute/endpoints/{stack.endpoint(branch)['id']}"


def segments(directory: str) -> list[str]:
    """Return the segments in a directory."""
    return list(filter(Segment.is_name, os.listdir(directory)))


def lose_data(stack: Stack, branch: str) -> None:
    """Let the endpoint of a branch have no directory any more."""
    stack.suspend(branch)
    shutil.rmtree(f"{place_of(stack, branch)}/pgdata")


def test_its_server_was_there_before_it(stack: Stack) -> None:
    branch_off(stack, "early")
    began = stack.branch("GET", "/early")["branch"]["created_at"]
    started = "SELECT pg_postmaster_start_time() < %s::timestamptz"
    assert stack.sql(started, began, branch="early")
    use(stack, "early")
    # The log of its parent goes: all of it is written out.
    log = f"{place_of(stack, 'early')}/pgdata/pg_wal"
    wait_for(lambda: {n[:8] for n in segments(log)} == {"00000002"}, "it settles in")
    # It is one like any other: it sleeps, and wakes on the same data.
    stack.suspend("early")
    assert is_used(stack, "early")
    assert postgres_timeline(stack, "early") == 2


def test_it_is_made_anew_from_before_it_was_promoted(stack: Stack) -> None:
    branch_off(stack, "lost")
    use(stack, "lost")
    for _ in range(2):
        lose_data(stack, "lost")
        assert is_used(stack, "lost")
        assert postgres_timeline(stack, "lost") == 2
        stack.sql("UPDATE own SET n = n", branch="lost")


def test_its_compute_is_killed_before_it_was_used(stack: Stack) -> None:
    branch_off(stack, "unused")
    branch_off(stack, "unused-and-lost")
    lost = f"{stack.root}/pageserver/tenants/{stack.tenant}/timelines/"
    lost += f"{stack.timeline('unused-and-lost')}/seed"
    stack.kill("compute")
    wait_for(lambda: not postmasters(lost), "its servers end with it")
    shutil.rmtree(lost)
    stack.start("compute")
    use(stack, "unused")
    # Nothing was written to it: it may as well begin as its parent ends.
    assert whole(stack, "unused-and-lost", 1)
    assert postgres_timeline(stack, "unused-and-lost") == 1


def test_its_compute_is_killed_while_it_is_used(stack: Stack) -> None:
    branch_off(stack, "killed")
    use(stack, "killed")
    stack.kill("compute")
    stack.start("compute")
    assert is_used(stack, "killed")
    assert postgres_timeline(stack, "killed") == 2


def test_a_server_that_nobody_comes_for_ends(stack: Stack) -> None:
    branch_off(stack, "late")
    seed = f"{stack.root}/pageserver/tenants/{stack.tenant}/timelines/"
    seed += f"{stack.timeline('late')}/seed"
    assert postmasters(seed)
    wait_for(lambda: not postmasters(seed), "it ends by itself")
    use(stack, "late")


def test_a_branch_that_is_deleted_unused_leaves_no_server(stack: Stack) -> None:
    branch_off(stack, "deleted")
    place = f"{stack.root}/pageserver/tenants/{stack.tenant}/timelines/"
    place += stack.timeline("deleted")
    assert postmasters(place)
    stack.branch("DELETE", "/deleted")
    assert not postmasters(place)
    assert not os.path.exists(place)


def test_branches_of_it_begin_before_and_after_the_promotion(stack: Stack) -> None:
    start = branch_off(stack, "parent")
    use(stack, "parent")
    end = stack.lsn("parent")
    stack.sql("DELETE FROM own", branch="parent")
    stack.create("at-start", "parent", parent_lsn=str(start))
    assert whole(stack, "at-start", 1)
    assert postgres_timeline(stack, "at-start") == 1
    assert stack.sql("SELECT to_regclass('own')", branch="at-start") is None
    stack.create("at-end", "parent", parent_lsn=str(end))
    stack.create("at-head", "parent")
    assert is_used(stack, "at-end")
    assert stack.sql("SELECT count(*) FROM own", branch="at-head") == 0
    for name in ("at-end", "at-head"):
        assert postgres_timeline(stack, name) == 2
        lose_data(stack, name)
        assert whole(stack, name, 1)


def test_its_past_is_read_and_taken_back(stack: Stack) -> None:
    branch_off(stack, "past")
    use(stack, "past")
    at = stack.lsn("past")
    stack.sql("DELETE FROM own", branch="past")
    reader = stack.open("past", options=f"neon_lsn:{at}")
    with contextlib.closing(reader), reader.cursor() as cursor:
        assert query(cursor, "SELECT count(*) FROM own") == 1000
    stack.branch(
        "POST",
        "/past/restore",
        source_branch_id=stack.branch("GET", "/past")["branch"]["id"],
        source_lsn=str(at),
        preserve_under_name="past-before",
    )
    assert is_used(stack, "past")
    assert stack.sql("SELECT count(*) FROM own", branch="past-before") == 0


def test_its_snapshots_are_of_its_own_timeline(stack: Stack) -> None:
    branch_off(stack, "snapped")
    use(stack, "snapped")
    stack.api("PUT", f"/timeline/{stack.timeline('snapped')}/checkpoint", {})
    stack.sql("UPDATE own SET n = n", branch="snapped")
    lose_data(stack, "snapped")
    assert is_used(stack, "snapped")


def test_it_becomes_a_root(stack: Stack) -> None:
    branch_off(stack, "root")
    use(stack, "root")
    stack.api("PUT", f"/timeline/{stack.timeline('root')}/detach_ancestor")
    lose_data(stack, "root")
    assert is_used(stack, "root")
    stack.create("of-root", "root")
    assert is_used(stack, "of-root")


def test_a_branch_of_it_is_promoted_too(stack: Stack) -> None:
    branch_off(stack, "second")
    use(stack, "second")
    with Load(stack, "second") as load:
        wait_for(lambda: has_spare(stack, "second"), "a spare", SPARE_SECONDS)
        acknowledged = load.acknowledged
        branch_off(stack, "third", "second")
    assert is_used(stack, "third")
    assert postgres_timeline(stack, "third") == 3
    stack.sql("DELETE FROM own", branch="third")
    lose_data(stack, "third")
    assert whole(stack, "third", acknowledged)
    assert stack.sql("SELECT count(*) FROM own", branch="third") == 0
    assert postgres_timeline(stack, "third") == 3


def test_its_safekeepers_serve_what_they_have_of_it(
    stack: Stack, tmp_path: Path
) -> None:
    """From the beginning of the segment that it starts in, with its history file."""
    start = branch_off(stack, "served")
    use(stack, "served")
    end = stack.lsn("served")
    found = programs.find(os.environ)
    os.chmod(tmp_path, 0o777)
    command = [found.path("pg_receivewal"), "--no-loop", "--synchronous"]
    command += ["-D", str(tmp_path), "--endpos", str(end)]
    host = f"host=127.0.0.1 port={stack.ports['safekeeper1']['pg']}"
    ids = f"tenant_id={stack.tenant} timeline_id={stack.timeline('served')}"
    command += ["-d", f"{host} user=x options='{ids}'"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    names = sorted(os.listdir(tmp_path))
    assert "00000002.history" in names
    number = f"00000002{start >> 32:08X}{(start & 0xFFFFFFFF) >> 24:08X}"
    assert names[1].startswith(number)


def test_settings_that_changed_meanwhile_are_those_of_the_branch(stack: Stack) -> None:
    """Of the kind that a server takes only when it starts."""
    wait_for(lambda: has_spare(stack), "a spare", SPARE_SECONDS)
    stack.sql("ALTER SYSTEM SET max_locks_per_transaction = 77")
    stack.create("settings")
    assert stack.sql("SHOW max_locks_per_transaction", branch="settings") == "77"
    assert whole(stack, "settings", 1)


def test_followers_that_cannot_be_are_refused(stack: Stack) -> None:
    stack.sql("SELECT 1")  # where its compute was killed before, it runs again now
    wanted = {
        "name": "0" * 32,
        "pgdata": f"{stack.root}/compute/nothing",
        "endpoint_id": stack.endpoint("main")["id"],
        "generation": stack.api("GET", "/catalog")["timelines"][stack.timeline("main")][
            "generation"
        ],
    }
    for changed, error in (
        ({"name": "../../up"}, BadRequest),
        ({"generation": 1000}, Conflict),
        ({"endpoint_id": "ep-none"}, Conflict),
        ({}, BranchpgError),
    ):
        with pytest.raises(error):
            stack.http("compute").send("POST", "/v1/follower", wanted | changed, dict)
    for what in ("promote", "settle"):
        with pytest.raises(NotFound):
            stack.http("compute").send("POST", f"/v1/follower/none/{what}", {}, dict)
    stack.http("compute").raw("DELETE", "/v1/follower/none")
    assert whole(stack, "main", 1)


def test_the_services_are_killed_and_come_back(stack: Stack) -> None:
    branch_off(stack, "survives")
    use(stack, "survives")
    for name in tuple(stack.children):
        stack.kill(name)
    for name in (*stack.keepers, "pageserver", "compute"):
        stack.start(name)
    assert is_used(stack, "survives")
    lose_data(stack, "survives")
    assert is_used(stack, "survives")
