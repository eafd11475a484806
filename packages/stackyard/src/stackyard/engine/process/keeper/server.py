"""The keeper's protocol: JSON lines on a Unix socket, requests answered in order.

Request `{"id": 1, "op": ..., ...}`; reply `{"id": 1, ...}`, or with `"error": text`.

    start    orders: [...]                -> replies: [{identity, at} or {error}]
    foreground  key, pid, log, mark       -> identity, at: of one that others started
    signal   key, number, tree            -> sent: whether anything was there
    members  key                          -> pids: the main process first
    list                                  -> records
    forget   keys                         -> {}
    shutdown                              -> {}; refused while a service runs

Without a request: `{"event": "exit", "record": ..., "output": ..., "timed_out": ...}`.
"""

from __future__ import annotations

import json
import select
from typing import TYPE_CHECKING, Any

from stackyard.engine.process.keeper.keeper import Keeper, RefusedError
from stackyard.engine.process.keeper.order import Order

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from stackyard.engine.process.keeper.loop import Loop

_RECEIVE = 1024 * 1024
_MOST_UNREAD = 64 * 1024 * 1024


class Server:
    """Listens, and speaks for one keeper."""

    def __init__(self, listener: socket.socket, directory: Path, loop: Loop) -> None:
        self._listener = listener
        self._loop = loop
        self._clients: set[_Client] = set()
        self.keeper = Keeper(directory, loop, self._publish)
        listener.setblocking(False)
        loop.watch(listener.fileno(), self._accept)

    def _accept(self, _events: int) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        self._clients.add(_Client(connection, self))

    def _publish(self, message: dict[str, Any]) -> None:
        for client in list(self._clients):
            client.send(message)

    def drop(self, client: _Client) -> None:
        """Forget a client that went away."""
        self._clients.discard(client)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what a request asks, and return the reply."""
        handler = _HANDLERS.get(request.get("op", ""))
        if handler is None:
            return {"error": f"unknown operation {request.get('op')!r}"}
        try:
            return handler(self, request)
        except RefusedError as error:
            return {"error": str(error)}
        except OSError as error:
            return {"error": f"cannot write the journal: {error.strerror or error}"}

    def start(self, request: dict[str, Any]) -> dict[str, Any]:
        """Start processes."""
        orders = [Order.from_json(order) for order in request["orders"]]
        return {"replies": self.keeper.start(orders)}

    def foreground(self, request: dict[str, Any]) -> dict[str, Any]:
        """Look after a process on somebody's terminal."""
        key, pid = request["key"], request["pid"]
        return self.keeper.look_after(key, pid, request["log"], request["mark"])

    def signal(self, request: dict[str, Any]) -> dict[str, Any]:
        """Signal a process."""
        key, number = request["key"], request["number"]
        return {"sent": self.keeper.signal(key, number, whole_tree=request["tree"])}

    def members(self, request: dict[str, Any]) -> dict[str, Any]:
        """List the processes of a key."""
        return {"pids": [item.pid for item in self.keeper.members(request["key"])]}

    def list(self, _request: dict[str, Any]) -> dict[str, Any]:
        """List what is known."""
        return {"records": self.keeper.known()}

    def forget(self, request: dict[str, Any]) -> dict[str, Any]:
        """Drop records."""
        self.keeper.forget(request["keys"])
        return {}

    def shutdown(self, _request: dict[str, Any]) -> dict[str, Any]:
        """End everything that services and commands left behind, then the keeper."""
        if not self.keeper.idle:
            raise RefusedError("a service is running")
        self.keeper.end_all(self._loop.stop)
        return {}


_HANDLERS = {
    "start": Server.start,
    "foreground": Server.foreground,
    "signal": Server.signal,
    "members": Server.members,
    "list": Server.list,
    "forget": Server.forget,
    "shutdown": Server.shutdown,
}


class _Client:
    """One connection. Never blocks the loop."""

    def __init__(self, connection: socket.socket, server: Server) -> None:
        connection.setblocking(False)
        self._connection = connection
        self._server = server
        self._loop = server._loop
        self._input = bytearray()
        self._output = bytearray()
        self._loop.watch(connection.fileno(), self._ready)

    def send(self, message: dict[str, Any]) -> None:
        """Send a message, now or as soon as the other side reads."""
        if self._connection.fileno() < 0:
            return
        waiting = bool(self._output)
        self._output += json.dumps(message, separators=(",", ":")).encode() + b"\n"
        if not waiting:
            self._flush()
        if len(self._output) > _MOST_UNREAD:
            self._close()

    def _ready(self, events: int) -> None:
        if events & select.EPOLLOUT:
            self._flush()
        if events & ~select.EPOLLOUT and self._connection.fileno() >= 0:
            self._receive()

    def _receive(self) -> None:
        try:
            data = self._connection.recv(_RECEIVE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close()
            return
        self._input += data
        *lines, rest = self._input.split(b"\n")
        self._input = bytearray(rest)
        for line in lines:
            self._handle(bytes(line))

    def _handle(self, line: bytes) -> None:
        try:
            request = dict(json.loads(line))
        except (ValueError, TypeError) as error:
            self.send({"id": None, "error": f"malformed request: {error}"})
            return
        try:
            reply = self._server.answer(request)
        except (ValueError, TypeError, KeyError) as error:
            reply = {"error": f"malformed request: {error!r}"}
        self.send({"id": request.get("id"), **reply})

    def _flush(self) -> None:
        try:
            sent = self._connection.send(self._output)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._close()
            return
        del self._output[:sent]
        self._loop.want_write(self._connection.fileno(), write=bool(self._output))

    def _close(self) -> None:
        if self._connection.fileno() >= 0:
            self._loop.forget(self._connection.fileno())
            self._connection.close()
        self._server.drop(self)
