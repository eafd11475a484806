"""The proxy itself: listens, accepts, and gives each client what it wants."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from branchpg.compute.proxy import failures
from branchpg.compute.proxy.arrival import arrive
from branchpg.compute.proxy.cancel import CancelKeys
from branchpg.compute.proxy.channel import Channel, GoneError, readable
from branchpg.compute.proxy.listeners import listen
from branchpg.compute.proxy.metrics import Metrics
from branchpg.compute.proxy.pumps import Pumps
from branchpg.compute.proxy.session import Desk, Session
from branchpg.compute.proxy.sessions import Sessions
from branchpg.compute.proxy.tls import Tls
from branchpg.compute.proxy.traffic import Traffic
from branchpg.errors import BranchpgError
from branchpg.wire.startup import Cancel

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping
    from types import TracebackType

    from prometheus_client import CollectorRegistry

    from branchpg.compute.proxy.arrival import Arrival
    from branchpg.compute.proxy.backend import Backends
    from branchpg.compute.proxy.pumps import Moved
    from branchpg.compute.proxy.settings import Settings

__all__ = ["Proxy", "Statistics"]

_ACCEPT: Final = 64  # clients in one turn of the loop
_SHORT_SECONDS: Final = 0.2  # to wait for descriptors, when the system has none
_FAREWELL_SECONDS: Final = 2.0  # for a client to read why it is sent away
_ARRIVING: Final = 256  # clients beyond the limit on sessions, to be told so

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Statistics:
    """What goes on: open sessions of each endpoint, and all bytes passed on so far."""

    sessions: Mapping[str, int]
    moved: Moved


class Proxy:
    """One port, or several, in front of all endpoints; open as a context manager."""

    def __init__(self, backends: Backends, settings: Settings) -> None:
        metrics = Metrics()
        self._settings = settings
        self._tls = Tls(settings.tls) if settings.tls else None
        self._desk = Desk(
            settings=settings,
            backends=backends,
            pumps=Pumps(settings.pumps),
            keys=CancelKeys(),
            sessions=Sessions(settings.limits, metrics),
            metrics=metrics,
            traffic=Traffic(),
        )
        self._connections = 0
        self._listeners: list[socket.socket] = []
        self._group = asyncio.TaskGroup()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self._desk.pumps.__aenter__()
        try:
            self._listeners = listen(self._settings.listen)
        except BranchpgError:
            await self._desk.pumps.__aexit__(None, None, None)
            raise
        await self._group.__aenter__()
        for listener in self._listeners:
            self._start(self._accept(listener))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        try:
            await self._group.__aexit__(kind, error, trace)
        finally:
            await self._desk.pumps.__aexit__(kind, error, trace)
            for listener in self._listeners:
                listener.close()

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens."""
        return [listener.getsockname()[:2] for listener in self._listeners]

    @property
    def registry(self) -> CollectorRegistry:
        """Its metrics; `statistics` brings the number of bytes up to date."""
        return self._desk.metrics.registry

    @property
    def pump_pids(self) -> list[int]:
        """The processes that pass bytes on."""
        return self._desk.pumps.pids

    @property
    def sessions(self) -> Mapping[str, int]:
        """Open sessions of each endpoint that has some."""
        return self._desk.sessions.by_endpoint

    async def statistics(self) -> Statistics:
        """Return what goes on, and count it in the metrics."""
        moved = await self._desk.pumps.moved() + self._desk.traffic.total
        self._desk.metrics.count_bytes(moved)
        return Statistics(self.sessions, moved)

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listener: socket.socket) -> None:
        while True:
            await readable(listener)
            try:
                for _ in range(_ACCEPT):
                    self._take(listener.accept()[0])
            except (BlockingIOError, ConnectionAbortedError):
                continue
            except OSError as error:
                _log.warning("cannot accept a client: %s", error)
                await asyncio.sleep(_SHORT_SECONDS)

    def _take(self, sock: socket.socket) -> None:
        if self._connections >= self._settings.limits.sessions + _ARRIVING:
            sock.close()
            return
        sock.setblocking(False)
        self._connections += 1
        self._start(self._serve(sock))

    async def _serve(self, sock: socket.socket) -> None:
        metrics = self._desk.metrics
        metrics.clients.opened.inc()
        try:
            await self._guarded(sock)
        except Exception:  # noqa: BLE001 - a defect must not end all sessions
            _log.error("a client's connection failed", exc_info=True)
        finally:
            sock.close()
            self._connections -= 1
            metrics.clients.closed.inc()

    async def _guarded(self, sock: socket.socket) -> None:
        metrics = self._desk.metrics
        channel = Channel(sock)
        try:
            async with asyncio.timeout(self._settings.limits.handshake_seconds):
                arrival = await arrive(channel, self._tls)
            channel = arrival.channel
            await self._grant(arrival)
        except BranchpgError as error:
            metrics.failures.labels(failures.kind_of(error)).inc()
            await _bid_farewell(channel, failures.failure_of(error))
        except GoneError:
            metrics.errors.labels("gone").inc()
        except TimeoutError:
            metrics.errors.labels("timeout").inc()
        except ssl.SSLError:
            metrics.tls_failures.inc()

    async def _grant(self, arrival: Arrival) -> None:
        if isinstance(arrival.wish, Cancel):
            await self._cancel(arrival.wish)
        else:
            await Session(self._desk, arrival, arrival.wish).run()

    async def _cancel(self, key: Cancel) -> None:
        """Pass a request to cancel on, to the server that gave out the key."""
        known = self._desk.keys.get(key)
        self._desk.metrics.cancellations.labels("found" if known else "unknown").inc()
        if known is not None:
            await known.cancel()


async def _bid_farewell(client: Channel, words: bytes) -> None:
    """Tell a client why it goes, and let it close: a reset would take that back."""
    with contextlib.suppress(GoneError, TimeoutError, OSError):
        async with asyncio.timeout(_FAREWELL_SECONDS):
            await client.send(words)
            await client.end()
            client.sock.shutdown(socket.SHUT_WR)
            while await client.receive(4096):
                pass
