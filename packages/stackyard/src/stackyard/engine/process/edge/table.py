"""The edge's routes: made what the supervisor asks for, whatever they were before."""

from __future__ import annotations

import socket

from .backends import Backend
from .tcp import TcpRoute
from .udp import UdpRoute
from .wire import KINDS, family_of, key_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from . import wire
    from .backends import Lane
    from .capacity import Capacity
    from .loop import Loop

    Route = TcpRoute | UdpRoute

_BACKLOG = 4096


class Applied:
    """What came of a table: addresses not listened on, and listeners that are new."""

    __slots__ = ("bound", "failed")

    def __init__(self) -> None:
        self.failed: list[tuple[wire.Key, int]] = []
        self.bound: list[socket.socket] = []


class RouteTable:
    """All routes, and the backends they share."""

    def __init__(self, loop: Loop, capacity: Capacity) -> None:
        self._loop = loop
        self._capacity = capacity
        self._routes: dict[wire.Key, Route] = {}
        self._closed: list[Route] = []  # no longer listening, with connections
        self._backends: dict[wire.Key, Backend] = {}

    @property
    def listeners(self) -> list[socket.socket]:
        """Every socket that is listened on."""
        return [route.listener for route in self._routes.values()]

    def apply(
        self,
        table: wire.Table,
        offered: Iterable[socket.socket],
        *,
        drain: float | None,
    ) -> Applied:
        """Listen on what the table names and on nothing else, with these targets.

        A listener that is offered is used where there is none yet. A table that names
        a target ends its draining.
        """
        applied = Applied()
        for key in self._routes.keys() - table.keys():
            route = self._routes.pop(key)
            route.close(drain)
            self._closed.append(route)
        spare = _by_key(offered)
        for key, targets in table.items():
            route_or_none = self._routes.get(key) or self._open(key, spare, applied)
            if route_or_none is not None:
                self._retarget(route_or_none, targets)
        for sock in spare.values():
            sock.close()
        self._tidy()
        return applied

    def drain(self, address: wire.Address) -> Backend | None:
        """Give a target no more connections; return what counts those it has."""
        for protocol in KINDS:
            backend = self._backends.get((protocol, *address))
            if backend is not None:
                backend.draining = True
        # UDP has no connections to wait for: its clients move on by themselves.
        return self._backends.get(("tcp", *address))

    def status(self) -> dict[str, Any]:
        """Describe every route, its targets and what went along it."""
        self._tidy()
        routes = (*self._routes.values(), *self._closed)
        return {
            "routes": [_describe(route) for route in routes],
            "descriptors": {
                "used": self._capacity.used,
                "limit": self._capacity.limit,
            },
        }

    def close(self) -> None:
        """Close every listener and every connection."""
        for route in (*self._routes.values(), *self._closed):
            if not route.closed:
                route.close(None)
            route.abort()

    def _open(
        self, key: wire.Key, spare: dict[wire.Key, socket.socket], applied: Applied
    ) -> Route | None:
        listener = spare.pop(key, None)
        if listener is None:
            try:
                listener = _bind(key)
            except OSError as error:
                applied.failed.append((key, error.errno or 0))
                return None
            applied.bound.append(listener)
        kind = TcpRoute if key[0] == "tcp" else UdpRoute
        route = kind(self._loop, self._capacity, key, listener)
        self._routes[key] = route
        return route

    def _retarget(self, route: Route, targets: list[wire.Address]) -> None:
        backends = []
        for address in targets:
            key = (route.key[0], *address)
            backend = self._backends.get(key)
            if backend is None:
                backend = self._backends[key] = Backend(address)
            backend.draining = False
            backends.append(backend)
        route.retarget(backends)

    def _tidy(self) -> None:
        self._closed = [route for route in self._closed if route.lanes]
        named = {
            lane.backend for route in self._routes.values() for lane in route.lanes
        }
        self._backends = {
            key: backend
            for key, backend in self._backends.items()
            if backend.active or backend in named
        }


def _by_key(offered: Iterable[socket.socket]) -> dict[wire.Key, socket.socket]:
    spare: dict[wire.Key, socket.socket] = {}
    for sock in offered:
        key = key_of(sock)
        listens = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        if key in spare or (key[0] == "tcp" and not listens):
            sock.close()
        else:
            spare[key] = sock
    return spare


def _bind(key: wire.Key) -> socket.socket:
    protocol, host, port = key
    sock = socket.socket(family_of(host), KINDS[protocol])
    try:
        if ":" in host:
            # Else "::" would take the port of every IPv4 address too.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if protocol == "tcp":
            # Connections that ended a moment ago do not keep the port. Two UDP sockets
            # with this option could take the same one.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        if protocol == "tcp":
            sock.listen(_BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _describe(route: Route) -> dict[str, Any]:
    protocol, host, port = route.key
    targets = [_describe_lane(route, lane) for lane in route.lanes]
    sums = {
        name: getattr(route.past, name) + sum(target[name] for target in targets)
        for name in ("total", "sent", "received")
    }
    return {
        "listen": [host, port],
        "protocol": protocol,
        "listening": not route.closed,
        "waiting": len(route.waiting) if isinstance(route, TcpRoute) else 0,
        "active": sum(target["active"] for target in targets),
        **sums,
        "targets": targets,
    }


def _describe_lane(route: Route, lane: Lane) -> dict[str, Any]:
    return {
        "address": list(lane.backend.address),
        "current": lane in route.choice.lanes,
        "draining": lane.backend.draining,
        "active": route.active(lane),
        "total": lane.traffic.total,
        "sent": lane.traffic.sent + sum(relay.sent for relay in lane.relays),
        "received": lane.traffic.received
        + sum(relay.received for relay in lane.relays),
    }
