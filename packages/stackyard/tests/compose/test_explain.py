"""Finding what each layer says; how it is told is in tests/cli/test_explain.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support import value

from stackyard.compose.explain import (
    explain_env_files,
    explain_path,
    explain_variable,
    is_missing,
    lookup,
    parse_path,
    uses,
)
from stackyard.compose.load.trace import Trace
from stackyard.compose.loader import load_document

if TYPE_CHECKING:
    from support import Workspace


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("web.image", ("services", "web", "image")),
        ("services.web.image", ("services", "web", "image")),
        ("web.ports[0].target", ("services", "web", "ports", 0, "target")),
        ("web.ports[x]", ("services", "web", "ports", "[x]")),
        ("web.ports[²]", ("services", "web", "ports", "[²]")),
        ("volumes.data", ("volumes", "data")),
        ("name", ("name",)),
        ("", ()),
        ("..", ()),
    ],
)
def test_paths(text: str, path: tuple) -> None:
    assert parse_path(text) == path


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (("a", "b"), 1),
        (("list", 1), "y"),
        (("pairs", "A"), "1"),
        (("pairs", "B"), None),
        ((), {"a": {"b": 1}, "list": ["x", "y"], "pairs": ["A=0", "B", "A=1"]}),
    ],
)
def test_looking_up(path: tuple, found: object) -> None:
    document = value("{a: {b: 1}, list: [x, y], pairs: [A=0, B, A=1]}")

    assert lookup(document, path) == found


@pytest.mark.parametrize("path", [("z",), ("a", "b", "c"), ("list", 2), ("pairs", "Z")])
def test_looking_up_what_is_not_there(path: tuple) -> None:
    document = value("{a: {b: 1}, list: [x, y], pairs: [A=0, B, A=1]}")

    assert is_missing(lookup(document, path))


def origins(workspace: Workspace, path: str, *files: str, **settings: dict) -> list:
    wanted, sources = workspace.request(*files, **settings)
    trace = Trace()
    document, _ = load_document(wanted, sources, trace=trace)
    steps = parse_path(path)
    found = explain_env_files(steps, document, wanted, sources)
    found += explain_path(steps, trace, sources)
    return [
        (item.kind, workspace.told(item.location), item.value, item.removed)
        for item in found
    ]


def test_files_the_weaker_first(workspace: Workspace) -> None:
    files = workspace.layers(
        "services: {web: {image: a}}",
        "services: {web: {user: me}}",
        "services: {web: {image: b}}",
    )

    assert origins(workspace, "web.image", *files) == [
        ("file", "1.yaml:1:18", "a", False),
        ("file", "3.yaml:1:18", "b", False),
    ]


def test_a_reset_drops_what_was_before(workspace: Workspace) -> None:
    files = workspace.layers(
        "services: {web: {image: a, ports: [80]}}",
        "services: {web: {ports: !override [81]}}",
    )

    assert origins(workspace, "web.ports", *files) == [
        ("file", "1.yaml:1:28", [80], False),
        ("file", "2.yaml:1:18", None, True),
        ("file", "2.yaml:1:18", [81], False),
    ]


def test_bases_stand_below_the_service(workspace: Workspace) -> None:
    workspace.write("base.yaml", "services: {base: {image: a}}")
    workspace.write(
        "compose.yaml",
        "services: {web: {image: b, extends: {file: base.yaml, service: base}}}",
    )

    assert origins(workspace, "web.image") == [
        ("extends base", "base.yaml:1:19", "a", False),
        ("file", "compose.yaml:1:18", "b", False),
    ]


def test_a_variable_of_a_list(workspace: Workspace) -> None:
    workspace.write("a.env", "LEVEL=info\n")
    text = "services: {web: {image: a, env_file: a.env, environment: [LEVEL=debug]}}"
    workspace.write("compose.yaml", text)

    assert origins(workspace, "web.environment.LEVEL") == [
        ("env file", "a.env:1:1", "info", False),
        ("file", "compose.yaml:1:45", "debug", False),
    ]


class TestVariables:
    def kinds(self, workspace: Workspace, **settings: object) -> list[tuple]:
        workspace.write("compose.yaml", "services: {web: {image: a}}")
        wanted, sources = workspace.request(**settings)
        found = explain_variable("A", wanted, sources)
        return [(item.kind, item.location.line, item.value) for item in found]

    def test_of_a_file(self, workspace: Workspace) -> None:
        workspace.write(".env", "B=2\nexport A=1\n")

        assert self.kinds(workspace) == [("env file", 2, "1")]

    def test_of_a_file_below_the_shell(self, workspace: Workspace) -> None:
        workspace.write(".env", "A=1\n")

        found = self.kinds(workspace, environment={"A": "2"})

        assert found == [("env file", 1, "1"), ("shell", 0, "2")]

    def test_of_nowhere(self, workspace: Workspace) -> None:
        assert self.kinds(workspace) == []

    def test_with_the_name_of_another_at_its_start(self, workspace: Workspace) -> None:
        workspace.write(".env", "AB=1\nA=2\n#A=3\n")

        assert self.kinds(workspace) == [("env file", 2, "2")]

    def test_that_a_file_sets_twice(self, workspace: Workspace) -> None:
        workspace.write(".env", "A=1\nA=2\n")

        assert self.kinds(workspace) == [("env file", 2, "2")]


def test_every_use_of_a_variable(workspace: Workspace) -> None:
    workspace.write(
        "compose.yaml",
        "services: {web: {image: $A, command: ['${B:-$A}', '$$A', '$AB']}}",
    )
    wanted, sources = workspace.request()
    trace = Trace()
    load_document(wanted, sources, trace=trace)

    assert [(use.path[2:], use.text) for use in uses("A", trace, sources)] == [
        (("image",), "$A"),
        (("command", 0), "${B:-$A}"),
    ]
