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
import itertools
import logging
import math
import os
import shutil
import time
import uuid
from collections import defaultdict, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from branchpg.errors import BranchpgError, TryLater
from branchpg.postgres import local
from branchpg.postgres.follower import Follower
from branchpg.store.ease import Ease

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from concurrent.futures import Future
    from typing import Any

    from branchpg.lsn import Lsn
    from branchpg.pageserver.store import Store
    from branchpg.pageserver.tenants import Tenant
    from branchpg.postgres.follower import Stopped
    from branchpg.postgres.programs import Programs
    from branchpg.store.catalog import Attachment

    _Key: TypeAlias = tuple[str, str]

__all__ = ["Demand", "Pace", "Spares"]

_LOG: Final = logging.getLogger(__name__)
_BUSY: Final = 256 * 1024  # bytes of WAL in a second
_LOOKS: Final = 3  # a start and the end of a segment that a snapshot makes are two
_REST_SECONDS: Final = 60.0
_AGAIN_SECONDS: Final = 30.0  # after one could not be made
_BREATH_SECONDS: Final = 1.0  # in which the branch starts that has taken the last one
_SOON_SECONDS: Final = 15.0  # by when a spare that is made gently is ready
_TAKE_SECONDS: Final = 30.0
_NICENESS: Final = 5


@dataclass(frozen=True)
class Pace:
    """How fast a timeline grows, as its end is looked at now and then.

    Attributes:
        head: its end when it was looked at last.
        at: when that was, in seconds.
        streak: how many looks in a row have found that it had grown fast.
        busy_at: when one did, last.
    """

    head: Lsn
    at: float
    streak: int = 0
    busy_at: float = -math.inf

    def after(self, head: Lsn, at: float) -> Pace:
        """Return what is known after another look."""
        if head - self.head >= _BUSY * (at - self.at):
            return Pace(head, at, self.streak + 1, at)
        return Pace(head, at, 0, self.busy_at)

    @property
    def is_busy(self) -> bool:
        """Whether it grows fast, and not for a moment only."""
        return self.streak >= _LOOKS

    @property
    def rests(self) -> bool:
        """Whether it has not grown fast for some time."""
        return self.at - self.busy_at >= _REST_SECONDS


@dataclass(frozen=True)
class Demand:
    """How branches of a timeline follow each other.

    Attributes:
        last: when the last one was made, in seconds.
        high_until: until when others are to be expected soon.
    """

    last: float = -math.inf
    high_until: float = -math.inf

    def after(self, at: float) -> Demand:
        """Return what is known after another one."""
        soon = at + _SOON_SECONDS
        is_high = at - self.last < _SOON_SECONDS
        return Demand(at, soon if is_high else self.high_until)

    def is_high(self, at: float) -> bool:
        """Return whether the next one has to be ready as soon as can be."""
        return at < self.high_until


@dataclass(frozen=True)
class Taken:
    """A spare that became a branch's: its directory has `data`, and no server runs."""

    directory: str
    stopped: Stopped


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

    def __init__(self, store: Store, programs: Programs) -> None:
        self._store = store
        self._programs = programs
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready: dict[_Key, deque[_Spare]] = defaultdict(deque)
        self._making: dict[_Key, _Making] = {}
        self._paces: dict[_Key, Pace] = {}
        self._demand: dict[_Key, Demand] = defaultdict(Demand)
        self._wanted: dict[_Key, int] = defaultdict(int)
        self._failed: dict[_Key, float] = {}
        self._ports = itertools.cycle(range(1024, 65536))
        self._run: str | None = None
        self._copying = ThreadPoolExecutor(1, "spare", initializer=_stand_back)

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Make and keep spares during a block, in the main thread."""
        self._loop = asyncio.get_running_loop()
        try:
            yield
        finally:
            self._loop = None
            await asyncio.gather(*(one.cancel() for one in self._making.values()))
            for spares in tuple(self._ready.values()):
                await asyncio.gather(*(self._discard(one) for one in spares))
            self._copying.shutdown(wait=True, cancel_futures=True)
            if self._run:
                shutil.rmtree(self._run, ignore_errors=True)

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

    def take(
        self, tenant: Tenant, timeline_id: str, running: Attachment
    ) -> Taken | None:
        """Return a spare that has all that was acknowledged; None if there is none."""
        return self._ask(self._take_for(tenant, (tenant.id, timeline_id), running))

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

    def _ask(self, work: Coroutine[Any, Any, Taken | None]) -> Taken | None:
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
        directory = os.path.join(self._store.layout.staging, uuid.uuid4().hex)
        try:
            copy = partial(self._copy, tenant, key[1], running, directory, ease=ease)
            follower = await self._started(key[1], running, copy)
        except BaseException as error:
            await _remove(directory)
            if not isinstance(error, BranchpgError | OSError):
                raise
            self._failed[key] = time.monotonic()
            _LOG.warning("no spare of timeline %s: %s", key[1], error)
            return
        self._ready[key].append(_Spare(directory, follower, running.generation))

    async def _started(
        self, timeline_id: str, running: Attachment, copy: Callable[[], str]
    ) -> Follower:
        began = time.monotonic()
        copying = asyncio.get_running_loop().run_in_executor(self._copying, copy)
        try:
            data = await asyncio.shield(copying)
        except asyncio.CancelledError:
            await asyncio.wait([copying])  # a thread cannot be told to end
            raise
        copied = time.monotonic()
        if self._run is None:
            self._run = local.socket_directory(self._programs)
        follower = await Follower.start(
            self._programs,
            data,
            run=self._run,
            port=next(self._ports),
            leader=running.dsn or "",
        )
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

    async def _take_for(
        self, tenant: Tenant, key: _Key, running: Attachment
    ) -> Taken | None:
        self._demand[key] = self._demand[key].after(time.monotonic())
        return await self._take(tenant, key, running)

    async def _take(
        self, tenant: Tenant, key: _Key, running: Attachment
    ) -> Taken | None:
        making = self._making.get(key)
        if not self._ready[key] and making:  # done sooner than a copy begun now
            await making.hurry()
        if not self._ready[key]:
            return None
        spare = self._ready[key].popleft()
        try:
            return await self._settle(spare, running)
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
        return await self._take(tenant, key, running)

    async def _settle(self, spare: _Spare, running: Attachment) -> Taken:
        if spare.generation != running.generation:
            raise TryLater(f"generation {spare.generation} is over")
        began = time.monotonic()
        stopped = await spare.follower.settle()
        _LOG.info(
            "spare settled at %s: checkpoint %.3f s, in all %.3f s",
            stopped.lsn,
            stopped.checkpoint_seconds,
            time.monotonic() - began,
        )
        return Taken(spare.directory, stopped)

    async def _drop(self, key: _Key) -> None:
        self._paces.pop(key, None)
        self._wanted.pop(key, None)
        self._demand.pop(key, None)
        self._failed.pop(key, None)
        making = self._making.get(key)
        if making:
            await making.cancel()
        while self._ready[key]:
            await self._discard(self._ready[key].popleft())
        self._ready.pop(key, None)

    async def _discard(self, spare: _Spare) -> None:
        await spare.follower.end()
        await _remove(spare.directory)


async def _remove(directory: str) -> None:
    await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)


def _report(done: Future[None]) -> None:
    error = None if done.cancelled() else done.exception()
    if error:
        _LOG.error("spares", exc_info=error)


def _stand_back() -> None:
    """Let a thread, and those that it starts, have what others leave."""
    os.nice(_NICENESS)
