"""Timelines that become roots of their own: Neon's RFC 34."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import msgspec

from branchpg.errors import BadRequest, Conflict
from branchpg.lsn import Lsn
from branchpg.store import clone, durable, snapshots

if TYPE_CHECKING:
    from branchpg.pageserver.store import Store
    from branchpg.pageserver.tenants import Tenant
    from branchpg.pageserver.wal import Wal
    from branchpg.store.catalog import Catalog, Timeline

__all__ = ["Detaching"]


class Detaching:
    """Takes timelines from their ancestors."""

    def __init__(self, store: Store, wal: Wal) -> None:
        self._store = store
        self._wal = wal

    def detach(self, tenant: Tenant, timeline_id: str) -> list[str]:
        """Make a timeline a root of its own; return who was moved over to it.

        What branched off its ancestor before it did goes with it, since it takes over
        that part of the history.
        """
        with tenant.history.reading(), tenant.lock(timeline_id):
            catalog = tenant.catalog
            timeline = catalog.timeline(timeline_id)
            point, ancestor_id = timeline.ancestor_lsn, timeline.ancestor_timeline_id
            if point is None or ancestor_id is None:
                raise Conflict("timeline has no ancestor")
            if catalog.timeline(ancestor_id).ancestor_timeline_id:
                raise BadRequest(
                    "the ancestor has an ancestor itself", hint="detach that one first"
                )
            moved = [
                sibling
                for sibling in catalog.children(ancestor_id)
                if sibling.timeline_id != timeline_id
                and (sibling.ancestor_lsn or point) <= point
            ]
            points = [sibling.ancestor_lsn or point for sibling in moved]
            self._wal.inherit(catalog, timeline_id, ancestor_id, point)
            oldest = self._take_over(catalog, timeline_id, min([*points, point]))
            tenant.change(
                lambda current: _detached(current, timeline_id, moved, oldest)
            )
            return [sibling.timeline_id for sibling in moved]

    def _take_over(self, catalog: Catalog, timeline_id: str, lsn: Lsn) -> Lsn:
        """Copy what serves an LSN of the ancestor up to the branch point."""
        timeline = catalog.timeline(timeline_id)
        base = self._store.nearest(catalog, timeline_id, lsn)
        with snapshots.staging(self._store.layout) as directory:
            os.mkdir(directory, 0o755)
            copy = os.path.join(directory, "data")
            clone.clone_tree(base.path, copy, driver=self._store.driver)
            target = self._store.layout.snapshot(
                catalog.tenant_id, timeline_id, base.lsn
            )
            snapshots.keep(snapshots.publish(directory, base, target))
        root = self._store.layout.wal(catalog.tenant_id, timeline_id)
        size = catalog.wal_segment_size
        own = timeline.start_lsn // size * size
        if base.redo < own:
            row = self._wal.row(catalog, base.redo, Lsn(own))
            for segment in row:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(root, segment.name))
            self._wal.place(catalog, timeline_id, row, upto=Lsn(own), directory=root)
        durable.sync_tree(root)
        return base.lsn


def _detached(
    catalog: Catalog, timeline_id: str, moved: list[Timeline], oldest: Lsn
) -> Catalog:
    timeline = msgspec.structs.replace(
        catalog.timeline(timeline_id),
        ancestor_timeline_id=None,
        ancestor_lsn=None,
        requested_lsn=None,
        gc_cutoff_lsn=oldest,
    )
    catalog = catalog.with_timeline(timeline)
    for sibling in moved:
        changed = msgspec.structs.replace(
            catalog.timeline(sibling.timeline_id), ancestor_timeline_id=timeline_id
        )
        catalog = catalog.with_timeline(changed)
    return catalog
