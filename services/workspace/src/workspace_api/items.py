"""What is done with items: each operation is a statement, or one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import asyncpg

from servicekit.batches import Batches, Shared
from servicekit.errors import (
    ServiceError,
    conflict,
)
from workspace_api import item_writes
from workspace_api.item_values import (
    Match,
    Stored,
    changed_meanwhile,
    missing,
    no_category,
)
from workspace_api.listing import ITEM_JSON, Page, page

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from servicekit.database import Connection, Database
    from workspace_api.models import Bulk, ItemCreate, ItemPatch, ListQuery, Move

__all__ = ["Items", "Listed", "Together"]

T = TypeVar("T")

_MOST: Final = 64
"""Items that are read, or made, by one statement."""
_FLIGHTS: Final = 4
"""Such statements at the same time, where they wait for locks or are large."""
_PAGES: Final = 16
"""Lists that are read at the same time, where they take long."""
_SWIFT_PAGES: Final = 2
"""Those that do not: more would only take turns on the processors."""

_SEVERAL: Final = (
    f"SELECT {ITEM_JSON}, i.version, i.id FROM workspace.workspace_items i "
    "WHERE i.id = ANY($1::bigint[])"
)
_DELETE: Final = """
DELETE FROM workspace.workspace_items i
WHERE i.id = $1 AND ($2::int[] IS NULL OR i.version = ANY($2)) RETURNING i.id"""
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
class Listed:
    """A page of items as JSON, and how many there are."""

    json: bytes
    count: int
    total: int
    exact: bool
    next_cursor: str | None


class Together:
    """What many ask of one database at the same time, asked in one statement."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.one = Batches(self._read, most=_MOST, flights=_FLIGHTS)
        self.create = Batches(self._create, most=_MOST, flights=_FLIGHTS)
        pages = Batches(self._page, most=1, flights=_PAGES, swift=_SWIFT_PAGES)
        self.page = Shared(pages, flights=_FLIGHTS)

    def is_of(self, database: Database) -> bool:
        """Return whether it asks this database, and not an earlier one of its name."""
        return self._database is database

    async def _read(self, ids: Sequence[int]) -> list[Stored | Exception]:
        rows = await self._database.read(lambda c: c.fetch(_SEVERAL, ids))
        found = {row[2]: Stored(*row) for row in rows}
        return [found.get(item) or missing(item) for item in ids]

    async def _page(self, wanted: Sequence[Page]) -> list[Any]:
        row = self._database.row
        return [await row(one.statement, *one.arguments) for one in wanted]

    async def _create(self, wanted: Sequence[bytes]) -> list[Stored | Exception]:
        try:
            return await self._database.write(lambda c: item_writes.create(c, wanted))
        except asyncpg.ForeignKeyViolationError as error:
            if len(wanted) == 1:
                raise no_category() from error
        except ServiceError as error:
            if len(wanted) == 1 or error.status >= 500:
                raise
        # One of them cannot be stored; the others are not to suffer for it.
        return [await self._create_alone(one) for one in wanted]

    async def _create_alone(self, wanted: bytes) -> Stored | Exception:
        try:
            return (
                await self._database.write(lambda c: item_writes.create(c, [wanted]))
            )[0]
        except asyncpg.ForeignKeyViolationError:
            return no_category()
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
        row = await self._read(lambda _, together: together.page(wanted))
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
        return await self._read(lambda database, _: database.value(_STATS))

    async def _read(self, work: Callable[[Database, Together], Awaitable[T]]) -> T:
        """Read from the replica, or where that is gone, or there is none, from here."""
        if self._reader is not self._database:
            try:
                return await work(self._reader, self._read_together)
            except ServiceError as error:
                if error.status != 503:
                    raise
        return await work(self._database, self._together)

    async def create(self, wanted: ItemCreate, *, key: str | None = None) -> Stored:
        """Make an item; with a key, once for all that come with the same one.

        Raises:
            ServiceError: the category is not there or not active; the key came with
                another item.
        """
        if key is None:
            return await self._together.create(item_writes.packed(wanted, self._actor))
        try:
            return await self._database.transaction(
                lambda c: item_writes.create_once(c, wanted, self._actor, key),
                actor=self._actor,
            )
        except asyncpg.ForeignKeyViolationError as error:
            raise no_category() from error

    async def update(self, item: int, changes: ItemPatch, match: Match) -> Stored:
        """Change an item.

        Raises:
            ServiceError: there is none; it has another version; the category is not
                active.
        """
        columns = item_writes.changed_columns(changes)
        statement = item_writes.update_statement(tuple(columns))

        async def work(connection: Connection) -> Stored | None:
            row = await connection.fetchrow(
                statement, item, match.versions, self._actor, *columns.values()
            )
            return Stored(*row) if row else None

        try:
            done = await self._database.write(work)
        except asyncpg.ForeignKeyViolationError as error:
            raise no_category() from error
        return done or await self._refused(item, match, no_category())

    async def _refused(
        self, item: int, match: Match, otherwise: ServiceError
    ) -> Stored:
        """Find out why a change found nothing to change."""
        row = await self._database.row(item_writes.ONE, item)
        if row is None:
            raise missing(item)
        if not match.accepts(row[1]):
            raise changed_meanwhile(row)
        raise otherwise

    async def move(self, item: int, wanted: Move, match: Match) -> Stored:
        """Put an item at a place in a column."""
        return await self._database.transaction(
            lambda c: item_writes.move(c, item, wanted, match=match, actor=self._actor),
            actor=self._actor,
        )

    async def bulk(self, wanted: Bulk) -> Sequence[str]:
        """Change many items, or none; return them as JSON, in the order asked for."""
        try:
            return await self._database.transaction(
                lambda c: item_writes.bulk(c, wanted, self._actor), actor=self._actor
            )
        except asyncpg.ForeignKeyViolationError as error:
            raise no_category() from error

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
            lambda c: item_writes.restore(c, item), actor=self._actor
        )
