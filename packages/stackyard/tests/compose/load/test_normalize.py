"""What is implicit in a document, written out."""

from __future__ import annotations

from typing import Any

import pytest
from support import value

from stackyard.compose.load.normalize import clean, normalize, resolved

ENVIRONMENT = {"SET": "outside"}


def service(attributes: str) -> dict[str, Any]:
    """The service with these attributes, its network left out."""
    document = {"services": {"web": value(attributes)}}
    normal = dict(normalize(document, ENVIRONMENT)["services"]["web"])
    if normal.get("networks") == {"default": None}:
        del normal["networks"]
    return normal


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("{pull_policy: if_not_present}", "{pull_policy: missing}"),
        ("{build: {}}", "{build: {context: ., dockerfile: Dockerfile}}"),
        (
            "{build: {context: a, dockerfile_inline: FROM b}}",
            "{build: {context: a, dockerfile_inline: FROM b}}",
        ),
        ("{environment: {SET: null}}", "{environment: {SET: outside}}"),
        ("{environment: {SET: own}}", "{environment: {SET: own}}"),
        ("{environment: {UNSET: null}}", "{environment: {UNSET: null}}"),
        (
            "{environment: [SET, UNSET, A=1]}",
            "{environment: [SET=outside, UNSET, A=1]}",
        ),
        ("{volumes: [{target: /a/../b/}]}", "{volumes: [{target: /b}]}"),
    ],
)
def test_a_service(given: str, normal: str) -> None:
    assert service(given) == value(normal)


@pytest.mark.parametrize(
    ("args", "kept"),
    [
        ("{SET: null, UNSET: null, A: 1}", "{SET: outside, A: 1}"),
        ("[SET, UNSET, A=1]", "[SET=outside, A=1]"),
    ],
)
def test_build_arguments_without_a_value_are_left_out(args: str, kept: str) -> None:
    assert service(f"{{build: {{args: {args}}}}}")["build"]["args"] == value(kept)


@pytest.mark.parametrize(
    ("attributes", "name", "restart"),
    [
        ("volumes_from: ['db:ro']", "db", False),
        ("links: [db]", "db", True),
        ("links: ['db:alias']", "db", True),
        ("network_mode: 'service:db'", "db", True),
        ("ipc: 'service:db'", "db", True),
        ("pid: 'service:db'", "db", True),
        ("{volumes_from: [db], links: [db]}", "db", True),
    ],
)
def test_implied_dependencies(attributes: str, name: str, restart: bool) -> None:
    assert service(attributes)["depends_on"] == {
        name: {"condition": "service_started", "required": True, "restart": restart}
    }


@pytest.mark.parametrize(
    "text", ["volumes_from: ['container:a']", "network_mode: host"]
)
def test_nothing_implied(text: str) -> None:
    assert "depends_on" not in service(text)


def test_a_dependency_that_is_written_stays_as_it_is() -> None:
    written = "{condition: service_healthy, required: false}"
    normal = service(f"{{links: [db], depends_on: {{db: {written}}}}}")
    assert normal["depends_on"] == {"db": value(written)}


@pytest.mark.parametrize(
    ("attributes", "networks"),
    [
        ("{}", {"default": None}),
        ("{networks: {}}", {"default": None}),
        ("{networks: {a: null}}", {"a": None}),
        ("{network_mode: none}", None),
        ("{provider: {type: a}}", None),
    ],
)
def test_the_default_network(attributes: str, networks: object) -> None:
    document = {"name": "demo", "services": {"web": value(attributes)}}
    normal = normalize(document, {})
    assert normal["services"]["web"].get("networks") == networks
    declared = {"default": {"name": "demo_default"}}
    used = networks == {"default": None}
    assert normal.get("networks") == (declared if used else None)


@pytest.mark.parametrize("kind", ["networks", "volumes", "configs", "secrets"])
def test_names_of_resources(kind: str) -> None:
    resources = "{a: null, b: {name: own}, c: {external: true}}"
    document = {"name": "demo", kind: value(resources)}
    assert normalize(document, {})[kind] == {
        "a": {"name": "demo_a"},
        "b": {"name": "own"},
        "c": {"external": True, "name": "c"},
    }


@pytest.mark.parametrize(
    ("path", "shortest"),
    [("/a//b/", "/a/b"), ("//a", "/a"), ("a/..", "."), ("", "."), ("/..", "/")],
)
def test_paths_in_a_container(path: str, shortest: str) -> None:
    assert clean(path) == shortest


def test_an_empty_value_is_a_value() -> None:
    assert resolved({"SET": ""}, ENVIRONMENT) == {"SET": ""}
    assert resolved(["SET="], ENVIRONMENT) == ["SET="]
