"""The stack's side of a migration: one transaction, checked before it is committed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

import msgspec
from psycopg2 import extras

from workspace_ops.database import rows, value
from workspace_ops.migration.mapping import Category, Item

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from psycopg2.extensions import connection as Connection

__all__ = ["Ledger", "Target"]

_LOCK: Final = 0x6D696772  # "migr": one migration at a time
_BATCH: Final = 1000
_LEDGER: Final = """
    CREATE SCHEMA IF NOT EXISTS workspace_ops;
    CREATE TABLE IF NOT EXISTS workspace_ops.migrated_items (
        source text, legacy_id text, item_id bigint NOT NULL,
        migrated_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (source, legacy_id));
"""
_ITEMS: Final = """
    INSERT INTO workspace.workspace_items (id, title, description, category, priority,
        status, tags, metadata, created_at, updated_at, created_by, updated_by)
    VALUES %s
"""
_CATEGORY: Final = """
    INSERT INTO workspace.workspace_categories
        (name, display_name, description, color, icon, sort_order, is_active)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
"""
_READ_CATEGORY: Final = """
    SELECT name, display_name, description, color, icon, sort_order, is_active
    FROM workspace.workspace_categories WHERE name = %s
"""
_READ_ITEMS: Final = """
    SELECT l.legacy_id, i.title, i.description, i.category, i.priority, i.status,
        i.tags, i.metadata, i.created_at, i.updated_at, i.created_by, i.updated_by
    FROM workspace_ops.migrated_items l
    JOIN workspace.workspace_items i ON i.id = l.item_id
    WHERE l.source = %s AND l.legacy_id = ANY(%s)
"""
_SEQUENCE: Final = "pg_get_serial_sequence('workspace.workspace_items', 'id')"


@dataclass(frozen=True)
class Ledger:
    """What is in the stack's database already.

    Attributes:
        migrated: old ids of this source that were copied before.
        others: items there that did not come from this source.
        categories: display names by name.
    """

    migrated: frozenset[str]
    others: int
    categories: dict[str, str]


class Target:
    """The stack's database, in one transaction that its owner commits."""

    def __init__(self, connection: Connection, source: str) -> None:
        self._connection = connection
        self._source = source

    def lock(self) -> None:
        """Let no other migration run beside this one."""
        rows(self._connection, "SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        rows(self._connection, "SET LOCAL timezone = 'UTC'")
        rows(self._connection, "SELECT set_config('app.actor', 'migration', true)")
        rows(self._connection, _LEDGER)

    def ledger(self) -> Ledger:
        """Return what is there; it changes nothing."""
        there = value(
            self._connection, "SELECT to_regclass('workspace_ops.migrated_items')"
        )
        migrated = frozenset[str]()
        if there is not None:
            asked = (
                "SELECT legacy_id FROM workspace_ops.migrated_items WHERE source = %s"
            )
            found = rows(self._connection, asked, [self._source])
            migrated = frozenset(name for (name,) in found)
        counted = "SELECT count(*) FROM workspace.workspace_items i"
        if there is not None:
            counted += (
                " WHERE NOT EXISTS (SELECT FROM workspace_ops.migrated_items l"
                " WHERE l.source = %s AND l.item_id = i.id)"
            )
        others = value(self._connection, counted, [self._source] if there else [])
        names = "SELECT name, display_name FROM workspace.workspace_categories"
        return Ledger(migrated, int(others), dict(rows(self._connection, names)))

    def add_categories(self, categories: Iterable[Category]) -> list[Category]:
        """Add categories that are not there, and return them as they are now.

        A display name that is taken gets a number.
        """
        added = []
        taken = {name.lower() for name in self.ledger().categories.values()}
        for category in categories:
            display, number = category.display_name, 1
            while display.lower() in taken:
                number += 1
                display = f"{category.display_name[:90]} ({number})"
            taken.add(display.lower())
            wanted = (
                *(category.name, display, category.description, category.color),
                *(category.icon, category.sort_order, category.is_active),
            )
            rows(self._connection, _CATEGORY, wanted)
            added.append(msgspec.structs.replace(category, display_name=display))
        return added

    def categories_back(self, wanted: Iterable[Category]) -> Iterator[Category]:
        """Yield categories as the database has them."""
        for category in wanted:
            found = rows(self._connection, _READ_CATEGORY, [category.name])
            for row in found:
                yield Category(category.legacy, *row)

    def add_items(self, items: Iterable[Item], *, keep_ids: bool) -> int:
        """Add items in their order; return how many. Old numbers stay where free."""
        added = 0
        for batch in _batches(items):
            numbers = self._numbers(batch, keep_ids=keep_ids)
            with self._connection.cursor() as cursor:
                written = [
                    _row(number, item)
                    for number, item in zip(numbers, batch, strict=True)
                ]
                extras.execute_values(cursor, _ITEMS, written, page_size=_BATCH)
                extras.execute_values(
                    cursor,
                    "INSERT INTO workspace_ops.migrated_items"
                    " (source, legacy_id, item_id) VALUES %s",
                    [
                        (self._source, item.legacy, number)
                        for number, item in zip(numbers, batch, strict=True)
                    ],
                    page_size=_BATCH,
                )
            added += len(batch)
        rows(
            self._connection,
            f"SELECT setval({_SEQUENCE}, greatest((SELECT max(id) FROM"
            f" workspace.workspace_items), nextval({_SEQUENCE})))",
        )
        return added

    def read_back(self, legacy: Sequence[str]) -> Iterator[Item]:
        """Yield the items with these old ids as they are now."""
        for start in range(0, len(legacy), _BATCH):
            part = list(legacy[start : start + _BATCH])
            for row in rows(self._connection, _READ_ITEMS, [self._source, part]):
                yield _item(row)

    def _numbers(self, batch: Sequence[Item], *, keep_ids: bool) -> list[int]:
        taken: set[int] = set()
        wanted: list[int | None] = [None] * len(batch)
        if keep_ids:
            old = [int(item.legacy) for item in batch]
            asked = "SELECT id FROM workspace.workspace_items WHERE id = ANY(%s)"
            taken = {number for (number,) in rows(self._connection, asked, [old])}
            wanted = [number if number not in taken else None for number in old]
        missing = sum(number is None for number in wanted)
        asked = f"SELECT nextval({_SEQUENCE}) FROM generate_series(1, %s)"
        fresh = iter([number for (number,) in rows(self._connection, asked, [missing])])
        return [next(fresh) if number is None else number for number in wanted]


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    batch: list[Item] = []
    for item in items:
        batch.append(item)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _row(number: int, item: Item) -> tuple[Any, ...]:
    metadata = extras.Json(
        item.metadata, dumps=lambda x: msgspec.json.encode(x).decode()
    )
    return (
        *(number, item.title, item.description, item.category, item.priority),
        *(item.status, list(item.tags), metadata, item.created_at, item.updated_at),
        *(item.created_by, item.updated_by),
    )


def _item(row: tuple[Any, ...]) -> Item:
    legacy, title, description, category, priority, status, tags, metadata = row[:8]
    created, updated, created_by, updated_by = row[8:]
    return Item(
        legacy=legacy,
        title=title,
        description=description,
        category=category,
        priority=priority,
        status=status,
        tags=tuple(tags),
        metadata=metadata,
        created_at=created.astimezone(UTC),
        updated_at=updated.astimezone(UTC) if updated else None,
        created_by=created_by,
        updated_by=updated_by,
    )
