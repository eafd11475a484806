"""Taking a refused value out of a document, so that what is left can be checked too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stackyard.compose.errors import Path


def without(document: Any, path: Path) -> None:
    """Remove the value at `path`; a list's entry becomes None, so that others stay."""
    parent = document
    for step in path[:-1]:
        try:
            parent = parent[step]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(parent, dict):
        parent.pop(path[-1], None) if path else None
    elif isinstance(parent, list) and path and path[-1] in range(len(parent)):
        parent[path[-1]] = None  # type: ignore[index]
