"""A client or a server while the session begins: exact reads, bounded, cancellable.

The sockets are plain and non-blocking, so that a session can be handed to another
process afterwards: what was not asked for stays in the kernel.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
from typing import TYPE_CHECKING, Final

from branchpg.errors import BadRequest

if TYPE_CHECKING:
    import socket

__all__ = ["Channel", "GoneError", "TlsChannel", "readable", "writable"]

_READ_AHEAD: Final = 16 * 1024  # bytes kept of a client that has to wait
_TLS_CHUNK: Final = 64 * 1024


class GoneError(Exception):
    """The other side has closed the connection."""


class Channel:
    """A connected, non-blocking socket.

    `chunk` bytes are read at a time, however few are asked for.
    """

    def __init__(self, sock: socket.socket, *, chunk: int = 0) -> None:
        self.sock = sock
        self._chunk = chunk
        self.ahead = bytearray()
        """What was read before it was asked for."""
        self.sent = 0
        """Bytes sent so far."""
        self._loop = asyncio.get_running_loop()

    @property
    def is_encrypted(self) -> bool:
        """Whether what is sent is secret."""
        return False

    async def receive(self, limit: int) -> bytes:
        """Return up to so many bytes that have come; none at the end."""
        if self.ahead:
            return self._take(limit)
        return await self._receive(limit)

    async def exactly(self, count: int) -> bytes:
        """Return so many bytes; raise GoneError if the other side ends before."""
        while (missing := count - len(self.ahead)) > 0:
            data = await self._receive(max(missing, self._chunk))
            if not data:
                raise GoneError
            self.ahead += data
        return self._take(count)

    def take(self) -> bytes:
        """Return what was read before it was asked for, as now it is."""
        return self._take(len(self.ahead))

    async def message(self, limit: int) -> tuple[bytes, bytes]:
        """Return the kind and the body of one message.

        Raises:
            BadRequest: it is longer than `limit`, or shorter than it can be.
        """
        head = await self.exactly(5)
        (length,) = struct.unpack_from("!I", head, 1)
        if not 4 <= length <= limit:
            raise BadRequest("invalid message length")
        return head[:1], await self.exactly(length - 4) if length > 4 else b""

    async def send(self, data: bytes | memoryview) -> None:
        """Send all of it."""
        self.sent += len(data)
        await self._send(data)

    async def gone(self) -> None:
        """Return when the other side has closed; for ever, if it talks instead."""
        while len(self.ahead) < _READ_AHEAD:
            data = await self._receive(_READ_AHEAD)
            if not data:
                return
            self.ahead += data
        await self._loop.create_future()

    async def end(self) -> None:
        """Say that nothing more comes."""

    def close(self) -> None:
        """Close the socket."""
        self.sock.close()

    def _take(self, count: int) -> bytes:
        data = bytes(self.ahead[:count])
        del self.ahead[:count]
        return data

    async def _receive(self, limit: int) -> bytes:
        while True:
            try:
                return self.sock.recv(limit)
            except BlockingIOError:
                pass
            except OSError:
                return b""
            await readable(self.sock)

    async def _send(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[self.sock.send(view) :]
            except BlockingIOError:
                await writable(self.sock)
            except OSError as error:
                raise GoneError from error


class TlsChannel(Channel):
    """TLS, ended here, over a socket."""

    def __init__(self, below: Channel, context: ssl.SSLContext) -> None:
        super().__init__(below.sock)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._incoming.write(bytes(below.ahead))
        self._flushing = asyncio.Lock()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    @property
    def is_encrypted(self) -> bool:
        """Whether what is sent is secret."""
        return True

    async def handshake(self) -> None:
        """Agree on keys.

        Raises:
            ssl.SSLError: the client and this side cannot.
            GoneError: it closed.
        """
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._feed()
            except ssl.SSLError:
                await self._flush()  # the alert that says why
                raise
            else:
                await self._flush()
                return

    async def end(self) -> None:
        """Say that nothing more comes."""
        with contextlib.suppress(ssl.SSLError):  # the other side's is not waited for
            self.tls.unwrap()
        with contextlib.suppress(GoneError):
            await self._flush()

    async def _receive(self, limit: int) -> bytes:
        while True:
            try:
                return self.tls.read(limit)
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:
                return b""
            try:
                await self._feed()
            except GoneError:
                return b""

    async def _send(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[self.tls.write(view[:_TLS_CHUNK]) :]
            except ssl.SSLError as error:
                raise GoneError from error
            await self._flush()

    async def _feed(self) -> None:
        data = await super()._receive(_TLS_CHUNK)
        if not data:
            raise GoneError
        self._incoming.write(data)
        if self._outgoing.pending:
            await self._flush()

    async def _flush(self) -> None:
        # Who reads flushes as well as who writes; in turn, or the parts would mix.
        async with self._flushing:
            while self._outgoing.pending:
                await super()._send(self._outgoing.read(_TLS_CHUNK))


async def readable(sock: socket.socket) -> None:
    """Wait until a socket has something to read, or has ended.

    What is read is read by the caller, and not in the loop's callback as
    loop.sock_recv does: a task that is cancelled loses nothing.
    """
    loop = asyncio.get_running_loop()
    ready, descriptor = loop.create_future(), sock.fileno()
    loop.add_reader(descriptor, _settle, ready)
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)


async def writable(sock: socket.socket) -> None:
    """Wait until a socket takes something."""
    loop = asyncio.get_running_loop()
    ready, descriptor = loop.create_future(), sock.fileno()
    loop.add_writer(descriptor, _settle, ready)
    try:
        await ready
    finally:
        loop.remove_writer(descriptor)


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
