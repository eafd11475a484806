"""The pump processes, seen from the proxy: sessions go in, and come back as over."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import socket
import struct
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self, TypeVar

from branchpg import spawn
from branchpg.compute.proxy.channel import readable, writable

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Moved", "Passed", "Pumps"]

_PROGRAM: Final = os.path.join(os.path.dirname(__file__), "pump_process.py")
_COMMAND: Final = struct.Struct("!cQ")
_REPORT: Final = struct.Struct("!cQQQ")
_PACKET: Final = 256 * _REPORT.size
_END_SECONDS: Final = 1.0  # for a pump to end a session
_RESTART_SECONDS: Final = 0.2  # between two starts of a pump that dies

T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Moved:
    """Bytes that went through a session, or through many."""

    from_client: int = 0
    from_server: int = 0

    def __add__(self, other: Moved) -> Moved:
        return Moved(
            self.from_client + other.from_client, self.from_server + other.from_server
        )


@dataclass(frozen=True)
class Passed:
    """A session that is over; whether its server is at rest, and may serve others."""

    moved: Moved
    is_at_rest: bool = False


class _Pump:
    """One process, and the sessions it has."""

    def __init__(self) -> None:
        self.control, theirs = socket.socketpair(
            socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK
        )
        with theirs:
            self.child = spawn.start(
                [sys.executable, "-I", "-S", _PROGRAM, str(theirs.fileno())],
                environment={},
                kept=[theirs.fileno()],
                directory="/",
                session=True,
            )
        self.sessions: dict[int, asyncio.Future[Passed]] = {}
        self.sums: list[asyncio.Future[Moved]] = []
        self._sending = asyncio.Lock()

    async def send(self, data: bytes, *sockets: socket.socket) -> None:
        """Give the process a command; OSError if it is gone."""
        descriptors = [sock.fileno() for sock in sockets]
        async with self._sending:  # only one can wait for room
            while not self._sent(data, descriptors):
                await writable(self.control)

    def _sent(self, data: bytes, descriptors: list[int]) -> bool:
        try:
            if descriptors:
                socket.send_fds(self.control, [data], descriptors)
            else:
                self.control.send(data)
        except BlockingIOError:
            return False
        return True

    async def follow(self) -> None:
        """Act upon what the process says, until it has ended."""
        while True:
            await readable(self.control)
            try:
                data = self.control.recv(_PACKET)
            except BlockingIOError:
                continue
            except OSError:
                break
            if not data:
                break
            for report in _REPORT.iter_unpack(data):
                self._take(*report)
        self.end()

    def end(self) -> None:
        """Take all its sessions as over."""
        self.control.close()
        for over in self.sessions.values():
            _settle(over, Passed(Moved()))
        for waiting in self.sums:
            _settle(waiting, Moved())
        self.sessions.clear()
        self.sums.clear()

    def _take(self, kind: bytes, number: int, sent: int, received: int) -> None:
        moved = Moved(sent, received)
        if kind == b"S":
            for waiting in self.sums:
                _settle(waiting, moved)
            self.sums.clear()
        elif over := self.sessions.pop(number, None):
            _settle(over, Passed(moved, kind == b"R"))


class Pumps:
    """A few pumps, each started again when it dies."""

    def __init__(self, count: int) -> None:
        self._pumps: list[_Pump | None] = [None] * count
        self._numbers = itertools.count(1)
        self._group = asyncio.TaskGroup()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        self._pumps = [_Pump() for _ in self._pumps]
        for place, _ in enumerate(self._pumps):
            self._tasks.append(self._group.create_task(self._keep(place)))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        try:
            await self._group.__aexit__(kind, error, trace)
        finally:
            for pump in filter(None, self._pumps):  # whose task had not begun
                pump.end()
                await _reap(pump.child)

    @property
    def pids(self) -> list[int]:
        """The processes that run."""
        return [pump.child.pid for pump in self._pumps if pump]

    async def run(
        self, client: socket.socket, server: socket.socket, *, followed: bool = False
    ) -> Passed:
        """Pass bytes between two sockets until one has ended; they are closed here.

        But not the server's where the session is `followed`. When it is cancelled the
        session is ended, after what the server has said.
        """
        pump = await self._idlest()
        number = next(self._numbers)
        over = asyncio.get_running_loop().create_future()
        pump.sessions[number] = over
        kind = b"P" if followed else b"A"
        try:
            await pump.send(_COMMAND.pack(kind, number), client, server)
        except OSError:
            _settle(over, Passed(Moved()))  # it dies; what it had is over
            pump.sessions.pop(number, None)
        client.close()
        if not followed:
            server.close()
        try:
            return await asyncio.shield(over)
        except asyncio.CancelledError:
            with contextlib.suppress(OSError):
                await pump.send(_COMMAND.pack(b"C", number))
                await asyncio.wait([over], timeout=_END_SECONDS)
            raise

    async def moved(self) -> Moved:
        """Return what the sessions that are open have moved so far."""
        total = Moved()
        for pump in self._pumps:
            if pump is None:
                continue
            answer = asyncio.get_running_loop().create_future()
            pump.sums.append(answer)
            try:
                await pump.send(_COMMAND.pack(b"S", 0))
                total += await answer
            except OSError:
                continue
        return total

    async def _idlest(self) -> _Pump:
        while True:
            pumps = [pump for pump in self._pumps if pump]
            if pumps:
                return min(pumps, key=lambda pump: len(pump.sessions))
            await asyncio.sleep(_RESTART_SECONDS)

    async def _keep(self, place: int) -> None:
        """See to it that there is a process in this place."""
        while True:
            pump = self._pumps[place]
            if pump is None:
                pump = self._pumps[place] = _Pump()
            try:
                await pump.follow()
            finally:
                self._pumps[place] = None
                pump.end()
                await _reap(pump.child)
            _log.error("pump process %d ended; its sessions are closed", pump.child.pid)
            await asyncio.sleep(_RESTART_SECONDS)


async def _reap(child: spawn.Child) -> None:
    """Wait for a process whose control socket is closed, and which therefore ends."""
    handle, ended = os.pidfd_open(child.pid), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(handle, ended.set)
    try:
        async with asyncio.timeout(5.0):
            await ended.wait()
    except TimeoutError:
        child.kill()
    finally:
        loop.remove_reader(handle)
        os.close(handle)
        child.wait()


def _settle(waiting: asyncio.Future[T], result: T) -> None:
    if not waiting.done():
        waiting.set_result(result)
