"""What is kept, and why: plans as text."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from branchpg.lsn import Lsn
from branchpg.pageserver.retention import Pin, Plan, plan
from branchpg.store.snapshots import Snapshot

SIZE = 100
WHEN = datetime(2026, 1, 1, tzinfo=UTC)


def snapshot(lsn: int, redo: int | None = None) -> Snapshot:
    return Snapshot(
        lsn=Lsn(lsn), redo=Lsn(lsn - 10 if redo is None else redo), taken_at=WHEN
    )


def planned(snapshots: list[int], cutoff: int, *pins: tuple[int, str]) -> Plan:
    return plan(
        snapshots=[snapshot(lsn) for lsn in snapshots],
        segments=frozenset(range(20)),
        segment_size=SIZE,
        cutoff=Lsn(cutoff),
        cutoff_reason="within pitr_interval",
        pins=[Pin(Lsn(lsn), reason) for lsn, reason in pins],
    )


def words(made: Plan) -> list[str]:
    return [
        f"{'keep' if one.keep else 'drop'} {one.what}: {one.reason}"
        for one in made.decisions
    ]


def test_the_snapshot_before_the_cutoff_is_what_the_cutoff_needs() -> None:
    made = planned([110, 510, 910], 600)
    assert words(made) == [
        "drop snapshot 0/6E: older than 0/258, and nobody pins it",
        "keep snapshot 0/1FE: within pitr_interval",
        "keep snapshot 0/38E: within pitr_interval",
        "keep 15 WAL segments: from 0/1F4, and for pins",
        "drop 5 WAL segments: nobody needs them",
    ]


def test_a_branch_point_keeps_its_snapshot_and_the_way_there() -> None:
    made = planned([110, 510, 910], 950, (250, 'branch "old" began at it'))
    assert words(made)[:3] == [
        'keep snapshot 0/6E: branch "old" began at it',
        "drop snapshot 0/1FE: older than 0/3B6, and nobody pins it",
        "keep snapshot 0/38E: within pitr_interval",
    ]
    # From the redo point at 100 up to the pin, and from 900 on.
    assert made.segments == frozenset({1, 2, *range(9, 20)})


def test_without_an_own_snapshot_everything_is_kept() -> None:
    made = planned([], 950)
    assert made.segments == frozenset(range(20))


@given(
    st.lists(st.integers(20, 1900), unique=True, max_size=6).map(sorted),
    st.integers(0, 2000),
    st.lists(st.integers(20, 1900), max_size=4),
)
def test_every_point_that_is_kept_can_be_reached(
    lsns: list[int], cutoff: int, pins: list[int]
) -> None:
    made = planned(lsns, cutoff, *((pin, "branch") for pin in pins))
    kept = [snapshot(lsn) for lsn in lsns if snapshot(lsn) not in made.snapshots]
    for point in (*pins, cutoff):
        bases = [one for one in kept if one.lsn <= point]
        if not bases:
            assert not [lsn for lsn in lsns if lsn <= point], "its base is gone"
            continue
        first = bases[-1].redo // SIZE
        needed = set(range(first, -(-point // SIZE)))
        assert needed & set(range(20)) <= made.segments
