"""Computes that run timelines: one writes at a time, the newest generation (ADR 9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from branchpg.errors import Conflict, TryLater
from branchpg.http.safekeepers import precedence
from branchpg.lsn import Lsn
from branchpg.store.catalog import Attachment, Generation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from branchpg.http.client import Address
    from branchpg.http.safekeepers import Position, Safekeepers
    from branchpg.pageserver.store import Store
    from branchpg.pageserver.tenants import Tenant
    from branchpg.promotions import Promotions
    from branchpg.store.catalog import Catalog, Timeline
    from branchpg.store.snapshots import Snapshot

__all__ = ["Attached", "Attachments"]


class Attached(msgspec.Struct, frozen=True):
    """What a compute learns that may run a timeline.

    `end_lsn` is where its log goes on; `was_kept` says that the data directory it had
    is still good, otherwise it was made anew. `follower` names the server that runs on
    the one that was made, if one does.
    """

    generation: int
    start_lsn: Lsn
    end_lsn: Lsn
    history: tuple[Generation, ...]
    was_kept: bool
    follower: str | None = None


@dataclass(frozen=True)
class Wish:
    """A compute that wants to run a timeline.

    Attributes:
        endpoint_id: which endpoint it is for.
        pgdata: where its data directory is, or is to be made.
        held: the generation that last ran on that directory, None for none.
        compute: where it can be asked for servers that follow it.
    """

    endpoint_id: str
    pgdata: str
    held: int | None
    compute: str | None


class Attachments:
    """Gives timelines to computes."""

    def __init__(self, store: Store, safekeepers: Safekeepers) -> None:
        self._store = store
        self._safekeepers = safekeepers

    def attach(self, tenant: Tenant, timeline_id: str, wish: Wish) -> Attached:
        """Give a timeline to a compute, and take it from whoever had it."""
        with tenant.history.reading(), tenant.lock(timeline_id):
            before = tenant.catalog.timeline(timeline_id)
            if before.is_archived or before.is_deleting:
                raise Conflict(f"timeline {timeline_id} is archived or being deleted")
            generation = before.generation + 1
            attachment = Attachment(
                wish.endpoint_id, generation, wish.pgdata, compute=wish.compute
            )
            tenant.change(lambda catalog: _promised(catalog, timeline_id, attachment))
            answers = self._safekeepers.fence(
                tenant.id, timeline_id, generation, before.start_lsn
            )
            best = self._elected(answers, before)
            end = max(best.flush_lsn or before.start_lsn, before.start_lsn)
            kept = wish.held is not None and wish.held == before.generation
            promotions, follower = before.promotions, None
            if not kept:
                made, promotions = self._make(tenant.catalog, before, end, wish.pgdata)
                follower = made.follower
            history = (*best.history, Generation(generation, end))
            tenant.change(
                lambda catalog: _continued(catalog, timeline_id, history, promotions)
            )
            return Attached(
                generation=generation,
                start_lsn=before.start_lsn,
                end_lsn=end,
                history=history,
                was_kept=kept,
                follower=follower,
            )

    def _make(
        self, catalog: Catalog, timeline: Timeline, end: Lsn, pgdata: str
    ) -> tuple[Snapshot, Promotions]:
        """Make a data directory anew; return of what, and the promotions of its log.

        As long as nothing was written to a timeline, it begins with a promotion only if
        the server that was promoted for it, or what that left, is there.
        """
        promotions = timeline.promotions
        if end == timeline.start_lsn:
            promotions = timeline.inherited
            timeline = msgspec.structs.replace(timeline, promotions=promotions)
            catalog = catalog.with_timeline(timeline)
        made = self._store.materialise(catalog, timeline.timeline_id, end, pgdata)
        if made.promotion:
            promotions = (*promotions, made.promotion)
        return made, promotions

    def ready(
        self, tenant: Tenant, timeline_id: str, generation: int, dsn: str
    ) -> None:
        """Note where the PostgreSQL of a timeline answers.

        Raises:
            Conflict: the timeline was given to somebody else meanwhile.
        """

        def note(catalog: Catalog) -> Catalog:
            timeline = catalog.timeline(timeline_id)
            attachment = _held_by(timeline, generation)
            changed = msgspec.structs.replace(attachment, dsn=dsn)
            return catalog.with_timeline(
                msgspec.structs.replace(timeline, attachment=changed, has_wal=True)
            )

        tenant.change(note)

    def detach(self, tenant: Tenant, timeline_id: str, generation: int) -> None:
        """Note that nobody runs a timeline; who lost it already changes nothing."""

        def note(catalog: Catalog) -> Catalog:
            timeline = catalog.timelines.get(timeline_id)
            if timeline is None or timeline.attachment is None:
                return catalog
            if timeline.attachment.generation != generation:
                return catalog
            return catalog.with_timeline(
                msgspec.structs.replace(timeline, attachment=None)
            )

        # Without the timeline's lock: who waits for its WAL has to learn of it.
        tenant.change(note)

    def _elected(
        self, answers: Mapping[Address, Position], timeline: Timeline
    ) -> Position:
        """Return the answer from which the log goes on.

        One that lost its directory has no voice: it may have been part of any quorum.

        Raises:
            TryLater: too few of those who answered have any of the WAL.
        """
        voters = [one for one in answers.values() if one.flush_lsn]
        if timeline.has_wal and len(voters) < self._safekeepers.voters_needed:
            raise TryLater(
                f"{len(voters)} safekeepers have WAL of timeline "
                f"{timeline.timeline_id}, {self._safekeepers.voters_needed} are needed",
                hint="bring back those that have it, or restore the branch from a "
                "moment that the pageserver has",
            )
        return max(answers.values(), key=precedence)


def _promised(catalog: Catalog, timeline_id: str, attachment: Attachment) -> Catalog:
    timeline = msgspec.structs.replace(
        catalog.timeline(timeline_id),
        generation=attachment.generation,
        attachment=attachment,
    )
    return catalog.with_timeline(timeline)


def _continued(
    catalog: Catalog,
    timeline_id: str,
    history: tuple[Generation, ...],
    promotions: Promotions,
) -> Catalog:
    timeline = msgspec.structs.replace(
        catalog.timeline(timeline_id), history=history, promotions=promotions
    )
    return catalog.with_timeline(timeline)


def _held_by(timeline: Timeline, generation: int) -> Attachment:
    attachment = timeline.attachment
    if attachment is None or attachment.generation != generation:
        raise Conflict(
            f"generation {generation} of timeline {timeline.timeline_id} is over: "
            f"{timeline.generation} was given out"
        )
    return attachment
