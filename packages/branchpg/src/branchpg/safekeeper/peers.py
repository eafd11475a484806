"""A timeline that was lost here, fetched from the other safekeepers."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from branchpg.errors import (
    BadRequest,
    BranchpgError,
    NotFound,
    PreconditionFailed,
    TryLater,
)
from branchpg.http.client import HttpClient, address
from branchpg.http.client import path as url
from branchpg.lsn import Lsn, Segment, history_name
from branchpg.safekeeper.answers import TimelineStatus
from branchpg.safekeeper.history import Entry, upto
from branchpg.safekeeper.state import State, TimelineKey
from branchpg.store.durable import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from branchpg.safekeeper.registry import Registry

__all__ = ["pull_timeline"]

_PORT: Final = 7676
_MOST_PEERS: Final = 16

_log = logging.getLogger(__name__)


class _Digest(msgspec.Struct):
    sha256: str


def pull_timeline(
    registry: Registry, key: TimelineKey, hosts: Sequence[str], token: str | None
) -> str:
    """Fetch a timeline from the furthest of its other safekeepers; return which.

    Every one of them must answer: what was acknowledged here may be on one of them
    only, and what was promised here, too. Where the timeline was lost, the promise is
    not known afterwards, and a new one has to be given (by `fence`) before anybody is
    received from. A timeline that is here keeps its promise, and catches up.

    Raises:
        TryLater: one does not answer.
        NotFound: none has the timeline.
    """
    if not 1 <= len(hosts) <= _MOST_PEERS:
        raise BadRequest(f"http_hosts: between 1 and {_MOST_PEERS} peers")
    clients = [HttpClient(address(h, default_port=_PORT), token=token) for h in hosts]
    found = [(status, c) for c in clients if (status := _status(c, key))]
    if not found:
        raise NotFound(f"Timeline {key} was not found on any of the peers")
    best, client = max(found, key=lambda item: _reach(item[0]))
    promised = max(status.acceptor_state.term for status, _ in found)
    state = _state(best, promised)

    def fill(staging: str) -> None:
        _fetch(client, best, staging)

    known = registry.known(key)
    if known is None:
        known = registry.build(state, fill)
    else:
        known.catch_up(state, best.flush_lsn, partial(_pieces, client, best))
    _fetch_history_file(client, best, known.directory)
    if known.flush_lsn is None and best.flush_lsn > best.timeline_start_lsn:
        raise TryLater(f"what {client.address} sent holds no whole record")
    _log.info("%s: fetched from %s up to %s", key, client.address, known.flush_lsn)
    return str(client.address)


def _pieces(
    client: HttpClient, status: TimelineStatus, start: Lsn | None
) -> Iterator[tuple[Lsn, bytes]]:
    """Yield a peer's WAL from a position on, a segment at a time, then compare it."""
    until = status.flush_lsn
    if start is None:
        start = status.local_start_lsn
        start = Segment.at(start, status.postgres_timeline, _size(status)).start
    if start < status.local_start_lsn:
        raise PreconditionFailed(
            f"{client.address} has WAL from {status.local_start_lsn} on, and {start} "
            "is needed",
            hint="delete the timeline here, then fetch it again",
        )
    digest, position = hashlib.sha256(), start
    while position < until:
        segment = Segment.at(position, status.postgres_timeline, _size(status))
        content = _segment(client, status, segment)
        piece = content[
            position - segment.start : min(segment.size, until - segment.start)
        ]
        digest.update(piece)
        yield position, piece
        position = Lsn(position + len(piece))
    _compare(client, status, start, digest.hexdigest())


def _status(client: HttpClient, key: TimelineKey) -> TimelineStatus | None:
    where = url("tenant", key.tenant_id, "timeline", key.timeline_id)
    try:
        return client.get(where, TimelineStatus)
    except NotFound:
        return None


def _reach(status: TimelineStatus) -> tuple[int, Lsn]:
    return status.acceptor_state.epoch, status.flush_lsn


def _state(status: TimelineStatus, promised: int) -> State:
    history = tuple(
        Entry(term.term, term.lsn) for term in status.acceptor_state.term_history
    )
    return State(
        tenant_id=status.tenant_id,
        timeline_id=status.timeline_id,
        start_lsn=status.timeline_start_lsn,
        generation=promised,
        history=upto(history, status.flush_lsn),
        remote_consistent_lsn=status.remote_consistent_lsn,
        is_fenced=False,
        system_id=status.pg_info.system_id,
        pg_version=status.pg_info.pg_version,
        postgres_timeline=status.postgres_timeline,
        wal_seg_size=status.pg_info.wal_seg_size,
    )


def _fetch(client: HttpClient, status: TimelineStatus, staging: str) -> None:
    """Fetch all segments, and compare what arrived with the peer's digest."""
    start, until = status.local_start_lsn, status.flush_lsn
    if until <= status.timeline_start_lsn:
        return
    digest = hashlib.sha256()
    segment = Segment.at(start, status.postgres_timeline, _size(status))
    while segment.start < until:
        content = _segment(client, status, segment)
        kept = min(segment.size, until - segment.start)
        content = content[:kept] + bytes(segment.size - kept)
        with open(os.path.join(staging, segment.name), "wb") as file:
            file.write(content)
        digest.update(memoryview(content)[max(0, start - segment.start) : kept])
        segment = segment.next()
    _compare(client, status, start, digest.hexdigest())


def _fetch_history_file(
    client: HttpClient, status: TimelineStatus, directory: str
) -> None:
    """Fetch what tells where PostgreSQL's timeline came from; the first has none."""
    name = history_name(status.postgres_timeline)
    where = url("tenant", status.tenant_id, "timeline", status.timeline_id, "wal")
    with contextlib.suppress(NotFound):
        content = client.raw("GET", f"{where}/{name}")
        replace_file(os.path.join(directory, name), content)


def _segment(client: HttpClient, status: TimelineStatus, segment: Segment) -> bytes:
    where = url("tenant", status.tenant_id, "timeline", status.timeline_id, "wal")
    content = client.raw("GET", f"{where}/{segment.name}")
    if len(content) != segment.size:
        raise TryLater(f"{client.address} sent {len(content)} bytes of a segment")
    return content


def _compare(
    client: HttpClient, status: TimelineStatus, start: Lsn, digest: str
) -> None:
    where = ("tenant", status.tenant_id, "timeline", status.timeline_id, "digest")
    asked = url(*where, from_lsn=start, until_lsn=status.flush_lsn)
    if client.get(asked, _Digest).sha256 != digest:
        raise BranchpgError(f"what {client.address} sent is not what it has")


def _size(status: TimelineStatus) -> int:
    return status.pg_info.wal_seg_size
