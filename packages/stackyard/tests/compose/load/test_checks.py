"""Resources that say two things at once, and addresses that are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support import value

from stackyard.compose.load.checks import check

if TYPE_CHECKING:
    from support import Workspace

BOTH = "count and device_ids exclude each other"


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (
            "volumes: {a: {external: true, driver: local}}",
            "volumes.a.driver: conflicting parameters external and driver",
        ),
        (
            "configs: {a: {file: x, content: y}}",
            "configs.a: file and content exclude each other",
        ),
        (
            "configs: {a: {}}",
            "configs.a: one of file, environment, content must be set",
        ),
        (
            "secrets: {a: {file: x, environment: Y}}",
            "secrets.a: file and environment exclude each other",
        ),
        ("secrets: {a: {}}", "secrets.a: one of file, environment must be set"),
        (
            "services: {web: {ports: [{}, {host_ip: localhost}]}}",
            "services.web.ports[1].host_ip: 'localhost' is not an IP address",
        ),
        (
            "services: {web: {volumes: [{type: bind, target: /a}]}}",
            "services.web.volumes[0]: a bind mount needs a source",
        ),
        (
            "services: {web: {gpus: [{count: 1, device_ids: [a]}]}}",
            f"services.web.gpus[0]: {BOTH}",
        ),
        (
            (
                "services: {web: {deploy: {resources: {reservations:"
                " {devices: [{count: 1, device_ids: [a]}]}}}}}"
            ),
            f"services.web.deploy.resources.reservations.devices[0]: {BOTH}",
        ),
    ],
)
def test_a_contradiction(document: str, told: str, workspace: Workspace) -> None:
    context = workspace.context()
    check(value(document), context)
    (problem,) = context.problems
    assert str(problem).partition("\n")[0] == told


@pytest.mark.parametrize(
    "document",
    [
        "volumes: {a: {external: true, name: b, x-own: c}}",
        "volumes: {a: {driver: local}, b: null}",
        "configs: {a: {external: true}}",
        "secrets: {a: {driver: vault}}",
        "secrets: {a: {external: true, file: x, environment: Y}}",
        "services: {web: {ports: [{host_ip: '::1'}, {host_ip: 0.0.0.0}]}}",
        "services: {web: {ports: [{host_ip: ''}, {host_ip: $IP}]}}",
        "services: {web: {gpus: [{count: 1}, {device_ids: [a]}], deploy: null}}",
        "services: {web: {volumes: [{type: bind, source: a}, {type: tmpfs}]}}",
        "services: null",
    ],
)
def test_no_contradiction(document: str, workspace: Workspace) -> None:
    context = workspace.context()
    check(value(document), context)
    assert not context.problems
