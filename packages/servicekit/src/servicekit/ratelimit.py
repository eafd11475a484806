"""How often a client may ask: a number of requests in a fixed window of time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RateLimit", "Verdict"]

_CLIENTS: Final = 100_000
"""Clients that are counted at a time; with more, those of past windows go first."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request may pass, and what RateLimit-* headers say of it.

    Attributes:
        reset: seconds until the window ends, rounded up.
    """

    passes: bool
    remaining: int
    reset: int


class RateLimit:
    """Counts requests by client. A maximum of 0 counts nothing.

    The window of a client begins with its first request.
    """

    def __init__(
        self, *, maximum: int, window: float, clock: Callable[[], float]
    ) -> None:
        self.maximum = maximum
        self.window = window
        self._clock = clock
        self._counts: dict[str, list[float]] = {}
        self.policy = f"{maximum};w={math.ceil(window)}".encode()

    def take(self, client: str) -> Verdict:
        """Count a request of a client."""
        now = self._clock()
        entry = self._counts.get(client)
        if entry is None or now >= entry[1]:
            if len(self._counts) >= _CLIENTS:
                self._forget(now)
            entry = self._counts[client] = [0, now + self.window]
        entry[0] += 1
        left = self.maximum - int(entry[0])
        return Verdict(left >= 0, max(left, 0), max(1, math.ceil(entry[1] - now)))

    def _forget(self, now: float) -> None:
        self._counts = {
            client: entry for client, entry in self._counts.items() if entry[1] > now
        }
        if len(self._counts) >= _CLIENTS:
            self._counts.clear()
