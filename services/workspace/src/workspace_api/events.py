"""Streams of events: who listens to which database, and from where."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from servicekit.errors import unavailable
from workspace_api import stream
from workspace_api.hub import CHANNEL, Hub, Subscriber, resync, written
from workspace_api.stream import EventId

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Receive, Scope, Send

    from servicekit.database import Connection, Database
    from workspace_api.settings import Settings

__all__ = ["Events", "Stream"]

_MISSED: Final = 10_000
"""Events that a client may have missed; with more, it has to ask for everything."""
_START_SECONDS: Final = 10.0
_PAUSE_SECONDS: Final = 0.02
_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class Events:
    """The hubs of all databases that somebody listens to, and their wake-ups."""

    def __init__(
        self, settings: Settings, history: Callable[[str], Awaitable[str]]
    ) -> None:
        self._settings = settings
        self._history = history
        self._hubs: dict[str, Hub] = {}
        self._written: set[Database] = set()
        self._anything = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None
        self._closed = False
        self.streams = 0

    async def run(self) -> None:
        """Tell other processes, for ever, that something was written.

        Once for many commits. A NOTIFY takes a lock that all commits of the server that
        notify wait for: in every transaction, it would make them one queue.
        """
        async with asyncio.TaskGroup() as self._tasks:
            while True:
                await self._anything.wait()
                self._anything.clear()
                changed, self._written = self._written, set()
                for database in changed:
                    await _announce(database)
                await asyncio.sleep(_PAUSE_SECONDS)

    def watch(self, database: Database, branch: str) -> None:
        """Announce what is written to a database."""

        def after_write() -> None:
            hub = self._hubs.get(branch)
            if hub:
                hub.wake()
            self._written.add(database)
            self._anything.set()

        database.after_write = after_write

    def close(self) -> None:
        """End all streams, and begin no other."""
        self._closed = True
        for hub in self._hubs.values():
            hub.close()

    async def subscribe(
        self, database: Database, branch: str, last: str | None
    ) -> Stream:
        """Return a stream of what changes on a branch, from an event on.

        Raises:
            ServiceError: there are too many streams, or the database does not answer.
        """
        if self._closed or self.streams >= self._settings.event_streams_max:
            raise unavailable("there are too many streams of events", retry_after=5)
        # A database that is gone is told at once, not after the hub has waited for it.
        await database.read(stream.head)
        hub = self._hub(database, branch)
        await _start(hub)
        subscriber = Subscriber(self._settings.event_queue_max)
        # From here to where `until` is taken, nothing else runs: what the subscriber
        # is given is what comes after it.
        hub.add(subscriber)
        until = EventId(hub.history, hub.position)
        try:
            begin = await _missed(database, subscriber, until, last)
        except BaseException:
            hub.remove(subscriber)
            raise
        return Stream(self, hub, subscriber, begin, self._settings.heartbeat_seconds)

    def _hub(self, database: Database, branch: str) -> Hub:
        found = self._hubs.get(branch)
        if found is None:
            assert self._tasks is not None
            found = Hub(database.target, lambda: self._history(branch))
            self._hubs[branch] = found
            self._tasks.create_task(self._run(branch, found))
        return found

    async def _run(self, branch: str, hub: Hub) -> None:
        # The first subscriber is added before this task runs.
        try:
            await hub.run()
        finally:
            if self._hubs.get(branch) is hub:
                del self._hubs[branch]


async def _start(hub: Hub) -> None:
    """Keep a hub going until it knows where it is."""
    waiting = Subscriber(0)
    hub.add(waiting)
    try:
        async with asyncio.timeout(_START_SECONDS):
            await hub.started()
    except TimeoutError as error:
        raise unavailable("the database does not answer now") from error
    finally:
        hub.remove(waiting)


async def _missed(
    database: Database, subscriber: Subscriber, until: EventId, last: str | None
) -> bytes:
    """Return what was before the hub's next event, for who gave a last id."""
    begin = b"id: %s\n\n" % str(until).encode()
    if last is None:
        return begin
    given = EventId.parse(last)
    if given is None or given.history != until.history:
        return resync(until)

    async def work(connection: Connection) -> list[stream.Event] | None:
        # Another process may have read further than this one.
        newest = max(until.position, await stream.head(connection))
        too_old = given.position.xid < await stream.floor(connection)
        if too_old or given.position > newest:
            return None
        return await stream.read_until(
            connection, given.position, until.position, limit=_MISSED + 1
        )

    found = await database.read(work)
    if found is None or len(found) > _MISSED:
        return resync(until)
    subscriber.after = max(given.position, until.position)
    if given.position > until.position:
        return b"id: %s\n\n" % last.encode()
    return b"".join(written(event, until.history) for event in found) or begin


async def _announce(database: Database) -> None:
    # Who listens looks by itself now and then; this only makes it sooner.
    with contextlib.suppress(Exception):
        await database.read(lambda c: c.execute(f"NOTIFY {CHANNEL}"))


@dataclass
class Stream:
    """The answer that does not end: ASGI sends what the hub gives."""

    events: Events
    hub: Hub
    subscriber: Subscriber
    begin: bytes
    heartbeat: float

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until the client leaves, is too slow, or the service ends."""
        del scope
        self.events.streams += 1
        try:
            async with asyncio.TaskGroup() as tasks:
                watching = tasks.create_task(self._until_gone(receive))
                await self._send(send)
                watching.cancel()
        finally:
            self.events.streams -= 1
            self.hub.remove(self.subscriber)

    async def _until_gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.subscriber.close()

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await send(_piece(b"retry: 1000\n\n" + self.begin))
        while (pieces := await self.subscriber.take(self.heartbeat)) is not None:
            await send(_piece(b"".join(pieces) or b": heartbeat\n\n"))
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _piece(body: bytes) -> dict[str, object]:
    return {"type": "http.response.body", "body": body, "more_body": True}
