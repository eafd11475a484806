"""Metrics of the pageserver, by Neon's names where they mean the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from branchpg.pageserver.tenants import now
from branchpg.store import sizes, snapshots

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric

    from branchpg.pageserver.pageserver import Pageserver

__all__ = ["Collected"]

_LABELS = ("tenant_id", "shard_id", "timeline_id")


class Collected(Collector):
    """Reads everything when it is asked for: an idle pageserver does nothing."""

    def __init__(self, service: Pageserver) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of all tenants and timelines."""
        yield from self._of_tenants()
        yield from self._of_timelines()

    def _of_tenants(self) -> Iterator[Metric]:
        tenants = self._service.tenants.all()
        states = GaugeMetricFamily(
            "pageserver_tenant_states_count", "Tenants by state", labels=("state",)
        )
        states.add_metric(("Active",), len(tenants))
        leases = GaugeMetricFamily(
            "pageserver_valid_lsn_lease_count",
            "Leases that hold",
            labels=("tenant_id", "shard_id"),
        )
        moment = now()
        for tenant in tenants:
            valid = [one for one in tenant.catalog.leases if one.valid_until > moment]
            leases.add_metric((tenant.id, "0000"), len(valid))
        yield states
        yield leases

    def _of_timelines(self) -> Iterator[Metric]:
        head = _gauge("pageserver_last_record_lsn", "End of the log")
        cutoff = _gauge("pageserver_gc_cutoff_lsn", "Oldest LSN to branch from")
        resident = _gauge("pageserver_resident_physical_size", "Bytes on disk")
        history = _gauge("pageserver_pitr_history_size", "Bytes of WAL on disk")
        count = _gauge("pageserver_snapshots", "Snapshots")
        spares = _gauge("pageserver_spares", "Copies that follow, for branches to come")
        layout = self._service.layout
        for tenant in self._service.tenants.all():
            catalog = tenant.catalog
            for timeline_id, about in catalog.timelines.items():
                labels = (tenant.id, "0000", timeline_id)
                head.add_metric(labels, self._service.wal.head(catalog, about))
                cutoff.add_metric(labels, about.gc_cutoff_lsn)
                total = sizes.of_tree(layout.timeline(tenant.id, timeline_id))
                resident.add_metric(labels, total.physical)
                wal = sizes.of_tree(layout.wal(tenant.id, timeline_id))
                history.add_metric(labels, wal.physical)
                own = snapshots.all_of(layout, tenant.id, timeline_id)
                count.add_metric(labels, len(own))
                ready = self._service.spares.count(tenant, timeline_id)
                spares.add_metric(labels, ready)
        yield from (head, cutoff, resident, history, count, spares)


def _gauge(name: str, text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=_LABELS)
