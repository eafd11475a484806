"""Branches of the database: branchpg makes them, here is only who asks for what."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from branchpg.client.api import Api, NewBranch, branch_named
from branchpg.errors import BranchpgError, NotFound
from branchpg.http.client import HttpClient, address
from servicekit.errors import ServiceError, conflict, not_found, unavailable, validation
from workspace_api.listing import ITEM_JSON

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from branchpg.client.answers import BranchInfo
    from servicekit.database import Database
    from workspace_api.databases import Databases
    from workspace_api.settings import Settings

__all__ = ["Branches", "Difference", "difference"]

T = TypeVar("T")

_HTTP_PORT: Final = 9898
_COMPARED: Final = 200_000
"""Items of each branch that are compared, by id."""
_SHOWN: Final = 1_000
"""Items that a difference shows at most, of each kind."""
_DIGESTS: Final = f"""
SELECT i.id, md5(i::text) AS digest FROM workspace.workspace_items i
ORDER BY i.id LIMIT {_COMPARED}"""
_ITEMS: Final = (
    f"SELECT i.id, {ITEM_JSON} AS item FROM workspace.workspace_items i "
    "WHERE i.id = ANY($1::bigint[]) ORDER BY i.id"
)


class Branches:
    """Branches, by their names."""

    def __init__(self, settings: Settings, databases: Databases) -> None:
        self._databases = databases
        self._own = settings.own_branch
        self._api: Api | None = None
        if settings.has_branches and settings.branchpg_api:
            token = settings.branchpg_token
            to = address(settings.branchpg_api, default_port=_HTTP_PORT)
            client = HttpClient(to, token=token.get_secret_value() if token else None)
            self._api = Api(client, lambda: client)

    async def all(self, current: str) -> list[dict[str, Any]]:
        """Return all branches, the oldest first."""
        found = await self._ask(lambda api: api.branches())
        names = {one.id: one.name for one in found}
        return [_shown(one, names, current) for one in found]

    async def create(
        self, name: str, parent: str | None, current: str
    ) -> dict[str, Any]:
        """Make a branch from the head of its parent."""

        def work(api: Api) -> tuple[BranchInfo, list[BranchInfo]]:
            origin = branch_named(api.branches(), parent)
            return api.create(NewBranch(name=name, parent_id=origin.id)), api.branches()

        made, found = await self._ask(work)
        return _shown(made, {one.id: one.name for one in found}, current)

    async def reset(self, name: str, current: str) -> dict[str, Any]:
        """Give a branch what its parent has now; its own changes are lost."""
        self._refuse_own(name, "reset")

        def work(api: Api) -> tuple[BranchInfo, list[BranchInfo]]:
            branch = branch_named(api.branches(), name)
            return api.reset(branch.id), api.branches()

        done, found = await self._ask(work)
        await self._databases.forget(name)
        return _shown(done, {one.id: one.name for one in found}, current)

    async def delete(self, name: str) -> None:
        """Delete a branch."""
        self._refuse_own(name, "deleted")
        # Connections would keep it.
        await self._databases.forget(name)
        await self._ask(lambda api: api.delete(branch_named(api.branches(), name).id))

    async def history(self, name: str) -> str:
        """Return what names the history of a branch: a reset gives it another one."""
        if self._api is None:
            return ""
        try:
            found = await self._ask(lambda api: branch_named(api.branches(), name))
        except ServiceError:
            return ""
        return found.timeline_id[:12]

    def _refuse_own(self, name: str, what: str) -> None:
        if name == self._own:
            raise conflict(f"the branch {name} is the service's own and is not {what}")

    async def _ask(self, work: Callable[[Api], T]) -> T:
        if self._api is None:
            raise ServiceError(
                501,
                "NOT_SUPPORTED",
                "this database has no branches; with LIBRARY_DB_STRATEGY=neon and "
                "BRANCHPG_API, the address of branchpg's pageserver, it has",
            )
        try:
            return await asyncio.to_thread(work, self._api)
        except BranchpgError as error:
            raise _told(error) from error
        except OSError as error:
            raise unavailable("branchpg does not answer now", retry_after=2) from error


def _told(error: BranchpgError) -> ServiceError:
    message = f"{error.message}; {error.hint}" if error.hint else error.message
    if isinstance(error, NotFound):
        return not_found(message, code="BRANCH_NOT_FOUND")
    status = int(error.status)
    if status in {409, 412, 423}:
        return conflict(message)
    if status == 400 or status == 406:
        return validation(message=message)
    return unavailable(message, retry_after=2)


def _shown(
    branch: BranchInfo, names: Mapping[str, str], current: str
) -> dict[str, Any]:
    return {
        "name": branch.name,
        "is_default": branch.default,
        "is_current": branch.name == current,
        "parent": names.get(branch.parent_id or ""),
        "created_at": branch.created_at.isoformat(),
    }


@dataclass(frozen=True)
class Difference:
    """Items as JSON; of a changed one, how it is here and there."""

    added: Sequence[str]
    removed: Sequence[str]
    changed: Sequence[tuple[int, str, str]]
    truncated: bool


async def difference(here: Database, there: Database) -> Difference:
    """Compare the items of two databases, up to a bound."""
    ours, theirs = await asyncio.gather(_digests(here), _digests(there))
    last = min(_last(ours), _last(theirs))
    cut = max(len(ours), len(theirs)) >= _COMPARED
    known = (lambda one: one <= last) if cut else (lambda _one: True)
    added = sorted(one for one in ours.keys() - theirs.keys() if known(one))
    removed = sorted(one for one in theirs.keys() - ours.keys() if known(one))
    both = ours.keys() & theirs.keys()
    changed = sorted(one for one in both if ours[one] != theirs[one])
    mine = await _read(here, added[:_SHOWN] + changed[:_SHOWN])
    other = await _read(there, removed[:_SHOWN] + changed[:_SHOWN])
    # What was deleted meanwhile is left out.
    return Difference(
        added=[mine[one] for one in added[:_SHOWN] if one in mine],
        removed=[other[one] for one in removed[:_SHOWN] if one in other],
        changed=[
            (one, mine[one], other[one])
            for one in changed[:_SHOWN]
            if one in mine and one in other
        ],
        truncated=cut or max(len(added), len(removed), len(changed)) > _SHOWN,
    )


def _last(found: Mapping[int, str]) -> int:
    return max(found, default=0) if len(found) >= _COMPARED else 2**63


async def _digests(database: Database) -> dict[int, str]:
    rows = await database.read(lambda c: c.fetch(_DIGESTS))
    return {row["id"]: row["digest"] for row in rows}


async def _read(database: Database, ids: Sequence[int]) -> dict[int, str]:
    rows = await database.read(lambda c: c.fetch(_ITEMS, ids))
    return {row["id"]: row["item"] for row in rows}
