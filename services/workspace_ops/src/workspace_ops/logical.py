"""Logical backups: pg_dump's archive, and beside it what the tables held just then."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import msgspec

from workspace_ops import safety, spawn, tables
from workspace_ops.database import connected, program, rows, value
from workspace_ops.errors import OperationError
from workspace_ops.schema import ITEMS, SCHEMA
from workspace_ops.tables import Table

if TYPE_CHECKING:
    from workspace_ops.settings import Settings

__all__ = ["Backup", "Restored", "dump", "load", "manifest_of"]

_SCHEMAS: Final = ("--schema", SCHEMA)


class Backup(msgspec.Struct, frozen=True):
    """What lies in a backup, and where."""

    file: str
    branch: str
    created_at: str
    server_version: str
    bytes: int
    tables: dict[str, Table]


class Restored(msgspec.Struct, frozen=True):
    """What was restored; `before` is the branch that has what was there before."""

    branch: str
    before: str
    tables: dict[str, Table]


def manifest_of(path: str) -> str:
    """Return the file beside a backup that says what it holds."""
    return f"{path}.json"


def dump(settings: Settings, path: str, branch: str | None = None) -> Backup:
    """Write the workspace's schema and rows as of one moment; only the owner reads it.

    Raises:
        OperationError: the file is there already, or pg_dump failed.
    """
    for taken in (path, manifest_of(path)):
        if os.path.exists(taken):
            raise OperationError(f'"{taken}" is there already', hint="name another one")
    staging = f"{path}.new"
    with connected(settings, branch) as connection:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        snapshot = str(value(connection, "SELECT pg_export_snapshot()"))
        held = tables.of_schema(connection, SCHEMA)
        if not held:
            raise OperationError(
                f"there is no table in schema {SCHEMA}", hint="yard -s workspace init"
            )
        version = str(value(connection, "SHOW server_version"))
        moment = str(
            value(
                connection,
                "SELECT to_char(now() AT TIME ZONE 'UTC',"
                ' \'YYYY-MM-DD"T"HH24:MI:SS"Z"\')',
            )
        )
        argv = (program(settings, "pg_dump"), "--format=custom", *_SCHEMAS)
        with open(
            os.open(staging, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb"
        ) as file:
            spawn.run(
                (*argv, f"--snapshot={snapshot}"),
                settings.libpq(branch),
                stdout=file,
            )
            file.flush()
            os.fsync(file.fileno())
    _check_readable(settings, staging, held)
    found = Backup(
        file=os.path.abspath(path),
        branch=branch or settings.branch or "(default)",
        created_at=moment,
        server_version=version,
        bytes=os.path.getsize(staging),
        tables=held,
    )
    safety.write_private(manifest_of(path), msgspec.json.encode(found))
    os.rename(staging, path)
    return found


def load(
    settings: Settings, path: str, branch: str | None = None, *, force: bool = False
) -> Restored:
    """Put a backup back, as a whole or not at all, and compare what is there after.

    What is there now is kept as a branch first.

    Raises:
        OperationError: the backup is damaged, items are there already (without
            `force`), or what came back is not what was written.
    """
    wanted = _read(path)
    _check_readable(settings, path, wanted.tables)
    with connected(settings, branch) as connection:
        if not (force or tables.is_empty(connection, SCHEMA, ITEMS)):
            raise OperationError(
                "the database holds items already; nothing was changed",
                hint="--force replaces them; they stay on a branch",
            )
    before = safety.keep_as_branch(settings, branch, "before-load")
    clean = ("--clean", "--if-exists", "--single-transaction", "--exit-on-error")
    name = str(settings.dsn(branch)["dbname"])
    argv = (
        program(settings, "pg_restore"),
        *clean,
        "--no-owner",
        "--dbname",
        name,
        path,
    )
    spawn.run(argv, settings.libpq(branch))
    with connected(settings, branch) as connection:
        found = tables.of_schema(connection, SCHEMA)
        rows(connection, "ROLLBACK")
    wrong = sorted(n for n in wanted.tables if found.get(n) != wanted.tables[n])
    if wrong:
        raise OperationError(
            f"what came back differs in {', '.join(wrong)}",
            hint=f"what was there before is on branch {before}: "
            f"yard -s workspace rollback {before}",
        )
    return Restored(branch or "(default)", before, found)


def _read(path: str) -> Backup:
    if not os.path.exists(path):
        raise OperationError(f'there is no file "{path}"')
    try:
        with open(manifest_of(path), "rb") as file:
            return msgspec.json.decode(file.read(), type=Backup)
    except FileNotFoundError as error:
        raise OperationError(
            f'"{manifest_of(path)}" is missing: it says what the backup has to hold',
            hint="keep both files of a backup together",
        ) from error
    except msgspec.DecodeError as error:
        raise OperationError(f'"{manifest_of(path)}" is damaged: {error}') from error


def _check_readable(settings: Settings, path: str, held: dict[str, Table]) -> None:
    """Read all of an archive, and find the data of every table in its contents."""
    restore = program(settings, "pg_restore")
    spawn.run((restore, "--file", os.devnull, path), settings.variables)
    contents = spawn.output((restore, "--list", path), settings.variables)
    for name in held:
        if f"TABLE DATA {SCHEMA} {name} " not in contents:
            raise OperationError(f'"{path}" has no data of table {name}')
