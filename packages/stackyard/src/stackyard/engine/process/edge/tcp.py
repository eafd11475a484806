"""A TCP route: its listener, the clients that wait, and the way to a target."""

from __future__ import annotations

import errno
import socket
import time
from collections import deque

from .backends import Choice, Lane, Traffic
from .capacity import CONNECTION
from .loop import READ, WRITE
from .relay import Relay

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .backends import Backend
    from .capacity import Capacity
    from .loop import Loop, Timer
    from .wire import Key

PATIENCE = 5.0
"""Seconds a client waits for a target: a service that restarts refuses nobody."""

_ACCEPT = 16  # clients at a time
_RETRY = 0.1  # seconds between tries while targets refuse and clients wait
_CONNECT = 1.5  # seconds a target has to answer: one that has to be asked twice
_UNDER_WAY = (errno.EINPROGRESS, errno.EALREADY)
_SHORT = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class TcpRoute:
    """Accepts clients on a listening socket; each goes to the least busy target."""

    def __init__(
        self, loop: Loop, capacity: Capacity, key: Key, listener: socket.socket
    ) -> None:
        self.key = key
        self.listener = listener
        self.choice = Choice()
        self.waiting: deque[Arrival] = deque()
        """Clients without a target, the longest waiting first."""
        self.loop = loop
        self.capacity = capacity
        self.closed = False
        self.past = Traffic()
        """Of targets that are no longer listed."""
        self._lanes: list[Lane] = []  # also those that are no longer targets
        self._retry: Timer | None = None
        listener.setblocking(False)
        # Accepted sockets inherit it.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        loop.watch(listener, READ, self._accept)
        capacity.add(listener)

    @property
    def lanes(self) -> list[Lane]:
        """The targets, and former ones that still have connections."""
        for lane in tuple(self._lanes):
            if not lane.relays and lane not in self.choice.lanes:
                self._lanes.remove(lane)
                self.past.add(lane.traffic)
        return self._lanes

    def active(self, lane: Lane) -> int:
        """Count the connections to a target."""
        return len(lane.relays)

    def retarget(self, backends: Iterable[Backend]) -> None:
        """Use these targets from now on; established connections are left alone."""
        known = {lane.backend: lane for lane in self.lanes}
        self.choice.lanes = [known.get(item) or Lane(item) for item in backends]
        self._lanes += [lane for lane in self.choice.lanes if lane not in self._lanes]
        self._serve_waiting()

    def close(self, drain: float | None) -> None:
        """Stop listening; end what is still connected after `drain` seconds, if any."""
        self.closed = True
        self.choice.lanes = ()
        self.capacity.remove(self.listener)
        self.loop.close(self.listener)
        while self.waiting:
            self.waiting.popleft().give_up()
        if drain is not None:
            self.loop.after(drain, self.abort)

    def abort(self) -> None:
        """Reset every connection."""
        for lane in self.lanes:
            for relay in tuple(lane.relays):
                relay.abort()

    def wait(self, arrival: Arrival, *, first: bool) -> None:
        """Keep a client that found no target, before or after the others."""
        if self.closed or arrival.deadline <= time.monotonic():
            arrival.give_up()
            return
        if first:
            self.waiting.appendleft(arrival)
        else:
            self.waiting.append(arrival)
        self._arm()

    def ended(self) -> None:
        """Give back what a connection had taken."""
        self.capacity.give(CONNECTION)

    def _accept(self, _events: int) -> None:
        for _ in range(_ACCEPT):
            if not self.capacity.take(CONNECTION):
                return
            try:
                client, _address = self.listener.accept()
            except OSError as error:
                self.capacity.give(CONNECTION)
                if error.errno in _SHORT:
                    self.capacity.exhausted()
                # Else nobody is there, or whoever was has gone.
                return
            client.setblocking(False)
            Arrival(self, client).dial()

    def _arm(self) -> None:
        if self._retry is not None or not self.waiting:
            return
        remaining = max(0.0, self.waiting[0].deadline - time.monotonic())
        if self.choice.lanes:
            remaining = min(remaining, _RETRY)
        self._retry = self.loop.after(remaining, self._serve_waiting)

    def _serve_waiting(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        # One client finds out for all whether anybody answers yet.
        for _ in range(len(self.waiting)):
            arrival = self.waiting.popleft()
            if arrival.deadline <= time.monotonic():
                arrival.give_up()
            elif not arrival.dial(again=True):
                break
        self._arm()


class Arrival:
    """An accepted client that has no target yet."""

    __slots__ = ("_client", "_refused", "_route", "_timer", "deadline")

    def __init__(self, route: TcpRoute, client: socket.socket) -> None:
        self.deadline = time.monotonic() + PATIENCE
        self._route = route
        self._client = client
        self._refused: list[Lane] = []
        self._timer: Timer | None = None

    def dial(self, *, again: bool = False) -> bool:
        """Try the targets, the least busy first; tell whether one may be had.

        If none answers the client waits; who has waited before goes first.
        """
        while (lane := self._route.choice.next(self._refused)) is not None:
            if self._try(lane):
                return True
            self._refused.append(lane)
        self._refused.clear()
        self._route.wait(self, first=again)
        return False

    def give_up(self) -> None:
        """Close the client's connection."""
        self._route.loop.close(self._client)
        self._route.ended()

    def _try(self, lane: Lane) -> bool:
        address = lane.backend.address
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        try:
            target = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        except OSError:
            return False
        # On loopback the answer is there when the first call returns, but only a
        # second one tells it; waiting for an event would take a turn of the loop.
        error = target.connect_ex(address)
        if error == errno.EINPROGRESS:
            error = target.connect_ex(address)
        if error in _UNDER_WAY:
            self._await(lane, target)
        elif error:
            target.close()
            lane.backend.avoid()
            return False
        else:
            lane.backend.active += 1
            self._relay(lane, target)
        return True

    def _await(self, lane: Lane, target: socket.socket) -> None:
        lane.backend.active += 1
        loop = self._route.loop
        self._timer = loop.after(_CONNECT, lambda: self._answered(lane, target, 0))
        loop.watch(target, WRITE, lambda events: self._answered(lane, target, events))

    def _answered(self, lane: Lane, target: socket.socket, events: int) -> None:
        loop = self._route.loop
        if self._timer is not None:
            self._timer.cancel()
        if events and not target.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            loop.forget(target)
            self._relay(lane, target)
            return
        loop.close(target)
        lane.backend.avoid()
        lane.backend.released()
        self._refused.append(lane)
        self.dial(again=True)

    def _relay(self, lane: Lane, target: socket.socket) -> None:
        target.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        relay = Relay(self._route.loop, lane, ended=self._route.ended)
        relay.start(self._client, target)
