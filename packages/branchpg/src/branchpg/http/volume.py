"""What every service tells of its process and of the disk it writes to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from prometheus_client import ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import CollectorRegistry, Metric

__all__ = ["observe"]


def observe(registry: CollectorRegistry, directory: str) -> None:
    """Add `process_…`, and the size and room of the file system of a directory.

    A start time that changes is a restart; a disk without room stops commits.
    """
    ProcessCollector(registry=registry)
    registry.register(_Volume(directory))


class _Volume(Collector):
    def __init__(self, directory: str) -> None:
        self._directory = directory

    def collect(self) -> Iterator[Metric]:
        """Yield what the file system says now; nothing where it says nothing."""
        try:
            found = os.statvfs(self._directory)
        except OSError:
            return
        yield GaugeMetricFamily(
            "branchpg_volume_size_bytes",
            "Size of the file system that holds the service's directory",
            value=found.f_blocks * found.f_frsize,
        )
        yield GaugeMetricFamily(
            "branchpg_volume_available_bytes",
            "Bytes of it that the service may still write",
            value=found.f_bavail * found.f_frsize,
        )
