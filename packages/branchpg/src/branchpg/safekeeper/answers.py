"""The bodies of the HTTP interface: Neon's names, and ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from branchpg.lsn import SEGMENT, Lsn
from branchpg.safekeeper.history import Entry
from branchpg.safekeeper.readers import Sender

if TYPE_CHECKING:
    from branchpg.safekeeper.timeline import Timeline

__all__ = [
    "CopyBody",
    "CreateBody",
    "FenceBody",
    "ForgetBody",
    "PullBody",
    "ReceiveBody",
    "StopBody",
    "TermBody",
    "TimelineStatus",
    "WaitBody",
    "status_of",
]


class CreateBody(msgspec.Struct):
    """POST /v1/tenant/timeline."""

    tenant_id: str
    timeline_id: str
    start_lsn: Lsn
    pg_version: int = 0
    system_id: int | None = None
    wal_seg_size: int = SEGMENT


class FenceBody(msgspec.Struct):
    """POST .../fence."""

    generation: int
    start_lsn: Lsn
    pg_version: int = 0
    system_id: int | None = None


class ReceiveBody(msgspec.Struct):
    """POST .../receive; `timeout` in seconds, for the answer."""

    generation: int
    dsn: str
    start_lsn: Lsn
    history: tuple[Entry, ...]
    slot: str | None = None
    peers: tuple[str, ...] = ()
    timeout: float = 15.0


class StopBody(msgspec.Struct):
    """DELETE .../receive."""

    generation: int


class WaitBody(msgspec.Struct):
    """POST .../wait for WAL of a generation, or a later one; `timeout` in seconds."""

    lsn: Lsn
    generation: int = 0
    timeout: float = 30.0


class ForgetBody(msgspec.Struct):
    """PATCH .../control_file."""

    remote_consistent_lsn: Lsn


class CopyBody(msgspec.Struct):
    """POST .../copy."""

    target_timeline_id: str
    until_lsn: Lsn
    target_tenant_id: str | None = None


class PullBody(msgspec.Struct):
    """POST /v1/pull_timeline."""

    tenant_id: str
    timeline_id: str
    http_hosts: tuple[str, ...]


class TermBody(msgspec.Struct):
    """POST .../term_bump."""

    term: int | None = None


class Term(msgspec.Struct):
    """A generation, in Neon's words."""

    term: int
    lsn: Lsn


class AcceptorState(msgspec.Struct):
    """What was promised, and what the WAL here is of."""

    term: int
    epoch: int
    term_history: list[Term]


class PgInfo(msgspec.Struct):
    """Of the PostgreSQL that wrote the WAL."""

    pg_version: int
    system_id: int
    wal_seg_size: int


class WalReceiver(msgspec.Struct):
    """The compute that WAL is pulled from."""

    conn_id: int
    status: str
    source: str
    generation: int
    reason: str | None


class Configuration(msgspec.Struct):
    """Neon's membership; who the members are, the pageserver knows."""

    generation: int
    members: tuple[str, ...] = ()
    new_members: tuple[str, ...] | None = None


class TimelineStatus(msgspec.Struct):
    """What a timeline is. Without WAL after the start, flush_lsn is 0/0."""

    tenant_id: str
    timeline_id: str
    generation: int
    last_generation: int
    mconf: Configuration
    acceptor_state: AcceptorState
    pg_info: PgInfo
    flush_lsn: Lsn
    timeline_start_lsn: Lsn
    local_start_lsn: Lsn
    commit_lsn: Lsn
    backup_lsn: Lsn
    peer_horizon_lsn: Lsn
    remote_consistent_lsn: Lsn
    is_fenced: bool
    postgres_timeline: int
    peers: tuple[str, ...]
    walsenders: tuple[Sender, ...]
    walreceivers: tuple[WalReceiver, ...]


def status_of(timeline: Timeline) -> TimelineStatus:
    """Return what a timeline is now."""
    state, receiver = timeline.state, timeline.receiver
    flush = timeline.flush_lsn or Lsn(0)
    receivers: tuple[WalReceiver, ...] = ()
    if receiver:
        receivers = (
            WalReceiver(
                conn_id=1,
                status="Streaming" if receiver.streams else "Voting",
                source=receiver.order.place,
                generation=receiver.order.generation,
                reason=str(receiver.reason) if receiver.reason else None,
            ),
        )
    return TimelineStatus(
        tenant_id=state.tenant_id,
        timeline_id=state.timeline_id,
        generation=state.generation,
        last_generation=timeline.last_generation,
        mconf=Configuration(state.generation),
        acceptor_state=AcceptorState(
            state.generation,
            timeline.last_generation,
            [Term(entry.generation, entry.lsn) for entry in state.history],
        ),
        pg_info=PgInfo(state.pg_version, state.system_id, state.wal_seg_size),
        flush_lsn=flush,
        timeline_start_lsn=state.start_lsn,
        local_start_lsn=timeline.local_start_lsn,
        commit_lsn=flush,
        backup_lsn=state.remote_consistent_lsn,
        peer_horizon_lsn=flush,
        remote_consistent_lsn=state.remote_consistent_lsn,
        is_fenced=state.is_fenced,
        postgres_timeline=state.postgres_timeline,
        peers=(),
        walsenders=timeline.readers.senders,
        walreceivers=receivers,
    )
