"""All endpoints of a compute: they follow the catalog, and clients find them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import secrets
import shutil
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from branchpg.compute.endpoint import Endpoint, RetiredError
from branchpg.compute.proxy.backend import Closing, Lease, Route
from branchpg.compute.starts import Starts
from branchpg.errors import BadRequest, BranchpgError, NotFound
from branchpg.lsn import Lsn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from branchpg.compute.followers import Followers
    from branchpg.compute.running import Running, Surroundings
    from branchpg.store.catalog import Branch, Catalog

__all__ = ["Fleet"]

_LOG: Final = logging.getLogger(__name__)
_WATCH_SECONDS: Final = 5.0
_RETRY_SECONDS: Final = 0.2
_LOOK_SECONDS: Final = 1.0
_EPHEMERAL_SECONDS: Final = 30.0
_NEVER: Final = -1


@dataclass(eq=False, frozen=True)
class _Aliased:
    """A session that came by an alias, while that led to a branch."""

    alias: str
    branch_id: str
    closing: Closing = field(default_factory=Closing)


class Fleet:
    """The endpoints of one tenant, running and suspended."""

    def __init__(
        self, surroundings: Surroundings, *, suspend_seconds: int, database: str
    ) -> None:
        self._around = surroundings
        self._suspend_seconds = suspend_seconds
        self._database = database.encode()
        self._endpoints: dict[str, Endpoint] = {}
        self._starts = Starts()
        self._catalog: Catalog | None = None
        self._aliased: set[_Aliased] = set()
        self._watcher = f"compute-{secrets.token_hex(4)}"

    @property
    def endpoints(self) -> Mapping[str, Endpoint]:
        """Those that were used since this compute started, by id."""
        return self._endpoints

    @property
    def followers(self) -> Followers:
        """The servers that follow those of endpoints."""
        return self._around.followers

    @property
    def catalog(self) -> Catalog:
        """What the pageserver said last."""
        if self._catalog is None:
            raise BranchpgError("the pageserver did not answer yet")
        return self._catalog

    async def load(self) -> None:
        """Ask the pageserver for what there is."""
        self._learn(await asyncio.to_thread(self._around.storage.catalog))

    def _learn(self, catalog: Catalog) -> Catalog:
        """Take note of an answer, unless a newer one came before it; return the newest.

        What has been made meanwhile is not to be taken for removed.
        """
        if self._catalog is None or catalog.version >= self._catalog.version:
            self._catalog = catalog
        return self._catalog

    async def run(self, told: asyncio.Event) -> None:
        """Follow the catalog and watch for idle endpoints, until told to end."""
        async with asyncio.TaskGroup() as tasks:
            work = [
                tasks.create_task(self.follow()),
                tasks.create_task(self.watch_idle()),
            ]
            await told.wait()
            for task in work:
                task.cancel()
        await self._starts.close()
        await self.stop()

    async def follow(self) -> None:
        """Act on every change of the catalog, forever.

        The next question tells the pageserver that the answer before was acted on.
        """
        # Not that of `self._catalog`, which others renew without acting on it.
        seen = self._catalog.version if self._catalog else -1
        while True:
            try:
                catalog = await self._watched(seen)
            except BranchpgError as error:
                _LOG.warning("pageserver: %s", error)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            if catalog.version != seen:
                await self._apply(catalog)
                seen = catalog.version

    async def _watched(self, seen: int) -> Catalog:
        """Wait for a newer catalog, in a thread for which the end does not wait."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Catalog] = loop.create_future()

        def tell(catalog: Catalog | None, error: BranchpgError | None) -> None:
            if answer.cancelled():
                return
            if catalog is not None:
                answer.set_result(catalog)
            elif error is not None:
                answer.set_exception(error)

        def ask() -> None:
            told: tuple[Catalog | None, BranchpgError | None]
            try:
                storage = self._around.storage
                told = storage.watch(self._watcher, seen, _WATCH_SECONDS), None
            except BranchpgError as error:
                told = None, error
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(tell, *told)

        threading.Thread(target=ask, name="watch", daemon=True).start()
        return await answer

    async def watch_idle(self) -> None:
        """Suspend endpoints that nobody uses, forever."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            for endpoint in tuple(self._endpoints.values()):
                await self._look_at(endpoint)
            await self.followers.end_unused()

    async def connect(self, route: Route) -> Lease:
        """Return a lease on the server that a route leads to; see proxy.backend."""
        while True:
            try:
                return await self._connect(route)
            except RetiredError:  # it leads elsewhere by now, or nowhere
                await self.load()

    async def _connect(self, route: Route) -> Lease:
        branch, endpoint_id = await self._find(route)
        timeline_id = branch.timeline_id
        if route.lsn is not None or route.timestamp is not None:
            lsn = await self._moment(timeline_id, route)
            endpoint = self._ephemeral(timeline_id, lsn)
        else:
            endpoint = self._endpoint(endpoint_id)
        running = await self._starts.running(endpoint, timeline_id)
        return self._lease(endpoint, running, route, branch)

    async def start(self, endpoint_id: str) -> Running:
        """Start an endpoint, as a client's connection would."""
        about = self.catalog.endpoints[endpoint_id]
        branch = self.catalog.branches[about.branch_id]
        try:
            endpoint = self._endpoint(endpoint_id)
            return await self._starts.running(endpoint, branch.timeline_id)
        except RetiredError:
            raise NotFound(f'endpoint "{endpoint_id}" was removed') from None

    async def stop(self) -> None:
        """Suspend everything."""
        await self.followers.close()
        async with asyncio.TaskGroup() as tasks:
            for endpoint in self._endpoints.values():
                tasks.create_task(endpoint.suspend())

    def _lease(
        self, endpoint: Endpoint, running: Running, route: Route, branch: Branch
    ) -> Lease:
        endpoint.sessions += 1
        closing, aliased = running.closing, self._follow_alias(route, branch)
        if aliased:
            closing.add(aliased.closing.close)
            closing = aliased.closing

        def release() -> None:
            endpoint.sessions -= 1
            endpoint.last_active = time.monotonic()
            if aliased:
                self._aliased.discard(aliased)
                running.closing.discard(aliased.closing.close)

        return Lease(
            endpoint=endpoint.id,
            socket_path=running.socket_path,
            database=route.database or self._database,
            release=release,
            closing=closing,
            pool=running.pool,
        )

    def _follow_alias(self, route: Route, branch: Branch) -> _Aliased | None:
        """Note a session that came by an alias: it ends when that moves."""
        if route.branch is None or route.branch in {branch.name, branch.id}:
            return None
        session = _Aliased(route.branch, branch.id)
        if route.branch in self.catalog.aliases:
            self._aliased.add(session)
            self._end_if_moved(session)
            return session
        return None

    def _end_if_moved(self, session: _Aliased) -> None:
        if self.catalog.aliases.get(session.alias) != session.branch_id:
            session.closing.close()

    async def _apply(self, catalog: Catalog) -> None:
        """End the servers of branches that are gone, or have another timeline now."""
        catalog = self._learn(catalog)
        for session in tuple(self._aliased):
            self._end_if_moved(session)
        async with asyncio.TaskGroup() as tasks:
            for endpoint in tuple(self._endpoints.values()):
                tasks.create_task(self._follow(endpoint, catalog))

    async def _follow(self, endpoint: Endpoint, catalog: Catalog) -> None:
        about, running = catalog.endpoints.get(endpoint.id), endpoint.running
        if about is not None:
            timeline_id = catalog.branches[about.branch_id].timeline_id
            if running and running.timeline_id != timeline_id:
                await endpoint.suspend()
            await endpoint.yield_to(catalog.timelines[timeline_id].generation)
        elif endpoint.ephemeral_of not in catalog.timelines:
            await self._retire(endpoint)

    async def _retire(self, endpoint: Endpoint) -> None:
        directory = await endpoint.retire()
        if self._endpoints.get(endpoint.id) is endpoint:
            del self._endpoints[endpoint.id]
        if directory:
            await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)

    async def _look_at(self, endpoint: Endpoint) -> None:
        await endpoint.end_if_broken()
        about = self.catalog.endpoints.get(endpoint.id)
        if about is None:
            if await endpoint.suspend_if_idle(_EPHEMERAL_SECONDS):
                await self._retire(endpoint)
            return
        timeout = about.suspend_timeout_seconds or self._suspend_seconds
        # Looked at even if it never sleeps: safekeepers may have been started anew.
        await endpoint.suspend_if_idle(math.inf if timeout == _NEVER else timeout)

    async def _find(self, route: Route) -> tuple[Branch, str]:
        """Return the branch and the endpoint of a route; ask again for a new name."""
        try:
            return _find(self.catalog, route)
        except BranchpgError:
            await self.load()
            return _find(self.catalog, route)

    def _endpoint(self, endpoint_id: str) -> Endpoint:
        if endpoint_id not in self._endpoints:
            about = self.catalog.endpoints[endpoint_id]
            self._endpoints[endpoint_id] = Endpoint(
                endpoint_id,
                self._around,
                read_only=about.type == "read_only",
                lsn=about.lsn,
            )
        return self._endpoints[endpoint_id]

    def _ephemeral(self, timeline_id: str, lsn: Lsn) -> Endpoint:
        endpoint_id = f"at-{timeline_id[:12]}-{int(lsn):x}"
        if endpoint_id not in self._endpoints:
            self._endpoints[endpoint_id] = Endpoint(
                endpoint_id,
                self._around,
                read_only=True,
                lsn=lsn,
                ephemeral_of=timeline_id,
            )
        return self._endpoints[endpoint_id]

    async def _moment(self, timeline_id: str, route: Route) -> Lsn:
        if route.lsn is not None:
            return Lsn.parse(route.lsn)
        storage = self._around.storage
        lsn, kind = await asyncio.to_thread(
            storage.lsn_of, timeline_id, route.timestamp or ""
        )
        if kind == "past":
            raise BadRequest(f"{route.timestamp} is before the history that is kept")
        return lsn


def _find(catalog: Catalog, route: Route) -> tuple[Branch, str]:
    if route.endpoint is not None:
        about = catalog.endpoints.get(route.endpoint)
        if about is None:
            raise NotFound(f'endpoint "{route.endpoint}" was not found')
        branch = catalog.branches[about.branch_id]
        if route.branch is not None and route.branch not in {branch.name, branch.id}:
            raise BadRequest(
                f"Inconsistent project name inferred from SNI ('{about.id}') and "
                f"project option ('{route.branch}')."
            )
        return branch, about.id
    named = route.branch is not None
    branch = catalog.branch(route.branch or "") if named else catalog.default_branch()
    kind = "read_only" if route.read_only else "read_write"
    for about in catalog.endpoints_of(branch.id):
        if about.type == kind:
            return branch, about.id
    if not named or catalog.endpoints_of(branch.id) or route.read_only:
        raise NotFound(
            f'branch "{branch.name}" has no {kind} endpoint',
            hint=f"branchpg branch add-compute {branch.name}",
        )
    raise NotFound(f'branch "{branch.name}" has no endpoint')
