"""Taking refused values out of a document, so that what is left can be checked too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stackyard.compose.errors import Path


def remove(document: Any, paths: Iterable[Path]) -> None:
    """Remove the values at `paths`, all of which count from the same document."""
    shortened: list[list[Any]] = []
    for path in paths:
        parent = _parent(document, path)
        if isinstance(parent, dict):
            parent.pop(path[-1], None)
        elif isinstance(parent, list) and path[-1] in range(len(parent)):
            parent[path[-1]] = _GONE  # type: ignore[index]
            shortened.append(parent)
    # Only now: an entry that goes would move those that later paths count to.
    for items in shortened:
        items[:] = [item for item in items if item is not _GONE]


def _parent(document: Any, path: Path) -> Any:
    if not path:
        return None
    parent = document
    for step in path[:-1]:
        try:
            parent = parent[step]
        except (KeyError, IndexError, TypeError):
            return None
    return parent


_GONE: Final = object()
