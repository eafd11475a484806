"""How fast a timeline grows, and how often it is branched off: when spares are due."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from branchpg.lsn import Lsn

__all__ = ["Demand", "Pace", "has_room"]

_BUSY: Final = 256 * 1024  # bytes of WAL in a second
_LOOKS: Final = 3  # a start and the end of a segment that a snapshot makes are two
_REST_SECONDS: Final = 60.0
_SOON_SECONDS: Final = 15.0  # by when a spare that is made gently is ready
_LATER_SECONDS: Final = 3600.0  # in which one that is a full copy is worth its price
_ROOM: Final = 3  # copies of all files that fit on the disk before such a one is made


@dataclass(frozen=True)
class Pace:
    """How fast a timeline grows, as its end is looked at now and then.

    Attributes:
        head: its end when it was looked at last.
        at: when that was, in seconds.
        streak: how many looks in a row have found that it had grown fast.
        busy_at: when one did, last.
    """

    head: Lsn
    at: float
    streak: int = 0
    busy_at: float = -math.inf

    def after(self, head: Lsn, at: float) -> Pace:
        """Return what is known after another look."""
        if head - self.head >= _BUSY * (at - self.at):
            return Pace(head, at, self.streak + 1, at)
        return Pace(head, at, 0, self.busy_at)

    @property
    def is_busy(self) -> bool:
        """Whether it grows fast, and not for a moment only."""
        return self.streak >= _LOOKS

    @property
    def rests(self) -> bool:
        """Whether it has not grown fast for some time."""
        return self.at - self.busy_at >= _REST_SECONDS


@dataclass(frozen=True)
class Demand:
    """How branches of a timeline follow each other.

    Attributes:
        last: when the last one was made, in seconds.
        high_until: until when others are to be expected soon.
    """

    last: float = -math.inf
    high_until: float = -math.inf

    def after(self, at: float) -> Demand:
        """Return what is known after another one."""
        soon = at + _SOON_SECONDS
        is_high = at - self.last < _SOON_SECONDS
        return Demand(at, soon if is_high else self.high_until)

    def is_high(self, at: float) -> bool:
        """Return whether the next one has to be ready as soon as can be."""
        return at < self.high_until

    def is_there(self, at: float) -> bool:
        """Return whether branches are made at all, by and by."""
        return at - self.last < _LATER_SECONDS


def has_room(size: int, free: int, *, kept: bool) -> bool:
    """Return whether a spare that is a full copy may be on a disk.

    Made it is where two more copies fit beside it, for a snapshot and a branch; `kept`
    as long as one does.
    """
    return free >= size * (1 if kept else _ROOM)
