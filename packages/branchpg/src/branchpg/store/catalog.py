"""What a tenant has: timelines, branches that name them, endpoints, leases.

One immutable value per tenant, written as a whole: whatever a change touches, a crash
leaves the state before it or the state after it.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import msgspec

from branchpg.errors import NotFound
from branchpg.lsn import Lsn
from branchpg.promotions import Promotions, before

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "Attachment",
    "Branch",
    "Catalog",
    "Endpoint",
    "EndpointType",
    "Generation",
    "Lease",
    "Timeline",
]

EndpointType: TypeAlias = Literal["read_write", "read_only"]

FORMAT: Final = 1


class Generation(msgspec.Struct, frozen=True):
    """A compute's turn at a timeline, and the first LSN that it wrote."""

    generation: int
    lsn: Lsn


class Attachment(msgspec.Struct, frozen=True):
    """The compute that runs a timeline.

    `pgdata` and `dsn` are how the pageserver reaches it for a snapshot; the latter is
    known once PostgreSQL is ready. `compute` is where it starts servers that follow it.
    """

    endpoint_id: str
    generation: int
    pgdata: str
    dsn: str | None = None
    compute: str | None = None


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """A history of a cluster: its own WAL, from where it left its ancestor's.

    `requested_lsn` is the branch point as it was asked for, `ancestor_lsn` the end of
    the last whole record there. `generation` is the highest given out; `history` says
    which LSNs each one wrote. `promotions` are those of its ancestors up to where it
    starts, and the one that it starts with, if it does.
    """

    timeline_id: str
    start_lsn: Lsn
    created_at: datetime
    ancestor_timeline_id: str | None = None
    ancestor_lsn: Lsn | None = None
    requested_lsn: Lsn | None = None
    generation: int = 0
    history: tuple[Generation, ...] = ()
    promotions: Promotions = ()
    attachment: Attachment | None = None
    gc_cutoff_lsn: Lsn = Lsn(0)
    is_deleting: bool = False
    is_archived: bool = False
    is_draft: bool = False
    has_wal: bool = False
    is_gc_blocked: bool = False

    @property
    def inherited(self) -> Promotions:
        """The promotions of its ancestors."""
        return before(self.promotions, self.start_lsn)


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """A name for a timeline. Fields are those of Neon's branches."""

    id: str
    name: str
    timeline_id: str
    created_at: datetime
    updated_at: datetime
    parent_id: str | None = None
    parent_timestamp: datetime | None = None
    default: bool = False
    protected: bool = False
    expires_at: datetime | None = None
    ttl_interval_seconds: int | None = None
    last_reset_at: datetime | None = None


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where a branch can be connected to; `lsn` fixes a read-only one to a moment."""

    id: str
    branch_id: str
    type: EndpointType = "read_write"
    suspend_timeout_seconds: int = 0
    lsn: Lsn | None = None
    created_at: datetime


class Lease(msgspec.Struct, frozen=True):
    """A promise that an LSN stays readable until some moment."""

    timeline_id: str
    lsn: Lsn
    valid_until: datetime


class Catalog(msgspec.Struct, frozen=True, kw_only=True):
    """All of a tenant. `version` grows with every change.

    `aliases` are names that lead to the id of a branch, and are moved to another one.
    """

    format: int = FORMAT
    tenant_id: str
    version: int = 0
    generation: int = 1
    created_at: datetime
    pg_version: int | None = None
    system_identifier: int | None = None
    wal_segment_size: int = 16 * 1024 * 1024
    postgres_timeline: int = 1
    config: dict[str, Any] = {}
    timelines: dict[str, Timeline] = {}
    branches: dict[str, Branch] = {}
    endpoints: dict[str, Endpoint] = {}
    leases: tuple[Lease, ...] = ()
    aliases: dict[str, str] = {}

    def timeline(self, timeline_id: str) -> Timeline:
        """Return a timeline; raise NotFound in Neon's words."""
        try:
            return self.timelines[timeline_id]
        except KeyError:
            raise NotFound(
                f"Timeline {self.tenant_id}/{timeline_id} was not found"
            ) from None

    def children(self, timeline_id: str) -> tuple[Timeline, ...]:
        """Return the timelines that branched off a timeline, the oldest first."""
        found = (
            timeline
            for timeline in self.timelines.values()
            if timeline.ancestor_timeline_id == timeline_id
        )
        return tuple(sorted(found, key=lambda timeline: timeline.created_at))

    def lineage(self, timeline_id: str) -> Iterator[Timeline]:
        """Yield a timeline, its ancestor, that one's, and so on."""
        following: str | None = timeline_id
        while following is not None:
            timeline = self.timeline(following)
            yield timeline
            following = timeline.ancestor_timeline_id

    def branch(self, name_or_id: str) -> Branch:
        """Return a branch by id, name or alias; raise NotFound for none of them."""
        if name_or_id in self.branches:
            return self.branches[name_or_id]
        for branch in self.branches.values():
            if branch.name == name_or_id:
                return branch
        if self.aliases.get(name_or_id) in self.branches:
            return self.branches[self.aliases[name_or_id]]
        known = ", ".join(sorted(branch.name for branch in self.branches.values()))
        raise NotFound(
            f'branch "{name_or_id}" was not found', hint=f"there are: {known}"
        )

    def default_branch(self) -> Branch:
        """Return the branch that stands where none is named."""
        for branch in self.branches.values():
            if branch.default:
                return branch
        raise NotFound(
            "the tenant has no default branch", hint="branchpg init makes it"
        )

    def branch_of(self, timeline_id: str) -> Branch | None:
        """Return the branch that names a timeline."""
        for branch in self.branches.values():
            if branch.timeline_id == timeline_id:
                return branch
        return None

    def endpoints_of(self, branch_id: str) -> tuple[Endpoint, ...]:
        """Return the endpoints of a branch, the writing one first."""
        found = (one for one in self.endpoints.values() if one.branch_id == branch_id)
        return tuple(sorted(found, key=lambda one: (one.type != "read_write", one.id)))

    def with_timeline(self, timeline: Timeline) -> Catalog:
        """Return the catalog with a timeline added or replaced."""
        timelines = {**self.timelines, timeline.timeline_id: timeline}
        return msgspec.structs.replace(self, timelines=timelines)

    def without_timeline(self, timeline_id: str) -> Catalog:
        """Return the catalog without a timeline and the leases on it."""
        kept = {k: v for k, v in self.timelines.items() if k != timeline_id}
        leases = tuple(one for one in self.leases if one.timeline_id != timeline_id)
        return msgspec.structs.replace(self, timelines=kept, leases=leases)

    def named(self, timeline_id: str) -> Catalog:
        """Return the catalog in which a timeline is a draft no more."""
        timeline = self.timeline(timeline_id)
        return self.with_timeline(msgspec.structs.replace(timeline, is_draft=False))

    def doomed(self, timeline_id: str) -> Catalog:
        """Return the catalog in which a timeline is being deleted."""
        timeline = msgspec.structs.replace(
            self.timeline(timeline_id), is_deleting=True, attachment=None
        )
        return self.with_timeline(timeline)

    def with_branch(self, *branches: Branch) -> Catalog:
        """Return the catalog with branches added or replaced."""
        changed = {**self.branches, **{branch.id: branch for branch in branches}}
        return msgspec.structs.replace(self, branches=changed)

    def without_branch(self, branch_id: str) -> Catalog:
        """Return the catalog without a branch and its endpoints."""
        branches = {k: v for k, v in self.branches.items() if k != branch_id}
        endpoints = {
            k: v for k, v in self.endpoints.items() if v.branch_id != branch_id
        }
        aliases = {k: v for k, v in self.aliases.items() if v != branch_id}
        return msgspec.structs.replace(
            self, branches=branches, endpoints=endpoints, aliases=aliases
        )

    def with_alias(self, alias: str, branch_id: str) -> Catalog:
        """Return the catalog with an alias that leads to a branch."""
        aliases = {**self.aliases, alias: branch_id}
        return msgspec.structs.replace(self, aliases=aliases)

    def with_endpoint(self, endpoint: Endpoint) -> Catalog:
        """Return the catalog with an endpoint added or replaced."""
        endpoints = {**self.endpoints, endpoint.id: endpoint}
        return msgspec.structs.replace(self, endpoints=endpoints)
