"""The edge's event loop: descriptors, timers and work to go on with.

Idle means asleep: without a timer and without work the loop waits for ever. Connections
are watched edge-triggered, so that a relayed message costs no `epoll_ctl`.
"""

from __future__ import annotations

import heapq
import select
import sys
import time

TYPE_CHECKING = False  # `typing` costs the edge 0.7 MiB
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

READ = select.EPOLLIN
WRITE = select.EPOLLOUT
FAILED = select.EPOLLERR
GONE = select.EPOLLHUP
ENDED = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
INPUT = READ | ENDED
SOURCE = READ | select.EPOLLRDHUP | select.EPOLLET
STREAM = SOURCE | WRITE

_EVENTS = 128  # at a time; Python allocates room for as many in each wait


class Timer:
    """A call that is due at a time of the monotonic clock, unless cancelled."""

    __slots__ = ("action",)

    def __init__(self, action: Callable[[], object]) -> None:
        self.action: Callable[[], object] | None = action

    def cancel(self) -> None:
        """Forget the call; its place in the queue goes when its time comes."""
        self.action = None


class Loop:
    """Waits for descriptors and calls whoever watches them."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._watchers: dict[int, Callable[[int], object]] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = 0
        self._ready: list[Callable[[], object]] = []
        self._closing: list[socket.socket] = []
        self._amid_events = False
        self._running = True

    def watch(
        self, sock: socket.socket, events: int, watcher: Callable[[int], object]
    ) -> None:
        """Call the watcher with the events that occur on a socket."""
        fd = sock.fileno()
        self._epoll.register(fd, events)
        self._watchers[fd] = watcher

    def forget(self, sock: socket.socket) -> None:
        """Stop watching a socket that stays open."""
        del self._watchers[sock.fileno()]
        self._epoll.unregister(sock.fileno())

    def change(self, sock: socket.socket, events: int) -> None:
        """Wait for other events on a watched socket."""
        self._epoll.modify(sock.fileno(), events)

    def close(self, sock: socket.socket) -> None:
        """Stop watching a socket, and close it: amid events, when they are over.

        Closed at once, its number could be given to a new socket, which would then be
        told what happened to the old one.
        """
        self._watchers.pop(sock.fileno(), None)
        if self._amid_events:
            self._closing.append(sock)
        else:
            sock.close()

    def soon(self, action: Callable[[], object]) -> None:
        """Call an action after the events that are already waiting."""
        self._ready.append(action)

    def after(self, seconds: float, action: Callable[[], object]) -> Timer:
        """Call an action in so many seconds."""
        timer = Timer(action)
        self._order += 1
        entry = (time.monotonic() + seconds, self._order, timer)
        heapq.heappush(self._timers, entry)
        return timer

    def stop(self) -> None:
        """Leave `run` after this round."""
        self._running = False

    def run(self) -> None:
        """Serve until stopped; what fails in one watcher is reported and forgotten."""
        while self._running:
            self._dispatch(self._epoll.poll(self._patience(), _EVENTS))
            if self._closing:
                self._release()
            if self._timers:
                self._run_timers()
            if self._ready:
                ready, self._ready = self._ready, []
                for action in ready:
                    _call(action)

    def _dispatch(self, happened: list[tuple[int, int]]) -> None:
        watchers = self._watchers
        self._amid_events = True
        for fd, events in happened:
            watcher = watchers.get(fd)
            if watcher is not None:
                # Here, not around the loop: an edge-triggered event that is skipped
                # does not come again.
                try:
                    watcher(events)
                except Exception:  # noqa: BLE001 - a defect must not end all connections
                    _report()
        self._amid_events = False

    def _release(self) -> None:
        for sock in self._closing:
            sock.close()
        self._closing.clear()

    def _patience(self) -> float | None:
        if self._ready:
            return 0
        while self._timers and self._timers[0][2].action is None:
            heapq.heappop(self._timers)
        if not self._timers:
            return None
        return max(0.0, self._timers[0][0] - time.monotonic())

    def _run_timers(self) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            timer = heapq.heappop(self._timers)[2]
            if timer.action is not None:
                _call(timer.action)


def _call(action: Callable[[], object]) -> None:
    try:
        action()
    except Exception:  # noqa: BLE001 - as for watchers
        _report()


def _report() -> None:
    sys.__excepthook__(*sys.exc_info())
