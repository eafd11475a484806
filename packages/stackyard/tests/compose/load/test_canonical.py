"""Short syntax, and the long syntax that stands for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support import value

from stackyard.compose import limits
from stackyard.compose.load.canonical import canonical

if TYPE_CHECKING:
    from support import Workspace

STARTED = "{condition: service_started, required: true}"


@pytest.mark.parametrize(
    ("attribute", "short", "long"),
    [
        ("build", ".", "{context: .}"),
        ("build", "{secrets: [a]}", "{secrets: [{source: a}]}"),
        (
            "build",
            "{additional_contexts: [a=b]}",
            "{additional_contexts: {a: b}}",
        ),
        ("build", "{ssh: [default]}", "{ssh: {default: null}}"),
        ("depends_on", "[db]", f"{{db: {STARTED}}}"),
        ("depends_on", "{db: {condition: service_started}}", f"{{db: {STARTED}}}"),
        ("env_file", ".env", "[{path: .env, required: true}]"),
        ("env_file", "[{path: a, required: false}]", "[{path: a, required: false}]"),
        ("label_file", "a", "[a]"),
        ("dns", "1.1.1.1", "[1.1.1.1]"),
        ("dns", "['', 1.1.1.1]", "[1.1.1.1]"),
        ("dns", "''", "[]"),
        ("extends", "base", "{service: base}"),
        ("gpus", "all", "[{count: all}]"),
        ("networks", "[a, b]", "{a: null, b: null}"),
        ("models", "[a]", "{a: null}"),
        ("configs", "[a]", "[{source: a}]"),
        ("secrets", "[a, {source: b}]", "[{source: a}, {source: b}]"),
        (
            "devices",
            "['/dev/a:/dev/b:r']",
            "[{source: /dev/a, target: /dev/b, permissions: r}]",
        ),
        (
            "volumes",
            "['data:/x:ro']",
            "[{type: volume, source: data, target: /x, read_only: true, volume: {}}]",
        ),
        ("build", "{provenance: true}", "{provenance: 'true'}"),
        ("build", "{sbom: mode=max}", "{sbom: mode=max}"),
        (
            "develop",
            "{watch: [{path: a, ignore: b, include: c}]}",
            "{watch: [{path: a, ignore: [b], include: [c]}]}",
        ),
        ("ports", "[{target: 80, published: 81}]", "[{target: 80, published: 81}]"),
        (
            "ports",
            "['8080-8081:80-81']",
            (
                "[{mode: ingress, target: 80, published: '8080', protocol: tcp},"
                " {mode: ingress, target: 81, published: '8081', protocol: tcp}]"
            ),
        ),
        ("image", "nginx", "nginx"),
    ],
)
def test_an_attribute_of_a_service(
    attribute: str, short: str, long: str, workspace: Workspace
) -> None:
    document = {"services": {"web": {attribute: value(short)}}}
    context = workspace.context()
    assert canonical(document, context) == {
        "services": {"web": {attribute: value(long)}}
    }
    assert not context.problems


@pytest.mark.parametrize(
    ("attribute", "text", "path", "message"),
    [
        ("ports", "[80, x]", (), '"x" is not a port'),
        ("volumes", "['one:/x:ro:y:z']", (0,), "too many colons"),
        ("devices", "['a:b:c:d']", (0,), "a:b:c:d"),
        ("build", "{ulimits: {nofile: x}}", ("ulimits", "nofile"), "is not a limit"),
        (
            "build",
            "{additional_contexts: [a]}",
            ("additional_contexts",),
            "context 'a' has no target",
        ),
        (
            "build",
            "{additional_contexts: {a: 1}}",
            ("additional_contexts",),
            "context a must be a string",
        ),
    ],
)
def test_what_does_not_parse_is_left_out(
    attribute: str,
    text: str,
    path: tuple[str | int, ...],
    message: str,
    workspace: Workspace,
) -> None:
    context = workspace.context()
    document = canonical({"services": {"web": {attribute: value(text)}}}, context)
    (problem,) = context.problems
    assert message in problem.message
    assert problem.path == ("services", "web", attribute, *path)
    left = document["services"]["web"].get(attribute)
    assert left in (None, [], {}, {"ulimits": {}})


@pytest.mark.parametrize(
    ("attribute", "text"),
    [("ports", "${PORT}:80"), ("devices", "${DEVICE:-/dev/a:/dev/b}:/dev/c:r")],
)
def test_texts_with_variables_stay_when_nothing_is_interpolated(
    attribute: str, text: str, workspace: Workspace
) -> None:
    document = {"services": {"web": {attribute: [text]}}}
    context = workspace.context(interpolate=False)
    assert canonical(document, context)["services"]["web"][attribute] == [text]
    assert not context.problems


def test_a_range_of_too_many_ports(workspace: Workspace) -> None:
    context = workspace.context()
    ports = ["1-65535"] * (limits.PORTS // 65535 + 1)
    canonical({"services": {"web": {"ports": ports}}}, context)
    (problem,) = context.problems
    assert problem.message == "more than 131,072 ports in ranges"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{external: {name: real}}", "{external: true, name: real}"),
        ("{external: {}}", "{external: true}"),
        ("{external: {name: a}, name: a}", "{external: true, name: a}"),
    ],
)
def test_the_old_form_of_external(old: str, new: str, workspace: Workspace) -> None:
    context = workspace.context()
    document = canonical({"volumes": {"data": value(old)}}, context)
    assert document == {"volumes": {"data": value(new)}}
    assert list(context.warnings) == [
        "volumes.data: external.name is deprecated. Please set name and external: true"
    ]


def test_external_takes_no_text(workspace: Workspace) -> None:
    context = workspace.context()
    canonical({"volumes": {"data": {"external": "yes"}}}, context)
    (problem,) = context.problems
    assert problem.path == ("volumes", "data", "external")
    assert problem.message == "'yes' is not a boolean"


def test_two_names_of_an_external_resource(workspace: Workspace) -> None:
    context = workspace.context()
    document = {"volumes": {"data": {"external": {"name": "a"}, "name": "b"}}}
    canonical(document, context)
    assert [str(problem) for problem in context.problems] == [
        "volumes.data: name and external.name differ\n  hint: keep name"
    ]
