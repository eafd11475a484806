"""Values that attributes have although the file gives none."""

from __future__ import annotations

import pytest
from support import value

from stackyard.compose.load.defaults import set_defaults


@pytest.mark.parametrize(
    ("given", "filled"),
    [
        ("{build: {}}", "{build: {context: .}}"),
        ("{build: {context: a}}", "{build: {context: a}}"),
        (
            "{secrets: [{source: a}]}",
            "{secrets: [{source: a, target: /run/secrets/a}]}",
        ),
        ("{configs: [{source: a}]}", "{configs: [{source: a}]}"),
        (
            "{ports: [{target: 80}]}",
            "{ports: [{target: 80, protocol: tcp, mode: ingress}]}",
        ),
        (
            "{ports: [{target: 80, protocol: udp, mode: host}]}",
            "{ports: [{target: 80, protocol: udp, mode: host}]}",
        ),
        ("{gpus: [{driver: a}]}", "{gpus: [{driver: a, count: all}]}"),
        ("{gpus: [{device_ids: ['0']}]}", "{gpus: [{device_ids: ['0']}]}"),
        ("{gpus: [{count: 2}]}", "{gpus: [{count: 2}]}"),
        (
            "{deploy: {resources: {reservations: {devices: [{}]}}}}",
            "{deploy: {resources: {reservations: {devices: [{count: all}]}}}}",
        ),
        ("{image: a}", "{image: a}"),
        (
            "{build: null, ports: 80, deploy: []}",
            "{build: null, ports: 80, deploy: []}",
        ),
    ],
)
def test_a_service(given: str, filled: str) -> None:
    document = {"services": {"web": value(given)}}
    assert set_defaults(document) == {"services": {"web": value(filled)}}


@pytest.mark.parametrize("services", [None, [], "text", {"web": None}])
def test_what_is_no_service_is_left_alone(services: object) -> None:
    assert set_defaults({"services": services}) == {"services": services}
