"""Sizes in bytes: units, spaces, numbers, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackyard.compose.errors import InvalidValueError
from stackyard.compose.grammar.size import ByteSize, parse

if TYPE_CHECKING:
    from collections.abc import Callable

KIB, MIB, GIB = 1024, 1024**2, 1024**3


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("100", 100),
        ("1b", 1),
        ("1B", 1),
        ("2k", 2 * KIB),
        ("2kb", 2 * KIB),
        ("2KiB", 2 * KIB),
        ("64m", 64 * MIB),
        ("512MB", 512 * MIB),
        ("1.5gb", 1536 * MIB),
        ("1t", 1024 * GIB),
        ("1p", 1024**5),
        ("1 g", GIB),
        ("1 ", 1),
        ("+1g", GIB),
        (".5k", 512),
        ("1. k", KIB),
        ("0.1k", 102),
        ("1.9", 1),
        ("1e3", 1000),
        ("1e3k", 1000 * KIB),
        ("1_000", 1000),
        ("0x1p4k", 16 * KIB),
        ("-0", 0),
        (100, 100),
        (-1, -1),
        pytest.param("9007199254740993", 9007199254740992, id="as a double"),
        pytest.param("0" * 5000 + "1k", KIB, id="leading zeros"),
    ],
)
def test_sizes(value: str | int, size: int) -> None:
    assert parse(value) == size


def test_a_number_with_a_fraction_sets_nothing() -> None:
    # The reference leaves `mem_limit: 1.5` and even `1e9` out without a word.
    assert parse(1.5) == parse(1e9) == 0


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", 'invalid size "": a number is missing'),
        ("k", 'invalid size "k": a number is missing'),
        ("inf", 'invalid size "inf": a number is missing'),
        ("\uff11g", 'invalid size "\uff11g": a number is missing'),
        ("1Ki", 'invalid size "1Ki": unknown unit "Ki"'),
        ("1bb", 'invalid size "1bb": unknown unit "bb"'),
        ("1e", 'invalid size "1e": unknown unit "e"'),
        ("1m\n", 'invalid size "1m\n": unknown unit "m\n"'),
        ("-1g", 'invalid size "-1g": it is negative'),
        ("8192p", 'invalid size "8192p": too large'),
        ("1e19", 'invalid size "1e19": too large'),
        ("inf ", 'invalid size "inf ": too large'),
        ("nan ", 'invalid size "nan ": too large'),
        (2**63, 'invalid size "9223372036854775808": too large'),
        ("1e400", 'number "1e400" is out of range'),
        ("1,5g", 'invalid number "1,5"'),
        (" 1g", 'invalid number " 1"'),
        ("1g ", 'invalid number "1g"'),
        ("1  g", 'invalid number "1 "'),
        ("0x10", 'invalid number "0x10"'),
    ],
)
def test_what_is_no_size(value: str | int, message: str) -> None:
    with pytest.raises(InvalidValueError) as error:
        parse(value)

    assert error.value.message == message
    assert error.value.hint


def test_a_size_prints_as_its_bytes() -> None:
    assert str(parse("1k")) == f"{parse('1k')}" == "1024"


@given(size=st.integers(0, 2**53))
def test_what_is_printed_reads_back(size: int) -> None:
    assert parse(str(ByteSize(size))) == size


@given(text=st.text() | st.text("0123456789.eE_+-kmgtpib x"))
def test_any_text_is_read_or_refused(text: str, attempt: Callable) -> None:
    attempt(parse, text)
