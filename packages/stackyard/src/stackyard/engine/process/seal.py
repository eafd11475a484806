"""What a process cannot write to: paths, and exceptions below them; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Seal"]


@dataclass(frozen=True)
class Seal:
    """Paths that cannot be written, but for others below them.

    They are absolute, without links in them. Of those above a file, the nearest says
    what holds for it.
    """

    read_only: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()

    @classmethod
    def of(cls, read_only: Iterable[str], writable: Iterable[str]) -> Seal:
        """Return what matters of two lists: a path in both is writable."""
        others = set(writable)
        sealed = sorted(set(read_only) - others)
        return cls(
            tuple(sealed),
            tuple(
                sorted(
                    path
                    for path in others
                    if any(_is_at_or_below(path, above) for above in sealed)
                )
            ),
        )

    def covered(self, mount_points: Iterable[str]) -> list[str]:
        """Return the mount points that are sealed."""
        found = []
        for point in mount_points:
            named = (*self.read_only, *self.writable)
            above = [path for path in named if _is_at_or_below(point, path)]
            if above and max(above, key=len) in self.read_only:
                found.append(point)
        return found


def _is_at_or_below(path: str, above: str) -> bool:
    return path == above or path.startswith(above.rstrip("/") + "/")
