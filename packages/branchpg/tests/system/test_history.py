"""Times, LSNs, retention: Neon's test_lsn_mapping, test_pitr_gc, test_gc_aggressive."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from branchpg_harness.stack import Stack, wait_for

from branchpg.errors import PreconditionFailed, Unsatisfiable
from branchpg.lsn import SEGMENT, Lsn


def moment_of(stack: Stack, timeline: str, at: datetime, **more: str) -> dict[str, str]:
    query = f"?timestamp={quote(at.isoformat())}"
    query += "".join(f"&{name}={value}" for name, value in more.items())
    return stack.api("GET", f"/timeline/{timeline}/get_lsn_by_timestamp{query}")


def test_every_hundredth_of_a_thousand_commits_is_found_by_its_time(
    stack: Stack,
) -> None:
    stack.create("mapped")
    stack.sql("CREATE TABLE t (x int)", branch="mapped")
    timeline = stack.timeline("mapped")
    times: list[datetime] = []
    with stack.connect("mapped") as connection, connection.cursor() as cursor:
        for x in range(1000):
            cursor.execute("INSERT INTO t VALUES (%s)", (x,))
            cursor.execute("SELECT clock_timestamp()")
            times.append(cursor.fetchone()[0])
    for x in range(100, 1000, 100):
        found = moment_of(stack, timeline, times[x])
        assert found["kind"] == "present"
        past = stack.open("mapped", options=f"neon_lsn:{found['lsn']}")
        with past.cursor() as cursor:
            cursor.execute("SELECT max(x) FROM t")
            assert cursor.fetchone()[0] == x
        past.close()
    head = moment_of(stack, timeline, times[-1] + timedelta(hours=1))
    assert head["kind"] == "future"
    assert Lsn.parse(head["lsn"]) >= stack.lsn("mapped") - 8192
    long_ago = moment_of(stack, timeline, times[0] - timedelta(days=30))
    assert long_ago["kind"] == "past"
    about = stack.api("GET", f"/timeline/{timeline}")
    assert long_ago["lsn"] == about["ancestor_lsn"]


def test_time_of_an_lsn(stack: Stack) -> None:
    stack.create("clock")
    timeline = stack.timeline("clock")
    before = datetime.now(UTC)
    stack.sql("CREATE TABLE t ()", branch="clock")
    after = stack.sql("SELECT clock_timestamp()", branch="clock")
    lsn = stack.lsn("clock")
    text = stack.api("GET", f"/timeline/{timeline}/get_timestamp_of_lsn?lsn={lsn}")
    assert before <= datetime.fromisoformat(text) <= after
    with pytest.raises(PreconditionFailed, match="not found"):
        stack.api("GET", f"/timeline/{timeline}/get_timestamp_of_lsn?lsn=0/28")


def test_gc_keeps_what_the_interval_needs_and_removes_the_rest(stack: Stack) -> None:
    stack.create("aged")
    timeline = stack.timeline("aged")
    stack.sql("CREATE TABLE foo (t text)", branch="aged")
    early = grow(stack, "aged")
    stack.create("pinned", "aged", parent_lsn=early)
    stack.api("PUT", f"/timeline/{timeline}/checkpoint", {})
    middle = grow(stack, "aged")
    stack.api("PUT", f"/timeline/{timeline}/checkpoint", {})
    grow(stack, "aged")
    stack.api("PUT", f"/timeline/{timeline}/checkpoint", {})

    # Seven days are kept: nothing goes, even with a horizon of nothing.
    kept = stack.api("PUT", f"/timeline/{timeline}/do_gc", {"gc_horizon": 0})
    assert kept["layers_removed"] == 0
    stack.create("still", "aged", parent_lsn=middle)
    stack.branch("DELETE", "/still")

    configure(stack, pitr_interval="0s")
    try:
        plan = stack.api(
            "PUT",
            f"/timeline/{timeline}/do_gc",
            {"gc_horizon": 0, "dry_run": True},
        )
        assert plan["layers_removed"] == 0
        assert any(not one["keep"] for one in plan["decisions"])
        done = stack.api("PUT", f"/timeline/{timeline}/do_gc", {"gc_horizon": 0})
        assert done["layers_removed"] > 0
    finally:
        configure(stack, pitr_interval=None)
    with pytest.raises(Unsatisfiable, match="less than latest GC cutoff"):
        stack.create("too-late", "aged", parent_lsn=middle)
    # What branched off before is whole, also when it is made anew from the store.
    assert stack.sql("SELECT count(*) FROM foo", branch="pinned") > 0
    stack.create("now", "aged")
    total = stack.sql("SELECT count(*) FROM foo", branch="aged")
    assert stack.sql("SELECT count(*) FROM foo", branch="now") == total


def test_a_lease_keeps_an_lsn(stack: Stack) -> None:
    stack.create("leased")
    timeline = stack.timeline("leased")
    stack.sql("CREATE TABLE foo (t text)", branch="leased")
    point = grow(stack, "leased")
    answer = stack.api("POST", f"/timeline/{timeline}/lsn_lease", {"lsn": str(point)})
    assert datetime.fromisoformat(answer["valid_until"]) > datetime.now(UTC)
    grow(stack, "leased")
    stack.api("PUT", f"/timeline/{timeline}/checkpoint", {})
    configure(stack, pitr_interval="0s")
    try:
        stack.api("PUT", f"/timeline/{timeline}/do_gc", {"gc_horizon": 0})
    finally:
        configure(stack, pitr_interval=None)
    stack.create("on-lease", "leased", parent_lsn=point)
    assert stack.sql("SELECT count(*) FROM foo", branch="on-lease") > 0
    refused = Lsn(point - 4096)
    with pytest.raises(Unsatisfiable):
        stack.api("POST", f"/timeline/{timeline}/lsn_lease", {"lsn": str(refused)})


def test_detaching_makes_a_root_and_takes_earlier_siblings_along(stack: Stack) -> None:
    stack.create("old-main")
    stack.sql("CREATE TABLE foo (t text)", branch="old-main")
    # Only what branched off a root can be detached, so it becomes one first.
    stack.api("PUT", f"/timeline/{stack.timeline('old-main')}/detach_ancestor")
    first = grow(stack, "old-main")
    stack.create("earlier", "old-main", parent_lsn=first)
    second = grow(stack, "old-main")
    stack.create("new-main", "old-main", parent_lsn=second)
    grow(stack, "old-main")
    stack.create("later", "old-main")
    new = stack.timeline("new-main")
    answer = stack.api("PUT", f"/timeline/{new}/detach_ancestor", None)
    assert stack.timeline("earlier") in answer["reparented_timelines"]
    assert stack.timeline("later") not in answer["reparented_timelines"]
    about = stack.api("GET", f"/timeline/{new}")
    assert about["ancestor_timeline_id"] is None
    moved = stack.api("GET", f"/timeline/{stack.timeline('earlier')}")
    assert moved["ancestor_timeline_id"] == new
    rows = [
        stack.sql("SELECT count(*) FROM foo", branch=name)
        for name in ("earlier", "new-main", "later")
    ]
    assert rows == sorted(rows)
    assert len(set(rows)) == 3


def test_whole_segments_move_from_the_safekeepers_to_the_pageserver(
    stack: Stack,
) -> None:
    stack.create("moving")
    timeline = stack.timeline("moving")
    stack.sql("CREATE TABLE foo (t text)", branch="moving")
    grow(stack, "moving")

    def moved() -> bool:
        about = stack.api("GET", f"/timeline/{timeline}")
        return about["pitr_history_size"] > SEGMENT

    wait_for(moved, "a whole segment is in the pageserver")


def test_checkpoints_asked_for_at_once_all_succeed(stack: Stack) -> None:
    """Snapshots taken in a hurry are made to last by one of them, not by each."""
    stack.create("hurried")
    stack.sql("CREATE TABLE foo (t text)", branch="hurried")
    where = f"/timeline/{stack.timeline('hurried')}/checkpoint"
    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(stack.api, "PUT", where, {}) for _ in range(12)]
    assert all(Lsn.parse(one.result()["lsn"]) for one in asked)


def grow(stack: Stack, branch: str) -> Lsn:
    """Write more than a segment of WAL, and return the position."""
    stack.sql(
        "INSERT INTO foo SELECT repeat(md5(g::text), 20) "
        "FROM generate_series(1, 30000) g",
        branch=branch,
    )
    return stack.lsn(branch)


def configure(stack: Stack, **settings: object) -> None:
    content = {"tenant_id": stack.tenant, **settings}
    stack.http("pageserver").send("PATCH", "/v1/tenant/config", content, dict)
