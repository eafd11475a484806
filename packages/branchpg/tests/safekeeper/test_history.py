"""The rules of ADR 0009: what a log counts as, and where it was superseded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from branchpg.errors import BadRequest
from branchpg.lsn import Lsn
from branchpg.safekeeper.history import (
    Entry,
    checked,
    common_end,
    last_generation,
    upto,
)


def history(*pairs):
    return tuple(Entry(generation, Lsn(lsn)) for generation, lsn in pairs)


def test_a_log_is_of_the_last_generation_that_it_reaches():
    known = history((1, 100), (4, 300))

    assert last_generation(known, None) == 0
    assert last_generation(known, Lsn(299)) == 1
    assert last_generation(known, Lsn(300)) == 4
    assert last_generation(known, Lsn(500)) == 4


@pytest.mark.parametrize(
    ("ours", "theirs", "flush", "end"),
    [
        (((1, 100),), ((1, 100), (2, 400)), 400, 400),
        (((1, 100),), ((1, 100), (2, 300)), 400, 300),
        (((1, 100),), ((1, 100), (2, 500)), 400, 400),
        (((1, 100), (2, 300)), ((1, 100), (3, 200)), 400, 200),
        (((1, 100), (2, 300)), ((1, 100), (3, 350)), 400, 300),
        (((1, 100), (2, 300)), ((1, 100), (2, 300), (3, 350)), 400, 350),
        (((1, 100), (2, 300)), ((1, 100), (2, 300), (3, 350)), 200, 200),
        (((2, 100),), ((1, 100), (3, 300)), 200, None),  # neither knew of the other
        ((), ((1, 100),), None, None),
    ],
)
def test_what_two_logs_share(ours, theirs, flush, end):
    flush = None if flush is None else Lsn(flush)
    assert common_end(history(*ours), history(*theirs), flush) == end


@pytest.mark.parametrize(
    "pairs",
    [
        (),
        ((1, 100),),
        ((0, 50), (2, 100)),
        ((3, 1), (2, 9)),
        ((2, 1), (2, 2)),
        ((1, 5), (2, 4)),
    ],
)
def test_a_history_that_cannot_be_is_refused(pairs):
    with pytest.raises(BadRequest):
        checked(history(*pairs), 2)


@given(st.lists(st.integers(0, 1000), max_size=8), st.integers(1, 1000))
def test_a_log_shares_all_with_itself(lsns, flush):
    known = history(*enumerate(sorted(lsns), start=1))

    end = common_end(known, known, Lsn(flush))

    assert end == (Lsn(flush) if upto(known, Lsn(flush)) else None)
