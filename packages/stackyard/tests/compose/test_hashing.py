"""The hash changes when, and only when, a container would have to be recreated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stackyard.compose.hashing import config_hash

if TYPE_CHECKING:
    from support import Workspace

OTHERS = "\n  db: {image: postgres}\n  cache: {image: redis}\nsecrets: {s: {file: s}}"
BASE = "image: nginx, environment: {A: '1'}, deploy: {replicas: 1}"


def hash_of(workspace: Workspace, attributes: str) -> str:
    text = f"services:\n  web: {{{attributes}}}{OTHERS}"
    project = workspace.project(text, profiles=("*",))
    return config_hash(project.services["web"])


def test_it_is_stable(workspace: Workspace) -> None:
    """That it is the one of docker compose is compared in tests/differential."""
    first = hash_of(workspace, BASE)

    assert first == hash_of(workspace, BASE)
    assert len(first) == 64
    assert set(first) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    "attributes",
    [
        "image: nginx, environment: {A: '1'}, deploy: {replicas: 5}",
        f"{BASE}, scale: 1",
        f"{BASE}, depends_on: [db]",
        f"{BASE}, depends_on: {{cache: {{condition: service_healthy}}}}",
        f"{BASE}, profiles: [tools]",
        f"{BASE}, build: .",
        f"{BASE}, build: {{context: elsewhere, args: [A=1]}}",
        f"{BASE}, pull_policy: always",
        "deploy: {replicas: 1}, environment: [A=1], image: nginx",
    ],
)
def test_what_leaves_containers_as_they_are(
    workspace: Workspace, attributes: str
) -> None:
    assert hash_of(workspace, attributes) == hash_of(workspace, BASE)


@pytest.mark.parametrize(
    "attributes",
    [
        BASE.replace("nginx", "nginx:2"),
        BASE.replace("'1'", "'2'"),
        f"{BASE}, command: [a]",
        f"{BASE}, entrypoint: []",
        f"{BASE}, labels: [a=1]",
        f"{BASE}, ports: ['80']",
        f"{BASE}, volumes: ['/a:/b']",
        f"{BASE}, secrets: [s]",
        f"{BASE}, user: me",
        f"{BASE}, networks: {{default: {{aliases: [a]}}}}",
        f"{BASE}, restart: always",
        f"{BASE}, healthcheck: {{disable: true}}",
        BASE.replace("replicas: 1", "replicas: 1, resources: {limits: {cpus: 1}}"),
    ],
)
def test_what_does_not(workspace: Workspace, attributes: str) -> None:
    assert hash_of(workspace, attributes) != hash_of(workspace, BASE)
