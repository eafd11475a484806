"""The parts of a pageserver put together, and what it does by itself from time to time.

WAL is fetched every few seconds, snapshots are taken by distance and time, garbage is
collected, expired branches are deleted. All of it can be done at any time, and again.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Final

from branchpg.errors import BranchpgError
from branchpg.pageserver import schedule, settings
from branchpg.pageserver.attachments import Attachments
from branchpg.pageserver.branches import Branches
from branchpg.pageserver.collect import Collector
from branchpg.pageserver.detaching import Detaching
from branchpg.pageserver.moments import Moments
from branchpg.pageserver.pace import has_room
from branchpg.pageserver.spares import Spares
from branchpg.pageserver.store import Store
from branchpg.pageserver.tenants import Tenants, now
from branchpg.pageserver.timelines import Timelines
from branchpg.pageserver.wal import Wal
from branchpg.store import clone, durable, sizes
from branchpg.store.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Callable

    from branchpg.http.safekeepers import Safekeepers
    from branchpg.pageserver.tenants import Tenant
    from branchpg.postgres.programs import Programs
    from branchpg.store.catalog import Timeline

__all__ = ["Pageserver"]

_LOG: Final = logging.getLogger(__name__)
_INGEST_SECONDS: Final = 5.0
_SPARE_AT: Final = 0.5  # of the way to a snapshot, which takes it
_WITHOUT_SPARE_AT: Final = 2.0


class Pageserver:
    """One pageserver on one directory."""

    def __init__(
        self,
        workdir: str,
        programs: Programs,
        safekeepers: Safekeepers,
        token: str | None = None,
    ) -> None:
        self.layout = Layout(workdir)
        durable.make_directory(self.layout.root, mode=0o755)
        self.driver = clone.probe(self.layout.root)
        self.programs = programs
        self.safekeepers = safekeepers
        self.tenants = Tenants(self.layout)
        self.wal = Wal(self.layout, safekeepers, programs, self.driver)
        self.moments = Moments(self.wal, programs)
        self.store = Store(
            self.layout, self.wal, safekeepers, programs=programs, driver=self.driver
        )
        self.spares = Spares(self.store, token)
        self.timelines = Timelines(
            self.store,
            self.wal,
            safekeepers,
            programs=programs,
            spares=self.spares,
        )
        self.detaching = Detaching(self.store, self.wal)
        self.attachments = Attachments(self.store, safekeepers)
        self.branches = Branches(self.timelines, self.moments)
        self.collector = Collector(self.store, self.wal, self.moments)
        self._stopping = threading.Event()
        self._background = ThreadPoolExecutor(1, "background")
        self._snapshots: dict[str, float] = {}
        self._collected: dict[str, float] = {}

    def load(self) -> None:
        """Read what is there, and finish what a crash interrupted."""
        self.tenants.load()
        _LOG.info("files are copied by %s", self.driver.value)

    def create_project(self, branch: str, *, pgdata: str | None = None) -> Tenant:
        """Make a tenant with an empty cluster, and name its timeline.

        Or with the cluster in a directory, which was shut down and is copied.
        """
        tenant = self.tenants.create(uuid.uuid4().hex)
        try:
            timeline = (
                self.timelines.adopt(tenant, uuid.uuid4().hex, pgdata)
                if pgdata
                else self.timelines.bootstrap(tenant, uuid.uuid4().hex)
            )
        except BaseException:
            self.tenants.delete(tenant.id)
            raise
        self.branches.first(tenant, branch, timeline.timeline_id)
        return tenant

    def create_first_project(self, branch: str) -> None:
        """Make a project where there is none; one that a crash left half is removed."""
        for tenant in self.tenants.all():
            if not tenant.catalog.branches:
                self.tenants.delete(tenant.id)
        if not self.tenants.all():
            self.create_project(branch)

    def resume(self) -> None:
        """Finish deletions; needs the safekeepers."""
        for tenant in self.tenants.all():
            _quietly(partial(self.timelines.resume, tenant), "deletion")

    def keep_house(self) -> None:
        """Do what is due, every few seconds, until `stop`."""
        self.resume()
        while not self._stopping.wait(_INGEST_SECONDS):
            for tenant in self.tenants.all():
                self.tend(tenant)

    def stop(self) -> None:
        """End `keep_house`, and what was begun in the background."""
        self._stopping.set()
        self.timelines.hurry()
        for tenant in self.tenants.all():
            tenant.close()
        self._background.shutdown(wait=True)

    def in_background(self, work: Callable[[], object], what: str) -> None:
        """Do something after the answer; what fails is logged, and resumed later."""
        self._background.submit(_quietly, work, what)

    def tend(self, tenant: Tenant) -> None:
        """Do for a tenant what is due."""
        self.branches.delete_expired(tenant)
        for timeline in tuple(tenant.catalog.timelines.values()):
            timeline_id = timeline.timeline_id
            if timeline.is_deleting or self._stopping.is_set():
                continue
            if timeline.attachment:
                _quietly(partial(self.timelines.ingest, tenant, timeline_id), "WAL")
                _quietly(partial(self._spare, tenant, timeline_id), "spare")
                _quietly(partial(self._snapshot, tenant, timeline_id), "snapshot")
            else:
                self.spares.forget(tenant, timeline_id)
            gently = not self._stopping.is_set()
            keep = partial(
                self.timelines.keep_snapshots, tenant, timeline_id, gently=gently
            )
            _quietly(keep, "snapshot")
            _quietly(partial(self._collect, tenant, timeline_id), "GC")

    def _spare(self, tenant: Tenant, timeline_id: str) -> None:
        """Keep spares where they cost little, are asked for, or worth their price."""
        config = settings.effective(tenant.catalog.config)
        timeline = tenant.catalog.timeline(timeline_id)
        is_wanted = (
            self.driver.shares
            or "spares" in tenant.catalog.config
            or self._is_worth_a_copy(tenant, timeline)
        )
        head = self.wal.head(tenant.catalog, timeline)
        many = config["spares"] if is_wanted else 0
        self.spares.tend(tenant, timeline_id, head, many=many)

    def _is_worth_a_copy(self, tenant: Tenant, timeline: Timeline) -> bool:
        """Return whether a timeline may have a full copy of its files made ahead."""
        timeline_id, running = timeline.timeline_id, timeline.attachment
        if running is None or not self.spares.are_in_demand(tenant, timeline_id):
            return False
        size = sizes.of_tree(running.pgdata).physical
        free = shutil.disk_usage(self.layout.root).free
        return has_room(size, free, kept=self.spares.has_any(tenant, timeline_id))

    def _snapshot(self, tenant: Tenant, timeline_id: str) -> None:
        """Take a snapshot where one is due, by distance or by time."""
        config = settings.effective(tenant.catalog.config)
        timeline = tenant.catalog.timeline(timeline_id)
        head = self.wal.head(tenant.catalog, timeline)
        lag = self.timelines.lag(tenant, timeline_id, head)
        size = tenant.catalog.wal_segment_size
        last = self._snapshots.setdefault(timeline_id, time.monotonic())
        waited = time.monotonic() - last
        timeout = settings.seconds(tenant.catalog.config, "checkpoint_timeout")
        way = schedule.way_to_a_snapshot(
            lag, waited, config["checkpoint_distance"], in_full=not self.driver.shares
        )
        if way >= _SPARE_AT:
            self.spares.begin_one_over(tenant, timeline_id)
        # Not of a branch that was just made, however old its parent's snapshot is.
        due = (way >= 1 and head - timeline.start_lsn > size) or (
            waited >= timeout and lag > size and self.driver.shares
        )
        making = self.spares.is_making(tenant, timeline_id)
        if due and (not making or way >= _WITHOUT_SPARE_AT):
            self._snapshots[timeline_id] = time.monotonic()
            self.timelines.snapshot(tenant, timeline_id)

    def _collect(self, tenant: Tenant, timeline_id: str) -> None:
        period = settings.seconds(tenant.catalog.config, "gc_period")
        last = self._collected.setdefault(timeline_id, time.monotonic())
        if period and time.monotonic() - last >= period:
            self._collected[timeline_id] = time.monotonic()
            result = self.collector.collect(tenant, timeline_id)
            _LOG.info(
                "GC of %s at %s: %d of %d removed",
                timeline_id,
                now().isoformat(),
                result.layers_removed,
                result.layers_total,
            )


def _quietly(work: Callable[[], object], what: str) -> None:
    try:
        work()
    except (BranchpgError, OSError) as error:
        _LOG.warning("%s: %s", what, error)
