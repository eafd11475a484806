"""What is done with categories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from servicekit.errors import Problem, ServiceError, conflict, not_found, validation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from servicekit.database import Connection, Database
    from workspace_api.models import (
        CategoryCreate,
        CategoryPatch,
        CategoryQuery,
        Reorder,
    )

__all__ = ["Categories"]

_COUNT: Final = (
    "coalesce((SELECT sum(n.items)::bigint FROM workspace.item_counts n "
    "WHERE n.category = c.name), 0)"
)
_JSON: Final = (
    "json_build_object('name', c.name, 'display_name', c.display_name, "
    "'description', c.description, 'color', c.color, 'icon', c.icon, "
    "'sort_order', c.sort_order, 'is_active', c.is_active, "
    f"'item_count', {_COUNT}, "
    "'created_at', c.created_at, 'updated_at', c.updated_at)"
)
_ORDERS: Final[Mapping[str, str]] = {
    "sort_order": "c.sort_order, c.name",
    "name": "c.name",
    "display_name": "lower(c.display_name), c.name",
    "created_at": "c.created_at, c.name",
    "updated_at": "coalesce(c.updated_at, c.created_at), c.name",
}
_ALL: Final = (
    "SELECT coalesce(json_agg(p.category), '[]')::text, count(*) FROM (SELECT "
    f"{_JSON} AS category FROM workspace.workspace_categories c "
    "WHERE c.is_active OR NOT $1 ORDER BY {order}) p"
)
_ONE: Final = (
    f"SELECT {_JSON}::text FROM workspace.workspace_categories c WHERE c.name = $1"
)
_CREATE: Final = f"""
INSERT INTO workspace.workspace_categories AS c
    (name, display_name, description, color, icon, sort_order, is_active)
VALUES ($1, $2, $3, $4, $5, coalesce($6, (SELECT coalesce(max(sort_order), 0) + 1
    FROM workspace.workspace_categories)), $7)
RETURNING {_JSON}::text"""
_TOGGLE: Final = f"""
UPDATE workspace.workspace_categories c SET is_active = NOT is_active WHERE name = $1
RETURNING {_JSON}::text"""
_REORDER: Final = """
UPDATE workspace.workspace_categories c SET sort_order = n.place
FROM unnest($1::text[]) WITH ORDINALITY AS n (name, place)
WHERE c.name = n.name AND c.sort_order <> n.place"""
_NAMES: Final = (
    "SELECT name FROM workspace.workspace_categories ORDER BY name FOR UPDATE"
)
_STATS: Final = """
SELECT coalesce(json_agg(p.stats), '[]')::text, count(*) FROM (
    SELECT json_build_object('name', c.name, 'display_name', c.display_name,
        'total', coalesce(sum(n.items)::bigint, 0), 'by_status', json_build_object(
            'new', coalesce(sum(n.items) FILTER (WHERE n.status = 'new'), 0),
            'review', coalesce(sum(n.items) FILTER (WHERE n.status = 'review'), 0),
            'in-progress',
                coalesce(sum(n.items) FILTER (WHERE n.status = 'in-progress'), 0),
            'completed',
                coalesce(sum(n.items) FILTER (WHERE n.status = 'completed'), 0),
            'rejected', coalesce(sum(n.items) FILTER (WHERE n.status = 'rejected'), 0)
        )) AS stats
    FROM workspace.workspace_categories c
    LEFT JOIN workspace.item_counts n ON n.category = c.name
    GROUP BY c.name ORDER BY c.sort_order, c.name) p"""
_CHANGEABLE: Final = (
    "name",
    "display_name",
    "description",
    "color",
    "icon",
    "sort_order",
    "is_active",
)


@dataclass(frozen=True)
class Listed:
    """Categories as JSON, and how many they are."""

    json: str
    count: int


class Categories:
    """The categories of one database; `actor` is in whose name changes are made."""

    def __init__(self, database: Database, actor: str) -> None:
        self._database = database
        self._actor = actor

    async def list(self, query: CategoryQuery) -> Listed:
        """Return all categories, or the active ones."""
        statement = _ALL.format(order=_ORDERS[query.order_by])
        return Listed(*await self._database.row(statement, query.active_only))

    async def stats(self) -> Listed:
        """Return how many items each category has, by status."""
        return Listed(*await self._database.row(_STATS))

    async def one(self, name: str) -> str:
        """Return a category as JSON."""
        return _found(await self._database.value(_ONE, name), name)

    async def create(self, wanted: CategoryCreate) -> str:
        """Make a category.

        Raises:
            ServiceError: the name or the display name is taken.
        """

        async def work(connection: Connection) -> str:
            made: str = await connection.fetchval(
                _CREATE,
                wanted.name,
                wanted.display_name,
                wanted.description,
                wanted.color,
                wanted.icon,
                wanted.sort_order,
                wanted.is_active,
            )
            return made

        return await self._change(work)

    async def update(self, name: str, changes: CategoryPatch) -> str:
        """Change a category; a new name goes to its items as well."""
        columns = {
            column: getattr(changes, column)
            for column in _CHANGEABLE
            if column in changes.model_fields_set
        }
        parts = [f"{column} = ${place}" for place, column in enumerate(columns, 2)]
        statement = (
            f"UPDATE workspace.workspace_categories c SET {', '.join(parts)} "
            "WHERE name = $1 RETURNING name"
        )

        async def work(connection: Connection) -> str:
            now = await connection.fetchval(statement, name, *columns.values())
            _found(now, name)
            # A new name reaches the items, and their count, after the statement.
            return str(await connection.fetchval(_ONE, now))

        return await self._change(work)

    async def toggle(self, name: str) -> str:
        """Make an active category inactive, and the other way round."""

        async def work(connection: Connection) -> str:
            return _found(await connection.fetchval(_TOGGLE, name), name)

        return await self._change(work)

    async def reorder(self, wanted: Reorder) -> None:
        """Give all categories their places.

        Raises:
            ServiceError: they are not all of the categories, each once.
        """

        async def work(connection: Connection) -> str:
            names = [row["name"] for row in await connection.fetch(_NAMES)]
            if sorted(wanted.names) != sorted(names):
                raise validation(
                    Problem("names", "all categories, each once", "incomplete")
                )
            await connection.execute(_REORDER, wanted.names)
            return ""

        await self._change(work)

    async def delete(self, name: str) -> None:
        """Delete a category that no item has.

        Raises:
            ServiceError: there is none; it has items, with their number.
        """

        async def work(connection: Connection) -> str:
            gone = await connection.fetchval(
                "DELETE FROM workspace.workspace_categories WHERE name = $1 "
                "RETURNING name",
                name,
            )
            return _found(gone, name)

        try:
            await self._change(work)
        except asyncpg.ForeignKeyViolationError as error:
            count = await self._database.value(
                "SELECT count(*) FROM workspace.workspace_items WHERE category = $1",
                name,
            )
            raise ServiceError(
                409,
                "CATEGORY_IN_USE",
                f"{count} items have the category {name}",
                data={"items": count},
            ) from error

    async def _change(self, work: Callable[[Connection], Awaitable[str]]) -> str:
        try:
            return await self._database.transaction(work, actor=self._actor)
        except asyncpg.UniqueViolationError as error:
            raise _taken(error) from error


def _found(row: Any, name: str) -> str:
    if row is None:
        raise not_found(f"there is no category {name[:60]}")
    return str(row)


def _taken(error: asyncpg.UniqueViolationError) -> ServiceError:
    field = "display_name" if "display_name" in str(error.constraint_name) else "name"
    problem = Problem(field, "another category has it", "taken")
    found = conflict(f"another category has this {field}")
    found.problems = (problem,)
    return found
