"""What lets an operation be undone: branches made before, files nobody else reads."""

from __future__ import annotations

import os
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from branchpg.client.api import NewBranch
from branchpg.client.attached import AttachedProject

if TYPE_CHECKING:
    from workspace_ops.settings import Settings

__all__ = ["keep_as_branch", "stamp", "write_private"]


def stamp() -> str:
    """Return the time for a name: `20260102T030405Z`, and what sets two apart."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def keep_as_branch(settings: Settings, branch: str | None, purpose: str) -> str:
    """Make a branch of what is there now, and return its name.

    It has no endpoint until somebody connects or goes back to it.
    """
    api = AttachedProject(settings.branchpg()).api
    parent = api.branch(branch or settings.branch)
    name = f"{purpose}-{stamp()}"
    api.create(NewBranch(name=name, parent_id=parent.id, compute=None))
    return name


def write_private(path: str, content: bytes) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    staging = f"{path}.new"
    with open(
        os.open(staging, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb"
    ) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(staging, path)
