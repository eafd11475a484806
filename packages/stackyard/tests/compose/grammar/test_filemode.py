"""File modes: octal text or a number, printed as octal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackyard.compose.errors import InvalidValueError
from stackyard.compose.grammar.filemode import FileMode, parse

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        ("0440", "0440"),
        ("440", "0440"),
        ("+440", "0440"),
        ("07777", "07777"),
        ("0", "00"),
        (0o440, "0440"),
        (0, "00"),
        pytest.param("-1", "0-1", id="negative"),
        pytest.param("0" * 5000 + "7", "07", id="leading zeros"),
    ],
)
def test_modes(value: str | int, printed: str) -> None:
    assert str(parse(value)) == printed


def test_a_mode_is_a_number() -> None:
    assert parse("0440") == 0o440
    assert repr(parse("0440")) == "FileMode(0440)"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "288",
        "8",
        "0o440",
        "0x10",
        "rw",
        " 440",
        "4_40",
        "440\n",
        "7" * 22,
        "7" * 9999,
    ],
)
def test_what_is_no_mode(value: str) -> None:
    with pytest.raises(InvalidValueError, match="invalid file mode") as error:
        parse(value)

    assert error.value.hint


@given(bits=st.integers(0, 0o7777))
def test_what_is_printed_reads_back(bits: int) -> None:
    assert parse(str(FileMode(bits))) == bits


@given(text=st.text() | st.text("01234567+-8 "))
def test_any_text_is_read_or_refused(text: str, attempt: Callable) -> None:
    attempt(parse, text)
