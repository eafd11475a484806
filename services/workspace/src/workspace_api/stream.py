"""Where a reader is in the log of changes, and what the log says after that.

Changes are read in the order of their transactions. A transaction that began earlier
may end later, so nothing is read beyond the oldest one that is still under way: what is
read once is complete, and a position never has to be looked behind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

if TYPE_CHECKING:
    from typing import TypeAlias

    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = (
        asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    )

__all__ = [
    "Event",
    "EventId",
    "News",
    "Position",
    "floor",
    "head",
    "read",
    "read_until",
]

_ID: Final = re.compile(r"([0-9a-f]{0,32})\.([0-9]{1,20})\.([0-9]{1,19})")

_HEAD: Final = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text"
_FLOOR: Final = "SELECT xid::text FROM workspace.stream_floor"
# The order is by c.xid: a bare xid would be the column of the result, which is text.
_EVENTS: Final = """
SELECT c.xid::text, c.seq, kind, json_build_object('id', subject, 'version', version,
    'at', at, 'by', actor)::text
FROM workspace.changes c WHERE (c.xid, c.seq) > ($1::text::xid8, $2::bigint)"""
_NEW: Final = f"""
WITH h AS MATERIALIZED (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS xmin)
SELECT (SELECT xmin::text FROM h), (SELECT max(xid) FROM workspace.changes
    WHERE xid >= (SELECT xmin FROM h)) IS NOT NULL, coalesce(json_agg(e.*), '[]')::text
FROM ({_EVENTS} AND c.xid < (SELECT xmin FROM h) ORDER BY c.xid, c.seq LIMIT $3)
    AS e (xid, seq, kind, data)"""
_UNTIL: Final = f"""
{_EVENTS} AND (c.xid, c.seq) <= ($3::text::xid8, $4::bigint)
ORDER BY c.xid, c.seq LIMIT $5"""


class Position(NamedTuple):
    """A place in the log: everything up to it has been read."""

    xid: int
    seq: int


@dataclass(frozen=True, slots=True)
class EventId:
    """The id of an event, as a client gives it back.

    Attributes:
        history: of a branch: it gets another one when it is reset.
    """

    history: str
    position: Position

    def __str__(self) -> str:
        return f"{self.history}.{self.position.xid}.{self.position.seq}"

    @classmethod
    def parse(cls, text: str) -> EventId | None:
        """Return an id; None where it is none."""
        found = _ID.fullmatch(text)
        if found is None or int(found[2]) >= 2**64 or int(found[3]) >= 2**63:
            return None
        return cls(found[1], Position(int(found[2]), int(found[3])))


@dataclass(frozen=True, slots=True)
class Event:
    """A change; `data` is JSON."""

    position: Position
    kind: str
    data: str


@dataclass(frozen=True, slots=True)
class News:
    """What came after a position.

    Attributes:
        until: the position behind all of it.
        pending: whether there is more that a transaction under way holds back.
    """

    events: list[Event]
    until: Position
    pending: bool


class _Row(msgspec.Struct):
    xid: str
    seq: int
    kind: str
    data: str


async def head(connection: Connection) -> Position:
    """Return the position behind everything that can be read now."""
    return Position(int(await connection.fetchval(_HEAD)), 0)


async def floor(connection: Connection) -> int:
    """Return the transaction before which changes are not kept."""
    return int(await connection.fetchval(_FLOOR) or 0)


async def read(connection: Connection, after: Position, limit: int) -> News:
    """Return what can be read after a position."""
    row = await connection.fetchrow(_NEW, str(after.xid), after.seq, limit)
    assert row is not None
    found = msgspec.json.decode(row[2], type=list[_Row])
    events = [Event(Position(int(e.xid), e.seq), e.kind, e.data) for e in found]
    if len(events) == limit:
        return News(events, events[-1].position, pending=True)
    return News(events, max(after, Position(int(row[0]), 0)), row[1])


async def read_until(
    connection: Connection,
    after: Position,
    until: Position,
    *,
    limit: int,
) -> list[Event]:
    """Return what is between two positions, the second one included."""
    rows = await connection.fetch(
        _UNTIL, str(after.xid), after.seq, str(until.xid), until.seq, limit
    )
    return [Event(Position(int(row[0]), row[1]), row[2], row[3]) for row in rows]
