"""Which sessions are open, on which endpoints, and how many there may be."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import TYPE_CHECKING

from branchpg.errors import TryLater

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from branchpg.compute.proxy.metrics import Metrics
    from branchpg.compute.proxy.settings import Limits

__all__ = ["Sessions", "TooManyError"]


class TooManyError(TryLater):
    """As PostgreSQL says it when max_connections are there."""

    def __init__(self) -> None:
        super().__init__("sorry, too many clients already")


class Sessions:
    """Counts, and the limits on them."""

    def __init__(self, limits: Limits, metrics: Metrics) -> None:
        self._limits = limits
        self._metrics = metrics
        self._total = 0
        self._of_endpoint: Counter[str] = Counter()

    @property
    def total(self) -> int:
        """Sessions that are open, or wait for their endpoint."""
        return self._total

    @property
    def by_endpoint(self) -> Mapping[str, int]:
        """Open sessions of each endpoint that has some."""
        return dict(self._of_endpoint)

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """Count a session; raise TooManyError if there are too many."""
        if self._total >= self._limits.sessions:
            raise TooManyError
        self._total += 1
        try:
            yield
        finally:
            self._total -= 1

    @contextlib.contextmanager
    def one_of(self, endpoint: str) -> Iterator[None]:
        """Count a session of an endpoint; raise TooManyError if it has too many."""
        if self._of_endpoint[endpoint] >= self._limits.endpoint_sessions:
            raise TooManyError
        self._of_endpoint[endpoint] += 1
        gauge = self._metrics.sessions.labels(endpoint)
        gauge.inc()
        try:
            yield
        finally:
            gauge.dec()
            self._of_endpoint[endpoint] -= 1
            if not self._of_endpoint[endpoint]:
                del self._of_endpoint[endpoint]
                with contextlib.suppress(KeyError):
                    self._metrics.sessions.remove(endpoint)
