"""Positions in the write-ahead log, and the segment files they lie in.

The arithmetic is PostgreSQL's: src/include/access/xlog_internal.h and xlogdefs.h.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

from branchpg.errors import BadRequest

__all__ = ["PAGE", "SEGMENT", "Lsn", "Segment", "history_name", "record_end"]

PAGE: Final = 8192
"""Bytes of a WAL page, as every build of PostgreSQL has them by default."""

SEGMENT: Final = 16 * 1024 * 1024
"""Bytes of a WAL segment, as initdb makes them by default."""

_TEXT: Final = re.compile(r"([0-9A-Fa-f]{1,8})/([0-9A-Fa-f]{1,8})")
_NAME: Final = re.compile(r"[0-9A-F]{24}")
_SHORT_HEADER: Final = 24
_LONG_HEADER: Final = 40
_ALIGNMENT: Final = 8


class Lsn(int):
    """A log sequence number: a byte position in the write-ahead log."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `0/16B5A50`; raise BadRequest for anything else."""
        match = _TEXT.fullmatch(text)
        if match is None:
            raise BadRequest(f'invalid LSN "{text}"', hint="it looks like 0/16B5A50")
        return cls((int(match[1], 16) << 32) | int(match[2], 16))

    def __str__(self) -> str:
        return f"{self >> 32:X}/{self & 0xFFFFFFFF:X}"

    def __repr__(self) -> str:
        return f"Lsn({str(self)!r})"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


@dataclass(frozen=True, order=True)
class Segment:
    """One segment file: its number from the start of the log, and its timeline.

    PostgreSQL's timeline is a number that is counted up at a promotion, and has nothing
    to do with the timelines of branches.
    """

    number: int
    postgres_timeline: int = 1
    size: int = SEGMENT

    @classmethod
    def at(cls, lsn: int, postgres_timeline: int = 1, size: int = SEGMENT) -> Self:
        """Return the segment that the byte at a position lies in."""
        return cls(lsn // size, postgres_timeline, size)

    @staticmethod
    def is_name(name: str) -> bool:
        """Return whether a file is called like a segment."""
        return _NAME.fullmatch(name) is not None

    @classmethod
    def of_name(cls, name: str, size: int = SEGMENT) -> Self:
        """Read a file name; raise BadRequest for what is none of a segment."""
        if not cls.is_name(name):
            raise BadRequest(f'"{name}" is not the name of a WAL segment')
        timeline, high, low = (int(name[at : at + 8], 16) for at in (0, 8, 16))
        return cls(high * (0x100000000 // size) + low, timeline, size)

    @property
    def name(self) -> str:
        """The name of the file in pg_wal."""
        per_id = 0x100000000 // self.size
        high, low = divmod(self.number, per_id)
        return f"{self.postgres_timeline:08X}{high:08X}{low:08X}"

    @property
    def start(self) -> Lsn:
        """The position of its first byte."""
        return Lsn(self.number * self.size)

    @property
    def end(self) -> Lsn:
        """The position after its last byte."""
        return Lsn((self.number + 1) * self.size)

    def next(self) -> Segment:
        """Return the segment after this one."""
        return Segment(self.number + 1, self.postgres_timeline, self.size)


def history_name(postgres_timeline: int) -> str:
    """Return the name of the file that tells where a timeline came from."""
    return f"{postgres_timeline:08X}.history"


def record_end(start: Lsn, length: int, size: int = SEGMENT) -> Lsn:
    """Return where a record that starts here ends, the alignment after it included.

    Its bytes skip the header of every page that they run into.
    """
    position, left = int(start), length
    while True:
        room = PAGE - position % PAGE
        if left <= room:
            break
        left -= room
        position += room
        position += _LONG_HEADER if position % size == 0 else _SHORT_HEADER
    position += left
    return Lsn(-(-position // _ALIGNMENT) * _ALIGNMENT)
