"""The events of one database, read once and given to everybody who listens."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

import asyncpg

from servicekit.logs import logger
from workspace_api import stream
from workspace_api.stream import EventId, Position

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from servicekit.database import Target
    from workspace_api.stream import Event

__all__ = ["CHANNEL", "RESYNC", "Hub", "Subscriber"]

CHANNEL: Final = "workspace_changes"
RESYNC: Final = "resync"

_BATCH: Final = 1000
_POLL_SECONDS: Final = 2.0
"""A wake-up may be lost with who sends it; the change is not."""
_PENDING_SECONDS: Final = 0.02
_RETRY_SECONDS: Final = 0.25
_INTERRUPTED: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    # The server has said that it ends the connection, and has not done so yet.
    asyncpg.InternalClientError,
)
_NOTHING: Final = b'{"id":null,"version":null,"at":null,"by":null}'


class Subscriber:
    """Somebody who listens: what is not sent yet waits here, up to a limit.

    Who does not read is cut off, and comes back with the id of the last event.
    """

    def __init__(self, limit: int) -> None:
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._limit = limit
        self.open = True
        self.after = Position(0, 0)
        """Up to which the events are known already."""

    def give(self, position: Position, piece: bytes) -> None:
        """Add a piece of the stream."""
        if not self.open or position <= self.after:
            return
        if self._queue.qsize() >= self._limit:
            self.close()
        else:
            self._queue.put_nowait(piece)

    def close(self) -> None:
        """End the stream after what waits."""
        if self.open:
            self.open = False
            self._queue.put_nowait(None)

    async def take(self, within: float) -> list[bytes] | None:
        """Return what waits, at least after some seconds; None is the end."""
        pieces: list[bytes | None] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                pieces.append(await self._queue.get())
        while not self._queue.empty():
            pieces.append(self._queue.get_nowait())
        found = [piece for piece in pieces if piece is not None]
        if len(found) < len(pieces):
            if not found:
                return None
            self._queue.put_nowait(None)  # the end, once more, after what was before it
        return found


class Hub:
    """One connection that listens, while anybody does.

    Attributes:
        position: up to which everybody has been given the events.
    """

    def __init__(self, target: Target, history: Callable[[], Awaitable[str]]) -> None:
        self._target = target
        self._ask_history = history
        self._subscribers: set[Subscriber] = set()
        self._wake = asyncio.Event()
        self._started = asyncio.Event()
        self.history = ""
        self.position = Position(0, 0)

    @property
    def used(self) -> bool:
        """Whether anybody listens."""
        return bool(self._subscribers)

    def wake(self) -> None:
        """Look for changes now."""
        self._wake.set()

    def add(self, one: Subscriber) -> None:
        """Give somebody what comes from now on."""
        self._subscribers.add(one)

    def remove(self, one: Subscriber) -> None:
        """Give somebody nothing any more."""
        self._subscribers.discard(one)
        self._wake.set()

    def close(self) -> None:
        """End all streams."""
        for one in self._subscribers:
            one.close()

    async def started(self) -> None:
        """Wait until `position` and `history` are known."""
        await self._started.wait()

    async def run(self) -> None:
        """Read and pass on, until nobody listens."""
        pause = _RETRY_SECONDS
        while self.used:
            try:
                await self._listen()
                pause = _RETRY_SECONDS
            except _INTERRUPTED as error:
                logger().warning("events_interrupted", error=str(error))
            if self.used:
                await asyncio.sleep(pause)
                pause = min(pause * 2, _POLL_SECONDS)

    async def _listen(self) -> None:
        connection = await asyncpg.connect(**self._target.options())
        lost = asyncio.Event()

        def end(_connection: object) -> None:
            lost.set()
            self._wake.set()

        try:
            connection.add_termination_listener(end)
            # Before the first look: what comes after it is announced.
            await connection.add_listener(CHANNEL, lambda *_: self._wake.set())
            await self._begin(connection)
            while self.used and not lost.is_set():
                await self._look(connection)
        finally:
            connection.terminate()

    async def _begin(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        history = await self._ask_history()
        head = await stream.head(connection)
        same = history == self.history and self.position <= head
        if self._started.is_set() and same:
            return
        self.history, self.position = history, head
        if self._started.is_set():
            # Of another history: what was known of the old one says nothing.
            for one in self._subscribers:
                one.after = Position(0, 0)
            self._pass_on(head, resync(EventId(history, head)))
        self._started.set()

    async def _look(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        self._wake.clear()
        news = await stream.read(connection, self.position, _BATCH)
        for event in news.events:
            self._pass_on(event.position, written(event, self.history))
        self.position = news.until
        within = _PENDING_SECONDS if news.pending else _POLL_SECONDS
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._wake.wait()

    def _pass_on(self, position: Position, piece: bytes) -> None:
        for one in tuple(self._subscribers):
            one.give(position, piece)


def written(event: Event, history: str) -> bytes:
    """Return an event as the stream has it."""
    told = EventId(history, event.position)
    return f"id: {told}\nevent: {event.kind}\ndata: {event.data}\n\n".encode()


def resync(where: EventId) -> bytes:
    """Return the event that says: what you know may be wrong, ask again."""
    return b"id: %s\nevent: resync\ndata: %s\n\n" % (str(where).encode(), _NOTHING)
