"""A pump: the process that passes the bytes of sessions which have begun.

    python -I -S pump_process.py DESCRIPTOR

The descriptor is a SOCK_SEQPACKET socket. What comes in: `A` and a session's number
with two sockets, the client's and the server's; `P`, the same where the server is to be
used again; `C` and a number, to end a session; `S` to be told what the open sessions
have moved. What goes out: `E`, number, bytes from the client, bytes from the server,
when a session is over; `R`, the same where the server is at rest, and was not told;
`S`, 0 and two sums. When the other side is gone, so is the pump, and with it every
session.

It is run as a file, imports modules in C only, and so is a third of an ordinary
interpreter's size. A message costs epoll_wait, recv and send, and nothing else:
sockets are registered once, edge-triggered, and a short read is taken for the last.
"""

import _socket
import resource
import select
import sys
from _struct import Struct
from posix import SCHED_BATCH, sched_param, sched_setscheduler, sched_yield
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from branchpg.compute.proxy.frames import TERMINATE, Dialogue
else:
    sys.path.append(__file__.rpartition("/")[0])  # it is no module of a package here
    from frames import TERMINATE, Dialogue

CHUNK = 256 * 1024
"""Bytes read at a time, and so the most that is kept for a side that does not read."""

_IN, _OUT, _FAILED = select.EPOLLIN, select.EPOLLOUT, select.EPOLLERR
_ENDED = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
_SOURCE = _IN | select.EPOLLRDHUP | select.EPOLLET
_EVENTS = 256
_LINGER = 5.0  # seconds a client has to close after the server's end
_PATIENCE = 60.0  # seconds it has to read what the server said before
_LOOKS = 100  # for an event before going to sleep, of about a microsecond each
_LONE = 8  # events in a row of a session that has the pump for itself
_LONGEST_REST = 64  # times not to look, after looking was in vain
_RETRY = 0.05  # seconds after the other side of the control socket took nothing
_COMMAND = Struct("!cQ")
_REPORT = Struct("!cQQQ")
_REPORTS = 256  # in one packet
_DESCRIPTORS = Struct("@2i")

_buffer = memoryview(bytearray(CHUNK))  # of all: nothing stays in it between calls


class Side:
    """One of a session's two sockets, with the bytes that wait to leave by it."""

    __slots__ = (
        "blocked_before",
        "dialogue",
        "ending",
        "finished",
        "is_client",
        "moved",
        "number",
        "peer",
        "receive",
        "send",
        "sock",
        "waiting",
    )

    peer: "Side"

    def __init__(self, sock: _socket.socket, number: int, *, is_client: bool) -> None:
        self.sock = sock
        self.receive: Callable[[memoryview], int] = sock.recv_into
        self.send: Callable[[memoryview], int] = sock.send
        self.number = number
        self.is_client = is_client
        self.moved = 0
        self.finished = False  # it has sent all it will
        self.ending = False  # there is an end to be read behind its data
        self.blocked_before = False
        self.waiting = b""
        self.dialogue: Dialogue | None = None  # of a server that is to be used again


class Pump:
    """All sessions of this process."""

    def __init__(self, control: _socket.socket) -> None:
        self._control = control
        self._poll = select.epoll()
        self._sides: dict[int, Side] = {}
        self._clients: dict[int, Side] = {}
        self._again: list[Side] = []
        self._lingering: dict[Side, float] = {}
        self._reports: list[bytes] = []
        self._number = 0  # of the session whose event was the last
        self._streak = 0  # events before it that were of the same
        self._rest, self._tired = 0, 1
        control.setblocking(False)
        self._poll.register(control.fileno(), _IN)

    def run(self) -> None:
        """Pass bytes until the other side of the control socket is gone."""
        poll, dispatch = self._poll.poll, self._dispatch
        while True:
            happened = self._soon() if self._streak > _LONE else None
            if not dispatch(happened or poll(self._patience(), _EVENTS)):
                return
            if self._again or self._lingering or self._reports:
                self._catch_up()

    def _soon(self) -> list[tuple[int, int]] | None:
        """Look for an event without going to sleep, if that has been worth it.

        Where one session is alone and asks and is answered within microseconds, falling
        asleep and being woken takes longer than all the rest.
        """
        if self._rest:
            self._rest -= 1
            return None
        poll = self._poll.poll
        for _ in range(_LOOKS):
            if happened := poll(0, _EVENTS):
                self._tired = 1
                return happened
            sched_yield()
        self._tired = min(2 * self._tired, _LONGEST_REST)
        self._rest = self._tired
        return None

    def _dispatch(self, happened: list[tuple[int, int]]) -> bool:
        sides = self._sides
        number = 0
        for descriptor, events in happened:
            side = sides.get(descriptor)
            if side is None:
                if descriptor == self._control.fileno() and not self._command():
                    return False
                continue
            number = side.number
            if events == _IN and not side.peer.waiting:
                self._move(side)
            else:
                self._react(side, events)
        if len(happened) == 1 and number == self._number:
            self._streak += 1
        else:
            self._number, self._streak = number, 0
        return True

    def _patience(self) -> float:
        if self._again:
            return 0
        if self._reports:
            return _RETRY
        return 1 if self._lingering else -1

    def _catch_up(self) -> None:
        again, self._again = self._again, []
        for side in again:
            if side.number in self._clients and not (
                side.finished or side.peer.waiting
            ):
                self._move(side)
        now = monotonic()
        for client in [side for side, due in self._lingering.items() if due < now]:
            self._abort(client)
        while self._reports:
            try:
                self._control.send(b"".join(self._reports[:_REPORTS]))
            except OSError:  # full, or gone: the loop will see
                return
            del self._reports[:_REPORTS]

    def _react(self, side: Side, events: int) -> None:
        if events & _OUT and side.waiting:
            self._flush(side)
        if side.sock.fileno() < 0 or not events & (_IN | _ENDED):
            return
        if events & _ENDED:
            # A short read must not be taken for the last: the end is behind it.
            side.ending = True
        if side.finished:
            if events & _FAILED:
                self._abort(side)
        elif not side.peer.waiting:
            self._move(side)

    def _move(self, side: Side) -> None:
        """Pass on what a side has sent, until there is no more or no room for it."""
        try:
            count = side.receive(_buffer)
        except BlockingIOError:
            return
        except OSError:
            self._broken(side)
            return
        side.moved += count
        data = _buffer[:count]
        if side.dialogue is not None:
            followed = self._follow(side, side.dialogue, data)
            if followed is None:
                return
            data = followed
        if not count:
            self._finish(side)
        elif self._give(side.peer, data) and (count == CHUNK or side.ending):
            self._again.append(side)  # when others have had their turn

    def _follow(
        self, side: Side, dialogue: Dialogue, data: memoryview
    ) -> memoryview | None:
        """Return what is to be passed on; None if the session ended, at rest."""
        if not side.is_client:
            dialogue.answers.follow(data)
            return data
        is_end = not data
        data = dialogue.requests.follow(data)
        if not (is_end or dialogue.requests.is_over):
            return data
        if dialogue.is_at_rest and not (data or side.waiting or side.peer.waiting):
            self._over(side, b"R")
            self._release(side)
            return None
        # The server hears of the end: from here on it is a session as any other.
        side.dialogue = side.peer.dialogue = None
        return data if is_end else memoryview(bytes(data) + TERMINATE)

    def _broken(self, side: Side) -> None:
        if side.is_client:
            self._abort(side)
        else:
            self._finish(side)  # PostgreSQL closed, and had not read all

    def _give(self, side: Side, data: memoryview) -> bool:
        """Send; return whether there may be more."""
        try:
            sent = side.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            if side.is_client:
                self._abort(side)
                return False
            # The server has closed, but its last words may still have to be read.
            side.send = len
            return True
        if sent == len(data):
            return True
        side.waiting = bytes(data[sent:])
        if not side.blocked_before:
            # Asked for from the start, it would cost each session an event.
            side.blocked_before = True
            self._poll.modify(side.sock.fileno(), _SOURCE | _OUT)
        return False

    def _flush(self, side: Side) -> None:
        waiting, side.waiting = side.waiting, b""
        # What is left is at most one chunk: to copy it again is cheap enough.
        if not self._give(side, memoryview(waiting)):
            return
        if side.peer.finished:
            self._shut(side)
        else:
            self._move(side.peer)

    def _finish(self, side: Side) -> None:
        side.finished = True
        if not side.peer.waiting:
            self._shut(side.peer)
        elif not side.is_client:
            self._lingering[side.peer] = monotonic() + _PATIENCE

    def _shut(self, side: Side) -> None:
        """Tell a side that nothing more comes: its peer has finished."""
        try:
            side.sock.shutdown(_socket.SHUT_WR)
        except OSError:
            self._abort(side)
            return
        if not side.is_client:
            return
        # The server is gone. To close now, with the client's data unread, would reset
        # the connection, and with it the server's last words.
        self._over(side)
        if side.finished:
            self._release(side)
        else:
            side.peer.send = len
            self._lingering[side] = monotonic() + _LINGER

    def _abort(self, side: Side) -> None:
        client = side if side.is_client else side.peer
        self._over(client)
        self._release(client)

    def _over(self, client: Side, kind: bytes = b"E") -> None:
        """Close the server's side, and report the session as over, once."""
        if self._clients.pop(client.number, None) is None:
            return
        server = client.peer
        self._close(server)
        self._reports.append(
            _REPORT.pack(kind, client.number, client.moved, server.moved)
        )

    def _release(self, client: Side) -> None:
        self._lingering.pop(client, None)
        self._close(client)

    def _close(self, side: Side) -> None:
        if side.sock.fileno() >= 0:
            del self._sides[side.sock.fileno()]
            # Where another process has the socket, too, closing it does not do that.
            self._poll.unregister(side.sock.fileno())
            side.sock.close()

    def _command(self) -> bool:
        """Do what the other side asks; return whether there is one."""
        try:
            data, ancillary, _, _ = self._control.recvmsg(
                _COMMAND.size, _socket.CMSG_SPACE(_DESCRIPTORS.size)
            )
        except BlockingIOError:
            return True
        except OSError:
            return False
        if len(data) != _COMMAND.size:
            return False
        kind, number = _COMMAND.unpack(data)
        if kind in {b"A", b"P"}:
            dialogue = Dialogue() if kind == b"P" else None
            self._add(number, ancillary[0][2] if ancillary else b"", dialogue)
        elif kind == b"C":
            self._end(number)
        else:
            clients = self._clients.values()
            sums = sum(c.moved for c in clients), sum(c.peer.moved for c in clients)
            self._reports.append(_REPORT.pack(b"S", 0, *sums))
        return True

    def _add(self, number: int, descriptors: bytes, dialogue: Dialogue | None) -> None:
        if len(descriptors) != _DESCRIPTORS.size:  # none was free to receive them
            self._reports.append(_REPORT.pack(b"E", number, 0, 0))
            return
        client, server = (
            Side(_socket.socket(fileno=descriptor), number, is_client=not index)
            for index, descriptor in enumerate(_DESCRIPTORS.unpack(descriptors))
        )
        client.peer, server.peer = server, client
        self._clients[number] = client
        for side in (client, server):
            side.dialogue = dialogue
            side.sock.setblocking(False)
            self._sides[side.sock.fileno()] = side
            self._poll.register(side.sock.fileno(), _SOURCE)

    def _end(self, number: int) -> None:
        """End a session, after what the server has said so far."""
        client = self._clients.get(number)
        if client is None:
            return
        server = client.peer
        try:
            server.sock.shutdown(_socket.SHUT_RD)  # it reads as its end, after the rest
        except OSError:
            self._abort(client)
            return
        if client.waiting:
            self._abort(client)
        else:
            server.ending = True
            self._again.append(server)


def main(descriptor: int) -> None:
    """Be a pump."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # Waking must not interrupt whom it is to serve: more events are there at a time.
    sched_setscheduler(0, SCHED_BATCH, sched_param(0))
    Pump(_socket.socket(fileno=descriptor)).run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
