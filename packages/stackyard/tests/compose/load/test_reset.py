"""`!reset` and `!override`: the value below is dropped before the layers merge."""

from __future__ import annotations

import pytest
from support import value

from stackyard.compose.load.reset import apply_resets

PORTS = ("services", "web", "ports")


@pytest.mark.parametrize(
    ("paths", "left"),
    [
        ((), "{services: {web: {image: a, ports: [80]}}}"),
        ((PORTS,), "{services: {web: {image: a}}}"),
        ((PORTS, PORTS), "{services: {web: {image: a}}}"),
        ((PORTS[:2],), "{services: {}}"),
        ((PORTS[:1],), "{}"),
        ((("services", "db", "ports"),), "{services: {web: {image: a, ports: [80]}}}"),
        (((*PORTS, "a"),), "{services: {web: {image: a, ports: [80]}}}"),
    ],
)
def test_paths_are_removed(paths: tuple[tuple[str, ...], ...], left: str) -> None:
    document = value("{services: {web: {image: a, ports: [80]}}}")
    apply_resets(document, paths)
    assert document == value(left)
