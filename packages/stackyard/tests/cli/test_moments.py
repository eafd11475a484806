"""Times on the command line."""

from __future__ import annotations

import click
import pytest

from stackyard.cli.moments import nanoseconds, stamp

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1700000000", NOW),
        ("1700000000.25", NOW + SECOND // 4),
        ("2023-11-14T22:13:20Z", NOW),
        ("2023-11-14T22:13:20.000000001Z", NOW + 1),
        ("2023-11-15T00:13:20+02:00", NOW),
        ("10m", NOW - 600 * SECOND),
        ("1h30m", NOW - 5400 * SECOND),
    ],
)
def test_times(text: str, expected: int) -> None:
    assert nanoseconds(text, NOW) == expected


def test_a_date_is_its_midnight_here() -> None:
    day = 24 * 3600 * SECOND

    assert nanoseconds("2023-11-15") - nanoseconds("2023-11-14") == day
    assert nanoseconds("2023-11-15") == nanoseconds("2023-11-15T00:00:00")


@pytest.mark.parametrize("text", ["", "soon", "10 minutes", "2023-13-40"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(click.ClickException, match="invalid time"):
        nanoseconds(text)


def test_a_stamp_is_as_in_logs() -> None:
    assert stamp("1700000000") == b"2023-11-14T22:13:20.000000000Z"
    assert stamp(None) == b""
