"""Times and LSNs of a timeline: which commits were there when."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from branchpg.errors import PreconditionFailed, Unsatisfiable
from branchpg.postgres import waldump

if TYPE_CHECKING:
    from collections.abc import Sequence

    from branchpg.lsn import Lsn, Segment
    from branchpg.pageserver.wal import Wal
    from branchpg.postgres.programs import Programs
    from branchpg.postgres.waldump import Commit
    from branchpg.store.catalog import Catalog

__all__ = ["Kind", "Moment", "Moments"]

_NEVER: Final = datetime.max.replace(tzinfo=UTC)

Kind: TypeAlias = Literal["present", "future", "past", "nodata"]


@dataclass(frozen=True)
class Moment:
    """The LSN of a time.

    `kind` as Neon has it: `future`, nothing is newer than the time, and the LSN is the
    head; `past`, the time is before all that is kept, and the LSN is where that begins;
    `nodata`, nothing was ever committed.
    """

    lsn: Lsn
    kind: Kind


class Moments:
    """Finds commits by their times.

    Each segment knows the time of its first commit, and they grow along the log nearly
    always: commits of the same moment may be in either order, as Neon's may. So a
    binary search reads a dozen segments of thousands.
    """

    def __init__(self, wal: Wal, programs: Programs) -> None:
        self._wal = wal
        self._programs = programs

    def lsn_of(
        self, catalog: Catalog, timeline_id: str, time: datetime, *, oldest: Lsn
    ) -> Moment:
        """Return the LSN with everything that was committed up to a time.

        `oldest` is where that which is kept begins.
        """
        timeline = catalog.timeline(timeline_id)
        head = self._wal.head(catalog, timeline)
        begin = max(oldest, timeline.ancestor_lsn or oldest)
        log = _Log(self, catalog, timeline_id, head)
        row = self._wal.row(catalog, begin, head)
        # The last segment whose first commit is not later: the commit is in there.
        at = bisect_right(row, time, key=lambda segment: log.first(segment, row))
        if at == 0:
            has_any = log.first(row[0], row) != _NEVER
            return Moment(begin, "past" if has_any else "nodata")
        found = log.commits(row[at - 1])
        earlier = [commit for commit in found if commit.time <= time]
        last = max(commit.end for commit in earlier)
        if last == max(commit.end for commit in found) and at == len(row):
            return Moment(head, "future")
        if last < begin and any(last < commit.end <= begin for commit in found):
            return Moment(begin, "past")
        return Moment(max(last, begin), "present")

    def time_of(self, catalog: Catalog, timeline_id: str, lsn: Lsn) -> datetime:
        """Return the time of the last commit at or before a position.

        Raises:
            PreconditionFailed: no commit that is kept is as old.
        """
        size = catalog.wal_segment_size
        for number in range((max(lsn, 1) - 1) // size, 0, -1):
            row = self._wal.row(catalog, type(lsn)(number * size), lsn)[:1]
            try:
                found = self.commits(catalog, timeline_id, row[0], upto=lsn)
            except Unsatisfiable:
                break
            earlier = [one for one in found if one.end <= lsn]
            if earlier:
                return earlier[-1].time
        raise PreconditionFailed(f"Timestamp for lsn {lsn} not found")

    def commits(
        self, catalog: Catalog, timeline_id: str, segment: Segment, *, upto: Lsn
    ) -> Sequence[Commit]:
        """Return the commits whose records begin in a segment, up to a position."""
        # A record may go on in the next segment.
        end = type(upto)(min(upto, segment.next().end))
        row = self._wal.row(catalog, segment.start, end)
        with self._wal.view(catalog, timeline_id, row, upto=end) as directory:
            found = waldump.commits(self._programs, directory, row)
            return [commit for commit in found if commit.start < segment.end]


class _Log:
    """The commits of segments, read once each."""

    def __init__(
        self, moments: Moments, catalog: Catalog, timeline_id: str, head: Lsn
    ) -> None:
        self._moments = moments
        self._catalog = catalog
        self._timeline_id = timeline_id
        self._head = head
        self._read: dict[Segment, Sequence[Commit]] = {}

    def commits(self, segment: Segment) -> Sequence[Commit]:
        """Return a segment's commits."""
        if segment not in self._read:
            self._read[segment] = self._moments.commits(
                self._catalog, self._timeline_id, segment, upto=self._head
            )
        return self._read[segment]

    def first(self, segment: Segment, row: Sequence[Segment]) -> datetime:
        """Return the time of the first commit in a segment or after it."""
        for later in row[row.index(segment) :]:
            found = self.commits(later)
            if found:
                return found[0].time
        return _NEVER
