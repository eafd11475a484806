"""Changes to items, each within a transaction that its caller has begun."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import asyncpg
from pydantic_core import to_json

from servicekit.errors import Problem, ServiceError, conflict, not_found, validation
from workspace_api import places
from workspace_api.item_values import (
    Match,
    Stored,
    changed_meanwhile,
    missing,
    no_category,
    number,
)
from workspace_api.listing import ITEM_JSON

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicekit.database import Connection
    from workspace_api.models import Bulk, ItemCreate, ItemPatch, Move

__all__ = [
    "ONE",
    "bulk",
    "changed_columns",
    "create",
    "create_once",
    "move",
    "packed",
    "restore",
    "update_statement",
]

ONE: Final = (
    f"SELECT {ITEM_JSON}, i.version FROM workspace.workspace_items i WHERE i.id = $1"
)
_RETURNED: Final = f"RETURNING {ITEM_JSON} AS json, i.version, i.id"
_CREATE: Final = f"""
WITH wanted AS MATERIALIZED (
    SELECT w.*, nextval('workspace.workspace_items_id_seq') AS id
    FROM ROWS FROM (jsonb_to_recordset($1::jsonb) AS (title text, description text,
        category text, priority text, status text, tags text[], metadata jsonb,
        created_by text)) WITH ORDINALITY
        AS w (title, description, category, priority, status, tags, metadata,
            created_by, place)
    WHERE EXISTS (SELECT FROM workspace.workspace_categories c
        WHERE c.name = w.category AND c.is_active)),
made AS (
    INSERT INTO workspace.workspace_items AS i (id, title, description, category,
        priority, status, tags, metadata, created_by)
    SELECT id, title, description, category, priority, status, tags, metadata,
        created_by
    FROM wanted ORDER BY place
    {_RETURNED})
SELECT m.*, w.place::int FROM made m JOIN wanted w USING (id)"""
_RESTORE: Final = f"""
WITH back AS (DELETE FROM workspace.deleted_items WHERE id = $1 RETURNING *)
INSERT INTO workspace.workspace_items AS i (id, title, description, category, priority,
    status, tags, metadata, position, version, created_at, updated_at, created_by,
    updated_by)
SELECT id, title, description, category, priority, status, tags, metadata, position,
    version + 1, created_at, updated_at, created_by, updated_by FROM back
{_RETURNED}"""
_LOCKED: Final = """
SELECT id FROM workspace.workspace_items WHERE id = ANY($1::bigint[])
ORDER BY id FOR UPDATE"""
_BULK: Final = f"""
UPDATE workspace.workspace_items i SET
    status = coalesce($3, i.status), priority = coalesce($4, i.priority),
    category = coalesce($5, i.category), updated_by = $6,
    position = coalesce(n.position, i.position)
FROM unnest($1::bigint[], $2::numeric[]) AS n (id, position) WHERE i.id = n.id
{_RETURNED}"""
_POSITIONS: Final = """
SELECT nextval('workspace.item_positions')::numeric FROM generate_series(1, $1)"""
_CLAIM: Final = """
INSERT INTO workspace.idempotency_keys (actor, key, fingerprint) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING RETURNING true"""
_CLAIMED: Final = """
SELECT fingerprint, answer FROM workspace.idempotency_keys
WHERE actor = $1 AND key = $2"""
_ANSWERED: Final = """
UPDATE workspace.idempotency_keys SET answer = $3 WHERE actor = $1 AND key = $2"""


_CHANGEABLE: Final = (
    "title",
    "description",
    "category",
    "priority",
    "status",
    "tags",
    "metadata",
)


def changed_columns(changes: ItemPatch) -> dict[str, Any]:
    """Return the columns that a change names, with what they are to hold."""
    given: dict[str, Any] = {
        name: getattr(changes, name)
        for name in _CHANGEABLE
        if name in changes.model_fields_set
    }
    if "metadata" in given:
        given["metadata"] = to_json(given["metadata"]).decode()
    return given


def update_statement(columns: tuple[str, ...]) -> str:
    """Return the statement that changes these columns, which are names of ours."""
    assert set(columns) <= set(_CHANGEABLE)
    parts = [f"{name} = ${number}" for number, name in enumerate(columns, 4)]
    active = ""
    if "category" in columns:
        place = f"${columns.index('category') + 4}"
        active = (
            f" AND (i.category = {place} OR EXISTS (SELECT FROM "
            f"workspace.workspace_categories c WHERE c.name = {place} AND c.is_active))"
        )
    return (
        f"UPDATE workspace.workspace_items i SET {', '.join(parts)}, updated_by = $3 "
        "WHERE i.id = $1 AND ($2::int[] IS NULL OR i.version = ANY($2))"
        f"{active} {_RETURNED}"
    )


def packed(wanted: ItemCreate, actor: str) -> bytes:
    """Return an item as the JSON that the statement takes."""
    return to_json(wanted)[:-1] + b',"created_by":' + to_json(actor) + b"}"


async def create(
    connection: Connection, wanted: Sequence[bytes]
) -> list[Stored | Exception]:
    """Make items; return each, or what refuses it, in the order given."""
    packed = b"[" + b",".join(wanted) + b"]"
    rows = await connection.fetch(_CREATE, packed.decode())
    made = {row[3]: Stored(row[0], row[1], row[2]) for row in rows}
    return [made.get(place) or no_category() for place in range(1, len(wanted) + 1)]


async def create_once(
    connection: Connection, wanted: ItemCreate, actor: str, key: str
) -> Stored:
    """Make an item, once for all that come with the same key."""
    fingerprint = hashlib.sha256(to_json(wanted)).digest()
    # Waits where another transaction has just claimed the key and has not ended.
    if await connection.fetchval(_CLAIM, actor, key, fingerprint):
        (made,) = await create(connection, [packed(wanted, actor)])
        if isinstance(made, Exception):
            raise made
        answer = f"{made.id} {made.version} {made.json}"
        await connection.execute(_ANSWERED, actor, key, answer)
        return made
    row = await connection.fetchrow(_CLAIMED, actor, key)
    if row is None or row["fingerprint"] != fingerprint:
        raise conflict("this Idempotency-Key came with another item")
    item, version, json = row["answer"].split(" ", 2)
    return Stored(json, int(version), int(item))


async def move(
    connection: Connection, item: int, wanted: Move, *, match: Match, actor: str
) -> Stored:
    """Put an item at a place in a column."""
    row = await connection.fetchrow(
        f"SELECT {ITEM_JSON}, i.version, i.status "
        "FROM workspace.workspace_items i WHERE i.id = $1",
        item,
    )
    if row is None:
        raise missing(item)
    status = wanted.status or row[2]
    await places.lock(connection, status)
    side, anchor = _beside(item, wanted)
    if anchor is None:
        position = await places.end(connection)
    else:
        position = await places.place(
            connection, status, item, side=side, anchor=anchor
        )
    await places.give(connection, item)
    done = await connection.fetchrow(
        "UPDATE workspace.workspace_items i "
        "SET status = $2, position = $3, updated_by = $4 "
        f"WHERE i.id = $1 AND ($5::int[] IS NULL OR i.version = ANY($5)) {_RETURNED}",
        item,
        status,
        position,
        actor,
        match.versions,
    )
    if done is None:
        now = await connection.fetchrow(ONE, item)
        raise changed_meanwhile(now) if now else missing(item)
    return Stored(*done)


def _beside(item: int, wanted: Move) -> tuple[str, int | None]:
    side = "after" if wanted.after is not None else "before"
    given = wanted.after if wanted.after is not None else wanted.before
    anchor = None if given is None else number(given, side)
    if anchor == item:
        raise validation(Problem(side, "is the item itself", "invalid"))
    return side, anchor


async def bulk(connection: Connection, wanted: Bulk, actor: str) -> Sequence[str]:
    """Change many items, or none; return their JSON, in the order asked for."""
    ids = list(dict.fromkeys(number(one, "ids") for one in wanted.ids))
    found = {row["id"] for row in await connection.fetch(_LOCKED, ids)}
    gone = [str(one) for one in ids if one not in found]
    if gone:
        raise ServiceError(
            404,
            "NOT_FOUND",
            f"there is no item {', '.join(gone[:20])}",
            data={"missing": gone},
        )
    change = wanted.set
    if change.category is not None:
        await _need_active(connection, change.category)
    positions: list[Any] = [None] * len(ids)
    if change.status is not None:
        positions = [row[0] for row in await connection.fetch(_POSITIONS, len(ids))]
    rows = await connection.fetch(
        _BULK, ids, positions, change.status, change.priority, change.category, actor
    )
    by_id = {row["id"]: row[0] for row in rows}
    return [by_id[one] for one in ids]


async def _need_active(connection: Connection, category: str) -> None:
    active = await connection.fetchval(
        "SELECT is_active FROM workspace.workspace_categories WHERE name = $1", category
    )
    if not active:
        raise no_category()


async def restore(connection: Connection, item: int) -> Stored:
    """Bring a deleted item back."""
    try:
        row = await connection.fetchrow(_RESTORE, item)
    except asyncpg.ForeignKeyViolationError as error:
        raise conflict(f"the category of item {item} is not there any more") from error
    if row is not None:
        return Stored(*row)
    if await connection.fetchrow(ONE, item):
        raise conflict(f"item {item} is not deleted")
    raise not_found(f"there never was an item {item}, or it was deleted long ago")
