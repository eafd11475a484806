"""When a timeline is busy enough to have a spare, and when it rested long enough."""

from __future__ import annotations

from branchpg.lsn import Lsn
from branchpg.pageserver.spares import Pace

MEGABYTE = 1024 * 1024


def watched(*megabytes: int, every: float = 5.0) -> Pace:
    """Return what is known of a timeline that grew so much between looks."""
    pace = Pace(Lsn(0), 0.0)
    for grown in megabytes:
        pace = pace.after(Lsn(pace.head + grown * MEGABYTE), pace.at + every)
    return pace


def test_nothing_is_known_at_first() -> None:
    assert not watched().is_busy
    assert watched().rests


def test_one_burst_is_not_busy_two_looks_in_a_row_are() -> None:
    assert not watched(500).is_busy
    assert not watched(500, 0, 500).is_busy
    assert watched(5, 5).is_busy
    assert not watched(4, 4, 4).is_busy


def test_a_pause_is_not_a_rest() -> None:
    paused = watched(5, 5, *[0] * 11)
    assert not paused.is_busy
    assert not paused.rests
    assert watched(5, 5, *[0] * 12).rests


def test_what_counts_is_the_rate_however_long_a_look_took_to_come() -> None:
    assert watched(40, 40, every=40.0).is_busy
    assert not watched(39, 39, every=40.0).is_busy
