"""A circuit breaker: who is known to be down is not asked again at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CircuitBreaker"]


class CircuitBreaker:
    """Opens after some failures in a row; lets one attempt through after a while.

    Attributes:
        threshold: failures in a row that open it.
        seconds: how long it stays open before the next attempt.
    """

    def __init__(
        self, *, threshold: int, seconds: float, clock: Callable[[], float]
    ) -> None:
        self.threshold = threshold
        self.seconds = seconds
        self._clock = clock
        self._failures = 0
        self._retry_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether enough went wrong in a row."""
        return self._failures >= self.threshold

    def admits(self) -> bool:
        """Return whether an attempt may be made; an open breaker admits one a time."""
        if not self.is_open:
            return True
        now = self._clock()
        if now < self._retry_at:
            return False
        self._retry_at = now + self.seconds
        return True

    def succeeded(self) -> None:
        """Note that an attempt went well."""
        self._failures = 0

    def failed(self) -> None:
        """Note that an attempt failed."""
        self._failures += 1
        if self.is_open:
            self._retry_at = self._clock() + self.seconds
