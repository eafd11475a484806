"""The log of timelines: whole segments are here, the rest is at the safekeepers."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from typing import TYPE_CHECKING, Final

from branchpg.errors import BranchpgError, Unsatisfiable
from branchpg.lsn import Lsn, Segment
from branchpg.postgres.owner import give
from branchpg.postgres.record_end import find_record_end
from branchpg.promotions import before, history_files, named
from branchpg.store import clone, durable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from branchpg.http.safekeepers import Safekeepers
    from branchpg.postgres.programs import Programs
    from branchpg.spawn import Identity
    from branchpg.store.catalog import Catalog, Timeline
    from branchpg.store.layout import Layout

__all__ = ["Wal"]

_LOG: Final = logging.getLogger(__name__)
_PARTIAL: Final = ".partial"


class Wal:
    """Reads the log of any timeline, its ancestors' part included."""

    def __init__(
        self,
        layout: Layout,
        safekeepers: Safekeepers,
        programs: Programs,
        driver: clone.Driver,
    ) -> None:
        self._layout = layout
        self._safekeepers = safekeepers
        self._programs = programs
        self._driver = driver

    def head(self, catalog: Catalog, timeline: Timeline) -> Lsn:
        """Return the end of a timeline."""
        found = self._safekeepers.head(catalog.tenant_id, timeline.timeline_id)
        return max(found or timeline.start_lsn, timeline.start_lsn)

    def row(self, catalog: Catalog, first: Lsn, end: Lsn) -> list[Segment]:
        """Return the segments that hold the bytes from one position to another."""
        size, number = catalog.wal_segment_size, catalog.postgres_timeline
        last = max(int(end) - 1, int(first)) // size
        return [Segment(n, number, size) for n in range(first // size, last + 1)]

    def place(
        self,
        catalog: Catalog,
        timeline_id: str,
        row: Sequence[Segment],
        *,
        upto: Lsn,
        directory: str,
        owner: Identity | None = None,
    ) -> None:
        """Put copies of segments into a directory, with zeros after a position.

        Raises:
            Unsatisfiable: some of it was removed already.
        """
        for segment in row:
            target = os.path.join(directory, segment.name)
            keeper = _owner_of(catalog, timeline_id, segment)
            end = min(upto, segment.end)
            self._fetch(catalog, keeper, segment, end=end, target=target)
            _zero_from(target, end - segment.start, segment.size)
            os.chmod(target, 0o600)
            if owner:
                os.chown(target, owner.uid, owner.gid)

    def fill(
        self,
        catalog: Catalog,
        timeline_id: str,
        row: Sequence[Segment],
        *,
        upto: Lsn,
        directory: str,
        owner: Identity | None,
    ) -> None:
        """Put copies of segments where a server is to find and replay them.

        Raises:
            Unsatisfiable: as for `place`.
        """
        promotions = before(catalog.timeline(timeline_id).promotions, upto)
        self.place(
            catalog, timeline_id, row, upto=upto, directory=directory, owner=owner
        )
        for segment in row:
            os.rename(
                os.path.join(directory, segment.name),
                os.path.join(directory, named(segment, promotions).name),
            )
        files = history_files(catalog.postgres_timeline, promotions)
        for name, content in files.items():
            path = os.path.join(directory, name)
            with open(path, "w", encoding="ascii") as file:
                give(path, owner)
                file.write(content)

    @contextlib.contextmanager
    def view(
        self, catalog: Catalog, timeline_id: str, row: Sequence[Segment], *, upto: Lsn
    ) -> Iterator[str]:
        """Yield a directory in which pg_waldump finds segments, for a while."""
        with tempfile.TemporaryDirectory(dir=self._layout.staging) as directory:
            for segment in row:
                keeper = _owner_of(catalog, timeline_id, segment)
                whole = self._file(catalog, keeper, segment)
                if whole and upto >= segment.end:
                    os.symlink(whole, os.path.join(directory, segment.name))
                else:
                    self.place(
                        catalog, timeline_id, [segment], upto=upto, directory=directory
                    )
            yield directory

    def whole_end(self, catalog: Catalog, timeline_id: str, lsn: Lsn) -> Lsn:
        """Return the end of the last whole record at or before a position."""
        for back in (0, 1, 8):
            size = catalog.wal_segment_size
            first = Lsn(max(size, (lsn - 1) // size * size - back * size))
            row = self.row(catalog, first, lsn)
            with self.view(catalog, timeline_id, row, upto=lsn) as directory:
                found = find_record_end(self._programs, directory, row, first)
            if found:
                # A switch of segments ends behind what may not be there yet: zeros.
                return min(found, lsn)
        raise Unsatisfiable(f"no record of the log ends at or before {lsn}")

    def inherit(
        self, catalog: Catalog, timeline_id: str, ancestor_id: str, point: Lsn
    ) -> None:
        """Keep the part before a branch point of the segment that it lies in.

        The ancestor may have it on so few safekeepers that another one takes its place.
        Where a quorum has it, as a branch that was promoted sees to, it stays there.
        """
        size, number = catalog.wal_segment_size, catalog.postgres_timeline
        segment = Segment.at(point, number, size)
        root = self._layout.wal(catalog.tenant_id, timeline_id)
        target = os.path.join(root, segment.name)
        is_there = os.path.exists(target + _PARTIAL) or os.path.exists(target)
        if point == segment.start or is_there:
            return
        with tempfile.TemporaryDirectory(dir=self._layout.staging) as directory:
            self.place(catalog, ancestor_id, [segment], upto=point, directory=directory)
            source = os.path.join(directory, segment.name)
            self.seed(catalog, timeline_id, source, point)

    def seed(self, catalog: Catalog, timeline_id: str, source: str, upto: Lsn) -> None:
        """Keep a timeline's first segment, as far as it goes, from a file."""
        segment = Segment.at(upto, catalog.postgres_timeline, catalog.wal_segment_size)
        root = self._layout.wal(catalog.tenant_id, timeline_id)
        target = os.path.join(root, segment.name + _PARTIAL)
        clone.clone_file(source, f"{target}.new", driver=self._driver)
        _zero_from(f"{target}.new", upto - segment.start, segment.size)
        durable.sync_file(f"{target}.new")
        os.replace(f"{target}.new", target)
        durable.sync_directory(root)

    def ingest(self, catalog: Catalog, timeline: Timeline) -> Lsn | None:
        """Fetch whole segments that only the safekeepers have; return how far it got.

        None means that nothing new was there.
        """
        tenant_id, timeline_id = catalog.tenant_id, timeline.timeline_id
        head = self._safekeepers.committed(tenant_id, timeline_id)
        if head is None:
            return None
        size = catalog.wal_segment_size
        have = self._numbers(catalog, timeline_id)
        first = timeline.start_lsn // size
        fetched = None
        for number in range(max(have, default=first - 1) + 1, head // size):
            segment = Segment(number, catalog.postgres_timeline, size)
            path = os.path.join(self._layout.wal(tenant_id, timeline_id), segment.name)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{path}.new")
            found = self._safekeepers.segment(
                tenant_id,
                timeline_id,
                named(segment, timeline.promotions),
                upto=segment.end,
                to=f"{path}.new",
            )
            if not found:
                break
            durable.sync_file(f"{path}.new")
            os.replace(f"{path}.new", path)
            durable.sync_directory(os.path.dirname(path))
            fetched = segment.end
        if fetched:
            self._safekeepers.keep_from(tenant_id, timeline_id, fetched)
        return fetched

    def remove_below(self, catalog: Catalog, timeline_id: str, keep: set[int]) -> int:
        """Remove the whole segments whose numbers are not to be kept."""
        removed = 0
        for number in sorted(self._numbers(catalog, timeline_id) - keep):
            segment = Segment(
                number, catalog.postgres_timeline, catalog.wal_segment_size
            )
            root = self._layout.wal(catalog.tenant_id, timeline_id)
            os.unlink(os.path.join(root, segment.name))
            removed += 1
        return removed

    def numbers(self, catalog: Catalog, timeline_id: str) -> frozenset[int]:
        """Return the numbers of the whole segments a timeline has here."""
        return frozenset(self._numbers(catalog, timeline_id))

    def _numbers(self, catalog: Catalog, timeline_id: str) -> set[int]:
        root = self._layout.wal(catalog.tenant_id, timeline_id)
        try:
            names = os.listdir(root)
        except FileNotFoundError:
            return set()
        size = catalog.wal_segment_size
        found = filter(Segment.is_name, names)
        return {Segment.of_name(name, size).number for name in found}

    def _file(
        self, catalog: Catalog, timeline: Timeline, segment: Segment
    ) -> str | None:
        root = self._layout.wal(catalog.tenant_id, timeline.timeline_id)
        path = os.path.join(root, segment.name)
        return path if os.path.exists(path) else None

    def _fetch(
        self,
        catalog: Catalog,
        timeline: Timeline,
        segment: Segment,
        *,
        end: Lsn,
        target: str,
    ) -> None:
        """Write a segment up to a position to a new file, from wherever it is."""
        # Ingested between a look here and the question there, it is gone from there.
        for _ in range(2):
            whole = self._file(catalog, timeline, segment)
            if whole:
                clone.clone_file(whole, target, driver=self._driver)
                return
            if self._tail(catalog, timeline, segment, end=end, target=target):
                return
        raise Unsatisfiable(
            f"WAL segment {segment.name} of timeline {timeline.timeline_id} is not "
            f"there up to {end}",
            hint="it was removed by GC, or no safekeeper that has it is up",
        )

    def _tail(
        self,
        catalog: Catalog,
        timeline: Timeline,
        segment: Segment,
        *,
        end: Lsn,
        target: str,
    ) -> bool:
        """Write a segment that is not whole here to a new file; False for nowhere."""
        tenant_id, timeline_id = catalog.tenant_id, timeline.timeline_id
        theirs = named(segment, timeline.promotions)
        if end > timeline.start_lsn and self._safekeepers.segment(
            tenant_id, timeline_id, theirs, upto=end, to=target
        ):
            return True
        if end > timeline.start_lsn:
            return False
        root = self._layout.wal(tenant_id, timeline_id)
        path = os.path.join(root, segment.name + _PARTIAL)
        if os.path.exists(path):
            clone.clone_file(path, target, driver=self._driver)
            return True
        if timeline.ancestor_timeline_id:
            keeper = _owner_of(catalog, timeline.ancestor_timeline_id, segment)
            self._fetch(catalog, keeper, segment, end=end, target=target)
            return True
        return False


def _owner_of(catalog: Catalog, timeline_id: str, segment: Segment) -> Timeline:
    """Return the timeline of a lineage that a segment belongs to.

    The one a timeline starts in is its own as a whole.
    """
    for timeline in catalog.lineage(timeline_id):
        if segment.end > timeline.start_lsn or timeline.ancestor_timeline_id is None:
            return timeline
    raise BranchpgError(f"timeline {timeline_id} has no root")


def _zero_from(path: str, offset: int, size: int) -> None:
    """Let a file of this size have nothing but zeros from an offset on."""
    with open(path, "r+b") as file:
        file.truncate(offset)
        file.truncate(size)
