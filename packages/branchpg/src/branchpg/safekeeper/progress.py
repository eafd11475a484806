"""Waiting for WAL: threads write it, the event loop waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Progress", "Watch"]


class Watch:
    """One who waits, on the event loop that made it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._waits = False

    def arm(self) -> None:
        """Ask to be told of what comes from now on; then look, then `wait`."""
        self._event.clear()
        self._waits = True

    async def wait(self, within: float) -> bool:
        """Wait until there is news; return whether there was in time."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._event.wait(), within)
        return self._event.is_set()

    def tell(self) -> None:
        """Wake who waits; from any thread."""
        if self._waits:  # waking an event loop costs a system call
            self._waits = False
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._event.set)


class Progress:
    """Those who wait for the WAL of one timeline."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watches: tuple[Watch, ...] = ()

    def tell(self) -> None:
        """Wake everybody; cheap when nobody waits."""
        for watch in self._watches:
            watch.tell()

    @contextlib.contextmanager
    def watch(self) -> Iterator[Watch]:
        """Be told during a block."""
        watch = Watch()
        with self._lock:
            self._watches += (watch,)
        try:
            yield watch
        finally:
            with self._lock:
                self._watches = tuple(w for w in self._watches if w is not watch)
