"""What Prometheus is told of a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from prometheus_client.metrics_core import Metric

__all__ = ["UNMATCHED", "Metrics", "PoolUse"]

UNMATCHED: Final = "unmatched"
"""The route of every request that no route matches: one label, however many URLs."""

_BUCKETS: Final = (
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05),
    *(0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0),
)
_METHODS: Final = frozenset(
    ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
)


class PoolUse(Protocol):
    """What a pool of connections says of itself."""

    name: str
    maximum: int
    waiting: int

    @property
    def size(self) -> int:
        """Connections that are open."""

    @property
    def idle(self) -> int:
        """Those of them that nobody uses."""


class Metrics:
    """The metrics of one service; `prefix` begins the names of its own."""

    def __init__(self, prefix: str) -> None:
        self.registry = CollectorRegistry()
        self.prefix = prefix
        ProcessCollector(registry=self.registry)
        labels = ("method", "route", "status")
        self._requests = Counter(
            f"{prefix}_requests", "Answered requests", labels, registry=self.registry
        )
        self._durations = Histogram(
            f"{prefix}_request_duration_seconds",
            "Seconds from a request's head to its answer's end",
            labels,
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._active = Gauge(
            f"{prefix}_requests_in_progress",
            "Requests that are being answered, streams included",
            registry=self.registry,
        )
        self._limited = Counter(
            f"{prefix}_rate_limited",
            "Requests refused for their number",
            registry=self.registry,
        )
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self.active = 0
        self._active.set_function(lambda: self.active)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request; `route` is the whole template."""
        key = (method, route, status)
        found = self._children.get(key)
        if found is None:
            labels = (method if method in _METHODS else "OTHER", route, str(status))
            found = (self._requests.labels(*labels), self._durations.labels(*labels))
            if method in _METHODS:
                self._children[key] = found
        found[0].inc()
        found[1].observe(seconds)

    def rate_limited(self) -> None:
        """Count a request that was refused for the number of them."""
        self._limited.inc()

    def gauge(self, name: str, words: str, value: Callable[[], float]) -> None:
        """Show a number of the service's own, read at each scrape."""
        made = Gauge(f"{self.prefix}_{name}", words, registry=self.registry)
        made.set_function(value)

    def watch_pools(self, pools: Callable[[], Iterable[PoolUse]]) -> None:
        """Show the pools that there are at the time of each scrape."""
        self.registry.register(_Pools(self.prefix, pools))

    def text(self) -> bytes:
        """Return all metrics as Prometheus reads them."""
        return generate_latest(self.registry)


class _Pools:
    def __init__(self, prefix: str, pools: Callable[[], Iterable[PoolUse]]) -> None:
        self._prefix = f"{prefix}_db_pool"
        self._pools = pools

    def collect(self) -> Iterator[Metric]:
        shown = {
            name: GaugeMetricFamily(f"{self._prefix}_{name}", words, labels=["pool"])
            for name, words in (
                ("max", "Connections that the pool may open"),
                ("size", "Connections that are open"),
                ("idle", "Open connections that nobody uses"),
                ("in_use", "Open connections that are in use"),
                ("waiting", "Requests that wait for a connection"),
            )
        }
        for pool in self._pools():
            label = [pool.name]
            shown["max"].add_metric(label, pool.maximum)
            shown["size"].add_metric(label, pool.size)
            shown["idle"].add_metric(label, pool.idle)
            shown["in_use"].add_metric(label, pool.size - pool.idle)
            shown["waiting"].add_metric(label, pool.waiting)
        yield from shown.values()
