"""An established connection: bytes both ways, the end of each way, and failure.

Both sockets are watched edge-triggered: registered once, and once more when one first
takes less than it is given. What was read is sent at once; only what the other side
does not take is kept, and then nothing more is read until it is gone: a slow reader
costs one buffer at most.
"""

from __future__ import annotations

import socket
import struct

from .loop import ENDED, FAILED, INPUT, SOURCE, STREAM, WRITE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .backends import Lane
    from .loop import Loop

CHUNK = 256 * 1024
"""Bytes read at a time, and so the most that is kept for a side that does not read."""

_TURNS = 8  # chunks moved one way before others have their turn
_BUFFER = memoryview(bytearray(CHUNK))  # of all: nothing stays in it between calls
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, for no time: close() sends RST


class Side:
    """One of the two sockets, with the bytes that wait to leave by it."""

    __slots__ = (
        "_blocked_before",
        "_ending",
        "_receive",
        "_relay",
        "_send",
        "_waiting",
        "finished",
        "moved",
        "peer",
        "shut",
        "sock",
    )

    peer: Side

    def __init__(self, relay: Relay, sock: socket.socket) -> None:
        self.sock = sock
        self.moved = 0
        """Bytes that came from this side."""
        self.finished = False
        """This side has sent all it will."""
        self.shut = False
        """This side was told that nothing more comes."""
        self._relay = relay
        self._receive = sock.recv_into
        self._send = sock.send
        self._waiting: bytes | None = None
        self._blocked_before = False
        self._ending = False

    def on_events(self, events: int) -> None:
        """Act upon what epoll says of the socket."""
        if events & WRITE and self._waiting is not None:
            self._flush()
        if events & INPUT:
            if events & ENDED:
                # There is an end to be read behind the data: a short read must not
                # be taken for the last.
                self._ending = True
            if not self.finished:
                self.pump()
            elif events & FAILED:
                self._relay.abort()

    def pump(self) -> None:
        """Pass on what this side sent, until there is no more or no room for it."""
        if self.finished or self._relay.over or self.peer._waiting is not None:
            return
        peer = self.peer
        try:
            for _ in range(_TURNS):
                count = self._receive(_BUFFER)
                if not count:
                    self._finish()
                    return
                self.moved += count
                if not peer._give(_BUFFER[:count]):
                    return
                if count < CHUNK and not self._ending:
                    return
        except BlockingIOError:
            return
        except OSError:
            self._relay.abort()
            return
        self._relay.loop.soon(self.pump)

    def _give(self, data: memoryview) -> bool:
        try:
            sent = self._send(data)
        except BlockingIOError:
            sent = 0
        if sent == len(data):
            return True
        self._waiting = bytes(data[sent:])
        if not self._blocked_before:
            # Asked for from the start, it would cost each connection an event.
            self._blocked_before = True
            self._relay.loop.change(self.sock, STREAM)
        return False

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, None
        try:
            # What is left is at most one chunk: to copy it again is cheap enough.
            if waiting is None or not self._give(memoryview(waiting)):
                return
        except OSError:
            self._relay.abort()
            return
        if self.peer.finished:
            self._shut()
        else:
            self.peer.pump()

    def _finish(self) -> None:
        self.finished = True
        if self.peer._waiting is None:
            self.peer._shut()

    def _shut(self) -> None:
        self.shut = True
        if self.finished and self.peer.shut:
            self._relay.end()
            return
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._relay.abort()


class Relay:
    """A client's connection and the one to the target."""

    __slots__ = ("_client", "_ended", "_lane", "_target", "loop", "over")

    def __init__(self, loop: Loop, lane: Lane, *, ended: Callable[[], object]) -> None:
        self.loop = loop
        self.over = False
        self._lane = lane
        self._ended = ended

    def start(self, client: socket.socket, target: socket.socket) -> None:
        """Begin to pass bytes between two connected, non-blocking sockets."""
        self._client = Side(self, client)
        self._target = Side(self, target)
        self._client.peer = self._target
        self._target.peer = self._client
        self._lane.relays.add(self)
        self._lane.traffic.total += 1
        self.loop.watch(client, SOURCE, self._client.on_events)
        self.loop.watch(target, SOURCE, self._target.on_events)

    @property
    def sent(self) -> int:
        """Bytes from the client to the target."""
        return self._client.moved

    @property
    def received(self) -> int:
        """Bytes from the target to the client."""
        return self._target.moved

    def abort(self) -> None:
        """Reset both connections."""
        if self.over:
            return
        for side in (self._client, self._target):
            side.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.end()

    def end(self) -> None:
        """Close both sockets and count the connection as over."""
        if self.over:
            return
        self.over = True
        client, target = self._client, self._target
        self.loop.close(client.sock)
        self.loop.close(target.sock)
        # They hold each other: broken up, they are freed at once and not by the
        # garbage collector.
        del client.peer, target.peer, self._client, self._target
        lane = self._lane
        lane.relays.discard(self)
        lane.traffic.sent += client.moved
        lane.traffic.received += target.moved
        lane.backend.released()
        self._ended()
