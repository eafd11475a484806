"""A migration from end to end: read, map, refuse or write, verify, report."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec
from psycopg2.extensions import parse_dsn

from workspace_ops import safety, spawn
from workspace_ops.database import connected, program
from workspace_ops.errors import OperationError
from workspace_ops.migration.mapping import (
    Category,
    Item,
    Problem,
    category_of,
    checksum,
    item_of,
    slug,
)
from workspace_ops.migration.source import opened
from workspace_ops.migration.target import Ledger, Target
from workspace_ops.schema import CATEGORIES, ITEMS

if TYPE_CHECKING:
    from workspace_ops.migration.source import Source
    from workspace_ops.settings import Settings

__all__ = ["Counts", "Report", "Wishes", "migrate"]

_SHOWN: Final = 100
_PASSWORDS: Final = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "options": "PGOPTIONS",
}


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What was asked for.

    Attributes:
        dsn: the old database.
        dry_run: find out all that can be known, and write nothing at all.
        backup: dump the old database to a file first.
        force: go on although the stack holds items of other origin; they stay.
        directory: where report and backup go.
    """

    dsn: str
    dry_run: bool = False
    backup: bool = False
    force: bool = False
    directory: str = "."


class Counts(msgspec.Struct, frozen=True):
    """A table: rows there, copied before, copied now, and checksums of the last."""

    source: int
    before: int
    copied: int
    source_checksum: str
    target_checksum: str


class Report(msgspec.Struct, frozen=True):
    """What a migration did, or would do."""

    source: str
    shape: str
    dry_run: bool
    tables: dict[str, Counts]
    mended: list[str]
    problems: list[Problem]
    seconds: float
    before: str = ""
    backup: str = ""
    file: str = ""

    @property
    def is_well(self) -> bool:
        """Whether all of it can be, or was, copied."""
        return not self.problems


@dataclass
class _Read:
    categories: list[Category]
    items: list[Item]
    problems: list[Problem]
    mended: list[str]


def migrate(settings: Settings, wishes: Wishes) -> Report:
    """Copy an old workspace into the stack's default branch.

    What was copied by an earlier run is left alone, so that a run that was broken off,
    or a source that has grown, is followed by another one.

    Raises:
        OperationError: the stack holds other items (without `force`), a row does not
            fit, or what was written is not what was read; then nothing is changed.
    """
    began = time.perf_counter()
    with opened(wishes.dsn) as source:
        read = _read(source)
        with connected(settings) as connection:
            ledger = Target(connection, source.name).ledger()
            connection.rollback()
        _check(read, ledger, wishes)
        if wishes.dry_run or read.problems:
            return _report(source, read, ledger, began, dry_run=wishes.dry_run)
        stamp = safety.stamp()
        backup = _backup(settings, wishes, source, stamp) if wishes.backup else ""
        before = safety.keep_as_branch(settings, None, "before-migration")
        new = [item for item in read.items if item.legacy not in ledger.migrated]
        missing = [one for one in read.categories if one.name not in ledger.categories]
        with connected(settings) as connection:
            target = Target(connection, source.name)
            target.lock()
            missing = target.add_categories(missing)
            target.add_items(new, keep_ids=source.shape == "numbered")
            back = checksum(target.read_back([item.legacy for item in new]))
            if (back, checksum(target.categories_back(missing))) != (
                checksum(new),
                checksum(missing),
            ):
                raise OperationError(
                    "what was written is not what was read; nothing was changed",
                    hint="report this, with the shape of the old tables",
                )
            connection.commit()
    path = os.path.join(wishes.directory, f"migration-{stamp}.json")
    report = _report(
        source, read, ledger, began, before=before, backup=backup, file=path
    )
    safety.write_private(path, msgspec.json.format(msgspec.json.encode(report)))
    return report


def _read(source: Source) -> _Read:
    read = _Read([], [], [], [])
    names: dict[str, str] = {}
    for position, row in enumerate(source.categories(), 1):
        category, about = category_of(row, position)
        read.categories.append(category)
        read.problems += about.problems
        read.mended += [f"category {category.legacy}: {text}" for text in about.mended]
        # An item names its category by name, or by the category's id.
        names[category.legacy] = category.name
        if row.get("id") is not None:
            names[str(row["id"])] = category.name
    for row in source.items():
        item, found = item_of(row, names)
        read.items.append(item)
        read.problems += found.problems
        read.mended += [f"item {item.legacy}: {text}" for text in found.mended]
    _add_missing_categories(read)
    return read


def _add_missing_categories(read: _Read) -> None:
    """Some old schemas did not check that an item's category is there."""
    known = {category.name for category in read.categories}
    for name in dict.fromkeys(item.category for item in read.items):
        if name in known or not name:
            continue
        position = len(read.categories) + 1
        category, about = category_of({"name": name}, position)
        read.categories.append(category)
        read.problems += about.problems
        read.mended.append(
            f"category {name}: items have it, and no table; it was added"
        )
    twice = {slug(one.name) for one in read.categories}
    if len(twice) < len(read.categories):
        unique = {one.name: one for one in reversed(read.categories)}
        read.categories[:] = reversed(unique.values())


def _check(read: _Read, ledger: Ledger, wishes: Wishes) -> None:
    if ledger.others and not (wishes.force or wishes.dry_run):
        raise OperationError(
            f"the stack holds {ledger.others} items that are not of this source;"
            " nothing was changed",
            hint="--force copies beside them; where a number is taken, the copy gets"
            " a new one",
        )


def _backup(settings: Settings, wishes: Wishes, source: Source, stamp: str) -> str:
    """Dump the old tables; the connection string never stands on a command line."""
    path = os.path.abspath(
        os.path.join(wishes.directory, f"old-workspace-{stamp}.dump")
    )
    given = parse_dsn(wishes.dsn)
    found = {
        _PASSWORDS[name]: text for name, text in given.items() if name in _PASSWORDS
    }
    argv = [program(settings, "pg_dump"), "--format=custom"]
    argv += [
        word for t in (ITEMS, CATEGORIES) for word in ("-t", f"{source.schema}.{t}")
    ]
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with open(os.open(path, flags, 0o600), "wb") as file:
        spawn.run(argv, {**settings.variables, **found}, stdout=file)
    return path


def _report(
    source: Source,
    read: _Read,
    ledger: Ledger,
    began: float,
    *,
    dry_run: bool = False,
    before: str = "",
    backup: str = "",
    file: str = "",
) -> Report:
    new = [item for item in read.items if item.legacy not in ledger.migrated]
    missing = [one for one in read.categories if one.name not in ledger.categories]
    done = not (dry_run or read.problems)

    def counts(all_rows: int, fresh: list[Item] | list[Category]) -> Counts:
        total = checksum(fresh)
        return Counts(
            source=all_rows,
            before=all_rows - len(fresh),
            copied=len(fresh) if done else 0,
            source_checksum=total,
            target_checksum=total if done else "",
        )

    return Report(
        source=source.name,
        shape=source.shape,
        dry_run=dry_run,
        tables={
            CATEGORIES: counts(len(read.categories), missing),
            ITEMS: counts(len(read.items), new),
        },
        mended=read.mended[:_SHOWN],
        problems=read.problems[:_SHOWN],
        seconds=round(time.perf_counter() - began, 3),
        before=before,
        backup=backup,
        file=file,
    )
