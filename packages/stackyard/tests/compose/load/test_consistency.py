"""References that must exist, and what excludes what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support import Workspace

REFUSED = [
    ("{hostname: x}", ".web: the service has neither an image nor a build context"),
    (
        "{build: {dockerfile: a, dockerfile_inline: FROM b}}",
        "dockerfile and dockerfile_inline exclude each other",
    ),
    (
        "{platform: linux/arm64, build: {platforms: [linux/amd64]}}",
        "platform 'linux/arm64' of the service is not among them",
    ),
    (
        "{build: {additional_contexts: {a: 'service:nowhere'}}}",
        "refers to undefined service 'nowhere'",
    ),
    (
        "{build: {additional_contexts: {a: 'service:db'}}}",
        "service 'db' has no build to be a context",
    ),
    ("{build: {secrets: [nowhere]}}", "undefined build secret 'nowhere'"),
    (
        "{image: a, network_mode: host, networks: [front]}",
        "network_mode and networks exclude each other",
    ),
    ("{image: a, networks: [nowhere]}", "undefined network 'nowhere'"),
    (
        "{image: a, healthcheck: {test: [curl, localhost]}}",
        'must start with "CMD", "CMD-SHELL" or "NONE"',
    ),
    ("{image: a, depends_on: [nowhere]}", "depends on undefined service 'nowhere'"),
    (
        "{image: a, depends_on: [off]}",
        "depends on 'off', whose profiles (x) are not active",
    ),
    ("{image: a, depends_on: [web]}", "dependency cycle detected: web -> web"),
    ("{image: a, volumes: ['nowhere:/a']}", "undefined volume 'nowhere'"),
    (
        "{image: a, volumes: [{type: bind, target: /a}]}",
        "a bind mount needs a source",
    ),
    ("{image: a, volumes: ['/a:/x'], tmpfs: [/x]}", "two mounts on /x"),
    ("{image: a, configs: [nowhere]}", "undefined config 'nowhere'"),
    ("{image: a, secrets: [nowhere]}", "undefined secret 'nowhere'"),
    ("{image: a, models: [nowhere]}", "undefined model 'nowhere'"),
    (
        "{image: a, scale: 2, deploy: {replicas: 3}}",
        "scale (2) and deploy.replicas (3) differ",
    ),
    (
        "{image: a, container_name: bb, scale: 2}",
        "container_name allows one replica, not 2",
    ),
    (
        "{image: a, cpus: 1, deploy: {resources: {limits: {cpus: '2'}}}}",
        "cpus and deploy.resources.limits.cpus differ",
    ),
    (
        "{image: a, mem_limit: 1m, deploy: {resources: {limits: {memory: 2m}}}}",
        "mem_limit and deploy.resources.limits.memory differ",
    ),
    (
        "{image: a, develop: {watch: [{path: ., action: sync}]}}",
        "action sync needs a target",
    ),
    (
        "{image: a, container_name: taken}",
        "container_name 'taken' is that of service 'db' too",
    ),
]

ACCEPTED = [
    "{build: .}",
    "{provider: {type: x}}",
    "{image: a, platform: b, build: {platforms: [b]}}",
    "{image: a, networks: [front], healthcheck: {test: [CMD, x]}}",
    "{image: a, healthcheck: {test: x}}",
    "{image: a, depends_on: {off: {condition: service_started, required: false}}}",
    "{image: a, volumes: ['data:/a', '/b:/b', /c]}",
    "{image: a, network_mode: 'service:db', ipc: 'service:db', pid: 'service:db'}",
    "{image: a, scale: 2, deploy: {replicas: 2}}",
    "{image: a, scale: 0}",
    "{image: a, container_name: bb, scale: 1}",
    "{image: a, develop: {watch: [{path: ., action: rebuild}]}}",
]


def stack(service: str) -> str:
    return (
        f"services:\n"
        f"  web: {service}\n"
        "  db: {image: b, container_name: taken}\n"
        "  off: {image: c, profiles: [x]}\n"
        "networks: {front: }\n"
        "volumes: {data: }\n"
    )


@pytest.mark.parametrize(("service", "told"), REFUSED)
def test_what_contradicts_itself(workspace: Workspace, service: str, told: str) -> None:
    lines = workspace.refused(stack(service))

    assert len(lines) == 1
    assert told in lines[0]
    assert lines[0].startswith("compose.yaml:")


@pytest.mark.parametrize("service", ACCEPTED)
def test_what_does_not(workspace: Workspace, service: str) -> None:
    assert workspace.project(stack(service)).services["web"]


@pytest.mark.parametrize("attribute", ["network_mode", "ipc", "pid"])
def test_a_namespace_of_a_service_that_is_not_there(
    workspace: Workspace, attribute: str
) -> None:
    """The namespace makes it a dependency, and that is what is told."""
    lines = workspace.refused(stack(f"{{image: a, {attribute}: 'service:no'}}"))

    assert "depends_on.no: depends on undefined service 'no'" in lines[0]


def test_disabled_services_are_not_looked_at(workspace: Workspace) -> None:
    text = "services: {a: {image: a}, b: {profiles: [x], depends_on: [nowhere]}}"

    assert workspace.project(text)
    assert workspace.refused(text, profiles=("x",))


def test_an_undefined_name_is_told_with_those_there_are(workspace: Workspace) -> None:
    (line,) = workspace.refused(stack("{image: a, volumes: ['dta:/a']}"))

    assert line.endswith("hint: did you mean data?")


def test_a_secret_nobody_gives(workspace: Workspace) -> None:
    (line,) = workspace.refused("services: {a: {image: a}}\nsecrets: {s: {}}")

    assert "secrets.s: " in line


def test_a_scale_is_written_into_a_deploy(workspace: Workspace) -> None:
    service = workspace.service("scale: 3\ndeploy: {labels: [a=b]}")

    assert service.deploy is not None
    assert service.deploy.replicas == 3
