"""Positions in the log, and the names of its files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from branchpg.errors import BadRequest
from branchpg.lsn import PAGE, SEGMENT, Lsn, Segment, record_end

positions = st.integers(0, 2**64 - 1).map(Lsn)


@given(positions)
def test_text_and_back(lsn: Lsn) -> None:
    assert Lsn.parse(str(lsn)) == lsn


def test_text_is_postgresqls() -> None:
    assert str(Lsn(0x16B5A50)) == "0/16B5A50"
    assert f"{Lsn(1 << 32):>6}" == "   1/0"


@pytest.mark.parametrize(
    "text", ["", "0", "0/", "/0", "0/G", "123456789/0", "0/0 ", "-0/0"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="invalid LSN"):
        Lsn.parse(text)


@given(st.integers(0, 2**32), st.integers(1, 100), st.sampled_from([20, 24, 28]))
def test_segment_name_and_back(number: int, timeline: int, power: int) -> None:
    segment = Segment(number, timeline, 1 << power)
    assert Segment.of_name(segment.name, 1 << power) == segment
    assert Segment.at(segment.start, timeline, 1 << power) == segment
    assert segment.next().start == segment.end


def test_segment_names_are_postgresqls() -> None:
    assert Segment.at(Lsn.parse("0/3000000")).name == "000000010000000000000003"
    assert Segment.at(Lsn.parse("1/0")).name == "000000010000000100000000"
    with pytest.raises(BadRequest):
        Segment.of_name("../../etc/passwd")


def test_records_skip_the_headers_of_pages() -> None:
    start = Lsn(SEGMENT + PAGE - 16)
    assert record_end(start, 16) == SEGMENT + PAGE
    assert record_end(start, 24) == SEGMENT + PAGE + 24 + 8
    # The first page of a segment has the long header.
    assert record_end(Lsn(2 * SEGMENT - 16), 24) == 2 * SEGMENT + 40 + 8


@given(st.integers(1, 2**40), st.integers(24, 10**6))
def test_records_end_aligned_and_after_all_their_bytes(start: int, length: int) -> None:
    begin = Lsn(start // 8 * 8)
    end = record_end(begin, length)
    assert end % 8 == 0
    assert end - begin >= length
