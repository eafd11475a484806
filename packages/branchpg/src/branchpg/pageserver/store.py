"""Data directories: snapshots are taken of them, and they are made from snapshots."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import shutil
import time
from typing import TYPE_CHECKING, Final

from branchpg.errors import BranchpgError, TryLater, Unsatisfiable
from branchpg.lsn import Lsn, Segment
from branchpg.pageserver.backup import backup
from branchpg.pageserver.live import Unreachable
from branchpg.pageserver.tenants import now
from branchpg.postgres import cluster, control_file, owner
from branchpg.postgres.server import end_now
from branchpg.promotions import before, number_at
from branchpg.store import clone, snapshots, unlogged
from branchpg.store.ease import AT_ONCE, Ease
from branchpg.store.snapshots import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from branchpg.http.safekeepers import Safekeepers
    from branchpg.pageserver.spares import Promoted, Taken
    from branchpg.pageserver.tenants import Tenant
    from branchpg.pageserver.wal import Wal
    from branchpg.postgres.cluster import ControlData
    from branchpg.postgres.programs import Programs
    from branchpg.spawn import Identity
    from branchpg.store.catalog import Attachment, Catalog
    from branchpg.store.layout import Layout

__all__ = ["Store"]

_LOG: Final = logging.getLogger(__name__)
_WAIT_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.5
_LABEL: Final = "backup_label"


class Store:
    """Snapshots of timelines, and data directories made from them."""

    def __init__(
        self,
        layout: Layout,
        wal: Wal,
        safekeepers: Safekeepers,
        *,
        programs: Programs,
        driver: clone.Driver,
    ) -> None:
        self.layout = layout
        self.driver = driver
        self._wal = wal
        self._safekeepers = safekeepers
        self._programs = programs

    def nearest(self, catalog: Catalog, timeline_id: str, lsn: Lsn) -> Snapshot:
        """Return the newest snapshot at or before a position, ancestors' included.

        Raises:
            Unsatisfiable: the position is older than all that is kept.
        """
        limit = lsn
        for timeline in catalog.lineage(timeline_id):
            own = snapshots.all_of(self.layout, catalog.tenant_id, timeline.timeline_id)
            fitting = [one for one in own if one.lsn <= limit]
            if fitting:
                return fitting[-1]
            limit = min(limit, timeline.ancestor_lsn or timeline.start_lsn)
        raise Unsatisfiable(f"no snapshot of timeline {timeline_id} is as old as {lsn}")

    def take(self, tenant: Tenant, timeline_id: str, running: Attachment) -> Snapshot:
        """Take a snapshot of a cluster while its server runs."""
        with snapshots.staging(self.layout) as directory:
            taken = self._copy(tenant, timeline_id, running, directory)
            lsn = taken.lsn
            target = self.layout.snapshot(tenant.id, timeline_id, lsn)
            snapshots.publish(directory, taken, target)
        return taken

    def sow(
        self, tenant: Tenant, timeline_id: str, running: Attachment, child_id: str
    ) -> Snapshot:
        """Copy a cluster while its server runs, for the first endpoint of a new branch.

        That takes it as its directory: a snapshot would have to be copied once more.
        Who needs it later has an older snapshot and WAL.
        """
        with snapshots.staging(self.layout) as directory:
            identity = self._programs.identity
            taken = self._copy(
                tenant, timeline_id, running, directory, identity=identity
            )
            target = self.layout.seed(tenant.id, child_id)
            _remove_seed(target)  # of an attempt that failed
            snapshots.publish(directory, taken, target)
        return taken

    def take_over(
        self, tenant: Tenant, timeline_id: str, running: Attachment, taken: Taken
    ) -> Snapshot:
        """Let what a follower left be a snapshot."""
        with self._as_copy(tenant, timeline_id, running, taken) as snapshot:
            target = self.layout.snapshot(tenant.id, timeline_id, snapshot.lsn)
            return snapshots.publish(taken.directory, snapshot, target)

    def plant(
        self,
        tenant: Tenant,
        timeline_id: str,
        running: Attachment,
        *,
        child_id: str,
        promoted: Promoted,
    ) -> Snapshot:
        """Let the first endpoint of a new branch have a follower that was promoted.

        It is complete, and goes on running, unless settings have changed meanwhile.
        """
        data = os.path.join(promoted.directory, "data")
        promotion = promoted.promotion
        follower: str | None = promoted.follower
        if not unlogged.is_same(running.pgdata, data):
            end_now(data)
            self._take_unlogged(running.pgdata, data)
            follower = None
        lsn = promotion.lsn
        self._await(tenant, timeline_id, running, lsn)
        target = self.layout.seed(tenant.id, child_id)
        _remove_seed(target)  # of an attempt that failed
        taken = Snapshot(
            lsn=lsn, redo=lsn, taken_at=now(), promotion=promotion, follower=follower
        )
        return snapshots.publish(promoted.directory, taken, target)

    @contextlib.contextmanager
    def _as_copy(
        self, tenant: Tenant, timeline_id: str, running: Attachment, taken: Taken
    ) -> Iterator[Snapshot]:
        data = os.path.join(taken.directory, "data")
        try:
            control = cluster.control_data(self._programs, data)
            _forget_following(data)
            self._take_unlogged(running.pgdata, data)
            self._label(data, control)
            self._await(tenant, timeline_id, running, taken.lsn)
            yield Snapshot(lsn=taken.lsn, redo=control.redo, taken_at=now())
        finally:
            shutil.rmtree(taken.directory, ignore_errors=True)

    def stand_by(
        self,
        catalog: Catalog,
        timeline_id: str,
        running: Attachment,
        target: str,
        *,
        ease: Ease,
    ) -> None:
        """Make a data directory for a server that follows another one."""
        timeline = catalog.timeline(timeline_id)
        head = self._wal.head(catalog, timeline)
        self.materialise(
            catalog,
            timeline_id,
            head,
            target,
            takes_seed=False,
            follows=True,
            ease=ease,
        )
        # A standby that finds our label of a cold copy waits for the end of a backup.
        # It needs none: it begins at the checkpoint of the control file by itself.
        label = os.path.join(target, _LABEL)
        if snapshots.is_cold(label):
            os.unlink(label)
        cluster.let_stand_by(target, self._programs.identity)
        self._take_unlogged(running.pgdata, target)

    def _take_unlogged(self, source: str, target: str) -> None:
        unlogged.take_over(
            source, target, driver=self.driver, owner=self._programs.identity
        )

    def _label(self, data: str, control: ControlData) -> None:
        """Let a server begin with the last checkpoint of a cluster that is at rest."""
        segment = Segment.at(
            control.redo, control.postgres_timeline, control.wal_segment_size
        )
        text = snapshots.cold_label(
            redo=control.redo,
            checkpoint=control.checkpoint,
            segment=segment.name,
            timeline=control.postgres_timeline,
        )
        path = os.path.join(data, _LABEL)
        with open(path, "w", encoding="utf-8") as file:
            owner.give(path, self._programs.identity)
            file.write(text)

    def _copy(
        self,
        tenant: Tenant,
        timeline_id: str,
        running: Attachment,
        directory: str,
        *,
        identity: Identity | None = None,
    ) -> Snapshot:
        """Make what a snapshot of a running cluster consists of."""
        os.mkdir(directory, 0o755)
        with tenant.lock(timeline_id):  # no compute may make the directory anew
            taken = self._backed_up(timeline_id, running, directory, identity)
        # Without the lock: it takes as long as safekeepers are down.
        self._await(tenant, timeline_id, running, taken.lsn)
        return taken

    def _backed_up(
        self,
        timeline_id: str,
        running: Attachment,
        directory: str,
        identity: Identity | None,
    ) -> Snapshot:
        data = os.path.join(directory, "data")
        clock = _Clock()
        # Twice: what the checkpoint adds is little when the rest is out already, and
        # the less time a backup takes, the fewer whole pages the parent has to log.
        self._write_out(running.pgdata)
        flush = clock.lap()
        with backup(running) as ongoing:
            redo = ongoing.redo
            checkpoint = clock.lap()
            self._write_out(running.pgdata)
            flush += clock.lap()
            clone.clone_cluster(
                running.pgdata, data, driver=self.driver, owner=identity
            )
            lsn, text = ongoing.stop()
        label = os.path.join(data, _LABEL)
        with open(label, "w", encoding="utf-8") as file:
            owner.give(label, identity)
            file.write(text)
        copy = clock.lap()
        snapshot = Snapshot(lsn=lsn, redo=redo, taken_at=now())
        _LOG.info(
            "copy of %s at %s: flush %.3f s, checkpoint %.3f s, copy %.3f s",
            timeline_id,
            lsn,
            flush,
            checkpoint,
            copy,
        )
        return snapshot

    def _write_out(self, pgdata: str) -> None:
        if self.driver.shares:  # a full copy reads from memory
            clone.write_out_cluster(pgdata)

    def adopt(
        self, catalog: Catalog, timeline_id: str, data: str, end: Lsn
    ) -> Snapshot:
        """Take a snapshot of a cluster that was shut down, whose WAL ends at `end`."""
        control = cluster.control_data(self._programs, data)
        if not control.is_shut_down:
            raise BranchpgError(
                f'the cluster in "{data}" was not shut down cleanly: {control.state}',
                hint="start and stop it once, or import it while it runs",
            )
        with snapshots.staging(self.layout) as directory:
            os.mkdir(directory, 0o755)
            copy = os.path.join(directory, "data")
            clone.clone_cluster(data, copy, driver=self.driver)
            self._label(copy, control)
            snapshot = Snapshot(lsn=end, redo=control.redo, taken_at=now())
            target = self.layout.snapshot(catalog.tenant_id, timeline_id, end)
            return snapshots.keep(snapshots.publish(directory, snapshot, target))

    def remove_seed(self, tenant_id: str, timeline_id: str) -> None:
        """Remove what the first endpoint of a timeline was to have, if it is there."""
        _remove_seed(self.layout.seed(tenant_id, timeline_id))

    def materialise(
        self,
        catalog: Catalog,
        timeline_id: str,
        lsn: Lsn,
        target: str,
        *,
        takes_seed: bool = True,
        follows: bool = False,
        ease: Ease = AT_ONCE,
    ) -> Snapshot:
        """Make a data directory that a server brings to a position when it starts.

        What was in its place is removed. A seed, which only one directory can have,
        is left to another one unless it `takes_seed`. One that `follows` another server
        finds its way beyond promotions by itself.

        Raises:
            Unsatisfiable: the position is older than all that is kept.
            BranchpgError: the directory cannot be made there.
        """
        identity = self._programs.identity
        making = f"{target}.making"
        shutil.rmtree(making, ignore_errors=True)
        shutil.rmtree(target, ignore_errors=True)
        try:
            seed = self._seed(catalog, timeline_id, lsn) if takes_seed else None
            if seed and _moved(seed, making):
                if seed.promotion:  # complete, with its log
                    os.rename(making, target)
                    return seed
                base = seed
            else:
                base = self.nearest(catalog, timeline_id, lsn)
                clone.clone_tree(
                    base.path, making, driver=self.driver, owner=identity, ease=ease
                )
        except PermissionError as error:
            raise BranchpgError(
                f'the pageserver cannot write "{making}": {error.strerror}',
                hint="computes and pageserver share a file system: run them as one "
                "user, and put the data of both on one volume",
            ) from error
        row = self._wal.row(catalog, base.redo, lsn)
        log = os.path.join(making, "pg_wal")
        self._wal.fill(
            catalog, timeline_id, row, upto=lsn, directory=log, owner=identity
        )
        if not follows:
            _let_cross(catalog, timeline_id, making, span=(base.redo, lsn))
        os.chmod(making, 0o700)
        owner.give(making, identity)
        os.rename(making, target)
        return base

    def _seed(self, catalog: Catalog, timeline_id: str, lsn: Lsn) -> Snapshot | None:
        """Return the seed of a timeline where it serves a position."""
        seed = snapshots.seed_of(self.layout, catalog.tenant_id, timeline_id)
        if seed and seed.promotion and seed.lsn != lsn:
            _remove_seed(os.path.dirname(seed.path))
            return None
        return seed

    def _await(
        self, tenant: Tenant, timeline_id: str, running: Attachment, lsn: Lsn
    ) -> None:
        """Wait until the log goes as far as a copy, or cannot get there any more."""
        deadline = time.monotonic() + _WAIT_SECONDS
        while not self._safekeepers.wait(tenant.id, timeline_id, lsn, _LOOK_SECONDS):
            current = tenant.catalog.timelines.get(timeline_id)
            if current is None or current.attachment is None:
                raise _ended(running, lsn)
            if time.monotonic() > deadline:
                raise TryLater(
                    f"no quorum of safekeepers has the WAL of the snapshot up to {lsn}",
                    hint="start the others",
                )
            tenant.wait_for_change(_LOOK_SECONDS)
        # A newer compute may have gone on from before the copy: the log that reaches
        # so far is then another one. What a quorum has, in turn, none goes behind.
        current = tenant.catalog.timelines.get(timeline_id)
        if current is None or current.generation != running.generation:
            raise _ended(running, lsn)


def _ended(running: Attachment, lsn: Lsn) -> Unreachable:
    return Unreachable(
        f"endpoint {running.endpoint_id} ended before the safekeepers had its WAL up "
        f"to {lsn}"
    )


def _let_cross(
    catalog: Catalog, timeline_id: str, data: str, *, span: tuple[Lsn, Lsn]
) -> None:
    """Let the recovery of a copy go beyond the promotions in a span of the log."""
    first = catalog.postgres_timeline
    promotions = before(catalog.timeline(timeline_id).promotions, span[1])
    before_it, number = (number_at(first, promotions, at) for at in span)
    if number != before_it:
        control_file.recover_to(data, number, instead_of=before_it)


def _remove_seed(directory: str) -> None:
    """Remove a seed, on which a server may run."""
    end_now(os.path.join(directory, "data"))
    shutil.rmtree(directory, ignore_errors=True)


def _moved(seed: Snapshot, target: str) -> bool:
    """Make a seed's data a directory elsewhere; return False where it cannot be."""
    try:
        os.rename(seed.path, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        end_now(seed.path)
        return False
    finally:
        snapshots.remove(seed)
    return True


class _Clock:
    def __init__(self) -> None:
        self._last = time.monotonic()

    def lap(self) -> float:
        """Return the seconds since the last call."""
        before, self._last = self._last, time.monotonic()
        return self._last - before


def _forget_following(data: str) -> None:
    """Remove what a follower had for itself: its log, and that it is one."""
    log = os.path.join(data, "pg_wal")
    for entry in tuple(os.scandir(log)):
        if entry.is_file(follow_symlinks=False):
            os.unlink(entry)
    for name in (cluster.STANDBY_SIGNAL, "postmaster.pid", "postmaster.opts"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(data, name))
