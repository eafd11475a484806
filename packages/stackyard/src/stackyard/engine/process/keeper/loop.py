"""The keeper's event loop: descriptors, timers and the deaths of children."""

from __future__ import annotations

import heapq
import select
import signal
import socket
import time
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Loop:
    """Calls handlers as things happen; sleeps without waking up otherwise."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._handlers: dict[int, Callable[[int], None]] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._running = True

    def watch(
        self, descriptor: int, handler: Callable[[int], None], *, write: bool = False
    ) -> None:
        """Call the handler with the epoll events of a descriptor."""
        self._handlers[descriptor] = handler
        self._epoll.register(descriptor, _mask(write=write))

    def want_write(self, descriptor: int, *, write: bool) -> None:
        """Say whether the handler is called when the descriptor can be written, too."""
        self._epoll.modify(descriptor, _mask(write=write))

    def forget(self, descriptor: int) -> None:
        """Stop watching a descriptor, before it is closed."""
        self._handlers.pop(descriptor, None)
        with suppress(OSError):
            self._epoll.unregister(descriptor)

    def at(self, moment: float, call: Callable[[], None]) -> None:
        """Call once `time.monotonic()` has reached the moment."""
        heapq.heappush(self._timers, (moment, next(self._order), call))

    def on_child(self, handler: Callable[[int], None]) -> None:
        """Call the handler whenever a child has died (SIGCHLD)."""
        reader, writer = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        # Kept by the closure: the sockets live as long as the loop.

        def wake(events: int, _writer: socket.socket = writer) -> None:
            with suppress(BlockingIOError):
                reader.recv(4096)
            handler(events)

        self.watch(reader.fileno(), wake)

    def stop(self) -> None:
        """Return from `run` after this round."""
        self._running = False

    def run(self, after_round: Callable[[], None]) -> None:
        """Handle events until stopped; `after_round` commits what a round collected."""
        while self._running:
            for descriptor, events in self._epoll.poll(self._timeout()):
                handler = self._handlers.get(descriptor)
                if handler is not None:
                    handler(events)
            self._call_due()
            after_round()

    def _timeout(self) -> float | None:
        if not self._timers:
            return None
        return max(0.0, self._timers[0][0] - time.monotonic())

    def _call_due(self) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2]()


def _mask(*, write: bool) -> int:
    return select.EPOLLIN | (select.EPOLLOUT if write else 0)
