"""What is done with items: each operation is a statement, or one transaction."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import asyncpg
from pydantic_core import to_json

from servicekit.batches import Batches
from servicekit.errors import (
    Problem,
    ServiceError,
    conflict,
    not_found,
    validation,
)
from workspace_api import places
from workspace_api.listing import ITEM_JSON, page

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from servicekit.database import Connection, Database
    from workspace_api.models import Bulk, ItemCreate, ItemPatch, ListQuery, Move

__all__ = ["Items", "Match", "Stored", "Together", "number"]

T = TypeVar("T")

_MOST: Final = 64
"""Items that are read, or made, by one statement."""
_FLIGHTS: Final = 2
"""Such statements at the same time: while two are under way, the next one gathers."""

_SEVERAL: Final = (
    f"SELECT {ITEM_JSON}::text, i.version, i.id FROM workspace.workspace_items i "
    "WHERE i.id = ANY($1::bigint[])"
)
_ONE: Final = (
    f"SELECT {ITEM_JSON}::text, i.version FROM workspace.workspace_items i "
    "WHERE i.id = $1"
)
_RETURNED: Final = f"RETURNING {ITEM_JSON}::text AS json, i.version, i.id"
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
_DELETE: Final = """
DELETE FROM workspace.workspace_items i
WHERE i.id = $1 AND ($2::int[] IS NULL OR i.version = ANY($2)) RETURNING i.id"""
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
_STATS: Final = """
WITH c AS (SELECT category, status, priority, sum(items)::bigint AS items
    FROM workspace.item_counts GROUP BY 1, 2, 3 HAVING sum(items) <> 0)
SELECT json_build_object(
    'total', coalesce((SELECT sum(items) FROM c), 0),
    'by_status', (SELECT json_object_agg(s, coalesce(n, 0) ORDER BY o) FROM
        unnest(ARRAY['new','review','in-progress','completed','rejected'])
            WITH ORDINALITY AS a (s, o)
        LEFT JOIN (SELECT status, sum(items) n FROM c GROUP BY 1) b ON b.status = a.s),
    'by_priority', (SELECT json_object_agg(s, coalesce(n, 0) ORDER BY o) FROM
        unnest(ARRAY['low','medium','high','critical']) WITH ORDINALITY AS a (s, o)
        LEFT JOIN (SELECT priority, sum(items) n FROM c GROUP BY 1) b
            ON b.priority = a.s),
    'by_category', coalesce((SELECT json_object_agg(k.name, coalesce(n, 0)
            ORDER BY k.sort_order, k.name)
        FROM workspace.workspace_categories k
        LEFT JOIN (SELECT category, sum(items) n FROM c GROUP BY 1) b
            ON b.category = k.name), '{}'))::text"""


@dataclass(frozen=True, slots=True)
class Stored:
    """An item as JSON, and its version."""

    json: str
    version: int
    id: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of items as JSON, and how many there are."""

    json: str
    count: int
    total: int
    exact: bool
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Match:
    """What If-Match asks for: one of these versions; None is any that exists."""

    versions: tuple[int, ...] | None = None

    def accepts(self, version: int) -> bool:
        """Return whether an item of this version may be changed."""
        return self.versions is None or version in self.versions


class Together:
    """What many ask of one database at the same time, asked in one statement."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.one = Batches(self._read, most=_MOST, flights=_FLIGHTS)
        self.create = Batches(self._create, most=_MOST, flights=_FLIGHTS)

    def is_of(self, database: Database) -> bool:
        """Return whether it asks this database, and not an earlier one of its name."""
        return self._database is database

    async def _read(self, ids: Sequence[int]) -> list[Stored | Exception]:
        rows = await self._database.read(lambda c: c.fetch(_SEVERAL, ids))
        found = {row[2]: Stored(*row) for row in rows}
        return [found.get(item) or _missing(item) for item in ids]

    async def _create(self, wanted: Sequence[bytes]) -> list[Stored | Exception]:
        try:
            return await self._database.write(lambda c: _create(c, wanted))
        except asyncpg.ForeignKeyViolationError as error:
            if len(wanted) == 1:
                raise _no_category() from error
        except ServiceError as error:
            if len(wanted) == 1 or error.status >= 500:
                raise
        # One of them cannot be stored; the others are not to suffer for it.
        return [await self._create_alone(one) for one in wanted]

    async def _create_alone(self, wanted: bytes) -> Stored | Exception:
        try:
            return (await self._database.write(lambda c: _create(c, [wanted])))[0]
        except asyncpg.ForeignKeyViolationError:
            return _no_category()
        except ServiceError as error:
            return error


class Items:
    """The items of one database; `actor` is in whose name changes are made."""

    def __init__(
        self,
        database: Database,
        actor: str,
        together: Together,
        *,
        reader: Database | None = None,
        read_together: Together | None = None,
    ) -> None:
        self._database = database
        self._together = together
        self._read_together = read_together or together
        self._reader = reader or database
        self._actor = actor

    async def list(self, query: ListQuery) -> Listed:
        """Return a page of items."""
        wanted = page(query)
        row = await self._read(
            lambda database: database.row(wanted.statement, *wanted.arguments)
        )
        items, count, total, value, last = row
        return Listed(
            items,
            count,
            total,
            not (query.q or query.tag),
            wanted.cursor(count, value, last),
        )

    async def one(self, item: int) -> Stored:
        """Return an item.

        Raises:
            ServiceError: there is none.
        """
        if self._read_together is self._together:
            return await self._together.one(item)
        try:
            return await self._read_together.one(item)
        except ServiceError as error:
            # A replica that is gone, or has not heard of the item yet.
            if error.status not in {404, 503}:
                raise
        return await self._together.one(item)

    async def stats(self) -> str:
        """Return how many items there are, as JSON."""
        return await self._read(lambda database: database.value(_STATS))

    async def _read(self, work: Callable[[Database], Awaitable[T]]) -> T:
        """Read from the replica, or where that is gone, or there is none, from here."""
        if self._reader is not self._database:
            try:
                return await work(self._reader)
            except ServiceError as error:
                if error.status != 503:
                    raise
        return await work(self._database)

    async def create(self, wanted: ItemCreate, *, key: str | None = None) -> Stored:
        """Make an item; with a key, once for all that come with the same one.

        Raises:
            ServiceError: the category is not there or not active; the key came with
                another item.
        """
        if key is None:
            return await self._together.create(_packed(wanted, self._actor))
        try:
            return await self._database.transaction(
                lambda c: _create_once(c, wanted, self._actor, key), actor=self._actor
            )
        except asyncpg.ForeignKeyViolationError as error:
            raise _no_category() from error

    async def update(self, item: int, changes: ItemPatch, match: Match) -> Stored:
        """Change an item.

        Raises:
            ServiceError: there is none; it has another version; the category is not
                active.
        """
        columns = {
            name: _stored(name, getattr(changes, name))
            for name in _CHANGEABLE
            if name in changes.model_fields_set
        }
        statement = _update_statement(tuple(columns))

        async def work(connection: Connection) -> Stored | None:
            row = await connection.fetchrow(
                statement, item, match.versions, self._actor, *columns.values()
            )
            return Stored(*row) if row else None

        try:
            done = await self._database.write(work)
        except asyncpg.ForeignKeyViolationError as error:
            raise _no_category() from error
        return done or await self._refused(item, match, _no_category())

    async def _refused(
        self, item: int, match: Match, otherwise: ServiceError
    ) -> Stored:
        """Find out why a change found nothing to change."""
        row = await self._database.row(_ONE, item)
        if row is None:
            raise _missing(item)
        if not match.accepts(row[1]):
            raise _changed_meanwhile(row)
        raise otherwise

    async def move(self, item: int, wanted: Move, match: Match) -> Stored:
        """Put an item at a place in a column."""
        return await self._database.transaction(
            lambda c: _move(c, item, wanted, match=match, actor=self._actor),
            actor=self._actor,
        )

    async def bulk(self, wanted: Bulk) -> Sequence[str]:
        """Change many items, or none; return them as JSON, in the order asked for."""
        try:
            return await self._database.transaction(
                lambda c: _bulk(c, wanted, self._actor), actor=self._actor
            )
        except asyncpg.ForeignKeyViolationError as error:
            raise _no_category() from error

    async def delete(self, item: int, match: Match) -> None:
        """Delete an item; it can be brought back."""

        async def work(connection: Connection) -> Any:
            return await connection.fetchval(_DELETE, item, match.versions)

        if await self._database.transaction(work, actor=self._actor) is None:
            again = conflict("the item changed meanwhile; try again")
            await self._refused(item, match, again)

    async def restore(self, item: int) -> Stored:
        """Bring a deleted item back.

        Raises:
            ServiceError: it was never there, is not deleted, or has no category now.
        """
        return await self._database.transaction(
            lambda c: _restore(c, item), actor=self._actor
        )


_CHANGEABLE: Final = (
    "title",
    "description",
    "category",
    "priority",
    "status",
    "tags",
    "metadata",
)


def _stored(name: str, value: Any) -> Any:
    return to_json(value).decode() if name == "metadata" else value


def _update_statement(columns: tuple[str, ...]) -> str:
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


def _packed(wanted: ItemCreate, actor: str) -> bytes:
    """Return an item as the JSON that the statement takes."""
    return to_json(wanted)[:-1] + b',"created_by":' + to_json(actor) + b"}"


async def _create(
    connection: Connection, wanted: Sequence[bytes]
) -> list[Stored | Exception]:
    packed = b"[" + b",".join(wanted) + b"]"
    rows = await connection.fetch(_CREATE, packed.decode())
    made = {row[3]: Stored(row[0], row[1], row[2]) for row in rows}
    return [made.get(place) or _no_category() for place in range(1, len(wanted) + 1)]


async def _create_once(
    connection: Connection, wanted: ItemCreate, actor: str, key: str
) -> Stored:
    fingerprint = hashlib.sha256(to_json(wanted)).digest()
    # Waits where another transaction has just claimed the key and has not ended.
    if await connection.fetchval(_CLAIM, actor, key, fingerprint):
        (made,) = await _create(connection, [_packed(wanted, actor)])
        if isinstance(made, Exception):
            raise made
        answer = f"{made.id} {made.version} {made.json}"
        await connection.execute(_ANSWERED, actor, key, answer)
        return made
    row = await connection.fetchrow(_CLAIMED, actor, key)
    if row is None or row["fingerprint"] != fingerprint:
        raise conflict("this Idempotency-Key came with another item")
    number, version, json = row["answer"].split(" ", 2)
    return Stored(json, int(version), int(number))


async def _move(
    connection: Connection, item: int, wanted: Move, *, match: Match, actor: str
) -> Stored:
    row = await connection.fetchrow(
        f"SELECT {ITEM_JSON}::text, i.version, i.status "
        "FROM workspace.workspace_items i WHERE i.id = $1",
        item,
    )
    if row is None:
        raise _missing(item)
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
        now = await connection.fetchrow(_ONE, item)
        raise _changed_meanwhile(now) if now else _missing(item)
    return Stored(*done)


def _beside(item: int, wanted: Move) -> tuple[str, int | None]:
    side = "after" if wanted.after is not None else "before"
    given = wanted.after if wanted.after is not None else wanted.before
    anchor = None if given is None else number(given, side)
    if anchor == item:
        raise validation(Problem(side, "is the item itself", "invalid"))
    return side, anchor


async def _bulk(connection: Connection, wanted: Bulk, actor: str) -> Sequence[str]:
    ids = list(dict.fromkeys(number(one, "ids") for one in wanted.ids))
    found = {row["id"] for row in await connection.fetch(_LOCKED, ids)}
    missing = [str(one) for one in ids if one not in found]
    if missing:
        raise ServiceError(
            404,
            "NOT_FOUND",
            f"there is no item {', '.join(missing[:20])}",
            data={"missing": missing},
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
        raise _no_category()


async def _restore(connection: Connection, item: int) -> Stored:
    try:
        row = await connection.fetchrow(_RESTORE, item)
    except asyncpg.ForeignKeyViolationError as error:
        raise conflict(f"the category of item {item} is not there any more") from error
    if row is not None:
        return Stored(*row)
    if await connection.fetchrow(_ONE, item):
        raise conflict(f"item {item} is not deleted")
    raise not_found(f"there never was an item {item}, or it was deleted long ago")


def number(text: str, where: str) -> int:
    """Return an id as a number.

    Raises:
        ServiceError: it is not one.
    """
    if text.isascii() and text.isdigit() and len(text) < 20 and int(text) < 2**63:
        return int(text)
    raise validation(Problem(where, "an id is a whole number", "invalid_id"))


def _missing(item: int) -> ServiceError:
    return not_found(f"there is no item {item}")


def _no_category() -> ServiceError:
    return validation(
        Problem("category", "there is no active category of this name", "not_active")
    )


def _changed_meanwhile(row: Any) -> ServiceError:
    return ServiceError(
        412,
        "PRECONDITION_FAILED",
        f"the item has version {row[1]} now",
        headers={"ETag": f'"{row[1]}"'},
        raw=row[0].encode(),
    )
