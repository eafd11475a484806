"""What the stages share: problems, warnings, and how much is used up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stackyard.compose import limits
from stackyard.compose.errors import LoadError, Location

if TYPE_CHECKING:
    from support import Workspace


def test_a_problem_is_placed(workspace: Workspace) -> None:
    file = str(workspace.write("a.yaml", "a:\n  b: 1\n"))
    context = workspace.context()
    context.sources.documents(file)
    context.report("is wrong", ("a", "b"), hint="mend it")
    (problem,) = context.problems
    assert problem.location == Location(file, 2, 3)
    assert problem.hint == "mend it"


def test_of_one_value_the_first_problem_is_told(workspace: Workspace) -> None:
    context = workspace.context()
    for message in ("first", "second"):
        context.report(message, ("a",))
        context.report(f"{message} in general")
    messages = [problem.message for problem in context.problems]
    assert messages == ["first", "first in general", "second in general"]


def test_problems_have_a_limit(workspace: Workspace) -> None:
    context = workspace.context()
    for number in range(limits.PROBLEMS):
        context.report(f"{number}")
    with pytest.raises(LoadError) as caught:
        context.report("one more")
    first, *rest = caught.value.problems
    assert first.message == "more than 1,000 problems; these are the first"
    assert len(rest) == limits.PROBLEMS


@pytest.mark.parametrize(
    ("kind", "limit", "message"),
    [
        ("nodes", limits.NODES, "more than 1,000,000 values once bases are copied"),
        ("text", limits.EXPANDED_BYTES, "more than 64 MiB of text once variables"),
        ("ports", limits.PORTS, "more than 131,072 ports in ranges"),
    ],
)
def test_what_a_project_may_spend(
    kind: str, limit: int, message: str, workspace: Workspace
) -> None:
    context = workspace.context()
    context.spend(**{kind: limit})
    with pytest.raises(LoadError, match=message):
        context.within(file="another.yaml").spend(("a",), **{kind: 1})


def test_a_failure_tells_what_was_found_before(workspace: Workspace) -> None:
    context = workspace.context()
    context.report("first")
    with pytest.raises(LoadError) as caught:
        context.fail("last", ("a",))
    assert [problem.message for problem in caught.value.problems] == ["first", "last"]


def test_a_warning_is_given_once(workspace: Workspace) -> None:
    context = workspace.context()
    for message in ("a", "b", "a"):
        context.warn(message)
    assert list(context.warnings) == ["a", "b"]


def test_files_share_all_but_their_surroundings(workspace: Workspace) -> None:
    context = workspace.context()
    other = context.within(base="/else")
    other.report("is wrong")
    other.warn("is odd")
    assert context.problems
    assert context.warnings
    assert (other.absolute("a"), other.absolute("/a")) == ("/else/a", "/a")
    assert context.absolute("a") == f"{workspace.root}/a"
