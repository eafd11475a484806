"""What of a timeline has to be kept, and why: pure rules.

As in Neon, whatever the larger of `pitr_interval` and `gc_horizon` needs is kept, and
beside it every branch point and every leased LSN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from branchpg.lsn import Lsn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from branchpg.store.snapshots import Snapshot

__all__ = ["Decision", "Pin", "Plan", "plan"]


@dataclass(frozen=True)
class Pin:
    """An LSN that must stay readable, and for whom."""

    lsn: Lsn
    reason: str


@dataclass(frozen=True)
class Decision:
    """What becomes of one thing: a snapshot, or a row of WAL segments."""

    what: str
    keep: bool
    reason: str


@dataclass(frozen=True)
class Plan:
    """What is kept of a timeline.

    Attributes:
        cutoff: from here on every LSN can be branched from.
        snapshots: those to remove.
        segments: numbers of the WAL segments to keep.
        decisions: all of it in words.
    """

    cutoff: Lsn
    snapshots: tuple[Snapshot, ...]
    segments: frozenset[int]
    decisions: tuple[Decision, ...]


def plan(
    *,
    snapshots: Sequence[Snapshot],
    segments: frozenset[int],
    segment_size: int,
    cutoff: Lsn,
    cutoff_reason: str,
    pins: Iterable[Pin],
) -> Plan:
    """Decide about a timeline's snapshots (the oldest first) and whole segments."""
    base = _base(snapshots, cutoff)
    since = base.redo if base else Lsn(0)
    reasons = {
        one.lsn: cutoff_reason
        for one in snapshots
        if base is None or one.lsn >= base.lsn
    }
    rows = _Rows(segments, segment_size)
    needed = rows.between(since, None)
    for pin in sorted(pins, key=lambda pin: pin.lsn):
        own = _base(snapshots, pin.lsn)
        if own:
            reasons.setdefault(own.lsn, pin.reason)
        needed |= rows.between(own.redo if own else Lsn(0), pin.lsn)
    return Plan(
        cutoff=cutoff,
        snapshots=tuple(one for one in snapshots if one.lsn not in reasons),
        segments=frozenset(needed),
        decisions=(
            *(_told(one, reasons, cutoff) for one in snapshots),
            *_told_of_segments(len(needed), len(segments - needed), since),
        ),
    )


@dataclass(frozen=True)
class _Rows:
    segments: frozenset[int]
    size: int

    def between(self, first: Lsn, end: Lsn | None) -> set[int]:
        """Return the segments that hold what lies between two positions."""
        return {
            number
            for number in self.segments
            if (number + 1) * self.size > first
            and (end is None or number * self.size < end)
        }


def _told(snapshot: Snapshot, reasons: Mapping[Lsn, str], cutoff: Lsn) -> Decision:
    unpinned = f"older than {cutoff}, and nobody pins it"
    reason = reasons.get(snapshot.lsn, unpinned)
    return Decision(f"snapshot {snapshot.lsn}", snapshot.lsn in reasons, reason)


def _told_of_segments(kept: int, gone: int, since: Lsn) -> Iterator[Decision]:
    if kept:
        yield Decision(f"{kept} WAL segments", True, f"from {since}, and for pins")
    if gone:
        yield Decision(f"{gone} WAL segments", False, "nobody needs them")


def _base(snapshots: Sequence[Snapshot], lsn: Lsn) -> Snapshot | None:
    """Return the newest snapshot that serves an LSN."""
    fitting = [one for one in snapshots if one.lsn <= lsn]
    return fitting[-1] if fitting else None
