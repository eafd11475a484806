"""Where connections go: targets, how busy they are, and the choice between them."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from .relay import Relay
    from .wire import Address


_AVOIDED = 1.0  # seconds


class Backend:
    """A target, shared by all routes that lead to it."""

    __slots__ = ("active", "address", "avoided_until", "draining", "waiters")

    def __init__(self, address: Address) -> None:
        self.address = address
        self.active = 0
        """Connections open or being opened, over all routes."""
        self.draining = False
        self.avoided_until = 0.0
        """Until then whoever answers is preferred: it did not, a moment ago."""
        self.waiters: list[Callable[[], object]] = []
        """Whom to tell when a connection ends and none is left."""

    def avoid(self) -> None:
        """Prefer others for a while; being the least busy, it would be tried first."""
        self.avoided_until = time.monotonic() + _AVOIDED

    @property
    def load(self) -> tuple[bool, int]:
        """How little this target is to be preferred."""
        avoided = self.avoided_until
        return avoided > 0 and avoided > time.monotonic(), self.active

    def released(self) -> None:
        """Count a connection as over."""
        self.active -= 1
        if not self.active:
            waiters, self.waiters = self.waiters, []
            for waiter in waiters:
                waiter()


class Traffic:
    """What went along a way: connections, and the bytes of those that are over."""

    __slots__ = ("received", "sent", "total")

    def __init__(self) -> None:
        self.total = 0
        self.sent = 0
        """Bytes from clients to targets."""
        self.received = 0
        """Bytes from targets to clients."""

    def add(self, other: Traffic) -> None:
        """Count what another has counted."""
        self.total += other.total
        self.sent += other.sent
        self.received += other.received


class Lane:
    """One route's way to one target."""

    __slots__ = ("backend", "relays", "traffic")

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.relays: set[Relay] = set()
        self.traffic = Traffic()


class Choice:
    """Least connections, those avoided last; among equals, each in turn."""

    __slots__ = ("_turn", "lanes")

    def __init__(self) -> None:
        self.lanes: Sequence[Lane] = ()
        self._turn = 0

    def next(self, refused: Collection[Lane] = ()) -> Lane | None:
        """Return the lane for the next connection, or None if none is left."""
        lanes = self.lanes
        count = len(lanes)
        best: Lane | None = None
        chosen = 0
        for step in range(count):
            index = (self._turn + step) % count
            lane = lanes[index]
            if lane.backend.draining or lane in refused:
                continue
            if best is None or lane.backend.load < best.backend.load:
                best, chosen = lane, index
        self._turn = chosen + 1
        return best
