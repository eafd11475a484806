"""Which generation wrote what: the rules of ADR 0009, without any I/O.

A history lists, for one log, the generations that wrote it and where the WAL of each
begins. A new generation's log goes on from the furthest log that an election found: its
history is that log's, and the new generation at its end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec

from branchpg.errors import BadRequest
from branchpg.lsn import Lsn

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Entry", "History", "checked", "common_end", "last_generation", "upto"]


class Entry(msgspec.Struct, frozen=True):
    """A generation, and the first position of its WAL."""

    generation: int
    lsn: Lsn


History: TypeAlias = tuple[Entry, ...]


def checked(history: Sequence[Entry], generation: int) -> History:
    """Return a history that may go with a generation; raise BadRequest otherwise."""
    generations = [entry.generation for entry in history]
    if not generations or generations[-1] != generation:
        raise BadRequest(f"the history does not end with generation {generation}")
    if generations[0] < 1 or generations != sorted(set(generations)):
        raise BadRequest("the generations of a history must be positive, and grow")
    lsns = [entry.lsn for entry in history]
    if lsns != sorted(lsns):
        raise BadRequest("the positions of a history must not fall")
    return tuple(history)


def last_generation(history: History, flush_lsn: Lsn | None) -> int:
    """Return the generation that a log up to a position belongs to; 0 if there is none.

    A log that ends just where a generation begins is a whole prefix of that
    generation's log, and counts as its.
    """
    return max((entry.generation for entry in upto(history, flush_lsn)), default=0)


def common_end(ours: History, theirs: History, flush_lsn: Lsn | None) -> Lsn | None:
    """Return up to where our log is part of theirs; None where they share nothing.

    They share what the last generation wrote that both know, up to where the first of
    them left it. It is not enough to look where a generation after our last one began
    in theirs: of two generations that both began without the other's WAL, the later
    one's history says nothing of the earlier one.
    """
    ours = upto(ours, flush_lsn)
    begun = {entry.generation: entry.lsn for entry in theirs}
    our_end = flush_lsn
    for entry in reversed(ours):
        if begun.get(entry.generation) == entry.lsn and our_end is not None:
            later = (e.lsn for e in theirs if e.generation > entry.generation)
            return min([our_end, *later])
        our_end = entry.lsn
    return None


def upto(history: History, lsn: Lsn | None) -> History:
    """Return the history of a log that ends at a position; None: that has no WAL."""
    return () if lsn is None else tuple(e for e in history if e.lsn <= lsn)
