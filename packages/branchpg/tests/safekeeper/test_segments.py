"""Segment files: full size, zeros after the end, the next one ready in time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from branchpg.lsn import Lsn, Segment
from branchpg.safekeeper.segments import Segments

SIZE = 1024 * 1024


@pytest.fixture
def segments(tmp_path):
    made = Segments(str(tmp_path), size=SIZE, postgres_timeline=1)
    yield made
    made.close()


def whole(segments):
    return b"".join(segments.read(s.start, s.size) for s in segments.present())


def test_a_write_across_segments_makes_them(segments):
    data = bytes(range(1, 256)) * 10000

    end = segments.write(SIZE + 100, [data[:5000], data[5000:]])
    segments.sync()

    assert end == SIZE + 100 + len(data)
    assert whole(segments)[100 : 100 + len(data)] == data
    assert not any(whole(segments)[100 + len(data) :])
    assert [s.number for s in segments.present()][:3] == [1, 2, 3]


def test_the_next_segment_is_made_while_this_one_fills(segments, until):
    segments.write(SIZE, [b"x" * (SIZE // 2 + 1)])

    until(lambda: [s.number for s in segments.present()] == [1, 2])
    assert not any(segments.read(2 * SIZE, SIZE))


def test_an_idle_timeline_takes_one_segment(segments):
    segments.write(SIZE, [b"x"])

    assert [s.number for s in segments.present()] == [1]


def test_cut_leaves_zeros(segments):
    segments.write(SIZE, [b"x" * (2 * SIZE)])
    segments.cut(Lsn(SIZE + 10))

    assert segments.present() == [Segment(1, 1, SIZE)]
    assert whole(segments) == b"x" * 10 + bytes(SIZE - 10)


def test_cut_at_a_boundary_leaves_the_segment_before(segments):
    segments.write(SIZE, [b"x" * (2 * SIZE)])
    segments.cut(Lsn(2 * SIZE))

    assert whole(segments) == b"x" * SIZE


def test_only_whole_segments_are_removed(segments):
    segments.write(SIZE, [b"x" * (2 * SIZE + 1)])

    assert segments.remove_before(2 * SIZE - 1) == []
    assert [s.number for s in segments.remove_before(2 * SIZE)] == [1]


@settings(deadline=None, max_examples=40)  # files are made
@given(
    st.lists(
        st.tuples(st.integers(0, 3 * SIZE), st.integers(1, SIZE)),
        min_size=1,
        max_size=6,
    )
)
def test_writes_and_cuts_leave_what_a_flat_file_would(tmp_path_factory, steps):
    """Cut at a position, write some bytes there; compare with one flat buffer."""
    directory = tmp_path_factory.mktemp("wal")
    segments = Segments(str(directory), size=SIZE, postgres_timeline=1, sync=False)
    flat, end = bytearray(), SIZE
    for number, (back, length) in enumerate(steps, start=1):
        position = max(SIZE, end - back)
        segments.cut(Lsn(position))
        del flat[position - SIZE :]
        data = bytes([number]) * length
        end = segments.write(position, [data])
        flat += data
    segments.close()

    found = whole(segments)

    assert found[: len(flat)] == flat
    assert not any(found[len(flat) :])
