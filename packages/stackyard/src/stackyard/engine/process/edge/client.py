"""The supervisor's side of the edge: its table, its answers, its listening sockets.

`EdgeClient` keeps a duplicate of every listener. When the edge dies, connections wait
in their queues; the client connects to the next edge and its first table brings the
listeners along. When the supervisor dies, a new client gets them from the edge.

    client = EdgeClient(path)
    client.connect()                  # after spawn_edge, or to a living edge
    failures = client.apply(routes)   # as often as anything changes

The calls block, for as long as the edge takes to answer: milliseconds, except `drain`.
`AsyncEdgeClient` makes them in threads, for asyncio's streams cannot pass descriptors.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

from stackyard.engine.process.sockets import peer_pid

from . import wire

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Address = tuple[str, int]
Protocol = Literal["tcp", "udp"]

_ANSWER = 10.0  # seconds the edge has to answer what it answers at once


class EdgeError(Exception):
    """The edge did not do what it was asked."""


class EdgeGoneError(EdgeError):
    """There is no edge, or it went away: start one, connect and send the table."""


@dataclass(frozen=True)
class Route:
    """A listening address and where its connections go."""

    listen: Address
    targets: tuple[Address, ...] = ()
    protocol: Protocol = "tcp"


@dataclass(frozen=True)
class Failure:
    """An address that could not be listened on; see `ports.explain`."""

    listen: Address
    protocol: Protocol
    errno: int

    def __str__(self) -> str:
        host, port = self.listen
        return f"cannot listen on {host} port {port}: {os.strerror(self.errno)}"


@dataclass(frozen=True)
class Drained:
    """How a drain ended: `active` connections were left when its time was over."""

    drained: bool
    active: int


class EdgeClient:
    """A conversation with the edge, and duplicates of its listeners. Thread-safe."""

    def __init__(self, path: Path, *, timeout: float = _ANSWER) -> None:
        self._path = str(path)
        self._timeout = timeout
        self._sock: socket.socket | None = None
        self._lock = threading.Lock()
        self._introduced = False
        self.listeners: dict[wire.Key, socket.socket] = {}

    def connect(self) -> None:
        """Connect to the edge, be it new or living, and fetch what it listens on."""
        with self._lock:
            self._disconnect()
            self._sock = _connect(self._path, self._timeout)
            self._keep(self._ask({"handover": True}).sockets)

    def apply(
        self, routes: Iterable[Route], *, drain: float | None = None
    ) -> tuple[Failure, ...]:
        """Make these the edge's routes; return those it could not listen on.

        Connections of routes that are gone end by themselves, or after `drain` seconds.
        The next table is the next try for what failed.
        """
        wanted = tuple(routes)
        with self._lock:
            # An edge that is new to this client may be a new one.
            offered = () if self._introduced else tuple(self.listeners.values())
            answer = self._ask(_table(wanted, drain), offered)
            self._introduced = True
            self._keep(answer.sockets)
            self._drop_all_but({_key(route) for route in wanted})
        return tuple(
            Failure(tuple(item["listen"]), item["protocol"], item["errno"])
            for item in answer.message["failed"]
        )

    def drain(self, target: Address, *, timeout: float) -> Drained:
        """Give a target no more connections, and wait until those it has are over.

        It has a connection to the edge of its own, so that others need not wait. The
        next table decides whether the target is used again.
        """
        sock = _connect(self._path, timeout + self._timeout)
        with sock:
            request = {"drain": list(target), "timeout": timeout}
            message = _exchange(sock, request).message
        return Drained(message["drained"], message["active"])

    def status(self) -> dict[str, Any]:
        """Return what the edge counts: see `wire`."""
        with self._lock:
            return self._ask({"status": True}).message

    @property
    def pid(self) -> int:
        """The edge's process; 0 while not connected."""
        return 0 if self._sock is None else peer_pid(self._sock)

    def stop(self) -> None:
        """End the edge: no connection and no port is left."""
        with self._lock:
            self._ask({"stop": True})
            self._disconnect()
            self._drop_all_but(set())

    def close(self) -> None:
        """Leave the edge running, and keep nothing of it."""
        with self._lock:
            self._disconnect()
            self._drop_all_but(set())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(
        self, message: dict[str, Any], offered: Iterable[socket.socket] = ()
    ) -> _Answer:
        if self._sock is None:
            raise EdgeGoneError("not connected to the edge")
        try:
            return _exchange(self._sock, message, [sock.fileno() for sock in offered])
        except EdgeGoneError:
            self._disconnect()
            raise

    def _disconnect(self) -> None:
        if self._sock is not None:
            self._sock.close()
        self._sock = None
        self._introduced = False

    def _keep(self, sockets: Iterable[socket.socket]) -> None:
        for sock in sockets:
            key = wire.key_of(sock)
            if (known := self.listeners.pop(key, None)) is not None:
                known.close()
            self.listeners[key] = sock

    def _drop_all_but(self, keys: set[wire.Key]) -> None:
        # A duplicate that stays open keeps a port open on which nobody accepts.
        for key in self.listeners.keys() - keys:
            self.listeners.pop(key).close()


class AsyncEdgeClient:
    """`EdgeClient` for asyncio: each call is made in a thread."""

    def __init__(self, path: Path, *, timeout: float = _ANSWER) -> None:
        self.blocking = EdgeClient(path, timeout=timeout)

    async def connect(self) -> None:
        """Connect to the edge, be it new or living, and fetch what it listens on."""
        await asyncio.to_thread(self.blocking.connect)

    async def apply(
        self, routes: Iterable[Route], *, drain: float | None = None
    ) -> tuple[Failure, ...]:
        """Make these the edge's routes; return those it could not listen on."""
        return await asyncio.to_thread(self.blocking.apply, tuple(routes), drain=drain)

    async def drain(self, target: Address, *, timeout: float) -> Drained:  # noqa: ASYNC109 - the edge's, not ours
        """Give a target no more connections, and wait until those it has are over."""
        return await asyncio.to_thread(self.blocking.drain, target, timeout=timeout)

    async def status(self) -> dict[str, Any]:
        """Return what the edge counts."""
        return await asyncio.to_thread(self.blocking.status)

    async def stop(self) -> None:
        """End the edge: no connection and no port is left."""
        await asyncio.to_thread(self.blocking.stop)

    async def close(self) -> None:
        """Leave the edge running, and keep nothing of it."""
        await asyncio.to_thread(self.blocking.close)


@dataclass(frozen=True)
class _Answer:
    message: dict[str, Any]
    sockets: tuple[socket.socket, ...]


def _connect(path: str, timeout: float) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(timeout)
    try:
        with wire.short_path(path) as short:
            sock.connect(short)
    except OSError as error:
        sock.close()
        raise EdgeGoneError(f"no edge answers at {path!r}: {error}") from error
    return sock


def _exchange(
    sock: socket.socket, message: dict[str, Any], descriptors: Iterable[int] = ()
) -> _Answer:
    heard = bytearray()
    received: list[int] = []
    try:
        wire.send(sock, message, list(descriptors))
        while not heard.endswith(b"\n"):
            data, passed = wire.receive(sock)
            received += passed
            if not data:
                raise ConnectionResetError("it closed the connection")
            heard += data
    except OSError as error:
        wire.close_all(received)
        raise EdgeGoneError(f"the edge went away: {error}") from error
    sockets = tuple(socket.socket(fileno=number) for number in received)
    answer = wire.decode(bytes(heard))
    if "error" in answer:
        raise EdgeError(answer["error"])
    return _Answer(answer, sockets)


def _table(routes: tuple[Route, ...], drain: float | None) -> dict[str, Any]:
    entries = [
        {
            "listen": list(route.listen),
            "protocol": route.protocol,
            "targets": [list(target) for target in route.targets],
        }
        for route in routes
    ]
    table: dict[str, Any] = {"routes": entries, "handover": True}
    return table if drain is None else {**table, "drain": drain}


def _key(route: Route) -> wire.Key:
    host, port = route.listen
    family = wire.family_of(host)
    return (
        route.protocol,
        socket.inet_ntop(family, socket.inet_pton(family, host)),
        port,
    )
