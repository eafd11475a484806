"""Streaming WAL to one standby, as PostgreSQL's walsender does.

Only what is on disk here is sent.
"""

from __future__ import annotations

import asyncio
import struct
import time
from typing import TYPE_CHECKING, Final

from branchpg.errors import BranchpgError, NotFound
from branchpg.lsn import Lsn
from branchpg.safekeeper.readers import Sender
from branchpg.wire import messages

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from branchpg.safekeeper.commands import StartReplication
    from branchpg.safekeeper.progress import Watch
    from branchpg.safekeeper.timeline import Timeline

__all__ = ["Downstream"]

_MOST: Final = 128 * 1024  # bytes of a message, as PostgreSQL's MAX_SEND_SIZE
_KEEPALIVE_SECONDS: Final = 10.0
_SILENCE_SECONDS: Final = 60.0  # as wal_sender_timeout
_TIMEOUT: Final = "terminating walsender process due to replication timeout"
_EPOCH: Final = 946684800  # 2000-01-01, the beginning of PostgreSQL's time

_WAL: Final = struct.Struct("!cIcQQq")  # CopyData's frame, then XLogData's header
_KEEPALIVE: Final = struct.Struct("!cQqB")
_STATUS: Final = struct.Struct("!QQQqB")


class Downstream:
    """One stream. `receive` returns the next message of the client."""

    def __init__(
        self,
        timeline: Timeline,
        writer: asyncio.StreamWriter,
        receive: Callable[[], Awaitable[tuple[bytes, bytes]]],
        *,
        name: str,
    ) -> None:
        self._timeline = timeline
        self._writer = writer
        self._receive = receive
        self._name = name
        self._heard = time.monotonic()
        self._done = False

    async def run(self, command: StartReplication) -> None:
        """Stream until the client ends it.

        Raises:
            BranchpgError: there is no such WAL, or not any more.
        """
        self._check(command)
        sender = Sender(self._name, command.lsn, slot=command.slot)
        readers = self._timeline.readers
        readers.add(sender)
        try:
            self._writer.write(messages.copy_both())
            with self._timeline.progress.watch() as watch:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._listen(sender, watch))
                    await self._send_all(sender, watch)
        except BaseExceptionGroup as group:
            # The first to fail says why; the other was cancelled for it.
            raise group.exceptions[0] from None
        finally:
            await asyncio.to_thread(readers.remove, sender)
        self._writer.write(messages.copy_done())

    def _check(self, command: StartReplication) -> None:
        timeline, state = self._timeline, self._timeline.state
        if command.postgres_timeline not in {None, state.postgres_timeline}:
            raise NotFound(
                f"requested timeline {command.postgres_timeline} is not in this "
                "server's history"
            )
        if command.slot and not timeline.readers.slot(command.slot):
            raise NotFound(f'replication slot "{command.slot}" does not exist')
        if command.lsn > timeline.end:
            raise NotFound(
                f"requested starting point {command.lsn} is ahead of the WAL flush "
                f"position of this server {timeline.end}"
            )
        if command.lsn < timeline.local_start_lsn:
            raise self._removed(command.lsn)

    def _removed(self, lsn: int) -> NotFound:
        name = self._timeline.segments.at(lsn).name
        return NotFound(f"requested WAL segment {name} has already been removed")

    async def _send_all(self, sender: Sender, watch: Watch) -> None:
        position = int(sender.sent_lsn)
        while not self._done:
            watch.arm()
            end = int(self._timeline.end)
            if position < end:
                position = await self._send(position, end)
                sender.sent_lsn = Lsn(position)
            elif position > end:
                raise BranchpgError(
                    f"the WAL from {Lsn(end)} on was superseded",
                    hint="make the standby anew",
                )
            elif not await watch.wait(_KEEPALIVE_SECONDS):
                await self._ask(position)

    async def _send(self, position: int, end: int) -> int:
        try:
            data = self._timeline.segments.read(position, min(_MOST, end - position))
        except FileNotFoundError:
            raise self._removed(position) from None
        length = len(data) + _WAL.size - 1  # without the byte of the kind
        header = _WAL.pack(b"d", length, b"w", position, end, _now())
        self._writer.write(header + data)
        await self._drain()
        return position + len(data)

    async def _ask(self, position: int) -> None:
        if time.monotonic() - self._heard > _SILENCE_SECONDS:
            raise BranchpgError(_TIMEOUT)
        self._keepalive(position, reply=True)
        await self._drain()

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(_SILENCE_SECONDS):
                await self._writer.drain()
        except TimeoutError:
            raise BranchpgError(_TIMEOUT) from None

    def _keepalive(self, position: int, *, reply: bool) -> None:
        body = _KEEPALIVE.pack(b"k", position, _now(), reply)
        self._writer.write(messages.copy_data(body))

    async def _listen(self, sender: Sender, watch: Watch) -> None:
        """Take what the standby says of itself, until it ends the stream."""
        while not self._done:
            kind, body = await self._receive()
            self._heard = time.monotonic()
            if kind == b"d" and body[:1] == b"r" and len(body) == 1 + _STATUS.size:
                await self._status(sender, body[1:])
            elif kind in {b"c", b"X"}:
                self._done = True
                watch.tell()
            elif kind != b"d":
                raise BranchpgError(f"unexpected message type {kind!r}")

    async def _status(self, sender: Sender, body: bytes) -> None:
        write, flush, apply, _, reply = _STATUS.unpack(body)
        sender.write_lsn, sender.flush_lsn = Lsn(write), Lsn(flush)
        sender.apply_lsn = Lsn(apply)
        if sender.slot and flush:
            self._timeline.readers.advance(sender.slot, sender.flush_lsn, lasting=False)
        if reply:
            self._keepalive(sender.sent_lsn, reply=False)
            await self._drain()


def _now() -> int:
    return int((time.time() - _EPOCH) * 1_000_000)
