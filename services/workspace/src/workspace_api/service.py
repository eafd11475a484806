"""What the routes share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workspace_api import requests
from workspace_api.categories import Categories
from workspace_api.items import Items, Together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Scope

    from servicekit.database import Database
    from workspace_api.branches import Branches
    from workspace_api.databases import Databases
    from workspace_api.events import Events
    from workspace_api.settings import Settings

__all__ = ["Service"]


@dataclass
class Service:
    """The parts of a running service."""

    settings: Settings
    databases: Databases
    branches: Branches
    events: Events
    together: dict[str, Together] = field(default_factory=dict)

    async def database(self, scope: Scope, query: Mapping[str, Any]) -> Database:
        """Return the database of the branch that a request is about."""
        return await self.databases.get(requests.branch(scope, query))

    async def items(self, scope: Scope, query: Mapping[str, Any]) -> Items:
        """Return the items of that branch, in the name of who asks."""
        database = await self.database(scope, query)
        reads = scope["method"] in {"GET", "HEAD"}
        reader = self.databases.reader(database) if reads else database
        return Items(
            database,
            requests.actor(scope),
            self._together(database),
            reader=reader,
            read_together=self._together(reader),
        )

    def _together(self, database: Database) -> Together:
        found = self.together.get(database.name)
        if found is None or not found.is_of(database):
            found = self.together[database.name] = Together(database)
        return found

    async def categories(self, scope: Scope, query: Mapping[str, Any]) -> Categories:
        """Return the categories of that branch, in the name of who asks."""
        return Categories(await self.database(scope, query), requests.actor(scope))
