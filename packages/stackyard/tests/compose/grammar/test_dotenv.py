"""Env files: their statements, values and quotes, and the raw format."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackyard.compose.grammar.dotenv import DotenvError, parse, parse_raw

if TYPE_CHECKING:
    from collections.abc import Callable

ENVIRONMENT = {"FOO": "first", "EMPTY": "", "A": "outer"}


def read(text: str) -> dict[str, str]:
    return parse(text, ENVIRONMENT.get)


def read_raw(text: str) -> dict[str, str]:
    return parse_raw(text, ENVIRONMENT.get)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        pytest.param("X=bar", {"X": "bar"}, id="plain"),
        pytest.param("X =bar", {"X": "bar"}, id="space before the separator"),
        pytest.param("X= bar", {"X": "bar"}, id="space after the separator"),
        pytest.param(" \tX=bar", {"X": "bar"}, id="indented"),
        pytest.param("X: Foo=bar", {"X": "Foo=bar"}, id="colon"),
        pytest.param("X=1:B", {"X": "1:B"}, id="the first separator counts"),
        pytest.param("X=foobar=", {"X": "foobar="}, id="separator in the value"),
        pytest.param("export X=2", {"X": "2"}, id="export"),
        pytest.param("export\tX=2", {"X": "2"}, id="export and a tab"),
        pytest.param("exportX=2", {"exportX": "2"}, id="a name that begins so"),
        pytest.param("export=2", {"export": "2"}, id="a name that is export"),
        pytest.param("F.B=1\nX-Y=2\nX[0]=3", {"F.B": "1", "X-Y": "2", "X[0]": "3"}),
        pytest.param("1X=1", {"1X": "1"}, id="a digit first"),
        pytest.param("\u00e9=1", {"\u00e9": "1"}, id="letters of any script"),
        pytest.param('="value"', {"": "value"}, id="no name at all"),
        pytest.param("X=1\nX=2", {"X": "2"}, id="the last one wins"),
        pytest.param("X=", {"X": ""}, id="empty at the end of the file"),
        pytest.param("X=\nY=1", {"X": "", "Y": "1"}, id="empty before a line"),
        pytest.param("\ufeffX=1", {"X": "1"}, id="byte order mark"),
        pytest.param("X=1\r\nY=2\r\n", {"X": "1", "Y": "2"}, id="Windows line ends"),
        pytest.param("# c\n\n  # d\nX=1", {"X": "1"}, id="comments and empty lines"),
        pytest.param("", {}, id="nothing"),
    ],
)
def test_statements(text: str, result: dict[str, str]) -> None:
    assert read(text) == result


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("bar #", "bar"),
        ("bar # this", "bar"),
        ("123#no", "123#no"),
        ("a\t#c", "a\t#c"),
        ("#c", "#c"),
        (" #c", "#c"),
        ("a b  ", "a b"),
        (r"a\tb", r"a\tb"),
        (r"\$FOO", r"\first"),
        ("a'b'", "a'b'"),
        ("$FOO #c", "first"),
        ("${U:-d}", "d"),
        ("$$FOO", "$FOO"),
        ("`date`", "`date`"),
        ("1;Y=2", "1;Y=2"),
    ],
)
def test_unquoted_values(value: str, result: str) -> None:
    assert read(f"X={value}\n") == {"X": result}


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("''", ""),
        ("'a b'", "a b"),
        ("'a\nb'", "a\nb"),
        (r"'\n'", r"\n"),
        (r"'it\'s'", "it's"),
        (r"'a\\'", r"a\\"),
        ("'$FOO ${U?}'", "$FOO ${U?}"),
        ("""'a"b'""", 'a"b'),
        ("'a#b'", "a#b"),
    ],
)
def test_single_quotes_are_literal(value: str, result: str) -> None:
    assert read(f"X={value}") == {"X": result}


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ('""', ""),
        ('"a b"', "a b"),
        ('"a\nb"', "a\nb"),
        ('"a#b"', "a#b"),
        ("\"'d'\"", "'d'"),
        (r'"it\"s"', 'it"s'),
        (r'"\a\b\f\n\r\t\v"', "\a\b\f\n\r\t\v"),
        (r'"a\\n"', r"a\n"),
        (r'"\0123"', "S"),
        (r'"\0377"', "\u00ff"),
        (r'"\$FOO"', "$FOO"),
        ('"$FOO"', "first"),
        (r'"\x07\u12e4\q\c"', r"\x07\u12e4\q\c"),
        pytest.param(r'"\0\01\0400\0189"', r"\\1\400\189", id="not octal"),
        pytest.param('"a\\\nb"', "a\\\nb", id="an escaped line break stays"),
    ],
)
def test_double_quotes_know_escapes_and_variables(value: str, result: str) -> None:
    assert read(f"X={value}") == {"X": result}


@pytest.mark.parametrize("rest", ["#", " # comment", "   ", "\r"])
def test_what_follows_a_quoted_value(rest: str) -> None:
    assert read(f'X="bar#baz"{rest}\nY=1') == {"X": "bar#baz", "Y": "1"}


def test_statements_may_follow_a_quoted_value_on_its_line() -> None:
    assert read("X='a'Y=2\nZ=1") == {"X": "a", "Y": "2", "Z": "1"}


def test_a_name_alone_is_inherited() -> None:
    assert read("FOO\nEMPTY\nUNSET\nexport A\n") == {
        "FOO": "first",
        "EMPTY": "",
        "A": "outer",
    }
    assert read("FOO\r\n") == {"FOO": "first"}


def test_a_name_alone_at_the_end_of_the_file_is_a_value_without_a_name() -> None:
    # A defect of the reference, kept: what the two make of a file must not differ.
    assert read("X=1\nFOO") == {"X": "1", "": "FOO"}


def test_references_see_the_environment_first_and_earlier_lines_after_it() -> None:
    assert read("A=inner\nB=$A") == {"A": "inner", "B": "outer"}
    assert read("X=1\nY=$X\nX=2\nZ=$X") == {"X": "2", "Y": "1", "Z": "2"}
    assert read("X=$Y\nY=1") == {"X": "", "Y": "1"}


def test_unset_variables_are_reported() -> None:
    reported: list[str] = []

    parse("X=$U\nY='$V'\nZ=\"$W\"\nNONE\n", ENVIRONMENT.get, missing=reported.append)

    assert reported == ["U", "W"]


def test_numbered_names_can_be_left_out_but_count_for_later_lines() -> None:
    text = "1X=a\nY=b\n"

    assert read(text) == {"1X": "a", "Y": "b"}
    assert parse(text, ENVIRONMENT.get, skip_numbered=True) == {"Y": "b"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("X!=1", 'line 1: unexpected character "!" in variable name "X!=1"'),
        ("\n\n!x", 'line 3: unexpected character "!" in variable name "!x"'),
        ('X="a\nb" \n\n{', 'line 4: unexpected character "{" in variable name "{"'),
        ("FOO\n!", 'line 2: unexpected character "!" in variable name "!"'),
        ("a=1\n\nb c=2", 'line 3: variable name "b c" contains a space'),
        ("X Y\n", 'line 1: variable name "X Y" contains a space'),
        ("X=1\nexport ", "line 2: nothing to export"),
        ('X=1\nY="a', 'line 2: unterminated quoted value "a'),
        ("Y='a\nb\\'\n", "line 1: unterminated quoted value 'a"),
        ("\nX=${U?no}", "line 2: required variable U is missing a value: no"),
        ("X=${U #c}", 'line 1: invalid interpolation format "${U"'),
        ("X=1\n\tY=${", 'line 2: invalid interpolation format "${"'),
    ],
)
def test_errors_name_the_line(text: str, message: str) -> None:
    with pytest.raises(DotenvError) as error:
        read(text)

    assert error.value.message == message
    assert message.startswith(f"line {error.value.line}: ")
    assert error.value.hint


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("X=1", {"X": "1"}),
        ("X=a # c", {"X": "a # c"}),
        ("X= a ", {"X": " a "}),
        ("  X=1", {"X": "1"}),
        ("X='a'", {"X": "'a'"}),
        ('X="a', {"X": '"a'}),
        ("X=$FOO ${U?}", {"X": "$FOO ${U?}"}),
        ("X=$$", {"X": "$$"}),
        ("X==", {"X": "="}),
        ("X!=1", {"X!": "1"}),
        ("#c\n\n  #d\nX=1", {"X": "1"}),
        ("\ufeffX=1\r\nY=2\r\r\n", {"X": "1", "Y": "2\r"}),
        ("FOO\nEMPTY\nUNSET", {"FOO": "first", "EMPTY": ""}),
        ("X:1", {}),
    ],
)
def test_the_raw_format_interprets_nothing(text: str, result: dict[str, str]) -> None:
    assert read_raw(text) == result


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("X=1\n=2", 'line 2: no variable name in "=2"'),
        ("X =1", 'line 1: variable name "X " contains white space'),
        ("export X=1", 'line 1: variable name "export X" contains white space'),
        ("\nX\t", 'line 2: variable name "X\t" contains white space'),
    ],
)
def test_errors_of_the_raw_format(text: str, message: str) -> None:
    with pytest.raises(DotenvError) as error:
        read_raw(text)

    assert error.value.message == message
    assert error.value.hint


PIECES = ["X", "FOO", "=", ":", "\n", " ", "#", '"', "'", "\\", "$", "${", "}", "0"]


@given(text=st.lists(st.sampled_from(PIECES)).map("".join) | st.text())
@settings(deadline=None)
def test_any_file_is_read_or_refused(text: str, attempt: Callable) -> None:
    attempt(read, text)
    attempt(read_raw, text)


@pytest.mark.parametrize("part", ["\\", '\\"', "'", "X='", "X=$A\n", "#", " ", "\\0"])
@pytest.mark.parametrize("start", ["", 'X="'], ids=["plain", "quoted"])
@pytest.mark.parametrize("function", [read, read_raw])
def test_long_files_take_linear_time(
    part: str, start: str, function: Callable, attempt: Callable, linear: Callable
) -> None:
    linear(lambda count: attempt(function, start + part * count))


NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]*", fullmatch=True)


@given(values=st.dictionaries(NAMES, st.text()))
def test_values_in_single_quotes_come_back(values: dict[str, str]) -> None:
    # A backslash before the closing quote would escape it.
    kept = {key: value.replace("\\", "/") for key, value in values.items()}
    text = "".join(
        "{}='{}'\n".format(key, value.replace("'", "\\'"))
        for key, value in kept.items()
    )

    assert read(text) == kept


@given(
    values=st.dictionaries(
        NAMES, st.text(st.characters(exclude_characters="\n\r", codec="utf-8"))
    )
)
def test_raw_values_come_back(values: dict[str, str]) -> None:
    text = "".join(f"{key}={value}\n" for key, value in values.items())

    assert read_raw(text) == values
