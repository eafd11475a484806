"""A UDP route: an association for each client, until it is idle."""

from __future__ import annotations

import socket
import time

from .backends import Choice, Lane, Traffic
from .loop import READ

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, TypeAlias

    from .backends import Backend
    from .capacity import Capacity
    from .loop import Loop, Timer
    from .wire import Key

    Client: TypeAlias = tuple[Any, ...]

IDLE = 60.0
"""Seconds without a datagram either way after which a client is forgotten."""

_CLIENTS = 4096  # at most, of one route; beyond, the one longest silent is forgotten
_DATAGRAMS = 64  # at a time, before others have their turn
_SIZE = 65536


class Association:
    """A client's own socket to its target: answers come back on it."""

    __slots__ = ("client", "lane", "sock", "used")

    def __init__(self, client: Client, lane: Lane, sock: socket.socket) -> None:
        self.client = client
        self.lane = lane
        self.sock = sock
        self.used = time.monotonic()


class UdpRoute:
    """Passes datagrams to targets, those of one client always to the same."""

    def __init__(
        self, loop: Loop, capacity: Capacity, key: Key, listener: socket.socket
    ) -> None:
        self.key = key
        self.listener = listener
        self.choice = Choice()
        self.closed = False
        self.past = Traffic()
        """Of targets that are no longer listed."""
        self._loop = loop
        self._capacity = capacity
        # Ordered by use, the longest silent first.
        self._associations: dict[Client, Association] = {}
        self._expiry: Timer | None = None
        listener.setblocking(False)
        loop.watch(listener, READ, self._from_clients)
        capacity.used += 1

    @property
    def lanes(self) -> list[Lane]:
        """The targets."""
        return list(self.choice.lanes)

    def retarget(self, backends: Iterable[Backend]) -> None:
        """Use these targets from now on; clients of others are given a new one."""
        known = {lane.backend: lane for lane in self.choice.lanes}
        self.choice.lanes = [
            known.pop(item) if item in known else Lane(item) for item in backends
        ]
        for lane in known.values():
            self.past.add(lane.traffic)

    def close(self, drain: float | None) -> None:
        """Stop; `drain` has no meaning where nothing is established."""
        self.closed = True
        self.abort()
        self._loop.close(self.listener)
        self._capacity.give(1)

    def abort(self) -> None:
        """Forget every client."""
        for association in tuple(self._associations.values()):
            self._forget(association)

    def active(self, lane: Lane) -> int:
        """Count the clients of a target."""
        return sum(item.lane is lane for item in self._associations.values())

    def _from_clients(self, _events: int) -> None:
        for _ in range(_DATAGRAMS):
            try:
                data, client = self.listener.recvfrom(_SIZE)
            except OSError:
                return
            self._pass_on(data, client)

    def _pass_on(self, data: bytes, client: Client) -> None:
        refused: list[Lane] = []
        while (association := self._associate(client, refused)) is not None:
            try:
                association.sock.send(data)
            except BlockingIOError:
                return  # as any full queue does with a datagram: it is lost
            except OSError:
                # The answer to an earlier datagram: nobody listens there.
                refused.append(association.lane)
                self._forget(association)
                continue
            association.lane.traffic.sent += len(data)
            self._touch(association)
            return

    def _associate(self, client: Client, refused: list[Lane]) -> Association | None:
        association = self._associations.get(client)
        if association is not None:
            lane = association.lane
            if lane in self.choice.lanes and not lane.backend.draining:
                return association
            self._forget(association)
        next_lane = self.choice.next(refused)
        if next_lane is None:
            return None
        return self._open(client, next_lane)

    def _open(self, client: Client, lane: Lane) -> Association | None:
        if len(self._associations) >= _CLIENTS or not self._capacity.room(1):
            if not self._associations:
                return None
            self._forget(next(iter(self._associations.values())))
        address = lane.backend.address
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        try:
            sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        except OSError:
            return None
        association = Association(client, lane, sock)
        try:
            sock.connect(address)
        except OSError:
            sock.close()
            return None
        self._loop.watch(sock, READ, lambda _events: self._from_target(association))
        self._capacity.used += 1
        self._associations[client] = association
        lane.traffic.total += 1
        lane.backend.active += 1
        if self._expiry is None:
            self._expiry = self._loop.after(IDLE, self._expire)
        return association

    def _from_target(self, association: Association) -> None:
        for _ in range(_DATAGRAMS):
            try:
                data = association.sock.recv(_SIZE)
                self.listener.sendto(data, association.client)
            except BlockingIOError:
                return
            except OSError:
                self._forget(association)
                return
            association.lane.traffic.received += len(data)
            self._touch(association)

    def _touch(self, association: Association) -> None:
        association.used = time.monotonic()
        self._associations[association.client] = self._associations.pop(
            association.client
        )

    def _forget(self, association: Association) -> None:
        del self._associations[association.client]
        self._loop.close(association.sock)
        self._capacity.give(1)
        association.lane.backend.released()

    def _expire(self) -> None:
        self._expiry = None
        horizon = time.monotonic() - IDLE
        for association in tuple(self._associations.values()):
            if association.used > horizon:
                left = association.used - horizon
                self._expiry = self._loop.after(left, self._expire)
                return
            self._forget(association)
