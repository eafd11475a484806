"""What the services answer, as types."""

from __future__ import annotations

from datetime import datetime

import msgspec

from branchpg.lsn import Lsn

__all__ = [
    "BranchInfo",
    "Decision",
    "EndpointInfo",
    "EndpointUse",
    "GcInfo",
    "Sizes",
    "StoreInfo",
]


class EndpointInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint, as Neon's console has it."""

    id: str
    branch_id: str
    type: str
    current_state: str
    suspend_timeout_seconds: int = 0
    lsn: Lsn | None = None


class BranchInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A branch, as Neon's console has it, with its timeline and endpoints."""

    id: str
    project_id: str
    name: str
    timeline_id: str
    current_state: str
    created_at: datetime
    updated_at: datetime
    parent_id: str | None = None
    parent_lsn: Lsn | None = None
    parent_timestamp: datetime | None = None
    default: bool = False
    protected: bool = False
    expires_at: datetime | None = None
    ttl_interval_seconds: int | None = None
    last_reset_at: datetime | None = None
    endpoints: tuple[EndpointInfo, ...] = ()


class EndpointUse(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint, as the compute has it: whether it runs, and who is connected."""

    id: str
    branch: str
    type: str
    status: str
    sessions: int = 0
    timings: dict[str, int] = {}


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes of a timeline.

    Attributes:
        current_logical_size: of its files, as PostgreSQL sees them.
        current_physical_size: of its snapshots and WAL on disk.
        shared_physical_size: what of that is shared with others.
        pitr_history_size: its WAL.
    """

    timeline_id: str
    last_record_lsn: Lsn
    current_logical_size: int = 0
    current_physical_size: int = 0
    shared_physical_size: int = 0
    pitr_history_size: int = 0


class Decision(msgspec.Struct, frozen=True):
    """What garbage collection does with one thing, and why."""

    what: str
    keep: bool
    reason: str


class GcInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What garbage collection did, or would do."""

    layers_total: int
    layers_removed: int
    decisions: tuple[Decision, ...] = ()


class StoreInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A project: its version of PostgreSQL, and how its files are copied."""

    id: str
    pg_version: int | None = None
    driver: str = ""
    directory: str = ""
    history_retention_seconds: int = 0
