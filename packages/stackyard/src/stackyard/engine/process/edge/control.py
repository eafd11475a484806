"""The control socket: requests in, answers out, each connection in its own order."""

from __future__ import annotations

import os
import socket
import stat
from collections import deque
from contextlib import suppress

from . import wire
from .loop import GONE, INPUT, READ, STREAM, WRITE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .backends import Backend
    from .loop import Loop, Timer
    from .table import RouteTable

DRAIN = 10.0
"""Seconds a drain takes at most, where the request names no time."""


def listen(path: str) -> socket.socket:
    """Open the control socket, for this user only.

    What a dead edge left in its place is removed; a living edge is an error.
    """
    directory = os.path.dirname(path) or "."
    os.makedirs(directory, mode=0o700, exist_ok=True)
    if stat.S_IMODE(os.stat(directory).st_mode) & 0o077:
        raise OSError(f"{directory!r} is open to others; hint: chmod 700")
    sock = socket.socket(socket.AF_UNIX)
    with wire.short_path(path) as short:
        if sock.connect_ex(short) == 0:
            raise OSError(f"an edge already serves {path!r}")
        with suppress(FileNotFoundError):
            os.unlink(short)
        # Nobody else may enter the directory before the mode is set.
        sock.bind(short)
        os.chmod(short, 0o600)
    sock.listen(16)
    sock.setblocking(False)
    return sock


class Control:
    """Accepts whoever may enter the directory of the control socket."""

    def __init__(self, loop: Loop, table: RouteTable, listener: socket.socket) -> None:
        self._loop = loop
        self._table = table
        self._listener = listener
        loop.watch(listener, READ, self._accept)

    def _accept(self, _events: int) -> None:
        try:
            sock, _address = self._listener.accept()
        except OSError:
            return
        sock.setblocking(False)
        Conversation(self._loop, self._table, sock)


class Conversation:
    """One client: what it asked, and what it has yet to be told."""

    def __init__(self, loop: Loop, table: RouteTable, sock: socket.socket) -> None:
        self._loop = loop
        self._table = table
        self._sock = sock
        self._heard = bytearray()
        self._descriptors: list[int] = []
        self._answers: deque[tuple[bytes, list[socket.socket]]] = deque()
        self._drain: Drain | None = None
        self._no_more = False
        self._ended = False
        loop.watch(sock, STREAM, self._on_events)

    def _on_events(self, events: int) -> None:
        try:
            if events & WRITE:
                self._tell()
            if events & INPUT and not self._no_more:
                self._listen()
        except OSError:
            self._end()
            return
        if events & GONE:
            self._end()
        else:
            self._loop.soon(self._go_on)

    def _listen(self) -> None:
        try:
            while len(self._heard) <= wire.LONGEST:
                data, descriptors = wire.receive(self._sock)
                self._descriptors += descriptors
                self._heard += data
                if not data:
                    self._no_more = True
                    return
        except BlockingIOError:
            return
        raise ConnectionAbortedError  # a message longer than any there is

    def _go_on(self) -> None:
        # One request at a time; and the next not before the last answer is on its way,
        # for what a client does not read must be bounded.
        if self._answers or self._drain is not None or self._ended:
            return
        end = self._heard.find(b"\n")
        if end < 0:
            if self._no_more:
                self._end()
            return
        line = bytes(self._heard[:end])
        del self._heard[: end + 1]
        descriptors, self._descriptors = self._descriptors, []
        try:
            self._answer(line, descriptors)
        except OSError:
            self._end()
            return
        self._loop.soon(self._go_on)

    def _answer(self, line: bytes, descriptors: list[int]) -> None:
        try:
            message = wire.decode(line)
            if "routes" in message:
                kept, descriptors = descriptors, []
                self._apply(message, kept)
            elif "drain" in message:
                self._start_drain(message)
            elif message.get("handover"):
                listeners = self._table.listeners
                self._say({"listeners": len(listeners)}, listeners)
            elif message.get("status"):
                self._say({"pid": os.getpid(), **self._table.status()})
            elif message.get("stop"):
                self._loop.stop()
                self._say({"stopped": True})
            else:
                raise wire.WireError(f"no such request: {sorted(message)!r}")
        except wire.WireError as error:
            self._say({"error": str(error)})
        finally:
            wire.close_all(descriptors)

    def _apply(self, message: dict[str, Any], descriptors: list[int]) -> None:
        offered = _sockets(descriptors)
        try:
            table = wire.parse_table(message["routes"])
            drain = message.get("drain")
            drain = None if drain is None else wire.parse_seconds(drain)
        except wire.WireError:
            for sock in offered:
                sock.close()
            raise
        applied = self._table.apply(table, offered, drain=drain)
        failed = [
            {"listen": [host, port], "protocol": protocol, "errno": number}
            for (protocol, host, port), number in applied.failed
        ]
        bound = applied.bound if message.get("handover") else []
        self._say({"failed": failed}, bound)

    def _start_drain(self, message: dict[str, Any]) -> None:
        address = wire.parse_address(message["drain"])
        seconds = wire.parse_seconds(message.get("timeout", DRAIN))
        backend = self._table.drain(address)
        if backend is None or not backend.active:
            self._say({"drained": True, "active": 0})
        else:
            self._drain = Drain(self, backend)
            self._drain.timer = self._loop.after(seconds, self._drain.finish)

    def drained(self, active: int) -> None:
        """Answer the drain that was waited for, and go on with what was asked since."""
        self._drain = None
        if self._ended:
            return
        try:
            self._say({"drained": not active, "active": active})
        except OSError:
            self._end()
            return
        self._loop.soon(self._go_on)

    def _say(
        self, message: dict[str, Any], descriptors: list[socket.socket] | None = None
    ) -> None:
        parts = wire.parcels(wire.encode(message), descriptors or [])
        self._answers += ((part, list(passed)) for part, passed in parts)
        self._tell()

    def _tell(self) -> None:
        while self._answers:
            data, passed = self._answers[0]
            numbers = [sock.fileno() for sock in passed if sock.fileno() >= 0]
            try:
                sent = socket.send_fds(self._sock, [data], numbers)
            except BlockingIOError:
                return
            if sent < len(data):
                # The descriptors went with the first byte.
                self._answers[0] = data[sent:], []
            else:
                self._answers.popleft()

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            wire.close_all(self._descriptors)
            if self._drain is not None:
                self._drain.cancel()
            self._loop.close(self._sock)


class Drain:
    """Waits until a target has no connections, or the time is over."""

    timer: Timer

    def __init__(self, conversation: Conversation, backend: Backend) -> None:
        self._conversation: Conversation | None = conversation
        self._backend = backend
        backend.waiters.append(self.finish)

    def finish(self) -> None:
        """Answer, once."""
        conversation, self._conversation = self._conversation, None
        if conversation is not None:
            self.cancel()
            conversation.drained(self._backend.active)

    def cancel(self) -> None:
        """Wait no longer."""
        self._conversation = None
        self.timer.cancel()
        if self.finish in self._backend.waiters:
            self._backend.waiters.remove(self.finish)


def _sockets(descriptors: list[int]) -> list[socket.socket]:
    found = []
    for descriptor in descriptors:
        try:
            sock = socket.socket(fileno=descriptor)
        except OSError:
            os.close(descriptor)  # a file, or whatever it was
            continue
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            found.append(sock)
        else:
            sock.close()
    return found
