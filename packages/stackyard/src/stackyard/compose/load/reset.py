"""`!reset` and `!override`: what earlier layers say at a path is dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stackyard.compose.errors import Path


def apply_resets(document: dict[str, Any], paths: tuple[Path, ...]) -> None:
    """Remove the values at `paths`, where there are any."""
    for path in paths:
        parent: Any = document
        for step in path[:-1]:
            parent = parent.get(step) if isinstance(parent, dict) else None
        if isinstance(parent, dict):
            parent.pop(path[-1], None)
