"""Finding a place in a column, one transaction at a time in each column."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from servicekit.errors import conflict, not_found
from workspace_api.positions import between, spread

if TYPE_CHECKING:
    from servicekit.database import Connection

__all__ = ["end", "give", "lock", "place"]

_WINDOW: Final = 64

_NEIGHBOUR: Final = {
    "after": """
SELECT position FROM workspace.workspace_items
WHERE status = $1 AND (position, id) > ($2, $3) AND id <> $4
ORDER BY position, id LIMIT 1""",
    "before": """
SELECT position FROM workspace.workspace_items
WHERE status = $1 AND (position, id) < ($2, $3) AND id <> $4
ORDER BY position DESC, id DESC LIMIT 1""",
}
_AROUND: Final = """
(SELECT id, position FROM workspace.workspace_items
    WHERE status = $1 AND (position, id) <= ($2, $3)
    ORDER BY position DESC, id DESC LIMIT $4)
UNION ALL
(SELECT id, position FROM workspace.workspace_items
    WHERE status = $1 AND (position, id) > ($2, $3)
    ORDER BY position, id LIMIT $4)
ORDER BY position, id"""
_SPREAD: Final = """
UPDATE workspace.workspace_items i SET position = n.position
FROM unnest($1::bigint[], $2::numeric[]) AS n (id, position) WHERE i.id = n.id"""


async def lock(connection: Connection, status: str) -> None:
    """Let nobody else look for a place in this column until the transaction ends."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('column ' || $1, 0))", status
    )


async def end(connection: Connection) -> Decimal:
    """Return a place behind everything."""
    found = await connection.fetchval("SELECT nextval('workspace.item_positions')")
    return Decimal(found)


async def give(connection: Connection, item: int) -> None:
    """Say that an item gets its place now, also if that has the old one's number."""
    await connection.execute(
        "SELECT set_config('workspace.placed', $1, true)", str(item)
    )


async def place(
    connection: Connection, status: str, item: int, *, side: str, anchor: int
) -> Decimal:
    """Return a place directly before or after another item of a locked column.

    Raises:
        ServiceError: that item is gone, or in another column.
    """
    here = await _anchor(connection, status, anchor)
    for _ in range(2):
        there = await connection.fetchval(_NEIGHBOUR[side], status, here, anchor, item)
        if there is None and side == "after":
            return await end(connection)
        found = between(here, there) if side == "after" else between(there, here)
        if found is not None:
            return found
        await _make_room(connection, status, here, anchor)
        here = await _anchor(connection, status, anchor)
    raise conflict("there is no room at this place; try again")


async def _anchor(connection: Connection, status: str, anchor: int) -> Decimal:
    row = await connection.fetchrow(
        "SELECT status, position FROM workspace.workspace_items WHERE id = $1", anchor
    )
    if row is None:
        raise not_found(f"there is no item {anchor} to put it beside")
    if row["status"] != status:
        raise conflict(f"item {anchor} is in the column {row['status']}")
    position: Decimal = row["position"]
    return position


async def _make_room(
    connection: Connection, status: str, here: Decimal, anchor: int
) -> None:
    """Spread the items around a place over the room that they have together."""
    window = _WINDOW
    while True:
        rows = await connection.fetch(_AROUND, status, here, anchor, window)
        first, last = rows[0]["position"], rows[-1]["position"]
        inner = [row["id"] for row in rows[1:-1]]
        found = spread(first, last, len(inner))
        if found is not None:
            await connection.execute(_SPREAD, inner, found)
            return
        if len(rows) < 2 * window:
            # The whole column is narrow: it gets whole numbers that are its own.
            ids = [row["id"] for row in rows]
            wide = [first - len(ids) + number for number in range(len(ids))]
            await connection.execute(_SPREAD, ids, wide)
            return
        window *= 4
