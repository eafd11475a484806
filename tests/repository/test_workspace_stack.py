"""What the stack `workspace` must not do natively."""

from __future__ import annotations

from pathlib import Path

import yaml

STACK = Path(__file__).parents[2] / "stacks/workspace"


def targets(name: str) -> set[str]:
    found = yaml.safe_load((STACK / name).read_text())
    volumes = [v for s in found["services"].values() for v in s.get("volumes", ())]
    return {volume.split(":")[1] for volume in volumes}


def test_nothing_is_mounted_where_a_clone_may_lie() -> None:
    """A mount's target is translated in every command, in our own paths too."""
    own = (
        "/data/",
        "/etc/prometheus",
        "/etc/grafana",
        "/prometheus",
        "/var/lib/grafana",
    )

    assert all(target.startswith(own) for target in targets("compose.yaml"))


def test_containers_share_the_sockets_of_endpoints() -> None:
    assert targets("compose.docker.yaml") == {"/tmp"}
