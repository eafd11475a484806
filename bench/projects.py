"""Compose projects of a given size, for measuring."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_COMMON = """\
x-common: &common
  restart: unless-stopped
  logging:
    driver: json-file
    options: {max-size: 10m, max-file: "3"}
services:
  base:
    image: alpine
    environment: {REGION: eu, TAG: "${TAG:-latest}"}
"""
_SERVICE = """\
  service{number}:
    <<: *common
    extends: base
    image: registry.example.com/app{number}:${{TAG:-latest}}
    command: ["serve", "--id", "{number}"]
    env_file: [./app.env]
    environment:
      ID: "{number}"
      UPSTREAM: http://{before}:8080/${{TAG:-latest}}
    ports: ["{port}:80"]
    volumes: ["data-{volume}:/data", "./conf:/etc/conf:ro"]
    healthcheck: {{test: [CMD, "true"], interval: 5s}}
    depends_on: [{before}]
"""


def write_project(directory: Path, services: int) -> Path:
    """Write a project with an env file, `extends`, anchors and variables."""
    directory.mkdir(parents=True)
    names = ["base", *(f"service{number}" for number in range(services))]
    text = _COMMON + "".join(
        _SERVICE.format(
            number=number,
            before=names[number],
            port=10_000 + number,
            volume=number % 10,
        )
        for number in range(services)
    )
    volumes = "".join(f"  data-{number}: {{}}\n" for number in range(10))
    (directory / "compose.yaml").write_text(f"{text}volumes:\n{volumes}")
    lines = (f"KEY_{number}=value-{number}\n" for number in range(20))
    (directory / "app.env").write_text("".join(lines))
    return directory
