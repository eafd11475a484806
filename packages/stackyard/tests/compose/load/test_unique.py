"""Of two entries with the same key the later wins, where the earlier stood."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support import value

from stackyard.compose.load.unique import unique

if TYPE_CHECKING:
    from support import Workspace


@pytest.mark.parametrize(
    ("attribute", "entries", "kept"),
    [
        ("environment", "[A=1, B=2, A=3]", "[A=3, B=2]"),
        ("environment", "[A, A=1]", "[A=1]"),
        ("environment", "{A: 1}", "{A: 1}"),
        ("labels", "[a=1, a=2]", "[a=2]"),
        ("annotations", "[a=1, a=2]", "[a=2]"),
        ("sysctls", "[a=1, a=2]", "[a=2]"),
        ("cap_add", "[ALL, ALL]", "[ALL]"),
        ("dns", "[1.1.1.1, 8.8.8.8, 1.1.1.1]", "[1.1.1.1, 8.8.8.8]"),
        ("expose", "[80, '80', 81]", "['80', 81]"),
        ("profiles", "[a, a]", "[a]"),
        ("tmpfs", "[/a, /a]", "[/a]"),
        ("env_file", "[a.env, {path: a.env}]", "[{path: a.env}]"),
        ("volumes", "['one:/x', 'two:/x:ro']", "['two:/x:ro']"),
        (
            "volumes",
            "['one:/x', {type: bind, target: /x}]",
            "[{type: bind, target: /x}]",
        ),
        ("devices", "['/dev/a:/dev/x', '/dev/b:/dev/x']", "['/dev/b:/dev/x']"),
        ("devices", "[/dev/a, '/dev/b:/dev/a']", "['/dev/b:/dev/a']"),
        ("configs", "[a, {source: b, target: /a}]", "[{source: b, target: /a}]"),
        (
            "secrets",
            "[a, {source: b, target: /run/secrets/a}]",
            "[{source: b, target: /run/secrets/a}]",
        ),
        ("ports", "['80:80', '80:80', '81:80']", "['80:80', '81:80']"),
        (
            "ports",
            "[{target: 80, published: 1}, {target: 80, published: '1', mode: host}]",
            "[{target: 80, published: '1', mode: host}]",
        ),
        (
            "ports",
            "[{target: 80, protocol: tcp}, {target: 80, protocol: udp}]",
            "[{target: 80, protocol: tcp}, {target: 80, protocol: udp}]",
        ),
        ("build", "{args: [A=1, A=2], tags: [t, t]}", "{args: [A=2], tags: [t]}"),
        ("deploy", "{labels: [a=1, a=2]}", "{labels: [a=2]}"),
        ("networks", "{n: {aliases: [a, a]}}", "{n: {aliases: [a]}}"),
        ("security_opt", "[a, a]", "[a, a]"),
    ],
)
def test_entries_with_a_key(
    attribute: str, entries: str, kept: str, workspace: Workspace
) -> None:
    document = {"services": {"web": {attribute: value(entries)}}}
    expected = {"services": {"web": {attribute: value(kept)}}}
    assert unique(document, workspace.context()) == expected


@pytest.mark.parametrize(
    ("kind", "kept"), [("networks", ["x=2"]), ("volumes", ["x=1", "x=2"])]
)
def test_labels_of_networks_alone(
    kind: str, kept: list[str], workspace: Workspace
) -> None:
    document = {kind: {"a": {"labels": ["x=1", "x=2"]}}}
    assert unique(document, workspace.context()) == {kind: {"a": {"labels": kept}}}


@pytest.mark.parametrize(
    ("attribute", "entry", "message"),
    [
        ("ports", "{published: 80}", "a port needs a target"),
        ("volumes", "{type: bind}", "a mount needs a target"),
        ("devices", "{source: /dev/a}", "a mount needs a target"),
        ("ports", "80.5", "80.5 is not a port"),
        ("expose", "80.5", "80.5 is not a port"),
    ],
)
def test_an_entry_without_its_key(
    attribute: str, entry: str, message: str, workspace: Workspace
) -> None:
    context = workspace.context()
    unique({"services": {"web": {attribute: [value(entry)]}}}, context)
    (problem,) = context.problems
    assert problem.message == message
    assert problem.path == ("services", "web", attribute, 0)
