"""Timelines: make the first one, branch, delete, detach, archive."""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
from typing import TYPE_CHECKING, Final

import msgspec

from branchpg.errors import (
    BadRequest,
    BranchpgError,
    Conflict,
    PreconditionFailed,
    TryLater,
    Unsatisfiable,
)
from branchpg.lsn import Lsn, Segment
from branchpg.pageserver.live import Unreachable, flushed_lsn
from branchpg.pageserver.tenants import now
from branchpg.postgres import cluster, owner
from branchpg.postgres.record_end import find_record_end
from branchpg.promotions import before
from branchpg.store import clone, durable, failpoints, snapshots
from branchpg.store.catalog import Timeline
from branchpg.store.ease import AT_ONCE, Ease

if TYPE_CHECKING:
    from branchpg.http.safekeepers import Safekeepers
    from branchpg.pageserver.spares import Spares
    from branchpg.pageserver.store import Store
    from branchpg.pageserver.tenants import Tenant
    from branchpg.pageserver.wal import Wal
    from branchpg.postgres.programs import Programs
    from branchpg.store.catalog import Attachment, Catalog

__all__ = ["Timelines"]

_LOG: Final = logging.getLogger(__name__)
_ALIGNMENT: Final = 8
_MEGABYTE: Final = 1024 * 1024
_WAIT_SECONDS: Final = 30.0
_CONFIRM_SECONDS: Final = 5.0
_LAG: Final = {
    # Replaying this much WAL takes about as long as a snapshot.
    clone.Driver.REFLINK: 16 * _MEGABYTE,
    # Up to two seconds of replay: a full copy takes its space at once, and a branch
    # that nobody reads would need none.
    clone.Driver.COPY: 128 * _MEGABYTE,
}


class Timelines:
    """What can be done with timelines, each a change of their tenant's catalog."""

    def __init__(
        self,
        store: Store,
        wal: Wal,
        safekeepers: Safekeepers,
        *,
        programs: Programs,
        spares: Spares,
    ) -> None:
        self._spares = spares
        self._store = store
        self._layout = store.layout
        self._wal = wal
        self._safekeepers = safekeepers
        self._programs = programs
        self._keeping = threading.Lock()
        self._keeping_ease = AT_ONCE

    def bootstrap(self, tenant: Tenant, timeline_id: str) -> Timeline:
        """Make a tenant's first timeline, of an empty cluster."""
        with tenant.lock(timeline_id):
            if timeline_id in tenant.catalog.timelines:
                return tenant.catalog.timeline(timeline_id)
            with snapshots.staging(self._layout) as data:
                os.mkdir(data, 0o700)
                owner.give(data, self._programs.identity)
                cluster.initialise(self._programs, data)
                return self.adopt(tenant, timeline_id, data)

    def adopt(self, tenant: Tenant, timeline_id: str, data: str) -> Timeline:
        """Make a tenant's first timeline of a cluster that was shut down."""
        if tenant.catalog.timelines:
            raise Conflict(
                f"tenant {tenant.id} has timelines already",
                hint="branch off one of them, or import into a new tenant",
            )
        control = cluster.control_data(self._programs, data)
        size, number = control.wal_segment_size, control.postgres_timeline
        segment = Segment.at(control.checkpoint, number, size)
        log = os.path.join(data, "pg_wal")
        end = find_record_end(self._programs, log, [segment], segment.start)
        if end is None:
            raise BadRequest(f'"{log}" lacks the WAL of the last checkpoint')
        catalog = msgspec.structs.replace(
            tenant.catalog,
            pg_version=cluster.major_of(data),
            system_identifier=control.system_identifier,
            wal_segment_size=size,
            postgres_timeline=number,
        )
        self._prepare(catalog, timeline_id)
        self._store.adopt(catalog, timeline_id, data, end)
        source = os.path.join(log, segment.name)
        self._wal.seed(catalog, timeline_id, source, end)
        timeline = Timeline(
            timeline_id=timeline_id,
            start_lsn=end,
            created_at=now(),
            gc_cutoff_lsn=end,
        )

        def add(old: Catalog) -> Catalog:
            described = msgspec.structs.replace(
                catalog, version=old.version, config=old.config
            )
            return described.with_timeline(timeline)

        tenant.change(add)
        return timeline

    def branch(
        self,
        tenant: Tenant,
        timeline_id: str,
        ancestor_id: str,
        lsn: Lsn | None = None,
        *,
        is_draft: bool = False,
    ) -> Timeline:
        """Make a timeline that goes on from another one, at an LSN or its head.

        Asking again for the same returns what is there.

        Raises:
            Unsatisfiable: the LSN is not kept, or does not come to exist.
            Conflict: a timeline of this id is there, and another one.
        """
        with tenant.history.reading(), tenant.lock(timeline_id):
            existing = tenant.catalog.timelines.get(timeline_id)
            if existing:
                return _same(existing, ancestor_id, lsn)
            ancestor = tenant.catalog.timeline(ancestor_id)
            if ancestor.is_archived or ancestor.is_deleting:
                raise Unsatisfiable(f"timeline {ancestor_id} is archived or deleted")
            self._prepare(tenant.catalog, timeline_id)
            try:
                point = self._point(tenant, ancestor, lsn, timeline_id)
            except BranchpgError:
                directory = self._layout.timeline(tenant.id, timeline_id)
                shutil.rmtree(directory, ignore_errors=True)
                raise
            seed = snapshots.seed_of(self._layout, tenant.id, timeline_id)
            if seed is None or seed.promotion is None:
                self._wal.inherit(tenant.catalog, timeline_id, ancestor_id, point)
            timeline = Timeline(
                timeline_id=timeline_id,
                start_lsn=point,
                created_at=now(),
                ancestor_timeline_id=ancestor_id,
                ancestor_lsn=point,
                requested_lsn=lsn,
                gc_cutoff_lsn=point,
                is_draft=is_draft,
            )
            return tenant.change(lambda catalog: _added(catalog, timeline)).timeline(
                timeline_id
            )

    def snapshot(self, tenant: Tenant, timeline_id: str) -> Lsn | None:
        """Take a snapshot of a timeline that runs; return its LSN, None otherwise."""
        running = _confirmed(tenant, timeline_id)
        if running is None or running.dsn is None:
            return None
        spare = self._spares.take_one_over(tenant, timeline_id, running)
        if spare:
            return self._store.take_over(tenant, timeline_id, running, spare).lsn
        return self._store.take(tenant, timeline_id, running).lsn

    def keep_snapshots(
        self, tenant: Tenant, timeline_id: str, *, gently: bool = False
    ) -> None:
        """Make the snapshots last that were taken in a hurry."""
        ease = Ease(gentle=gently)
        # One at a time: whoever asks for it may meet the service's own round.
        if gently:
            self._keeping_ease = ease
        else:
            self.hurry()
        with tenant.history.reading(ease), self._keeping:
            own = snapshots.all_of(self._layout, tenant.id, timeline_id)
            for snapshot in own:
                if not snapshot.lasts:
                    snapshots.keep(snapshot, ease)

    def hurry(self) -> None:
        """Let `keep_snapshots` go on without pauses, where it is under way."""
        self._keeping_ease.hurry()

    def ingest(self, tenant: Tenant, timeline_id: str) -> None:
        """Fetch the whole segments that only the safekeepers have."""
        with tenant.history.reading(), tenant.lock(timeline_id):
            timeline = tenant.catalog.timelines.get(timeline_id)
            if timeline and not timeline.is_deleting:
                self._wal.ingest(tenant.catalog, timeline)

    def lag(self, tenant: Tenant, timeline_id: str, head: Lsn) -> int:
        """Return the bytes of WAL that a copy made now would have to replay."""
        return head - self._store.nearest(tenant.catalog, timeline_id, head).lsn

    def begin_deletion(self, tenant: Tenant, timeline_id: str) -> None:
        """Let a timeline be gone for everybody but `finish_deletion`.

        Raises:
            PreconditionFailed: others branched off it.
            Conflict: it is being deleted already.
        """

        def mark(catalog: Catalog) -> Catalog:
            timeline = catalog.timeline(timeline_id)
            children = [child.timeline_id for child in catalog.children(timeline_id)]
            if children:
                raise PreconditionFailed(
                    "Cannot delete timeline which has child timelines: "
                    f"[{', '.join(children)}]"
                )
            if timeline.is_deleting:
                raise Conflict("timeline deletion is already in progress")
            return catalog.doomed(timeline_id)

        tenant.change(mark)

    def finish_deletion(self, tenant: Tenant, timeline_id: str) -> None:
        """Remove what a timeline has, then its entry; a crash between is resumed."""
        with tenant.history.removing(), tenant.lock(timeline_id):
            self._spares.forget(tenant, timeline_id)
            self._safekeepers.forget(tenant.id, timeline_id)
            failpoints.step()
            self._store.remove_seed(tenant.id, timeline_id)
            directory = self._layout.timeline(tenant.id, timeline_id)
            shutil.rmtree(directory, ignore_errors=True)
            tenant.change(lambda catalog: catalog.without_timeline(timeline_id))

    def resume(self, tenant: Tenant) -> None:
        """Finish the deletions that a crash interrupted, and remove drafts."""
        for timeline in tuple(tenant.catalog.timelines.values()):
            if timeline.is_deleting or timeline.is_draft:
                self.finish_deletion(tenant, timeline.timeline_id)

    def archive(self, tenant: Tenant, timeline_id: str, *, archived: bool) -> None:
        """Archive a timeline, or take it back: archived ones can only be read."""

        def mark(catalog: Catalog) -> Catalog:
            timeline = catalog.timeline(timeline_id)
            open_children = [
                child.timeline_id
                for child in catalog.children(timeline_id)
                if not child.is_archived
            ]
            if archived and open_children:
                raise PreconditionFailed(
                    f"timeline has unarchived children: {', '.join(open_children)}"
                )
            parent = timeline.ancestor_timeline_id
            if not archived and parent and catalog.timeline(parent).is_archived:
                raise PreconditionFailed(f"ancestor {parent} is archived")
            marked = msgspec.structs.replace(timeline, is_archived=archived)
            return catalog.with_timeline(marked)

        tenant.change(mark)

    def _point(
        self, tenant: Tenant, ancestor: Timeline, lsn: Lsn | None, child_id: str
    ) -> Lsn:
        """Return the end of a whole record where a branch is to begin."""
        catalog = tenant.catalog
        if lsn is None:
            return self._head(tenant, ancestor, child_id)
        aligned = Lsn(-(-lsn // _ALIGNMENT) * _ALIGNMENT)
        _check_start(catalog, ancestor, aligned)
        head = self._wal.head(catalog, ancestor)
        if aligned > head and not self._safekeepers.wait(
            tenant.id, ancestor.timeline_id, aligned, _WAIT_SECONDS
        ):
            raise Unsatisfiable(
                f"timed out while waiting for WAL up to {aligned}: the timeline ends "
                f"at {head}"
            )
        if aligned == ancestor.start_lsn:
            return aligned
        return self._wal.whole_end(catalog, ancestor.timeline_id, aligned)

    def _head(self, tenant: Tenant, ancestor: Timeline, child_id: str) -> Lsn:
        """Return the head of a timeline, after everything that was acknowledged."""
        catalog, running = tenant.catalog, ancestor.attachment
        if running is not None and running.dsn is not None:
            try:
                return self._live_head(tenant, ancestor.timeline_id, running, child_id)
            except Unreachable as error:  # its compute was killed: all is in the WAL
                _LOG.warning("%s", error)
        head = self._wal.head(catalog, ancestor)
        if head == ancestor.start_lsn:
            return head
        return self._wal.whole_end(catalog, ancestor.timeline_id, head)

    def _live_head(
        self, tenant: Tenant, timeline_id: str, running: Attachment, child_id: str
    ) -> Lsn:
        promoted = self._spares.promote(tenant, timeline_id, running)
        if promoted:
            try:
                return self._store.plant(
                    tenant, timeline_id, running, child_id=child_id, promoted=promoted
                ).lsn
            except BaseException:
                promoted.discard()
                raise
        head = self._flushed(tenant, timeline_id, running)
        if self.lag(tenant, timeline_id, head) > _LAG[self._store.driver]:
            return self._store.sow(tenant, timeline_id, running, child_id).lsn
        return self._wal.whole_end(tenant.catalog, timeline_id, head)

    def _flushed(self, tenant: Tenant, timeline_id: str, running: Attachment) -> Lsn:
        head = flushed_lsn(running)
        if not self._safekeepers.wait(tenant.id, timeline_id, head, _WAIT_SECONDS):
            raise TryLater(
                f"no quorum of safekeepers has the WAL up to {head}",
                hint="start the others",
            )
        return head

    def _prepare(self, catalog: Catalog, timeline_id: str) -> None:
        tenant_id = catalog.tenant_id
        shutil.rmtree(self._layout.timeline(tenant_id, timeline_id), ignore_errors=True)
        durable.make_directory(self._layout.timeline(tenant_id, timeline_id))
        durable.make_directory(self._layout.wal(tenant_id, timeline_id))
        durable.make_directory(self._layout.snapshots(tenant_id, timeline_id))


def _confirmed(tenant: Tenant, timeline_id: str) -> Attachment | None:
    """Return who runs a timeline, once that has said where, soon after its start."""
    deadline = time.monotonic() + _CONFIRM_SECONDS
    while True:
        running = tenant.catalog.timeline(timeline_id).attachment
        left = deadline - time.monotonic()
        if running is None or running.dsn or left <= 0:
            return running
        tenant.wait_for_change(left)


def _same(existing: Timeline, ancestor_id: str, lsn: Lsn | None) -> Timeline:
    same_point = lsn is None or lsn in {existing.requested_lsn, existing.ancestor_lsn}
    if existing.ancestor_timeline_id == ancestor_id and same_point:
        return existing
    raise Conflict(
        f"timeline {existing.timeline_id} already exists with different parameters"
    )


def _added(catalog: Catalog, timeline: Timeline) -> Catalog:
    """Return the catalog with a timeline that branches off another one."""
    ancestor = catalog.timeline(timeline.ancestor_timeline_id or "")
    promotions = before(ancestor.promotions, timeline.start_lsn)
    return catalog.with_timeline(
        msgspec.structs.replace(timeline, promotions=promotions)
    )


def _check_start(catalog: Catalog, ancestor: Timeline, lsn: Lsn) -> None:
    if ancestor.ancestor_lsn is not None and lsn < ancestor.ancestor_lsn:
        raise Unsatisfiable(
            f"invalid start lsn {lsn} for ancestor timeline {ancestor.timeline_id}: "
            f"less than timeline ancestor lsn {ancestor.ancestor_lsn}"
        )
    leased = any(
        lease.timeline_id == ancestor.timeline_id and lease.lsn == lsn
        for lease in catalog.leases
    )
    if lsn < ancestor.gc_cutoff_lsn and not leased:
        raise Unsatisfiable(
            "invalid branch start lsn: less than latest GC cutoff "
            f"{ancestor.gc_cutoff_lsn}"
        )
