"""Numbers as text, and single precision."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackyard.compose.errors import InvalidValueError
from stackyard.compose.grammar.number import (
    float32,
    format_float32,
    parse_float,
    parse_int,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-1", -1),
        ("+1", 1),
        ("007", 7),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        pytest.param("0" * 5000 + "1", 1, id="leading zeros"),
    ],
)
def test_integers(text: str, value: int) -> None:
    assert parse_int(text) == value


@pytest.mark.parametrize(
    "text", ["", " 1", "1 ", "1_0", "0x10", "1.0", "1e3", "--1", "+", "\uff11", "1\n"]
)
def test_what_is_no_integer(text: str) -> None:
    with pytest.raises(InvalidValueError, match="invalid integer"):
        parse_int(text)


@pytest.mark.parametrize(
    "text", ["9223372036854775808", "-9223372036854775809", "9" * 5000]
)
def test_integers_have_64_bits(text: str) -> None:
    with pytest.raises(InvalidValueError, match="out of range"):
        parse_int(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.5", 0.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("+0.5", 0.5),
        ("-1", -1.0),
        ("1e3", 1000.0),
        ("1E-3", 0.001),
        ("1_0.2_5", 10.25),
        ("1e1_0", 1e10),
        ("0x1p-2", 0.25),
        ("0X_1.8P1", 3.0),
        ("1e-400", 0.0),
        ("inf", math.inf),
        ("-Infinity", -math.inf),
    ],
)
def test_floats(text: str, value: float) -> None:
    assert parse_float(text) == value


def test_nan_has_no_sign() -> None:
    assert math.isnan(parse_float("NaN"))
    with pytest.raises(InvalidValueError):
        parse_float("+nan")


@pytest.mark.parametrize(
    "text",
    [
        *("", " 1", "1 ", "abc", ".", "e1", "1e", "1_", "_1", "1__0", "1._5", "1e_1"),
        *("0x10", "0x1", "0xp1", "0x.p1", "0b1p1", "500m", "\uff11", "1\n", "infin"),
    ],
)
def test_what_is_no_float(text: str) -> None:
    with pytest.raises(InvalidValueError, match="invalid number") as error:
        parse_float(text)

    assert error.value.hint


@pytest.mark.parametrize("text", ["1e400", "-1e400", "0x1p9999"])
def test_floats_have_64_bits(text: str) -> None:
    with pytest.raises(InvalidValueError, match="out of range"):
        parse_float(text)


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (0, "0"),
        (1, "1"),
        (1.0, "1"),
        (0.1, "0.1"),
        (-0.5, "-0.5"),
        (1 / 3, "0.33333334"),
        (3.14159265358979, "3.1415927"),
        (16777217, "1.6777216e+07"),
        (999999, "999999"),
        (1_000_000, "1e+06"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (1e-45, "1e-45"),
    ],
)
def test_single_precision(value: float, printed: str) -> None:
    assert format_float32(value) == printed


def test_what_is_too_large_for_single_precision_is_infinite() -> None:
    assert float32(1e39) == math.inf
    assert float32(-1e39) == -math.inf


@given(value=st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_what_is_printed_reads_back(value: float) -> None:
    assert float32(parse_float(format_float32(value))) == value


@given(text=st.text() | st.text("0189.eE_+-xXpPaAinfNty"))
def test_any_text_is_read_or_refused(text: str, attempt: Callable) -> None:
    attempt(parse_float, text)
    attempt(parse_int, text)
