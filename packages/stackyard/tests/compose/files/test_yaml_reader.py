"""YAML texts, the values they hold, and what is refused before memory is spent."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
from support import value

from stackyard.compose import limits
from stackyard.compose.errors import LoadError
from stackyard.compose.files.yaml_reader import parse

if TYPE_CHECKING:
    from stackyard.compose.files.yaml_reader import Document


def read(text: str, *, with_lines: bool = False) -> Document:
    (document,) = parse(dedent(text), file="a.yaml", with_lines=with_lines)
    return document


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: yes", {"a": "yes"}),
        ('a: !!int "5"', {"a": 5}),
        ("a: !!str 5", {"a": "5"}),
        ("a: !own 5", {"a": "5"}),
        ("a: '5'", {"a": "5"}),
        ("a:", {"a": None}),
        ("[1, [2, {a: b}]]", [1, [2, {"a": "b"}]]),
        ("a: |\n  b\n  c\n", {"a": "b\nc\n"}),
        ("'1': a", {"1": "a"}),
        ("text", "text"),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
        ("a: &x 1\nb: &x 2\nc: *x", {"a": 1, "b": 2, "c": 2}),
        ("&k a: 1\nb: *k", {"a": 1, "b": "a"}),
    ],
)
def test_a_document(text: str, expected: Any) -> None:
    assert value(text) == expected


def test_an_alias_is_a_copy() -> None:
    document = value("a: &x [1]\nb: *x")
    document["a"].append(2)
    assert document["b"] == [1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<<: {a: 1, b: 1}\na: 2", {"a": 2, "b": 1}),
        ("a: 2\n<<: {a: 1, b: 1}", {"a": 2, "b": 1}),
        ("<<: [{a: 1}, {a: 2, b: 2}]", {"a": 1, "b": 2}),
        ("<<: {<<: {a: 1, b: 1}, a: 2}", {"a": 2, "b": 1}),
        ("<<: {a: {b: 1}}\na: {c: 2}", {"a": {"c": 2}}),
    ],
)
def test_a_mapping_has_its_own_keys_before_merged_ones(
    text: str, expected: Any
) -> None:
    assert value(text) == expected


def test_anchors_are_known_in_later_documents() -> None:
    first, second = parse("a: &x 1\n---\nb: *x\n", file="a.yaml")
    assert (first.value, second.value) == ({"a": 1}, {"b": 1})


@pytest.mark.parametrize(
    ("text", "left", "resets"),
    [
        ("a: !reset null", {}, (("a",),)),
        ("a: !reset [1, 2]\nb: 1", {"b": 1}, (("a",),)),
        ("a: {b: !reset {}}", {"a": {}}, (("a", "b"),)),
        ("a: !override [1]", {"a": [1]}, (("a",),)),
        ("a: !override {b: 1}", {"a": {"b": 1}}, (("a",),)),
        ("a: !override x", {"a": "x"}, (("a",),)),
        ("a: &x !reset null\nb: *x", {}, (("a",), ("b",))),
        ("a: &x !override [1]\nb: *x", {"a": [1], "b": [1]}, (("a",), ("b",))),
        (
            "a: &x {b: !override [1]}\nc: *x",
            {"a": {"b": [1]}, "c": {"b": [1]}},
            (("a", "b"), ("c", "b")),
        ),
        ("a: &x {b: !reset 1}\nc: *x", {"a": {}, "c": {}}, (("a", "b"),)),
        ("x: {<<: {a: !override [1]}}", {"x": {"a": [1]}}, (("x", "a"),)),
        ("a: [!reset 1, 2]", {"a": [2]}, ()),
    ],
)
def test_reset_and_override(text: str, left: Any, resets: tuple) -> None:
    document = read(text)
    assert document.value == left
    assert document.resets == resets


REFUSALS = {
    "a key that stands twice": (
        "a: 1\nb: 2\na: 3",
        'a.yaml:3:1: key "a" is already defined at line 1',
    ),
    "twice below": ("a: {b: 1, b: 2}", 'key "b" is already defined at line 1'),
    "a number as a key": (
        "a: {80: b}",
        "a.yaml:1:5: non-string key in a: 80\n  hint: quote it",
    ),
    "a boolean as a key": ("true: a", "non-string key at the top level: true"),
    "null as a key": ("~: a", "non-string key at the top level: null"),
    "a list as a key": ("[a]: b", "a mapping's key must be a string"),
    "a merge of no mapping": ("<<: [1]", "<< takes a mapping, or a list of mappings"),
    "a tag that does not fit": (
        "a: !!int x",
        "cannot read 'x' as tag:yaml.org",
    ),
    "!reset on a key": ("!reset a: 1", "!reset cannot stand on a key"),
    "an alias before its anchor": (
        "a: *x",
        "unknown anchor 'x'",
    ),
    "an alias inside its anchor": (
        "a: &x [*x]",
        "*x stands inside its own anchor",
    ),
    "and within a mapping": ("a: &x {b: {c: *x}}", "stands inside its own anchor"),
    "a tab": ("a:\n\tb: 1", "indent with spaces"),
    "no YAML": ("a: [1", "a.yaml:"),
    "a control character": ("a: \x01", "control characters are not allowed"),
}


@pytest.mark.parametrize(("text", "told"), REFUSALS.values(), ids=REFUSALS)
def test_what_is_refused(text: str, told: str) -> None:
    with pytest.raises(LoadError) as caught:
        parse(text, file="a.yaml")
    (problem,) = caught.value.problems
    assert told in str(problem)
    assert problem.location is not None


@pytest.mark.parametrize("extra", [0, 1])
def test_nesting_has_a_limit(extra: int) -> None:
    depth = limits.NESTING + extra
    text = "[" * depth + "]" * depth
    if not extra:
        assert parse(text, file="a.yaml")
        return
    with pytest.raises(LoadError, match="nested deeper than 100 levels"):
        parse(text, file="a.yaml")


def test_nesting_by_aliases_has_the_same_limit() -> None:
    lines = ["a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, limits.NESTING + 1)]
    with pytest.raises(LoadError, match="nested deeper than 100 levels"):
        parse("\n".join(lines), file="a.yaml")


def test_aliases_of_aliases_end() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(LoadError, match="more than 1,000,000 values once aliases"):
        parse("\n".join(lines), file="a.yaml")


def test_what_is_counted() -> None:
    document = read("a: [1, 2]\nb: 2001-12-14")
    assert document.size == 7
    assert document.has_timestamps


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n---\n"])
def test_documents_without_a_value(text: str) -> None:
    assert not [it for it in parse(text, file="a.yaml") if it.value is not None]


def test_places_of_values() -> None:
    document = read(
        """\
        a:
          b: 1
          c:
            - x
            - y: 2
        d: {e: 3}
        """,
        with_lines=True,
    )
    assert document.lines == {
        ("a",): (1, 1),
        ("a", "b"): (2, 3),
        ("a", "c"): (3, 3),
        ("a", "c", 0): (4, 7),
        ("a", "c", 1): (5, 7),
        ("a", "c", 1, "y"): (5, 7),
        ("d",): (6, 1),
        ("d", "e"): (6, 5),
    }


def test_what_is_merged_stands_where_it_was_anchored() -> None:
    document = read(
        """\
        x: &x
          a: 1
          b: 2
        y:
          <<: *x
          b: 3
        """,
        with_lines=True,
    )
    assert document.value["y"] == {"a": 1, "b": 3}
    assert document.lines["y", "a"] == (2, 3)
    assert document.lines["y", "b"] == (6, 3)


def test_places_are_only_kept_when_asked_for() -> None:
    assert not read("a: 1").lines
