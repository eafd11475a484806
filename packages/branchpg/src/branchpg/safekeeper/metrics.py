"""Metrics of a safekeeper, named as Neon names them where the meaning is the same."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from branchpg.http.volume import observe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client import Metric

    from branchpg.safekeeper.registry import Registry
    from branchpg.safekeeper.timeline import Timeline

__all__ = ["collector"]

_LABELS: Final = ("tenant_id", "timeline_id")


def _disk_usage(timeline: Timeline) -> int:
    names = os.scandir(timeline.directory)
    with names:
        return sum(entry.stat().st_size for entry in names)


def _streams(timeline: Timeline) -> int:
    receiver = timeline.receiver
    return int(receiver is not None and receiver.streams)


_GAUGES: Final[dict[str, tuple[str, Callable[[Timeline], float]]]] = {
    "safekeeper_flush_lsn": (
        "up to where WAL is on disk",
        lambda timeline: timeline.flush_lsn or 0,
    ),
    "safekeeper_backup_lsn": (
        "up to where WAL is in snapshots",
        lambda timeline: timeline.state.remote_consistent_lsn,
    ),
    "safekeeper_remote_consistent_lsn": (
        "up to where WAL is in snapshots",
        lambda timeline: timeline.state.remote_consistent_lsn,
    ),
    "safekeeper_acceptor_term": (
        "the generation that is promised",
        lambda timeline: timeline.state.generation,
    ),
    "safekeeper_timeline_active": ("whether WAL can come", _streams),
    "safekeeper_connected_computes": ("computes that WAL is pulled from", _streams),
    "safekeeper_disk_usage_bytes": ("size of the files", _disk_usage),
}
_COUNTERS: Final[dict[str, tuple[str, Callable[[Timeline], float]]]] = {
    "safekeeper_written_wal_bytes": (
        "bytes of WAL written",
        lambda timeline: timeline.counts.written_bytes,
    ),
    "safekeeper_written_wal_seconds": (
        "time spent writing WAL",
        lambda timeline: timeline.counts.written_seconds,
    ),
    "safekeeper_flushed_wal_seconds": (
        "time spent forcing WAL to disk",
        lambda timeline: timeline.counts.flushed_seconds,
    ),
    "safekeeper_removed_wal_segments": (
        "segments removed",
        lambda timeline: timeline.counts.removed_segments,
    ),
}


class _Collector:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def describe(self) -> list[Metric]:
        """Say nothing: the names are not checked against others."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Read all timelines."""
        timelines = self._registry.all()
        yield GaugeMetricFamily("safekeeper_timelines", "timelines", len(timelines))
        receiving = sum(map(_streams, timelines))
        yield GaugeMetricFamily(
            "safekeeper_active_timelines", "timelines that receive", receiving
        )
        yield GaugeMetricFamily(
            "safekeeper_wal_receivers", "streams from computes", receiving
        )
        readers = sum(len(timeline.readers.senders) for timeline in timelines)
        yield GaugeMetricFamily("safekeeper_wal_readers", "streams to readers", readers)
        for name, (text, read) in _GAUGES.items():
            gauge = GaugeMetricFamily(name, text, labels=_LABELS)
            _add(gauge, timelines, read)
            yield gauge
        for name, (text, read) in _COUNTERS.items():
            counter = CounterMetricFamily(name, text, labels=_LABELS)
            _add(counter, timelines, read)
            yield counter


def _add(
    family: GaugeMetricFamily | CounterMetricFamily,
    timelines: list[Timeline],
    read: Callable[[Timeline], float],
) -> None:
    for timeline in timelines:
        key = timeline.key
        family.add_metric((key.tenant_id, key.timeline_id), float(read(timeline)))


def collector(registry: Registry) -> CollectorRegistry:
    """Return the metrics of the timelines of a safekeeper."""
    metrics = CollectorRegistry(auto_describe=False)
    metrics.register(_Collector(registry))
    observe(metrics, registry.directory)
    return metrics
