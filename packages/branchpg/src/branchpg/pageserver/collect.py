"""Garbage collection: remove what no retention rule needs."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from branchpg.errors import Unsatisfiable
from branchpg.lsn import Lsn
from branchpg.pageserver import retention, settings
from branchpg.pageserver.retention import Pin
from branchpg.pageserver.tenants import now
from branchpg.store import snapshots

if TYPE_CHECKING:
    from branchpg.pageserver.moments import Moments
    from branchpg.pageserver.store import Store
    from branchpg.pageserver.tenants import Tenant
    from branchpg.pageserver.wal import Wal
    from branchpg.store.catalog import Catalog, Timeline
    from branchpg.store.snapshots import Snapshot

__all__ = ["Collector", "GcResult"]

_LOG: Final = logging.getLogger(__name__)


class GcResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did, with Neon's names; a layer is a snapshot or a WAL segment."""

    layers_total: int
    layers_needed_by_cutoff: int = 0
    layers_needed_by_pitr: int = 0
    layers_needed_by_branches: int = 0
    layers_needed_by_leases: int = 0
    layers_not_updated: int = 0
    layers_removed: int = 0
    elapsed: int = 0
    decisions: tuple[retention.Decision, ...] = ()


class Collector:
    """Collects one timeline after the other."""

    def __init__(self, store: Store, wal: Wal, moments: Moments) -> None:
        self._store = store
        self._wal = wal
        self._moments = moments

    def collect(
        self,
        tenant: Tenant,
        timeline_id: str,
        *,
        horizon: int | None = None,
        dry_run: bool = False,
    ) -> GcResult:
        """Remove what a timeline no longer needs, or say what that would be."""
        started = time.monotonic()
        # Outside of the block, since it may read many segments; it only moves on.
        cutoff = self._cutoff(
            tenant.catalog, tenant.catalog.timeline(timeline_id), horizon
        )
        with tenant.history.removing():
            catalog = tenant.catalog
            timeline = catalog.timeline(timeline_id)
            plan = self._plan(catalog, timeline, cutoff)
            own = self._lasting(tenant.id, timeline_id)
            numbers = self._wal.numbers(catalog, timeline_id)
            removed = 0
            if not dry_run and not timeline.is_gc_blocked:
                # First it is said that nobody may branch there, then it is removed.
                tenant.change(lambda old: _cut(old, timeline_id, plan.cutoff))
                for snapshot in plan.snapshots:
                    snapshots.remove(snapshot)
                removed = len(plan.snapshots)
                removed += self._wal.remove_below(
                    catalog, timeline_id, set(plan.segments)
                )
        return GcResult(
            layers_total=len(own) + len(numbers),
            layers_needed_by_branches=_count(plan, "branch"),
            layers_needed_by_leases=_count(plan, "lease"),
            layers_needed_by_pitr=_count(plan, "pitr_interval"),
            layers_needed_by_cutoff=_count(plan, "gc_horizon"),
            layers_removed=removed,
            elapsed=round((time.monotonic() - started) * 1000),
            decisions=plan.decisions,
        )

    def _lasting(self, tenant_id: str, timeline_id: str) -> tuple[Snapshot, ...]:
        """Return the snapshots that others may go for."""
        own = snapshots.all_of(self._store.layout, tenant_id, timeline_id)
        return tuple(snapshot for snapshot in own if snapshot.lasts)

    def _plan(
        self, catalog: Catalog, timeline: Timeline, since: tuple[Lsn, str]
    ) -> retention.Plan:
        cutoff, reason = since
        return retention.plan(
            snapshots=self._lasting(catalog.tenant_id, timeline.timeline_id),
            segments=self._wal.numbers(catalog, timeline.timeline_id),
            segment_size=catalog.wal_segment_size,
            cutoff=cutoff,
            cutoff_reason=reason,
            pins=_pins(catalog, timeline),
        )

    def _cutoff(
        self, catalog: Catalog, timeline: Timeline, horizon: int | None
    ) -> tuple[Lsn, str]:
        """Return where that which is kept for its own sake begins, and why there."""
        config = settings.effective(catalog.config)
        head = self._wal.head(catalog, timeline)
        size = config["gc_horizon"] if horizon is None else horizon
        by_size = Lsn(max(head - size, 0))
        interval = settings.seconds(catalog.config, "pitr_interval")
        by_time, reason = by_size, f"within gc_horizon ({size} bytes)"
        if interval:
            since = now() - timedelta(seconds=interval)
            oldest = timeline.gc_cutoff_lsn
            try:
                moment = self._moments.lsn_of(
                    catalog, timeline.timeline_id, since, oldest=oldest
                )
                by_time = moment.lsn
            except Unsatisfiable:  # part of it is not there to be read
                by_time = oldest
            if by_time <= by_size:
                reason = f"within pitr_interval ({config['pitr_interval']})"
        return max(min(by_size, by_time), timeline.gc_cutoff_lsn), reason


def _pins(catalog: Catalog, timeline: Timeline) -> list[Pin]:
    moment = now()
    pins = [
        Pin(child.ancestor_lsn, f"branch {_name(catalog, child)} began at it")
        for child in catalog.children(timeline.timeline_id)
        if child.ancestor_lsn is not None
    ]
    pins += [
        Pin(lease.lsn, f"lease until {lease.valid_until.isoformat()}")
        for lease in catalog.leases
        if lease.timeline_id == timeline.timeline_id and lease.valid_until > moment
    ]
    return pins


def _name(catalog: Catalog, timeline: Timeline) -> str:
    branch = catalog.branch_of(timeline.timeline_id)
    return f'"{branch.name}"' if branch else timeline.timeline_id


def _cut(catalog: Catalog, timeline_id: str, cutoff: Lsn) -> Catalog:
    moment = now()
    timeline = msgspec.structs.replace(
        catalog.timeline(timeline_id), gc_cutoff_lsn=cutoff
    )
    leases = tuple(lease for lease in catalog.leases if lease.valid_until > moment)
    changed = catalog.with_timeline(timeline)
    return msgspec.structs.replace(changed, leases=leases)


def _count(plan: retention.Plan, word: str) -> int:
    return sum(1 for one in plan.decisions if one.keep and word in one.reason)
