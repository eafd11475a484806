"""Images that only bring programs."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from stackyard.images import registry
from stackyard.images.reference import parse

if TYPE_CHECKING:
    from stackyard.images.adapter import Adapter, Host


def adapter(name: str, host: Host) -> Adapter:
    found = registry.find(parse(name), host)
    assert found
    return found


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("alpine:3", "/bin/sh"),
        ("busybox", "sh"),
        ("debian:12", "bash"),
        ("ubuntu", "/bin/bash"),
        ("python:3", "python3"),
    ],
)
def test_default_commands(name: str, command: str, host: Host) -> None:
    image = adapter(name, host).image()

    assert (image.entrypoint, image.command) == ((), (command,))
    assert adapter(name, host).launch(("sleep", "1")) == ("sleep", "1")
    assert adapter(name, host).client((), {}) == {}


def test_python_by_both_names(host: Host) -> None:
    own = replace(host, environment={"PATH": ""})
    image = adapter("python", own).image()

    for name in ("python", "python3"):
        command = [f"{image.tools[0]}/{name}", "-c", "import sys; print(sys.prefix)"]
        output = subprocess.run(command, stdout=-1, text=True, check=True).stdout
        assert output.strip() == sys.prefix


def test_another_version_is_told(host: Host) -> None:
    (warning,) = adapter("python:2.7", host).image().warnings

    assert warning.startswith("python:2.7 runs as python 3.")
    assert adapter("python:latest", host).image().warnings == ()


@pytest.mark.parametrize(
    ("argv", "launched"),
    [
        (("docker-entrypoint.sh", "node"), ("node",)),
        (("docker-entrypoint.sh", "-v"), ("node", "-v")),
        (("docker-entrypoint.sh",), ("node",)),
        (("docker-entrypoint.sh", "npm", "start"), ("npm", "start")),
        (("npm", "start"), ("npm", "start")),
    ],
)
def test_the_entrypoint_of_node(
    argv: tuple[str, ...], launched: tuple[str, ...], host: Host
) -> None:
    assert adapter("node:22", host).launch(argv) == launched
