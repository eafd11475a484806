"""How problems are told."""

from __future__ import annotations

import pytest

from stackyard.compose.errors import LoadError, Location, Path, Problem, format_path


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("services",), "services"),
        (("services", "web", "ports", 0), "services.web.ports[0]"),
        (("a", 0, "b", 1, 2), "a[0].b[1][2]"),
    ],
)
def test_a_path(path: Path, text: str) -> None:
    assert format_path(path) == text


@pytest.mark.parametrize(
    ("location", "text"),
    [
        (Location("a.yaml"), "a.yaml"),
        (Location("a.yaml", 3, 5), "a.yaml:3:5"),
    ],
)
def test_a_location(location: Location, text: str) -> None:
    assert str(location) == text


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("is wrong"), "is wrong"),
        (Problem("is wrong", ("a", "b")), "a.b: is wrong"),
        (Problem("is wrong", (), Location("f", 1, 2)), "f:1:2: is wrong"),
        (
            Problem("is wrong", ("a",), Location("f", 1, 2), "mend it"),
            "f:1:2: a: is wrong\n  hint: mend it",
        ),
    ],
)
def test_a_problem(problem: Problem, text: str) -> None:
    assert str(problem) == text


def test_an_error_tells_each_problem_once() -> None:
    one, two = Problem("one"), Problem("two", hint="mend it")
    error = LoadError([one, two, one])
    assert error.problems == (one, two)
    assert str(error) == "one\ntwo\n  hint: mend it"
    assert LoadError.of("two", hint="mend it").problems == (two,)
