"""Interpolation: what a reference becomes, what is refused, what is reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackyard.compose.errors import InvalidValueError
from stackyard.compose.grammar.template import (
    MAX_DEPTH,
    Variable,
    substitute,
    variables,
)

if TYPE_CHECKING:
    from collections.abc import Callable

ENVIRONMENT = {"FOO": "first", "BAR": "", "JSON": '{"json":2}', "A": "a"}


def expand(template: str) -> str:
    return substitute(template, ENVIRONMENT.get)


def test_text_without_a_dollar_is_returned_as_it_is() -> None:
    text = "no {reference} in here"

    assert expand(text) is text


@pytest.mark.parametrize(
    ("template", "result"),
    [
        pytest.param("$FOO", "first", id="plain"),
        pytest.param("${FOO}", "first", id="braced"),
        pytest.param("[$FOO]", "[first]", id="plain ends where the name ends"),
        pytest.param("$FOO-x", "first-x", id="no operators without braces"),
        pytest.param("$FOO$A${A}", "firstaa", id="several"),
        pytest.param("$UNSET|${UNSET}", "|", id="unset is empty"),
        pytest.param("$foo", "", id="names are case-sensitive"),
        pytest.param("$_", "", id="underscore is a name"),
    ],
)
def test_variables_are_replaced(template: str, result: str) -> None:
    assert expand(template) == result


@pytest.mark.parametrize(
    "text",
    ["$", "a $ b", "$}", "$1", "$(A)", "$é", "a$", "$\n", "{A}"],
)
def test_a_dollar_before_anything_else_is_literal(text: str) -> None:
    assert expand(text) == text


@pytest.mark.parametrize(
    ("template", "result"),
    [
        ("$$", "$"),
        ("$$A", "$A"),
        ("$${A}", "${A}"),
        ("$${", "${"),
        ("$$$FOO", "$first"),
        ("$$$$FOO", "$$FOO"),
        ("${UNSET:-$$A}", "$A"),
    ],
)
def test_two_dollars_make_one(template: str, result: str) -> None:
    assert expand(template) == result


@pytest.mark.parametrize(
    ("operator", "unset", "empty", "value"),
    [
        (":-", "arg", "arg", "first"),
        ("-", "arg", "", "first"),
        (":+", "", "", "arg"),
        ("+", "", "arg", "arg"),
    ],
)
def test_operators(operator: str, unset: str, empty: str, value: str) -> None:
    assert expand(f"${{UNSET{operator}arg}}") == unset
    assert expand(f"${{BAR{operator}arg}}") == empty
    assert expand(f"${{FOO{operator}arg}}") == value


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("${UNSET?}", "required variable UNSET is missing a value"),
        ("${UNSET:?}", "required variable UNSET is missing a value"),
        ("${BAR:?}", "required variable BAR is missing a value"),
        ("${UNSET:?x $FOO}", "required variable UNSET is missing a value: x first"),
        ("${UNSET??}", "required variable UNSET is missing a value: ?"),
        ("${FOO:-${B:?no}}", "required variable B is missing a value: no"),
        ("${UNSET?${B?no}}", "required variable B is missing a value: no"),
    ],
)
def test_required_variables(template: str, message: str) -> None:
    with pytest.raises(InvalidValueError) as error:
        expand(template)

    assert error.value.message == message
    assert error.value.hint


def test_a_required_variable_may_be_empty_where_only_set_is_asked() -> None:
    assert expand("${FOO?e}|${FOO:?e}|${BAR?e}") == "first|first|"


@pytest.mark.parametrize(
    ("template", "result"),
    [
        pytest.param("${UNSET-x?y}", "x?y", id="the first operator counts"),
        pytest.param("${UNSET--x}", "-x", id="twice the same"),
        pytest.param("${UNSET-myerror?msg}", "myerror?msg", id="message-like"),
        pytest.param("${UNSET:-${BAR-d}}", "", id="nested"),
        pytest.param("${BAR:-$FOO $FOO}", "first first", id="plain in argument"),
        pytest.param("${BAR+$FOO ${FOO:+second}}", "first second", id="both in one"),
        pytest.param("${U:-${V:-${W:-d}}}", "d", id="three deep"),
        pytest.param("${FOO:-$}", "first", id="literal dollar in argument"),
    ],
)
def test_arguments_are_templates(template: str, result: str) -> None:
    assert expand(template) == result


@pytest.mark.parametrize(
    ("template", "result"),
    [
        ('${UNSET:-{"json":1}}', '{"json":1}'),
        ('${JSON:-{"json":1}} x', '{"json":2} x'),
        ("${UNSET:-{}}", "{}"),
        ("${UNSET:-{{{a}}}}", "{{{a}}}"),
        ("${UNSET:-{x}y}", "{x}y"),
        ("${UNSET:-a} b} $FOO", "a b} first"),
        ("${UNSET:-${A}} b} ${FOO}", "a b} first"),
        ("${UNSET:-a}}-${FOO}", "a}-first"),
        ("${UNSET:-}}}", "}}"),
        ("${FOO}}", "first}"),
    ],
)
def test_braces_in_and_after_arguments(template: str, result: str) -> None:
    assert expand(template) == result


def test_an_unbalanced_brace_takes_the_argument_to_the_last_one_of_the_line() -> None:
    assert expand("${UNSET:-{a} b} c\n}") == "{a} b c\n}"
    # The brace after an opening brace is not looked at: {} does not balance, and
    # only a further reference on the line shows it.
    assert expand("${UNSET:-{}}") == "{}"
    with pytest.raises(InvalidValueError, match="invalid interpolation format"):
        expand("${UNSET:-{}} and ${FOO}")


@pytest.mark.parametrize(
    "template",
    [
        *("${", "${}", "${ x}", "${x!}", "${FOO", "${1}", "${é}", "${?}", "${-x}"),
        *("${FOO:x}", "${FOO:}", "${U::-x}", "${A:-", "${A:-${B", "${A:-${B}"),
        *("${FOO\n}", "${FOO:-\n}", "${U:-a\nb}", "$$${", "${FOO}${", "${FOO:-${}}"),
    ],
)
def test_bad_formats(template: str) -> None:
    with pytest.raises(
        InvalidValueError, match="invalid interpolation format"
    ) as error:
        expand(template)

    assert "$$" in str(error.value.hint)


def test_names_are_matched_as_unicode_folds_them() -> None:
    # The long s and the Kelvin sign are "s" and "k" to a case-insensitive match.
    assert substitute("$\u017f ${\u212a}", {"\u017f": "s", "\u212a": "k"}.get) == "s k"


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("$X ${Y}", ["X", "Y"]),
        ("$FOO ${BAR}", []),
        ("${X:-d} ${X-d} ${X:+r} ${X+r}", []),
        pytest.param("${FOO:-$X}", ["X"], id="in an argument that is not used"),
        pytest.param("${X+$Y}", ["Y"], id="in a replacement that is not used"),
    ],
)
def test_missing_variables_are_reported(template: str, names: list[str]) -> None:
    reported: list[str] = []

    substitute(template, ENVIRONMENT.get, missing=reported.append)

    assert reported == names


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("none", []),
        ("$$A $${A} $1", []),
        ("$A ${B}", [Variable("A"), Variable("B")]),
        ("${A-d}", [Variable("A", default="d")]),
        ("${A:-d}", [Variable("A", default="d")]),
        ("${A?m}", [Variable("A", required=True)]),
        ("${A:?m}", [Variable("A", required=True)]),
        ("${A+r}", [Variable("A", alternate="r")]),
        ("${A:+r}", [Variable("A", alternate="r")]),
        ("${A--x}", [Variable("A", default="-x")]),
        ("${A-x?y}", [Variable("A", default="x?y")]),
        ('${A:-{"j":1}}', [Variable("A", default='{"j":1}')]),
        ("${A:-$$B}", [Variable("A", default="$$B")]),
        (
            "${A:-${B:-c}}",
            [Variable("A", default="${B:-c}"), Variable("B", default="c")],
        ),
        ("${A+$B$C}", [Variable("A", alternate="$B$C"), Variable("B"), Variable("C")]),
        pytest.param("${A?$B}", [Variable("A", required=True)], id="not in messages"),
        pytest.param("${A!}", [Variable("")], id="bad syntax has no name"),
    ],
)
def test_variables_are_listed(template: str, found: list[Variable]) -> None:
    assert variables(template) == found


@pytest.mark.parametrize(
    ("template", "shown"),
    [
        ("${A}${A:-x}", Variable("A", default="x")),
        ("${A:-x}${A}", Variable("A", default="x")),
        ("${A:-x} $A}", Variable("A", default="x")),
        ("${A:-x} $A", Variable("A")),
        ("${A:-x} ${A} ${B:-z}", Variable("A", default="x")),
        ("${A:-x}${A:-y}", Variable("A", default="x")),
        ("${A:-x}\n${A:-y}", Variable("A", default="y")),
        ("${A:?}${A}", Variable("A", required=True)),
    ],
)
def test_the_last_entry_of_a_name_is_the_one_shown(
    template: str, shown: Variable
) -> None:
    assert [found for found in variables(template) if found.name == "A"][-1] == shown


def nested(depth: int) -> str:
    return "${U:-" * depth + "core" + "}" * depth


def test_nesting_has_a_limit() -> None:
    assert expand(nested(MAX_DEPTH)) == "core"
    for function in (expand, variables):
        with pytest.raises(InvalidValueError, match="nested more than 100 deep"):
            function(nested(MAX_DEPTH + 2))


@pytest.mark.parametrize(
    "part",
    ["$", "${", "$A", "${A:-", "${A:-x} ", "${A:-{", "${A:-{a}", "${A-$A}\n", "}{"],
)
@pytest.mark.parametrize("end", ["", "}"], ids=["open", "closed"])
@pytest.mark.parametrize("function", [expand, variables])
def test_long_templates_take_linear_time(
    part: str, end: str, function: Callable, attempt: Callable, linear: Callable
) -> None:
    linear(lambda count: attempt(function, part * count + end * count))


TEMPLATES = st.lists(
    st.sampled_from(
        [
            "$",
            "${",
            "}",
            "{",
            "A",
            "BAR",
            "UNSET",
            ":-",
            "-",
            ":?",
            "+",
            "\n",
            "$$",
            "é",
        ]
    )
).map("".join)


@given(template=TEMPLATES | st.text())
@settings(deadline=None)
def test_any_template_expands_or_is_refused(template: str, attempt: Callable) -> None:
    attempt(expand, template)
    attempt(variables, template)


@given(st.text())
@settings(deadline=None)
def test_doubling_dollars_escapes_any_text(text: str) -> None:
    assert expand(text.replace("$", "$$")) == text
    assert variables(text.replace("$", "$$")) == []
