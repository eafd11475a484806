"""Variables in values, and the attributes that are then cast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support import value

from stackyard.compose.load.casts import to_bool, to_float, to_int
from stackyard.compose.load.interpolate import ANY, CASTS, interpolate, interpolate_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support import Workspace

SAMPLES = {to_int: ("5", 5), to_float: ("0.5", 0.5), to_bool: ("true", True)}


def cast_paths(table: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[Any, Any]]:
    """Every path of the table, and its cast."""
    if callable(table):
        yield path, table
    elif isinstance(table, tuple):
        for alternative in table:
            yield from cast_paths(alternative, path)
    else:
        for key, below in table.items():
            yield from cast_paths(below, (*path, key))


@pytest.mark.parametrize(
    ("path", "cast"),
    [pytest.param(*it, id=".".join(it[0])) for it in cast_paths(CASTS)],
)
def test_every_cast(path: tuple[str, ...], cast: Any, workspace: Workspace) -> None:
    text, expected = SAMPLES[cast]
    found: Any = "$VALUE"
    for step in reversed(path):
        found = {step: found}
    found = interpolate(found, workspace.context({"VALUE": text}))
    for step in path:
        found = found[step]
    assert (found, type(found)) == (expected, type(expected))


def test_a_cast_reaches_the_entries_of_a_list(workspace: Workspace) -> None:
    document = value("services: {web: {ports: [{target: '80', published: '81'}]}}")
    (port,) = interpolate(document, workspace.context())["services"]["web"]["ports"]
    assert port == {"target": 80, "published": "81"}
    assert CASTS["services"][ANY]["ports"] == {ANY: {"target": to_int}}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("{x-a: [$A, {b: '${A}'}]}", "{x-a: [one, {b: one}]}"),
        ("{services: {web: {image: 'i:$A'}}}", "{services: {web: {image: i:one}}}"),
        ("{services: {$A: {image: i}}}", "{services: {$A: {image: i}}}"),
        ("{name: '$$A'}", "{name: $A}"),
        ("{x-a: [1, null, true, 0.5]}", "{x-a: [1, null, true, 0.5]}"),
        ("{services: {web: {scale: 3}}}", "{services: {web: {scale: 3}}}"),
    ],
)
def test_values_are_interpolated_keys_are_not(
    given: str, expected: str, workspace: Workspace
) -> None:
    context = workspace.context({"A": "one"})
    assert interpolate(value(given), context) == value(expected)
    assert not context.warnings


def test_an_unset_variable_is_warned_of_once(workspace: Workspace) -> None:
    context = workspace.context()
    assert interpolate({"a": "$A", "b": "${A}-${B:-b}"}, context) == {
        "a": "",
        "b": "-b",
    }
    assert list(context.warnings) == [
        'The "A" variable is not set. Defaulting to a blank string.'
    ]


@pytest.mark.parametrize(
    ("attributes", "path"),
    [
        ("{scale: '${A:?}'}", ("scale",)),
        ("{scale: many}", ("scale",)),
        ("{privileged: perhaps}", ("privileged",)),
        ("{command: [a, '${']}", ("command", 1)),
        ("{environment: {A: '${A-'}}", ("environment", "A")),
        ("{ulimits: {nofile: {soft: x}}}", ("ulimits", "nofile", "soft")),
    ],
)
def test_problems_have_a_path(
    attributes: str, path: tuple[str | int, ...], workspace: Workspace
) -> None:
    context = workspace.context()
    interpolate({"services": {"web": value(attributes)}}, context)
    (problem,) = context.problems
    assert problem.path == ("services", "web", *path)
    assert problem.hint


def test_one_text(workspace: Workspace) -> None:
    context = workspace.context({"A": "one"})
    assert interpolate_text("a $A", context, ("include",)) == "a one"
