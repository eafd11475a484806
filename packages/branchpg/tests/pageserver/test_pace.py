"""When a timeline is busy enough to have a spare, and when it rested long enough."""

from __future__ import annotations

from branchpg.lsn import Lsn
from branchpg.pageserver.pace import Demand, Pace, has_room

FAST = 256 * 1024  # bytes in a second


def watched(*grown: int, every: float = 5.0) -> Pace:
    """Return what is known of a timeline that grew so many times this, a look each."""
    pace = Pace(Lsn(0), 0.0)
    for many in grown:
        pace = pace.after(Lsn(pace.head + many * FAST), pace.at + every)
    return pace


def test_nothing_is_known_at_first() -> None:
    assert not watched().is_busy
    assert watched().rests


def test_three_looks_in_a_row_are_busy() -> None:
    assert not watched(500).is_busy
    assert not watched(500, 500).is_busy
    assert not watched(500, 500, 0, 500, 500).is_busy
    assert watched(5, 5, 5).is_busy
    assert not watched(4, 4, 4, 4).is_busy


def test_a_pause_is_not_a_rest() -> None:
    paused = watched(5, 5, 5, *[0] * 11)
    assert not paused.is_busy
    assert not paused.rests
    assert watched(5, 5, 5, *[0] * 12).rests


def test_what_counts_is_the_rate_however_long_a_look_took_to_come() -> None:
    assert watched(40, 40, 40, every=40.0).is_busy
    assert not watched(39, 39, 39, every=40.0).is_busy


def demand(*branches: float) -> Demand:
    """Return what is known of a timeline that branches were made of at such times."""
    found = Demand()
    for at in branches:
        found = found.after(at)
    return found


def test_one_branch_now_and_then_is_no_high_demand() -> None:
    assert not demand().is_high(0.0)
    assert not demand(10.0).is_high(11.0)
    assert not demand(10.0, 40.0, 70.0).is_high(71.0)


def test_branches_that_follow_each_other_are_until_they_end() -> None:
    assert demand(10.0, 15.0).is_high(16.0)
    assert demand(10.0, 15.0).is_high(29.0)
    assert not demand(10.0, 15.0).is_high(31.0)
    assert demand(10.0, 15.0, 40.0).is_high(20.0)
    assert not demand(10.0, 15.0, 40.0).is_high(41.0)


def test_branches_are_made_by_and_by_if_one_was_in_the_last_hour() -> None:
    assert not demand().is_there(0.0)
    assert demand(10.0).is_there(3609.0)
    assert not demand(10.0).is_there(3610.0)
    assert demand(10.0, 3000.0).is_there(6000.0)


def test_a_full_copy_is_made_where_two_more_fit_and_kept_while_one_does() -> None:
    assert has_room(100, 300, kept=False)
    assert not has_room(100, 299, kept=False)
    assert has_room(100, 100, kept=True)
    assert not has_room(100, 99, kept=True)
