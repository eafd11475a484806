"""Branches: from now, from an LSN, from a time; reset, restored, deleted.

Neon's branching tests restated (test_branching, test_branch_behind,
test_ancestor_branch, test_timeline_delete) against a whole project.
"""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest
from branchpg_harness.stack import Stack, wait_for

from branchpg.errors import (
    BadRequest,
    Conflict,
    NotFound,
    PreconditionFailed,
    Unsatisfiable,
)
from branchpg.lsn import SEGMENT, Lsn


def fill(stack: Stack, branch: str, rows: int) -> Lsn:
    """Insert rows that take about a hundred bytes of WAL each; return the position."""
    stack.sql(
        "CREATE TABLE IF NOT EXISTS foo (t text);"
        "INSERT INTO foo SELECT 'long string to consume some space ' || g "
        f"FROM generate_series(1, {rows}) g",
        branch=branch,
    )
    return stack.lsn(branch)


def count(stack: Stack, branch: str) -> int:
    return stack.sql("SELECT count(*) FROM foo", branch=branch)


def test_branch_has_what_its_parent_had_and_goes_its_own_way(stack: Stack) -> None:
    stack.create("parent-a")
    fill(stack, "parent-a", 100)
    stack.create("child-a", "parent-a")
    fill(stack, "child-a", 10)
    stack.sql("DELETE FROM foo", branch="parent-a")
    assert (count(stack, "parent-a"), count(stack, "child-a")) == (0, 110)


def test_branches_behind_at_three_points(stack: Stack) -> None:
    stack.create("behind")
    first = fill(stack, "behind", 100)
    second = fill(stack, "behind", 200_000)
    fill(stack, "behind", 200_000)
    stack.create("behind-100", "behind", parent_lsn=first)
    stack.create("behind-200100", "behind", parent_lsn=second)
    assert count(stack, "behind-100") == 100
    assert count(stack, "behind-200100") == 200_100
    assert count(stack, "behind") == 400_100


def test_branch_point_within_a_record_and_on_a_segment_boundary(stack: Stack) -> None:
    stack.create("edges")
    start = fill(stack, "edges", 100)
    boundary = Lsn((start // SEGMENT + 1) * SEGMENT)
    while stack.lsn("edges") <= boundary + SEGMENT // 4:
        fill(stack, "edges", 20_000)
    for name, point in {
        "on-boundary": boundary,
        "mid-record": Lsn(boundary + 8192 * 3 + 1000 // 8 * 8),
        "page": Lsn(boundary + 8192 * 5),
    }.items():
        made = stack.create(name, "edges", parent_lsn=point)
        assert Lsn.parse(made["parent_lsn"]) <= point
        assert stack.sql("SELECT count(*) > 0 FROM pg_class", branch=name)
        fill(stack, name, 10)


def test_points_that_are_not_kept_are_refused(stack: Stack) -> None:
    stack.create("refuse")
    timeline = stack.timeline("refuse")

    def branch_at(ancestor: str, lsn: str) -> None:
        stack.api(
            "POST",
            "/timeline",
            {
                "new_timeline_id": "c" * 32,
                "ancestor_timeline_id": ancestor,
                "ancestor_start_lsn": lsn,
            },
        )

    with pytest.raises(Unsatisfiable, match="less than timeline ancestor lsn"):
        branch_at(timeline, "0/42")
    root = stack.timeline("main")
    with pytest.raises(Unsatisfiable, match="less than latest GC cutoff"):
        branch_at(root, "0/42")


def test_creating_the_same_timeline_twice_is_one_timeline(stack: Stack) -> None:
    wanted = {
        "new_timeline_id": "d" * 32,
        "ancestor_timeline_id": stack.timeline("main"),
    }
    first = stack.api("POST", "/timeline", wanted)
    again = stack.api("POST", "/timeline", wanted)
    assert first["ancestor_lsn"] == again["ancestor_lsn"]
    other = wanted | {"ancestor_start_lsn": "0/1"}
    with pytest.raises(Conflict, match="different parameters"):
        stack.api("POST", "/timeline", other)
    stack.api("DELETE", f"/timeline/{'d' * 32}")
    wait_for(lambda: _is_gone(stack, "d" * 32), "the timeline is gone")


def _is_gone(stack: Stack, timeline_id: str) -> bool:
    try:
        stack.api("GET", f"/timeline/{timeline_id}")
    except NotFound:
        return True
    return False


@pytest.mark.timeout(180)
@pytest.mark.parametrize("shape", ["cascade", "flat"])
def test_branches_made_while_pgbench_runs_agree_with_themselves(
    stack: Stack, shape: str
) -> None:
    root = f"bench-{shape}"
    stack.create(root)
    subprocess.run(
        stack.pgbench("-i", "-q", "-s", "2", branch=root),
        check=True,
        capture_output=True,
    )
    names = [root]
    with ThreadPoolExecutor(8) as pool:
        loads = [pool.submit(_load, stack, root)]
        for number in range(4):
            parent = names[-1] if shape == "cascade" else root
            name = f"{root}-{number}"
            stack.create(name, parent)
            names.append(name)
            loads.append(pool.submit(_load, stack, name))
        for load in loads:
            load.result()
    for name in names:
        sums = stack.sql(
            "SELECT (SELECT sum(abalance) FROM pgbench_accounts),"
            " (SELECT sum(bbalance) FROM pgbench_branches),"
            " (SELECT sum(tbalance) FROM pgbench_tellers),"
            " (SELECT sum(delta) FROM pgbench_history)",
            branch=name,
        )[0]
        assert len(set(sums)) == 1, f"{name} is torn: {sums}"
        assert (
            stack.sql("SELECT count(*) FROM pgbench_accounts", branch=name) == 200_000
        )


def _load(stack: Stack, branch: str) -> None:
    command = stack.pgbench("-n", "-c", "2", "-T", "5", branch=branch)
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr


def test_branch_at_a_time_has_what_was_committed_until_then(stack: Stack) -> None:
    stack.create("times")
    stack.sql("CREATE TABLE log (n int, at timestamptz)", branch="times")
    with stack.connect("times") as connection, connection.cursor() as cursor:
        for number in range(1, 301):
            cursor.execute("INSERT INTO log VALUES (%s, clock_timestamp())", (number,))
    for number in (100, 200, 300):
        moment = stack.sql(f"SELECT at FROM log WHERE n = {number}", branch="times")
        name = f"times-{number}"
        stack.create(name, "times", parent_timestamp=moment.isoformat())
        # The row's own time is taken before its commit.
        seen = stack.sql("SELECT max(n) FROM log", branch=name)
        assert seen == number - 1


def test_reset_takes_the_parents_head_and_keeps_the_address(stack: Stack) -> None:
    stack.create("origin")
    fill(stack, "origin", 5)
    stack.create("scratch", "origin")
    before = stack.endpoint("scratch")["id"]
    fill(stack, "scratch", 100)
    fill(stack, "origin", 1)
    with stack.connect("scratch") as connection, connection.cursor() as cursor:
        stack.branch("POST", "/scratch/reset")
        with pytest.raises(psycopg2.OperationalError):
            cursor.execute("SELECT 1")
    assert count(stack, "scratch") == 6
    assert stack.endpoint("scratch")["id"] == before


def test_restore_takes_a_branch_back_and_keeps_what_it_was(stack: Stack) -> None:
    stack.create("prod")
    point = fill(stack, "prod", 10)
    stack.create("of-prod", "prod")
    stack.sql("DELETE FROM foo", branch="prod")
    stack.branch(
        "POST",
        "/prod/restore",
        source_branch_id="^self",
        source_lsn=point,
        preserve_under_name="prod-oops",
    )
    assert count(stack, "prod") == 10
    assert count(stack, "prod-oops") == 0
    assert count(stack, "of-prod") == 10
    parents = {b["name"]: b["parent_id"] for b in stack.branch("GET")["branches"]}
    kept = stack.branch("GET", "/prod-oops")["branch"]["id"]
    assert parents["of-prod"] == kept
    assert parents["prod"] == kept


def test_what_may_not_be_done_is_refused_with_the_reason(stack: Stack) -> None:
    stack.create("guarded", protected=True)
    stack.create("guarded-child", "guarded")
    with pytest.raises(PreconditionFailed, match="default"):
        stack.branch("DELETE", "/main")
    with pytest.raises(PreconditionFailed, match="protected"):
        stack.branch("DELETE", "/guarded")
    with pytest.raises(PreconditionFailed, match="protected"):
        stack.branch("POST", "/guarded/reset")
    stack.branch("PATCH", "/guarded", branch={"protected": False})
    with pytest.raises(PreconditionFailed, match="guarded-child"):
        stack.branch("DELETE", "/guarded")
    with pytest.raises(PreconditionFailed, match="child timelines"):
        stack.api("DELETE", f"/timeline/{stack.timeline('guarded')}")
    with pytest.raises(Conflict, match="already exists"):
        stack.create("guarded")
    with pytest.raises(NotFound, match="no-such"):
        stack.create("x", "no-such")
    with pytest.raises(BadRequest, match="future"):
        stack.create("x", parent_timestamp="2999-01-01T00:00:00Z")
    with pytest.raises(BadRequest, match="name for what it is now"):
        stack.branch(
            "POST", "/guarded/restore", source_branch_id="^self", source_lsn="0/1"
        )
    stack.branch("DELETE", "/guarded-child")
    stack.branch("DELETE", "/guarded")
    with pytest.raises(NotFound):
        stack.branch("GET", "/guarded")


@pytest.mark.parametrize(
    "name", ["", "a b", "a@b", "^self", "-x", "x" * 257, "a'b", 'a"b', "a\nb", "a\\b"]
)
def test_names_that_could_not_be_written_are_refused(stack: Stack, name: str) -> None:
    with pytest.raises(BadRequest, match="name"):
        stack.create(name)


def test_names_with_slashes_and_letters_of_any_script(stack: Stack) -> None:
    stack.create("feature/größe-42")
    assert stack.sql("SELECT 1", branch="feature/größe-42") == 1
    stack.branch("DELETE", "/feature/gr%C3%B6%C3%9Fe-42")


def test_sql_functions_make_list_and_drop_branches(stack: Stack) -> None:
    assert stack.sql("SELECT neon.create_branch('workspace', 'by-sql')") == "by-sql"
    assert stack.sql("SELECT parent FROM neon.branches WHERE name = 'by-sql'") == "main"
    stack.sql("CREATE TABLE only_here ()", branch="by-sql")
    lsn = str(stack.lsn())
    stack.sql("SELECT neon.create_branch('main', 'by-sql-2', %s)", lsn)
    assert stack.sql("SELECT neon.drop_branch('by-sql')") == "by-sql"
    with pytest.raises(psycopg2.Error, match="was not found"):
        stack.sql("SELECT neon.drop_branch('by-sql')")
    hostile = "x'; DROP TABLE foo; --"
    with pytest.raises(psycopg2.Error, match="invalid name"):
        stack.sql("SELECT neon.create_branch('main', %s)", hostile)


def test_time_travel_reads_the_past_and_cannot_write(stack: Stack) -> None:
    stack.create("travel")
    point = fill(stack, "travel", 7)
    fill(stack, "travel", 70)
    past = stack.open("travel", options=f"neon_lsn:{point}")
    with past, past.cursor() as cursor:
        cursor.execute("SELECT count(*), pg_is_in_recovery() FROM foo")
        assert cursor.fetchone() == (7, True)
        with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
            cursor.execute("INSERT INTO foo VALUES ('x')")
    past.close()


def test_read_only_endpoint_beside_the_writing_one(stack: Stack) -> None:
    stack.create("pair")
    point = fill(stack, "pair", 3)
    fill(stack, "pair", 3)
    added = stack.branch("POST", "/pair/endpoints", type="read_only", lsn=point)
    endpoint = added["endpoint"]["id"]
    reader = stack.open(options=f"endpoint={endpoint}")
    with reader, reader.cursor() as cursor:
        cursor.execute("SELECT count(*), pg_is_in_recovery() FROM foo")
        assert cursor.fetchone() == (3, True)
    reader.close()
    with pytest.raises(Conflict, match="read_write endpoint already"):
        stack.branch("POST", "/pair/endpoints", type="read_write")


def test_branches_made_side_by_side_can_be_used_at_once(stack: Stack) -> None:
    """News of others that arrive late do not take a new branch for one that is gone."""

    def one(name: str) -> int:
        stack.create(name)
        stack.sql("CREATE TABLE own AS SELECT generate_series(1, 3)", branch=name)
        rows: int = stack.sql("SELECT count(*) FROM own", branch=name)
        stack.branch("DELETE", f"/{name}")
        return rows

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(one, [f"beside-{n}" for n in range(16)]))
    assert found == [3] * 16
