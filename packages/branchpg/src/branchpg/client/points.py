"""Branches at points of their history, as they are written on the command line.

`preview`, `preview@0/15D0A28`, `main@2026-11-21T10:15:00Z`; a bare LSN or time is of
the default branch. An LSN or a time is recognised by how it looks, as neonctl does it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from branchpg.errors import BadRequest
from branchpg.lsn import Lsn

__all__ = ["Point", "Source", "duration", "moment", "point", "source", "written"]

_LSN: Final = re.compile(r"[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}")
_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?"
    r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)",
    re.IGNORECASE,
)
_DURATION: Final = re.compile(r"(?:[0-9]+[smhdw])+")
_PIECE: Final = re.compile(r"([0-9]+)([smhdw])")
_UNITS: Final = {
    "s": "seconds",
    "m": "minutes",
    "h": "hours",
    "d": "days",
    "w": "weeks",
}


@dataclass(frozen=True)
class Point:
    """A moment of a branch: an LSN, a time, or with neither its head."""

    lsn: Lsn | None = None
    time: datetime | None = None

    def __bool__(self) -> bool:
        return self.lsn is not None or self.time is not None

    def __str__(self) -> str:
        return str(self.lsn) if self.lsn is not None else written(self.time)


@dataclass(frozen=True)
class Source:
    """A branch, by name, id, `^self` or `^parent`; None is the default one."""

    branch: str | None
    point: Point = Point()


def source(text: str, *, now: datetime | None = None) -> Source:
    """Read `BRANCH`, `BRANCH@POINT`, or a point alone.

    Raises:
        BadRequest: the point is none, or in the future.
    """
    if _looks_like_point(text):
        return Source(None, point(text, now=now))
    branch, at, rest = text.partition("@")
    if not at:
        return Source(text)
    return Source(branch or None, point(rest, now=now))


def point(text: str, *, now: datetime | None = None) -> Point:
    """Read an LSN or a time; raise BadRequest for anything else."""
    if _LSN.fullmatch(text):
        return Point(lsn=Lsn.parse(text))
    return Point(time=past(moment(text), now=now))


def moment(text: str) -> datetime:
    """Read a time as RFC 3339 writes it; raise BadRequest for anything else."""
    if _TIME.fullmatch(text):
        try:
            return datetime.fromisoformat(text.upper())
        except ValueError:
            pass
    raise BadRequest(
        f'"{text}" is neither an LSN nor a time with its zone',
        hint="write 0/15D0A28, or 2026-11-21T10:15:00Z",
    )


def past(time: datetime, *, now: datetime | None = None) -> datetime:
    """Return a time that is over; raise BadRequest for one in the future."""
    now = now or datetime.now(UTC)
    if time > now:
        raise BadRequest(f"{written(time)} is in the future: it is {written(now)} now")
    return time


def duration(text: str) -> timedelta:
    """Read `7d`, `12h`, `1h30m`; raise BadRequest for anything else."""
    if not _DURATION.fullmatch(text):
        raise BadRequest(f'"{text}" is no duration', hint="write 7d, 12h or 30m")
    try:
        return sum(
            (timedelta(**{_UNITS[u]: int(n)}) for n, u in _PIECE.findall(text)),
            timedelta(),
        )
    except OverflowError as error:
        raise BadRequest(f'"{text}" is too long') from error


def written(time: datetime | None) -> str:
    """Return a time to the second, in UTC; nothing for none."""
    if time is None:
        return ""
    utc = time.astimezone(UTC)
    if utc.microsecond:
        utc_text = utc.isoformat(timespec="milliseconds")
    else:
        utc_text = utc.isoformat(timespec="seconds")
    return utc_text.replace("+00:00", "Z")


def _looks_like_point(text: str) -> bool:
    return bool(_LSN.fullmatch(text) or _TIME.fullmatch(text))
