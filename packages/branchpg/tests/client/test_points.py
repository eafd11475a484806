"""How branches and points of their history are written."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from branchpg.client.points import Point, Source, duration, moment, source, written
from branchpg.errors import BadRequest
from branchpg.lsn import Lsn

NOW = datetime(2026, 11, 22, 7, tzinfo=UTC)
TEN = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("preview", Source("preview")),
        ("br-13458fc313c0", Source("br-13458fc313c0")),
        ("feature/x", Source("feature/x")),
        ("abc/def", Source(None, Point(lsn=Lsn.parse("ABC/DEF")))),
        ("preview@0/15D0A28", Source("preview", Point(lsn=Lsn(0x15D0A28)))),
        ("main@2026-11-21T10:15:00Z", Source("main", Point(time=TEN))),
        ("main@2026-11-21T12:15:00+02:00", Source("main", Point(time=TEN))),
        ("2026-11-21T10:15Z", Source(None, Point(time=TEN))),
        ("0/15D0A28", Source(None, Point(lsn=Lsn(0x15D0A28)))),
        ("^self@0/1", Source("^self", Point(lsn=Lsn(1)))),
        ("^parent", Source("^parent")),
        ("@0/1", Source(None, Point(lsn=Lsn(1)))),
    ],
)
def test_a_source_is_a_branch_a_point_or_both(text, expected):
    assert source(text, now=NOW) == expected


@pytest.mark.parametrize(
    "text", ["main@", "main@now", "main@2026-11-21", "main@2026-11-21T10:15:00", "x@0/"]
)
def test_what_is_no_point_is_refused_with_a_hint(text):
    with pytest.raises(BadRequest) as caught:
        source(text, now=NOW)
    assert "2026-11-21T10:15:00Z" in caught.value.hint


def test_a_time_in_the_future_is_refused_before_anybody_is_asked():
    with pytest.raises(BadRequest, match="in the future"):
        source("main@2026-11-22T07:00:01Z", now=NOW)


@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)))
def test_a_time_that_is_written_reads_as_the_same_to_the_millisecond(naive):
    time = naive.replace(tzinfo=UTC)
    assert abs(moment(written(time)) - time) < timedelta(milliseconds=1)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(BadRequest):
        assert isinstance(source(text, now=NOW), Source)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("7d", 604800)]
)
def test_durations(text, seconds):
    assert duration(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "7", "d", "7 d", "-7d", "7y", "9" * 30 + "d"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(BadRequest):
        duration(text)
