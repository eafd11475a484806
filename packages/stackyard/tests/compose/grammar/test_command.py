"""Command lines: how a string becomes arguments without a shell."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackyard.compose.errors import InvalidValueError
from stackyard.compose.grammar.command import split

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        ("", []),
        (" \t\r\n", []),
        ("a b c", ["a", "b", "c"]),
        (" a\tb\r\nc ", ["a", "b", "c"]),
        ("a\u00a0b\vc", ["a\u00a0b\vc"]),
        (
            "a=b * ~ {c,d} # $X ${Y} %",
            ["a=b", "*", "~", "{c,d}", "#", "$X", "${Y}", "%"],
        ),
    ],
)
def test_blanks_separate(line: str, arguments: list[str]) -> None:
    assert split(line) == arguments


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        ("""a "b c" 'd e'""", ["a", "b c", "d e"]),
        ("""a"b c"'d e'f""", ["ab cd ef"]),
        ('"" \'\' a""', ["", "", "a"]),
        ('"a\nb"', ["a\nb"]),
        ("""'"' "'" """, ['"', "'"]),
        ("""sh -c "a && b; c" """, ["sh", "-c", "a && b; c"]),
        ("""sh -c 'a | b > c'""", ["sh", "-c", "a | b > c"]),
        ("\"(a\" '`'", ["(a", "`"]),
    ],
)
def test_quotes(line: str, arguments: list[str]) -> None:
    assert split(line) == arguments


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        (r"a\ b", ["a b"]),
        (r"a\\b", [r"a\b"]),
        (r"\"a\"", ['"a"']),
        (r'"a\"b"', ['a"b']),
        (r"'a\b'", [r"a\b"]),
        (r"a \; b", ["a", ";", "b"]),
        (r"\(a\)", ["(a)"]),
        pytest.param(r'a\tb "a\nb"', ["atb", "anb"], id="no control characters"),
        pytest.param("a\\\nb", ["a\nb"], id="no continuation lines"),
    ],
)
def test_a_backslash_keeps_the_next_character(line: str, arguments: list[str]) -> None:
    assert split(line) == arguments


@pytest.mark.parametrize("operator", [";", "&", "&&", "|", "||", "<", ">", ">>"])
def test_an_operator_ends_the_command(operator: str) -> None:
    assert split(f"a b {operator} c d") == ["a", "b"]
    assert split(f"a b{operator}c 'unclosed") == ["a", "b"]
    assert split(f"{operator} c") == []


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        ("a 2>&1", ["a"]),
        ("a 12>b", ["a"]),
        ('a "2"x>b', ["a"]),
        ("a b2>c", ["a", "b2"]),
        ("a 2<b", ["a", "2"]),
        ("a ''2>b", ["a"]),
    ],
)
def test_a_redirected_descriptor_is_dropped_too(
    line: str, arguments: list[str]
) -> None:
    assert split(line) == arguments


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        ("a $(b c) d", ["a", "$(b c)", "d"]),
        ('a$(b "c; d")e', ['a$(b "c; d")e']),
        ('"x $(b c) y"', ["x $(b c) y"]),
        (r"$(b\) c)", ["$(b) c)"]),
        ("'$'(b c)", ["$(b c)"]),
        ("a `b c` d", ["a", "`b c`", "d"]),
        ("`a; (b) | c`d", ["`a; (b) | c`d"]),
        pytest.param("""`a "b`" 'c'`""", ["`a b` c`"], id="quotes inside backquotes"),
        pytest.param("a)b c)d", ["a)b c)d"], id="a stray parenthesis opens"),
    ],
)
def test_substitutions_stay_text(line: str, arguments: list[str]) -> None:
    assert split(line) == arguments


@pytest.mark.parametrize(
    "line",
    [
        'a "b',
        "a 'b",
        "a\\",
        '"a\\"',
        r"'a\'b'",
        "`",
        "$(",
        "(a)",
        "a (b)",
        "a)",
        "$((1))",
    ],
)
def test_what_is_left_open_is_an_error(line: str) -> None:
    with pytest.raises(InvalidValueError, match="invalid command line") as error:
        split(line)

    assert "sh" in str(error.value.hint)


@given(arguments=st.lists(st.text()))
def test_what_a_shell_would_read_is_read_alike(arguments: list[str]) -> None:
    assert split(shlex.join(arguments)) == arguments


PIECES = ["a", " ", "2", '"', "'", "\\", "$", "(", ")", "`", ";", ">", "\n"]


@given(line=st.lists(st.sampled_from(PIECES)).map("".join) | st.text())
def test_any_line_is_split_or_refused(line: str, attempt: Callable) -> None:
    attempt(split, line)


@pytest.mark.parametrize("part", [*PIECES, "$(a)", '"\\', "`'", "''", "'a'"])
def test_long_lines_take_linear_time(
    part: str, attempt: Callable, linear: Callable
) -> None:
    linear(lambda count: attempt(split, part * count))
