"""Promotions: where a history changed PostgreSQL's timeline, and how that is told.

PostgreSQL numbers its timelines; a replica that is promoted goes on under the next
number. That has nothing to do with the timelines of branches, but for this: a branch
that began as a promoted replica has the numbers of its parent up to where it starts,
and the next one from there on. Segments are named after the number, and a server finds
the way from one to the other in a history file (PostgreSQL's timeline.c).

Here segments are kept below the timeline of a branch that they belong to, under the
number that the cluster began with. They get their real names where a server, or a
safekeeper, is to find them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec

from branchpg.lsn import Lsn, Segment, history_name

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Promotion", "Promotions", "before", "history_files", "named", "number_at"]


class Promotion(msgspec.Struct, frozen=True):
    """PostgreSQL's timeline from a position on."""

    postgres_timeline: int
    lsn: Lsn


Promotions: TypeAlias = tuple[Promotion, ...]
"""Those of one history, the oldest first; none where it stays as it began."""


def before(promotions: Promotions, lsn: Lsn) -> Promotions:
    """Return the promotions of a history that ends at a position."""
    return tuple(one for one in promotions if one.lsn < lsn)


def number_at(first: int, promotions: Promotions, lsn: Lsn) -> int:
    """Return the number that a record at a position has, of those from `first` on."""
    numbers = [one.postgres_timeline for one in promotions if one.lsn <= lsn]
    return numbers[-1] if numbers else first


def named(segment: Segment, promotions: Promotions) -> Segment:
    """Return a segment under the number that it has in a history.

    The one in which a promotion lies is begun anew by it, with all that was before.
    """
    number = number_at(segment.postgres_timeline, promotions, Lsn(segment.end - 1))
    return Segment(segment.number, number, segment.size)


def history_files(first: int, promotions: Promotions) -> Mapping[str, str]:
    """Return the history files that tell of promotions: contents by name."""
    files, told, number = {}, "", first
    for promotion in promotions:
        told += f"{number}\t{promotion.lsn}\tbranchpg\n"
        number = promotion.postgres_timeline
        files[history_name(number)] = told
    return files
