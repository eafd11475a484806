"""The ten connection tests: from the containers up to a branch of the database."""

from __future__ import annotations

import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec
import psycopg2
from psycopg2 import sql

from branchpg.client.api import NewBranch
from branchpg.client.attached import AttachedProject
from branchpg.errors import BranchpgError
from workspace_ops import stack
from workspace_ops.database import connected, rows, value
from workspace_ops.errors import OperationError
from workspace_ops.schema import CATEGORIES, ITEMS, SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from psycopg2.extensions import connection as Connection

    from workspace_ops.settings import Settings

__all__ = ["CHECKS", "Check", "Result", "Subject", "run"]

_OLDEST_POSTGRES: Final = 15
_WRONG_PASSWORD: Final = "postgres"
_ITEM: Final = sql.SQL(
    "INSERT INTO {} (title, description, category, priority, status)"
    " SELECT %s, %s, name, 'low', 'new' FROM {} ORDER BY sort_order LIMIT 1"
    " RETURNING id"
).format(sql.Identifier(SCHEMA, ITEMS), sql.Identifier(SCHEMA, CATEGORIES))


@dataclass(frozen=True)
class Subject:
    """What is tested: a stack, and a branch of its database; None is the default one.

    Attributes:
        oldest: the oldest major version of PostgreSQL that will do.
    """

    settings: Settings
    branch: str | None = None
    oldest: int = _OLDEST_POSTGRES


class Result(msgspec.Struct, frozen=True):
    """How a test ended."""

    number: int
    name: str
    passed: bool
    seconds: float
    detail: str
    hint: str = ""


@dataclass(frozen=True)
class Check:
    """One test: `run` returns what it found, or raises."""

    number: int
    name: str
    run: Callable[[Subject], str]
    hint: str


def run(subject: Subject, checks: Sequence[Check] | None = None) -> list[Result]:
    """Run tests beside each other, and return how they ended, in their order.

    Where nothing answers, each has to wait until that is clear.
    """
    wanted = checks or CHECKS
    with ThreadPoolExecutor(len(wanted)) as pool:
        return list(pool.map(lambda check: _result(check, subject), wanted))


def _result(check: Check, subject: Subject) -> Result:
    began, hint = time.perf_counter(), ""
    try:
        detail, passed = check.run(subject), True
    except (OperationError, BranchpgError) as error:
        detail, passed = error.message, False
        hint = error.hint or check.hint
    except (psycopg2.Error, OSError) as error:
        detail, passed, hint = " ".join(str(error).split()), False, check.hint
    seconds = round(time.perf_counter() - began, 4)
    return Result(check.number, check.name, passed, seconds, detail, hint)


def _container_running(subject: Subject) -> str:
    found = {one.service: one for one in stack.containers(subject.settings)}
    for name in stack.DATABASE_SERVICES:
        container = found.get(name)
        if container is None:
            raise OperationError(f"{name} is not there")
        if container.state != "running":
            raise OperationError(f"{name} is {container.state}")
        if container.health not in {"healthy", ""}:
            raise OperationError(f"{name} runs, but is {container.health}")
    return f"{len(stack.DATABASE_SERVICES)} services run"


def _postgres_ready(subject: Subject) -> str:
    ask = ("pg_isready", "-h", "localhost", "-p", "55432", "-t", "10")
    stack.beside(subject.settings, stack.COMPUTE, *ask)
    return "accepting connections"


def _postgres_version(subject: Subject) -> str:
    with connected(subject.settings, subject.branch) as connection:
        number = int(value(connection, "SHOW server_version_num"))
        name = str(value(connection, "SHOW server_version"))
    if number // 10000 < subject.oldest:
        raise OperationError(f"PostgreSQL {name} is older than {subject.oldest}")
    return f"PostgreSQL {name}"


def _database_exists(subject: Subject) -> str:
    settings = subject.settings
    found = settings.dsn(subject.branch)
    _, at, branch = str(found["dbname"]).partition("@")
    found["dbname"] = f"postgres{at}{branch}"
    connection = psycopg2.connect(**found)  # type: ignore[call-overload]
    try:
        asked = "SELECT 1 FROM pg_database WHERE datname = %s"
        if value(connection, asked, [settings.database]) is None:
            raise OperationError(f"there is no database {settings.database}")
    finally:
        connection.close()
    return settings.database


def _schema_exists(subject: Subject) -> str:
    with connected(subject.settings, subject.branch) as connection:
        asked = "SELECT 1 FROM pg_namespace WHERE nspname = %s"
        if value(connection, asked, [SCHEMA]) is None:
            raise OperationError(f"there is no schema {SCHEMA}")
    return SCHEMA


def _tables_exist(subject: Subject) -> str:
    with connected(subject.settings, subject.branch) as connection:
        asked = (
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = %s AND table_type = 'BASE TABLE' ORDER BY 1"
        )
        names = [name for (name,) in rows(connection, asked, [SCHEMA])]
    missing = [name for name in (ITEMS, CATEGORIES) if name not in names]
    if missing:
        raise OperationError(f"missing in {SCHEMA}: {', '.join(missing)}")
    return ", ".join(names)


def _record_counts(subject: Subject) -> str:
    with connected(subject.settings, subject.branch) as connection:
        items, categories = (_count(connection, name) for name in (ITEMS, CATEGORIES))
    if not categories:
        raise OperationError("there is no category, so that no item can be made")
    return f"{items} items, {categories} categories"


def _external_connection(subject: Subject) -> str:
    settings = subject.settings
    with connected(settings, subject.branch) as connection:
        who = value(connection, "SELECT current_user")
    wrong = {**settings.dsn(subject.branch), "password": _WRONG_PASSWORD}
    try:
        psycopg2.connect(**wrong).close()  # type: ignore[call-overload]
    except psycopg2.OperationalError as error:
        if "password authentication failed" not in str(error):
            raise
        return f"{who} at {settings.host}:{settings.database_port}, by password only"
    raise OperationError("a wrong password was let in", hint="look at pg_hba.conf")


def _write_operation(subject: Subject) -> str:
    title = f"connection test {secrets.token_hex(4)}"
    with connected(subject.settings, subject.branch) as connection:
        number = value(connection, _ITEM, [title, "written and removed again"])
        if number is None:
            raise OperationError("there is no category, so that no item can be made")
        connection.commit()
        table = sql.Identifier(SCHEMA, ITEMS)
        asked = sql.SQL("DELETE FROM {} WHERE id = %s RETURNING title").format(table)
        found = value(connection, asked, [number])
        connection.commit()
    if found != title:
        raise OperationError(f"item {number} came back as {found!r}, not {title!r}")
    return f"item {number} written, read and removed"


def _neon_branching(subject: Subject) -> str:
    settings = subject.settings
    api = AttachedProject(settings.branchpg()).api
    parent = api.branch(subject.branch or settings.branch)
    name = f"connection-test-{secrets.token_hex(4)}"
    began = time.perf_counter()
    branch = api.create(NewBranch(name=name, parent_id=parent.id))
    seconds = time.perf_counter() - began
    try:
        with connected(settings, name) as connection:
            rows(connection, "CREATE TABLE public.only_on_the_branch ()")
            connection.commit()
        with connected(settings, parent.name) as connection:
            asked = "SELECT to_regclass('public.only_on_the_branch')"
            if value(connection, asked) is not None:
                raise OperationError(f"{parent.name} sees what was written on {name}")
    finally:
        api.delete(branch.id)
    return f"branch of {parent.name} made in {seconds:.1f} s, written to, deleted"


def _count(connection: Connection, table: str) -> int:
    asked = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(SCHEMA, table))
    return int(value(connection, asked))


_UP: Final = "yard -s workspace up -d --wait"
_MIGRATE: Final = "yard -s workspace init makes the schema"
CHECKS: Final = (
    Check(1, "container_running", _container_running, _UP),
    Check(
        2, "postgres_ready", _postgres_ready, f"yard -s workspace logs {stack.COMPUTE}"
    ),
    Check(3, "postgres_version", _postgres_version, "install PostgreSQL 17"),
    Check(4, "database_exists", _database_exists, "see docs: troubleshooting"),
    Check(5, "schema_exists", _schema_exists, _MIGRATE),
    Check(6, "tables_exist", _tables_exist, _MIGRATE),
    Check(7, "record_counts", _record_counts, _MIGRATE),
    Check(
        8, "external_connection", _external_connection, "see WORKSPACE_DB_PORT in .env"
    ),
    Check(9, "write_operation", _write_operation, "is the default branch read-only?"),
    Check(
        10,
        "neon_branching",
        _neon_branching,
        "yard -s workspace logs workspace-db-pageserver",
    ),
)
"""The tests, in their order."""
