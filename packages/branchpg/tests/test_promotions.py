"""Numbers of PostgreSQL's timelines along a history."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from branchpg.lsn import SEGMENT, Lsn, Segment
from branchpg.promotions import Promotion, before, history_files, named, number_at

FIRST = Promotion(2, Lsn.parse("0/5000060"))
SECOND = Promotion(3, Lsn.parse("0/9000000"))
BOTH = (FIRST, SECOND)


def histories() -> st.SearchStrategy[tuple[Promotion, ...]]:
    lsns = st.lists(st.integers(8, 40 * SEGMENT // 8), unique=True, max_size=4)
    return lsns.map(
        lambda found: tuple(
            Promotion(number, Lsn(lsn * 8))
            for number, lsn in enumerate(sorted(found), 2)
        )
    )


def test_a_record_is_of_the_timeline_that_began_last() -> None:
    assert number_at(1, (), Lsn(0)) == 1
    assert number_at(1, BOTH, Lsn(FIRST.lsn - 8)) == 1
    assert number_at(1, BOTH, FIRST.lsn) == 2
    assert number_at(1, BOTH, SECOND.lsn) == 3


def test_a_history_that_ends_where_one_begins_has_nothing_of_it() -> None:
    assert before(BOTH, FIRST.lsn) == ()
    assert before(BOTH, Lsn(FIRST.lsn + 8)) == (FIRST,)
    assert before(BOTH, SECOND.lsn) == (FIRST,)


def test_the_segment_of_a_promotion_is_begun_anew() -> None:
    names = [named(Segment(number), BOTH).name[:8] for number in range(4, 10)]
    assert names == ["00000001", *["00000002"] * 4, "00000003"]


def test_history_files_are_as_postgres_writes_them() -> None:
    assert history_files(1, ()) == {}
    assert history_files(1, BOTH) == {
        "00000002.history": "1\t0/5000060\tbranchpg\n",
        "00000003.history": "1\t0/5000060\tbranchpg\n2\t0/9000000\tbranchpg\n",
    }


@given(histories(), st.integers(0, 40 * SEGMENT))
def test_a_segment_has_the_number_of_its_last_byte(
    promotions: tuple[Promotion, ...], lsn: int
) -> None:
    segment = Segment.at(lsn)
    assert named(segment, promotions).postgres_timeline == number_at(
        1, promotions, Lsn(segment.end - 1)
    )
    assert named(segment, promotions).start == segment.start


@given(histories(), st.integers(1, 40 * SEGMENT))
def test_before_a_position_all_records_have_the_same_numbers(
    promotions: tuple[Promotion, ...], lsn: int
) -> None:
    """So what is shared with a parent has the same names there and here."""
    last = Lsn(lsn - 1)
    assert number_at(1, before(promotions, Lsn(lsn)), last) == number_at(
        1, promotions, last
    )
