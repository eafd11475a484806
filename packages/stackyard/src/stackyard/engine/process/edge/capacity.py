"""How many descriptors are left, and what is not accepted while there are none."""

from __future__ import annotations

import resource

from .loop import READ

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

    from .loop import Loop

CONNECTION = 2
"""Descriptors of a TCP connection: the client's side and the target's."""

_RESERVE = 48  # the interpreter's own, control connections, listeners on their way
_RETRY = 1.0  # seconds after the system, not our own limit, ran out of descriptors


def raise_limit() -> int:
    """Raise the soft limit of open files to the hard one, and return it."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    soft = hard
    if hard == resource.RLIM_INFINITY:
        with open("/proc/sys/fs/nr_open") as most:
            soft = int(most.read())
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft


class Capacity:
    """Counts descriptors, and turns listeners off where they run out.

    A listener that cannot accept would be ready for ever: it is not watched until a
    connection closes, and clients wait in its queue.
    """

    def __init__(self, loop: Loop, limit: int) -> None:
        self.limit = max(limit - _RESERVE, CONNECTION)
        self.used = 0
        self._loop = loop
        self._listeners: list[socket.socket] = []
        self._paused = False

    def add(self, listener: socket.socket) -> None:
        """Mind a listener which the loop watches."""
        self._listeners.append(listener)
        self.used += 1
        if self._paused:
            self._loop.change(listener, 0)

    def remove(self, listener: socket.socket) -> None:
        """Mind a listener no longer."""
        self._listeners.remove(listener)
        self.give(1)

    def take(self, count: int) -> bool:
        """Reserve descriptors; where they are too few, turn the listeners off."""
        if not self.room(count):
            self._pause()
            return False
        self.used += count
        return True

    def room(self, count: int) -> bool:
        """Tell whether so many descriptors are left."""
        return self.used + count <= self.limit

    def give(self, count: int) -> None:
        """Give descriptors back."""
        self.used -= count
        if self._paused and self.used + CONNECTION <= self.limit:
            self._resume()

    def exhausted(self) -> None:
        """Answer a system that has no descriptor left, whatever was counted here."""
        if not self._paused:
            self._pause()
            self._loop.after(_RETRY, self._resume)

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            for listener in self._listeners:
                self._loop.change(listener, 0)

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            for listener in self._listeners:
                self._loop.change(listener, READ)
