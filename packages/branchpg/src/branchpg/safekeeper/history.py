"""Which generation wrote what: the rules of ADR 0009, without any I/O.

A history lists for each generation the position where its WAL begins. It stands for one
log: what a generation wrote ends where a later one begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec

from branchpg.errors import BadRequest
from branchpg.lsn import Lsn

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Entry", "History", "checked", "last_generation", "superseded_from", "upto"]


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
    return tuple(history)


def last_generation(history: History, flush_lsn: Lsn | None) -> int:
    """Return the generation that a log up to a position belongs to; 0 if there is none.

    A log that ends just where a generation begins is a whole prefix of that
    generation's log, and counts as its.
    """
    if flush_lsn is None:
        return 0
    reached = (entry.generation for entry in history if entry.lsn <= flush_lsn)
    return max(reached, default=0)


def superseded_from(
    history: History, *, wrote: int, flush_lsn: Lsn | None
) -> Lsn | None:
    """Return where a log stops to be part of a history's; None where nothing is to go.

    Each generation after the one that `wrote` the log's end may have begun below it.
    That must not be looked for in the next one alone: the one after that may have been
    elected without it, and have begun further back.
    """
    if flush_lsn is None:
        return None
    begun = (int(entry.lsn) for entry in history if entry.generation > wrote)
    lowest = min(begun, default=int(flush_lsn))
    return None if lowest >= flush_lsn else type(flush_lsn)(lowest)


def upto(history: History, lsn: Lsn) -> History:
    """Return the history of a log that was cut at a position."""
    return tuple(entry for entry in history if entry.lsn <= lsn)
