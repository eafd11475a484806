"""One endpoint: a PostgreSQL on a branch, started when needed, suspended when idle."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from typing import TYPE_CHECKING, Final

from branchpg.compute import configure, directory
from branchpg.compute.activity import Activity, Observer
from branchpg.compute.directory import Held
from branchpg.compute.running import Running
from branchpg.errors import BranchpgError, TryLater
from branchpg.http.safekeepers import settled
from branchpg.lsn import Lsn
from branchpg.postgres import cluster, local
from branchpg.postgres.follower import forget_leader
from branchpg.postgres.replay import wait_for_replay
from branchpg.postgres.server import Server, end_leftover, postmaster, recover
from branchpg.store import durable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from branchpg.compute.running import Surroundings
    from branchpg.http.safekeepers import Position

__all__ = ["Endpoint", "RetiredError"]

_LOG: Final = logging.getLogger(__name__)
_STOP_SECONDS: Final = 20.0
_SETTLE_SECONDS: Final = 10.0
_AGAIN_SECONDS: Final = 0.5
_LOG_SECONDS: Final = 40.0  # a new segment is forced to disk, maybe of a busy one


class RetiredError(Exception):
    """An endpoint is gone for good; another one of its name may take its place."""


class Endpoint:
    """Starts and suspends one server; all who need it wait for the same start."""

    def __init__(
        self,
        endpoint_id: str,
        surroundings: Surroundings,
        *,
        read_only: bool = False,
        lsn: Lsn | None = None,
        ephemeral_of: str | None = None,
    ) -> None:
        self.id = endpoint_id
        self.ephemeral_of = ephemeral_of
        self.read_only = read_only
        self.lsn = lsn
        self.is_retired = False
        self.sessions = 0
        self.last_active = time.monotonic()
        self.error: str | None = None
        self.timings: Mapping[str, int] = {}
        self.running: Running | None = None
        self._port = surroundings.ports.take()
        self._around = surroundings
        self._lock = asyncio.Lock()
        self._seen: Activity | None = None

    @property
    def pgdata(self) -> str:
        """Its data directory."""
        return os.path.join(self._around.workdir, "endpoints", self.id, "pgdata")

    @property
    def _log(self) -> str:
        """Where its server writes its log."""
        return os.path.join(os.path.dirname(self.pgdata), "postgres.log")

    @property
    def status(self) -> str:
        """What it is doing, by compute_ctl's words."""
        if self.running:
            return "running"
        if self._lock.locked():
            return "init"
        return "failed" if self.error else "empty"

    def running_on(self, timeline_id: str) -> Running | None:
        """Return the server where it runs on a timeline, and nobody changes that."""
        running = self.running
        if running is None or self._lock.locked() or self.is_retired:
            return None
        runs = running.timeline_id == timeline_id and running.server.runs
        return running if runs else None

    async def acquire(self, timeline_id: str) -> Running:
        """Return the server on a timeline, started if it is not running.

        Raises:
            BranchpgError: it cannot be started.
            RetiredError: it is gone for good.
        """
        async with self._lock:
            if self.is_retired:
                raise RetiredError
            running = self.running
            if running and running.timeline_id == timeline_id and running.server.runs:
                return running
            if running:
                await self._end(running)
            try:
                self.running = await self._start(timeline_id)
            except BranchpgError as error:
                self.error = str(error)
                raise
            self.error = None
            self.last_active = time.monotonic()
            return self.running

    async def retire(self) -> str | None:
        """End the server for good; return its directory, under another name.

        Whoever comes for it meanwhile, or afterwards, has to ask for another endpoint.
        """
        async with self._lock:
            if self.running:
                await self._end(self.running)
            if not self.is_retired:
                self._around.ports.give_back(self._port)
            self.is_retired = True
            return directory.set_aside(os.path.dirname(self.pgdata))

    async def suspend(self) -> None:
        """End the server; its sessions end before."""
        async with self._lock:
            if self.running:
                await self._end(self.running)

    async def end_if_broken(self) -> None:
        """End a server that died, or lost its directory: the next start mends it."""
        running = self.running
        if running is None or self._lock.locked():
            return
        found = postmaster(self.pgdata)
        if running.server.runs and found and found.pid == running.server.pid:
            return
        _LOG.warning("endpoint %s has lost its server or its directory", self.id)
        async with self._lock:
            if self.running is running:
                await self._end(running, fast=False)

    async def yield_to(self, generation: int) -> None:
        """End the server if another compute was given its timeline."""
        running = self.running
        if running and running.generation and running.generation < generation:
            _LOG.warning("endpoint %s: generation %d is over", self.id, generation)
            async with self._lock:
                if self.running is running:
                    await self._end(running, fast=False)

    async def suspend_if_idle(self, after: float) -> bool:
        """End the server where nobody has used it for some seconds."""
        running = self.running
        if running is None or self._lock.locked():
            return False
        if not running.server.runs:
            await self.suspend()
            return True
        try:
            seen = await asyncio.to_thread(running.observer.look)
        except BranchpgError:
            return False
        moved = self._seen is None or (seen.work, seen.changed) != (
            self._seen.work,
            self._seen.changed,
        )
        self._seen = seen
        await self._mend(running, seen)
        if moved or seen.is_busy:
            self.last_active = time.monotonic()
        if time.monotonic() - self.last_active < after:
            return False
        _LOG.info("endpoint %s is idle", self.id)
        await self.suspend()
        return True

    async def _start(self, timeline_id: str) -> Running:
        os.makedirs(os.path.dirname(self.pgdata), mode=0o755, exist_ok=True)
        await end_leftover(self.pgdata)
        return await (
            self._read(timeline_id) if self.read_only else self._write(timeline_id)
        )

    async def _write(self, timeline_id: str) -> Running:
        around, clock = self._around, _Clock()
        held = directory.held(self.pgdata, timeline_id)
        attached = await asyncio.to_thread(
            around.storage.attach, timeline_id, self.id, self.pgdata, held
        )
        clock.note("basebackup_ms")
        about = Held(timeline_id, attached.generation, durable.boot_id())
        directory.write_held(self.pgdata, about)
        configure.write_control(self.pgdata, around.control_dsn, around.programs)
        names = around.safekeepers.names
        server = await self._promoted(attached.follower)
        was_promoted = server is not None
        if server is None:
            settings = configure.settings(
                around.programs, around.run, self._port, keepers=around.safekeepers
            )
            server = self._launch(settings)
        running = Running(
            server=server,
            timeline_id=timeline_id,
            generation=attached.generation,
            dsn=self._dsn(),
            socket_path=local.socket_path(around.run, self._port),
            observer=Observer(self._dsn(), names),
            start_lsn=attached.start_lsn,
            history=attached.history,
            timings=clock.told,
            was_promoted=was_promoted,
        )
        try:
            await server.wait_until_ready()
            clock.note("start_postgres_ms")
            await self._let_receive(running, was_kept=attached.was_kept)
            clock.note("sync_safekeepers_ms")
            if directory.is_configured(self.pgdata):
                # Owned by what it is of: `_end` ends it.
                running.confirming = asyncio.create_task(  # noqa: TID251
                    self._confirm_later(running)
                )
            else:
                await self._confirm(running)
                await self._configure(running)
            clock.note("config_ms")
        except BaseException:
            await server.stop(fast=False)
            raise
        clock.total()
        self.timings = clock.told
        _LOG.info("endpoint %s runs %s: %s", self.id, timeline_id, clock.told)
        return running

    async def _promoted(self, follower: str | None) -> Server | None:
        """Return the server that runs on the directory already, if one does."""
        if follower is None:
            return None
        promoted = self._around.followers.take(follower)
        if promoted is None:
            await end_leftover(self.pgdata)  # it may be about to end
            return None
        self._around.ports.give_back(self._port)
        self._port = promoted.port
        promoted.server.moved_to(self.pgdata, self._log)
        return promoted.server

    async def _let_receive(self, running: Running, *, was_kept: bool) -> None:
        """Let the safekeepers pull; wait until a quorum has all that clients will read.

        A server that was killed, or ended without its safekeepers, recovers commits
        that waited for them: nobody acknowledged those, but who reads one goes by it.
        On a directory that was made anew there are those that the furthest of the
        safekeepers had.
        """
        quorum = self._around.safekeepers.quorum
        positions, end = await asyncio.gather(
            asyncio.to_thread(self._receive, running),
            asyncio.to_thread(running.observer.flushed),
        )
        if len(positions) < quorum:
            raise BranchpgError(
                f"{len(positions)} safekeepers receive, {quorum} are needed",
                hint="see the log of the safekeepers",
            )
        begun = running.history[-1].lsn
        needed = end if was_kept else begun
        if needed > running.start_lsn and (settled(positions, quorum) or 0) < needed:
            await asyncio.to_thread(self._wait_for_log, running, needed)

    async def _confirm(self, running: Running) -> None:
        """Let the pageserver know that it runs.

        Once a quorum has some of the log on disk: from then on the pageserver takes a
        timeline of which they have nothing for one that was lost.
        """
        some = Lsn(running.start_lsn + 1)
        await asyncio.to_thread(self._wait_for_log, running, some)
        await asyncio.to_thread(
            self._around.storage.ready,
            running.timeline_id,
            running.generation,
            running.dsn,
        )

    async def _confirm_later(self, running: Running) -> None:
        """Do so while clients are served: commits wait for a quorum by themselves."""
        try:
            await self._confirm_at_last(running)
            if running.was_promoted:
                await self._settle_in(running)
        except BranchpgError as error:  # it was given to another compute, or deleted
            _LOG.warning("endpoint %s ends: %s", self.id, error)
            self.error = str(error)
            async with self._lock:
                if self.running is running:
                    await self._end(running, fast=False)

    async def _confirm_at_last(self, running: Running) -> None:
        """Do so as often as it takes: somebody who is needed may not be there yet."""
        while True:
            try:
                return await self._confirm(running)
            except TryLater as error:
                _LOG.warning("endpoint %s: %s", self.id, error)
            await asyncio.sleep(_AGAIN_SECONDS)

    def _wait_for_log(self, running: Running, upto: Lsn) -> None:
        around = self._around
        if not around.safekeepers.wait(
            around.storage.tenant_id,
            running.timeline_id,
            upto,
            _LOG_SECONDS,
            generation=running.generation,
        ):
            raise TryLater(f"too few safekeepers have the endpoint's log up to {upto}")

    def _receive(self, running: Running) -> list[Position]:
        return self._around.safekeepers.receive(
            self._around.storage.tenant_id,
            running.timeline_id,
            generation=running.generation,
            dsn=running.dsn,
            start_lsn=running.start_lsn,
            history=running.history,
        )

    async def _mend(self, running: Running, seen: Activity) -> None:
        """Let safekeepers pull again that were started anew.

        For those that are away the log is kept up to a limit, or the disk would fill:
        what a quorum has, they can get from it.
        """
        around = self._around
        if not running.generation or seen.safekeepers == len(around.safekeepers.names):
            return
        positions = await asyncio.to_thread(self._receive, running)
        common = settled(positions, around.safekeepers.quorum)
        if common is None or common <= around.kept_log:
            return
        first = Lsn(common - around.kept_log)
        with contextlib.suppress(BranchpgError):  # one is back just now, or it ends
            for name in await asyncio.to_thread(running.observer.keep_from, first):
                _LOG.warning("endpoint %s keeps no log for %s", self.id, name)

    async def _settle_in(self, running: Running) -> None:
        """Let one that was promoted be like others, when its parent has rested."""
        await asyncio.sleep(_SETTLE_SECONDS)
        try:
            await asyncio.to_thread(forget_leader, running.dsn, self.pgdata)
        except (BranchpgError, OSError) as error:
            _LOG.warning("endpoint %s: %s", self.id, error)

    async def _configure(self, running: Running) -> None:
        around = self._around
        await asyncio.to_thread(configure.first_start, running.dsn, around.first)
        directory.mark_configured(self.pgdata, around.programs)
        # So that branches find all of it made.
        await asyncio.to_thread(around.storage.ask_for_snapshot, running.timeline_id)

    async def _read(self, timeline_id: str) -> Running:
        around, clock = self._around, _Clock()
        lsn = await asyncio.to_thread(
            around.storage.materialise, timeline_id, self.pgdata, self.lsn
        )
        clock.note("basebackup_ms")
        settings = local.settings(around.run, self._port)
        # Not by the standby: of a transaction that had committed, and waited for its
        # safekeepers while the log says which ones run, a standby takes the changes
        # but does not show them before another one commits. And where more than 64
        # subtransactions ran, it takes no connections. From a clean shutdown, in turn,
        # it knows that nothing runs.
        await recover(around.programs, self.pgdata, settings=settings, log=self._log)
        clock.note("recovery_ms")
        cluster.let_stand_by(self.pgdata, around.programs.identity)
        server = self._launch(settings)
        try:
            await server.wait_until_ready()
            await asyncio.to_thread(wait_for_replay, self._dsn(), lsn)
        except BaseException:
            await server.stop(fast=False)
            raise
        clock.note("start_postgres_ms")
        clock.total()
        self.timings = clock.told
        return Running(
            server=server,
            timeline_id=timeline_id,
            generation=0,
            dsn=self._dsn(),
            socket_path=local.socket_path(around.run, self._port),
            observer=Observer(self._dsn(), ()),
            start_lsn=lsn,
            history=(),
            timings=clock.told,
        )

    def _launch(self, settings: Mapping[str, str]) -> Server:
        programs = self._around.programs
        return Server.start(programs, self.pgdata, settings=settings, log=self._log)

    async def _end(self, running: Running, *, fast: bool = True) -> None:
        self.running = None
        self._seen = None
        running.closing.close()
        running.pool.close()
        running.observer.close()
        confirming = running.confirming
        if confirming and confirming is not asyncio.current_task():
            confirming.cancel()
        await running.server.stop(fast=fast, within=_STOP_SECONDS)
        if self.read_only:
            return
        around = self._around
        with contextlib.suppress(BranchpgError):
            await asyncio.gather(
                asyncio.to_thread(
                    around.safekeepers.release,
                    around.storage.tenant_id,
                    running.timeline_id,
                    running.generation,
                ),
                asyncio.to_thread(
                    around.storage.detach, running.timeline_id, running.generation
                ),
            )

    def _dsn(self) -> str:
        return local.dsn(self._around.run, self._port)


class _Clock:
    def __init__(self) -> None:
        self._began = self._last = time.monotonic()
        self.told: dict[str, int] = {}

    def note(self, name: str) -> None:
        """Note how long the step that ends now took."""
        moment = time.monotonic()
        self.told[name] = round((moment - self._last) * 1000)
        self._last = moment

    def total(self) -> None:
        """Note how long all of it took."""
        self.told["total_startup_ms"] = round((self._last - self._began) * 1000)
