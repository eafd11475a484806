"""Spares: copies of busy timelines that follow them, to become a branch at once.

A branch of a timeline that is written to fast costs a copy of all files, in which the
parent's pages have to be written out first: seconds. A spare was copied before, from a
snapshot, which nobody writes to, and has replayed since what the timeline's server
writes. A branch at the head takes it, and the next one is made: gently, until somebody
waits for it, and unless branches follow each other.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import time
import uuid
from collections import defaultdict, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from branchpg.errors import BranchpgError, TryLater
from branchpg.pageserver.followers import Follower
from branchpg.pageserver.pace import Demand, Pace
from branchpg.postgres.server import end_now
from branchpg.store import unlogged
from branchpg.store.ease import Ease

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from concurrent.futures import Future
    from typing import Any

    from branchpg.lsn import Lsn
    from branchpg.pageserver.store import Store
    from branchpg.pageserver.tenants import Tenant
    from branchpg.promotions import Promotion
    from branchpg.store.catalog import Attachment

    _Key: TypeAlias = tuple[str, str]

__all__ = ["Promoted", "Spares", "Taken"]

T = TypeVar("T")

_LOG: Final = logging.getLogger(__name__)
_AGAIN_SECONDS: Final = 30.0  # after one could not be made
_BREATH_SECONDS: Final = 1.0  # in which the branch starts that has taken the last one
_TAKE_SECONDS: Final = 30.0
_NICENESS: Final = 5


@dataclass(frozen=True)
class Taken:
    """A spare that was ended at a position: its directory has `data`."""

    directory: str
    lsn: Lsn


@dataclass(frozen=True)
class Promoted:
    """A spare that goes on by itself: on `data` in its directory a server runs."""

    directory: str
    follower: str
    promotion: Promotion

    def discard(self) -> None:
        """End it, and remove what it has."""
        _remove(self.directory)


@dataclass(eq=False)
class _Spare:
    directory: str
    follower: Follower
    generation: int


@dataclass(eq=False)
class _Making:
    """A spare that is being made, gently at first."""

    ease: Ease
    task: asyncio.Task[None]

    async def hurry(self) -> None:
        """Wait for it."""
        self.ease.hurry()
        await asyncio.wait([self.task])

    async def cancel(self) -> None:
        """Let it not be made, and wait until nothing is left of it."""
        self.task.cancel()
        await self.hurry()


class Spares:
    """The spares of all timelines. They run while `kept`, and are no more after it."""

    def __init__(self, store: Store, token: str | None) -> None:
        self._store = store
        self._token = token
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready: dict[_Key, deque[_Spare]] = defaultdict(deque)
        self._making: dict[_Key, _Making] = {}
        self._paces: dict[_Key, Pace] = {}
        self._demand: dict[_Key, Demand] = defaultdict(Demand)
        self._wanted: dict[_Key, int] = defaultdict(int)
        self._failed: dict[_Key, float] = {}
        self._copying = ThreadPoolExecutor(1, "spare", initializer=_stand_back)

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Make and keep spares during a block."""
        self._loop = asyncio.get_running_loop()
        try:
            yield
        finally:
            self._loop = None
            await asyncio.gather(*(one.cancel() for one in self._making.values()))
            for spares in tuple(self._ready.values()):
                await asyncio.gather(*(self._discard(one) for one in spares))
            self._copying.shutdown(wait=True, cancel_futures=True)

    # What other threads call

    def tend(self, tenant: Tenant, timeline_id: str, head: Lsn, *, many: int) -> None:
        """Let a timeline that runs have so many spares, as long as it is busy."""
        self._do(self._tend(tenant, (tenant.id, timeline_id), head, many))

    def forget(self, tenant: Tenant, timeline_id: str) -> None:
        """Remove the spares of a timeline that does not run."""
        key = (tenant.id, timeline_id)
        if key in self._paces:
            self._do(self._drop(key))

    def count(self, tenant: Tenant, timeline_id: str) -> int:
        """Return how many spares a timeline has."""
        return len(self._ready.get((tenant.id, timeline_id), ()))

    def has_any(self, tenant: Tenant, timeline_id: str) -> bool:
        """Return whether a timeline has a spare, or is about to."""
        making = self.is_making(tenant, timeline_id)
        return making or self.count(tenant, timeline_id) > 0

    def are_in_demand(self, tenant: Tenant, timeline_id: str) -> bool:
        """Return whether branches were made of a timeline's head in the last hour."""
        demand = self._demand.get((tenant.id, timeline_id), Demand())
        return demand.is_there(time.monotonic())

    def promote(
        self, tenant: Tenant, timeline_id: str, running: Attachment
    ) -> Promoted | None:
        """Return a spare that goes on by itself, after all that was acknowledged.

        None if there is none.
        """
        return self._ask(self._promote(tenant, (tenant.id, timeline_id), running))

    def begin_one_over(self, tenant: Tenant, timeline_id: str) -> None:
        """Begin to make the spare that `take_one_over` needs beside those wanted."""
        key = (tenant.id, timeline_id)
        if self._ready.get(key):
            self._do(self._begin_one_over(tenant, key))

    def is_making(self, tenant: Tenant, timeline_id: str) -> bool:
        """Return whether one is being made, for which `take_one_over` would wait."""
        return (tenant.id, timeline_id) in self._making

    def take_one_over(
        self, tenant: Tenant, timeline_id: str, running: Attachment
    ) -> Taken | None:
        """Return a spare when there is another one; None where there is none at all."""
        return self._ask(self._take_one_over(tenant, (tenant.id, timeline_id), running))

    def _ask(self, work: Coroutine[Any, Any, T | None]) -> T | None:
        loop = self._loop
        if loop is None:
            work.close()
            return None
        taken = asyncio.run_coroutine_threadsafe(work, loop)
        try:
            return taken.result(_TAKE_SECONDS)
        except TimeoutError:
            taken.cancel()
            return None

    # What runs in the loop

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        loop = self._loop
        if loop is None:
            work.close()
        else:
            asyncio.run_coroutine_threadsafe(work, loop).add_done_callback(_report)

    async def _tend(self, tenant: Tenant, key: _Key, head: Lsn, many: int) -> None:
        moment = time.monotonic()
        pace = self._paces.get(key, Pace(head, moment)).after(head, moment)
        self._paces[key] = pace
        self._wanted[key] = many
        await self._remove_stale(tenant, key)
        if pace.rests or not many:
            if self._ready[key] or key in self._making:
                _LOG.info("the spares of timeline %s go", key[1])
                await self._drop(key)
        elif pace.is_busy:
            self._begin(tenant, key)

    async def _remove_stale(self, tenant: Tenant, key: _Key) -> None:
        timeline = tenant.catalog.timelines.get(key[1])
        attachment = timeline.attachment if timeline else None
        generation = attachment.generation if attachment else None
        for spare in tuple(self._ready[key]):
            is_good = spare.generation == generation and spare.follower.runs
            # It could not go on as it is with other settings than it was started with.
            is_good = is_good and unlogged.is_same(
                spare.follower.leader.pgdata, os.path.join(spare.directory, "data")
            )
            if not is_good and spare in self._ready[key]:  # and not just taken
                self._ready[key].remove(spare)
                await self._discard(spare)

    def _begin(self, tenant: Tenant, key: _Key, *, more: int = 0) -> None:
        """Begin to make a spare where one is missing."""
        if len(self._ready[key]) >= self._wanted[key] + more:
            return
        moment = time.monotonic()
        failed = self._failed.get(key)
        if failed is not None and moment - failed < _AGAIN_SECONDS:
            return
        if key in self._making or self._loop is None or key not in self._paces:
            return
        ease = Ease(gentle=not self._demand[key].is_high(moment))
        task = self._loop.create_task(self._make(tenant, key, ease))
        self._making[key] = _Making(ease, task)
        task.add_done_callback(lambda _task: self._making.pop(key, None))

    async def _make(self, tenant: Tenant, key: _Key, ease: Ease) -> None:
        timeline = tenant.catalog.timelines.get(key[1])
        running = timeline.attachment if timeline else None
        if running is None or running.dsn is None:
            return
        name = uuid.uuid4().hex
        directory = os.path.join(self._store.layout.staging, name)
        try:
            copy = partial(self._copy, tenant, key[1], running, directory, ease=ease)
            follower = await self._started(name, key[1], running, copy)
        except BaseException as error:
            await asyncio.to_thread(_remove, directory)
            if not isinstance(error, BranchpgError | OSError):
                raise
            self._failed[key] = time.monotonic()
            _LOG.warning("no spare of timeline %s: %s", key[1], error)
            return
        self._ready[key].append(_Spare(directory, follower, running.generation))

    async def _started(
        self, name: str, timeline_id: str, running: Attachment, copy: Callable[[], str]
    ) -> Follower:
        began = time.monotonic()
        copying = asyncio.get_running_loop().run_in_executor(self._copying, copy)
        try:
            data = await asyncio.shield(copying)
        except asyncio.CancelledError:
            await asyncio.wait([copying])  # a thread cannot be told to end
            raise
        copied = time.monotonic()
        follower = Follower(name, data, running, token=self._token)
        await asyncio.to_thread(follower.start)
        _LOG.info(
            "spare of timeline %s: copy %.3f s, replay %.3f s",
            timeline_id,
            copied - began,
            time.monotonic() - copied,
        )
        return follower

    def _copy(
        self,
        tenant: Tenant,
        timeline_id: str,
        running: Attachment,
        directory: str,
        *,
        ease: Ease,
    ) -> str:
        os.mkdir(directory, 0o755)
        data = os.path.join(directory, "data")
        with tenant.history.reading(ease):
            catalog = tenant.catalog
            self._store.stand_by(catalog, timeline_id, running, data, ease=ease)
        return data

    async def _promote(
        self, tenant: Tenant, key: _Key, running: Attachment
    ) -> Promoted | None:
        self._demand[key] = self._demand[key].after(time.monotonic())
        return await self._take(tenant, key, running, self._promoted)

    async def _take(
        self,
        tenant: Tenant,
        key: _Key,
        running: Attachment,
        become: Callable[[_Spare], Coroutine[Any, Any, T]],
    ) -> T | None:
        making = self._making.get(key)
        if not self._ready[key] and making:  # done sooner than a copy begun now
            await making.hurry()
        if not self._ready[key]:
            return None
        spare = self._ready[key].popleft()
        try:
            if spare.generation != running.generation:
                raise TryLater(f"generation {spare.generation} is over")
            return await become(spare)
        except BaseException as error:
            await self._discard(spare)
            if not isinstance(error, BranchpgError):
                raise
            _LOG.warning("spare of timeline %s: %s", key[1], error)
            return None
        finally:
            if self._loop:
                self._loop.call_later(_BREATH_SECONDS, self._begin, tenant, key)

    async def _begin_one_over(self, tenant: Tenant, key: _Key) -> None:
        self._begin(tenant, key, more=1)

    async def _take_one_over(
        self, tenant: Tenant, key: _Key, running: Attachment
    ) -> Taken | None:
        if not self._ready[key] and key not in self._making:
            return None
        while len(self._ready[key]) <= self._wanted[key]:
            self._begin(tenant, key, more=1)
            making = self._making.get(key)
            if making is None:
                return None
            await making.hurry()
        return await self._take(tenant, key, running, self._settled)

    async def _promoted(self, spare: _Spare) -> Promoted:
        began = time.monotonic()
        promotion = await asyncio.to_thread(spare.follower.promote)
        _LOG.info(
            "spare promoted at %s: %.3f s", promotion.lsn, time.monotonic() - began
        )
        return Promoted(spare.directory, spare.follower.name, promotion)

    async def _settled(self, spare: _Spare) -> Taken:
        began = time.monotonic()
        stopped = await asyncio.to_thread(spare.follower.settle)
        _LOG.info(
            "spare settled at %s: checkpoint %.3f s, in all %.3f s",
            stopped.lsn,
            stopped.checkpoint_seconds,
            time.monotonic() - began,
        )
        return Taken(spare.directory, stopped.lsn)

    async def _drop(self, key: _Key) -> None:
        self._paces.pop(key, None)
        self._wanted.pop(key, None)
        if not self._demand[key].is_there(time.monotonic()):
            self._demand.pop(key)
        self._failed.pop(key, None)
        making = self._making.get(key)
        if making:
            await making.cancel()
        while self._ready[key]:
            await self._discard(self._ready[key].popleft())
        self._ready.pop(key, None)

    async def _discard(self, spare: _Spare) -> None:
        with contextlib.suppress(BranchpgError):  # its compute has ended, and so has it
            await asyncio.to_thread(spare.follower.end)
        await asyncio.to_thread(_remove, spare.directory)


def _remove(directory: str) -> None:
    end_now(os.path.join(directory, "data"))
    shutil.rmtree(directory, ignore_errors=True)


def _report(done: Future[None]) -> None:
    error = None if done.cancelled() else done.exception()
    if error:
        _LOG.error("spares", exc_info=error)


def _stand_back() -> None:
    """Let a thread, and those that it starts, have what others leave."""
    os.nice(_NICENESS)
