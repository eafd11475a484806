"""Durations: what is read, and how it is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackyard.compose.errors import InvalidValueError
from stackyard.compose.grammar.duration import Duration, parse

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("0", "0s"),
        ("-0", "0s"),
        ("0h", "0s"),
        ("1ns", "1ns"),
        ("1us", "1µs"),
        ("1\u00b5s", "1µs"),
        ("1\u03bcs", "1µs"),
        ("1500us", "1.5ms"),
        ("500ms", "500ms"),
        ("1000ms", "1s"),
        ("1.5s", "1.5s"),
        ("1.000000001s", "1.000000001s"),
        ("60s", "1m0s"),
        ("90s", "1m30s"),
        ("1h", "1h0m0s"),
        ("1h5m30s20ms", "1h5m30.02s"),
        ("1.5h", "1h30m0s"),
        ("1s1h", "1h0m1s"),
        ("1s1s", "2s"),
        (".5s", "500ms"),
        ("5.s", "5s"),
        ("1d", "24h0m0s"),
        ("1w", "168h0m0s"),
        ("1.5d", "36h0m0s"),
        ("+5s", "5s"),
        ("-1.5h", "-1h30m0s"),
        ("2562047h47m16.854775807s", "2562047h47m16.854775807s"),
    ],
)
def test_durations(text: str, printed: str) -> None:
    assert str(parse(text)) == printed


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0.1ns", 0),
        ("1.9ns", 1),
        ("1.0000000001s", 1_000_000_000),
        pytest.param("0.99999999999999999999999s", 1_000_000_000, id="rounds up"),
        pytest.param("0.3333333333333333333h", 1_200_000_000_000, id="in doubles"),
        pytest.param("0." + "0" * 400 + "1h", 0, id="scale beyond a double"),
        pytest.param("0" * 100 + "1s", 1_000_000_000, id="leading zeros"),
    ],
)
def test_fractions_below_a_nanosecond(text: str, nanoseconds: int) -> None:
    assert parse(text) == nanoseconds


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "a number is missing"),
        ("-", "a number is missing"),
        ("s", "a number is missing"),
        (".s", "a number is missing"),
        (" 5s", "a number is missing"),
        ("--1s", "a number is missing"),
        ("\uff15s", "a number is missing"),
        ("10", "a unit is missing"),
        ("00", "a unit is missing"),
        ("1s0", "a unit is missing"),
        ("1.1.1s", "a unit is missing"),
        ("1h 5m", 'unknown unit "h "'),
        ("1s\n", 'unknown unit "s\n"'),
        ("1S", 'unknown unit "S"'),
        ("1y", 'unknown unit "y"'),
        ("1e3s", 'unknown unit "e"'),
        ("1m-1s", 'unknown unit "m-"'),
        ("9223372037s", "too long"),
        ("-2562047h47m16.854775808s", "too long"),
        ("9" * 10_000 + "s", "too long"),
    ],
)
def test_what_is_no_duration(text: str, reason: str) -> None:
    with pytest.raises(InvalidValueError) as error:
        parse(text)

    assert error.value.message == f'invalid duration "{text}": {reason}'
    assert error.value.hint


def test_a_duration_is_its_nanoseconds() -> None:
    duration = parse("1m30s")

    assert duration == 90_000_000_000
    assert duration.seconds == 90.0
    assert f"{duration}" == "1m30s"
    assert repr(duration) == "Duration(90000000000)"


@given(nanoseconds=st.integers(-(2**63) + 1, 2**63 - 1))
def test_what_is_printed_reads_back(nanoseconds: int) -> None:
    duration = Duration(nanoseconds)

    # The fraction passes through floating point, in Go as here.
    assert abs(parse(str(duration)) - duration) <= 1


@given(
    text=st.text() | st.text("0123456789.+-nuµsmhdw"),
)
def test_any_text_is_read_or_refused(text: str, attempt: Callable) -> None:
    attempt(parse, text)
