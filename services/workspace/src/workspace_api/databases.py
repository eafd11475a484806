"""The databases of the process: its own, a replica of it, and one for each branch."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import asyncpg

from servicekit.database import Database
from servicekit.errors import Problem, ServiceError, not_found, unavailable, validation
from servicekit.logs import logger
from workspace_api.migrations.runner import HEAD
from workspace_api.settings import replica, target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from servicekit.database import Target
    from workspace_api.settings import Settings

__all__ = ["BRANCH", "Databases"]

BRANCH: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,62}")
_LOOK_SECONDS: Final = 1.0
_REVISION: Final = "SELECT version_num FROM workspace.schema_version"


class Databases:
    """Finds the database of a request; pools of branches come and go.

    A branch's pool opens with its first request and closes when nobody used it for a
    while, so that the branch may be suspended. There are `branch_pools_max` at most.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.own = Database("main", target(settings))
        found = replica(settings)
        self.replica = Database("replica", found) if found else None
        self._branches: dict[str, Database] = {}
        self._opening: dict[str, asyncio.Lock] = {}
        self.on_open: Callable[[Database, str], None] = lambda _one, _name: None
        """Called with each branch's database, and the branch's name."""
        self.ready = asyncio.Event()
        """Set when the schema of the own database is the one of this release."""

    def pools(self) -> Iterator[Database]:
        """Yield the databases that there are now."""
        yield self.own
        if self.replica:
            yield self.replica
        yield from self._branches.values()

    def name_of(self, given: str | None) -> str:
        """Return the name of the branch that a request means.

        Raises:
            ServiceError: what it gave is not the name of a branch.
        """
        if given is None:
            return self._settings.own_branch
        if not BRANCH.fullmatch(given):
            raise validation(Problem("branch", "is not a name of a branch", "invalid"))
        return given

    async def get(self, given: str | None) -> Database:
        """Return the database of a branch; None is the service's own.

        Raises:
            ServiceError: there is no such branch, or it is of another release.
        """
        name = self.name_of(given)
        if name == self._settings.own_branch:
            if not self.ready.is_set():
                raise unavailable(
                    "the service is starting: its schema is not there yet"
                )
            return self.own
        found = self._branches.get(name)
        return found or await self._open(name)

    def reader(self, database: Database) -> Database:
        """Return where to read what need not be the newest."""
        return self.replica if self.replica and database is self.own else database

    async def _open(self, name: str) -> Database:
        if self._settings.library_db_strategy != "neon":
            raise _no_branch(name)
        async with self._opening.setdefault(name, asyncio.Lock()):
            if name in self._branches:
                return self._branches[name]
            await self._make_room()
            database = Database(f"branch:{name}", self._target(name))
            try:
                await self._check(name, database)
            except BaseException:
                await database.close()
                raise
            self._branches[name] = database
            self.on_open(database, name)
            return database

    def _target(self, name: str) -> Target:
        settings = self._settings
        return replace(
            target(settings, branch=name),
            minimum=0,
            maximum=settings.branch_pool_size,
            idle_seconds=settings.branch_idle_seconds,
        )

    async def _check(self, name: str, database: Database) -> None:
        try:
            revision = await database.value(_REVISION)
        except asyncpg.InvalidCatalogNameError as error:
            raise _no_branch(name) from error
        except asyncpg.UndefinedTableError as error:
            raise _outdated(name) from error
        if revision != HEAD:
            raise _outdated(name)

    async def _make_room(self) -> None:
        if len(self._branches) < self._settings.branch_pools_max:
            return
        free = [name for name, one in self._branches.items() if not one.busy]
        if not free:
            raise unavailable("too many branches are in use at the same time")
        oldest = min(free, key=lambda name: self._branches[name].last_used)
        await self._branches.pop(oldest).close()

    async def forget(self, name: str) -> None:
        """Close the pool of a branch that is not what it was."""
        found = self._branches.pop(name, None)
        if found:
            await found.close()

    async def close_idle(self) -> None:
        """Close, for ever, the pools of branches that nobody uses."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            limit = time.monotonic() - self._settings.branch_idle_seconds
            for name, one in list(self._branches.items()):
                if one.last_used < limit and not one.busy:
                    logger().info("branch_pool_closed", branch=name)
                    await self.forget(name)

    async def close(self) -> None:
        """Close everything."""
        for one in list(self.pools()):
            await one.close()


def _no_branch(name: str) -> ServiceError:
    return not_found(f"there is no branch {name}", code="BRANCH_NOT_FOUND")


def _outdated(name: str) -> ServiceError:
    return ServiceError(
        409,
        "BRANCH_OUTDATED",
        f"the branch {name} has the schema of another release; "
        f"run: workspace-api migrate --branch {name}",
    )
