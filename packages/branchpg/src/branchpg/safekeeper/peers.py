"""What is missing here, fetched from the other safekeepers of a timeline."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from branchpg.errors import (
    BadRequest,
    BranchpgError,
    NotFound,
    TryLater,
)
from branchpg.http.client import HttpClient, address
from branchpg.http.client import path as url
from branchpg.lsn import Lsn, Segment, history_name
from branchpg.safekeeper.answers import TimelineStatus
from branchpg.safekeeper.history import Entry, upto
from branchpg.safekeeper.state import State, TimelineKey

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from branchpg.safekeeper.registry import Registry

__all__ = ["Peers", "pull_timeline"]

_PORT: Final = 7676
_MOST_PEERS: Final = 16
_SECONDS: Final = 10.0

_log = logging.getLogger(__name__)


class _Digest(msgspec.Struct):
    sha256: str


@dataclass(frozen=True)
class Peers:
    """The other safekeepers of a timeline, by their addresses."""

    key: TimelineKey
    hosts: tuple[str, ...]
    token: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, key: TimelineKey, hosts: Sequence[str], token: str | None) -> Peers:
        """Check their addresses; raise BadRequest for what are none."""
        if len(hosts) > _MOST_PEERS:
            raise BadRequest(f"there are up to {_MOST_PEERS} peers")
        for host in hosts:
            address(host, default_port=_PORT)
        return cls(key, tuple(hosts), token)

    @property
    def clients(self) -> list[HttpClient]:
        """What asks each of them."""
        return [
            HttpClient(address(host, default_port=_PORT), token=self.token)
            for host in self.hosts
        ]

    def log(self, generation: int, start: Lsn) -> Iterator[tuple[Lsn, bytes]]:
        """Yield a generation's WAL from a position on, as far as one of them has it.

        In pieces of up to a segment, each with its position. They begin later where
        the peer has moved what is missing to the pageserver, and removed it.

        What a peer has while its log is of a generation is what the generation's
        compute sent it: it is asked before a piece, and after it once more.

        Raises:
            TryLater: none has more of it.
        """
        client, status = self._furthest(generation, start)
        position = start
        if start < status.local_start_lsn:
            if status.local_start_lsn > status.remote_consistent_lsn:
                raise TryLater(f"{client.address} has lost WAL from {start} on")
            position = status.local_start_lsn
        while position < status.flush_lsn:
            segment = Segment.at(position, status.postgres_timeline, _size(status))
            content = _segment(client, status, segment)
            end = min(segment.end, status.flush_lsn)
            again = _status(client, self.key)
            if again is None or again.acceptor_state.epoch != generation:
                raise TryLater(f"{client.address} follows another generation now")
            yield position, content[position - segment.start : end - segment.start]
            position, status = end, again

    def _furthest(
        self, generation: int, start: Lsn
    ) -> tuple[HttpClient, TimelineStatus]:
        found = []
        for client in self.clients:
            with contextlib.suppress(BranchpgError):
                status = _status(client, self.key)
                if status and status.acceptor_state.epoch == generation:
                    found.append((client, status))
        best = max(found, key=lambda item: item[1].flush_lsn, default=None)
        if best is None or best[1].flush_lsn <= start:
            raise TryLater(f"no other safekeeper has WAL from {start} on")
        return best


def pull_timeline(registry: Registry, peers: Peers) -> str:
    """Fetch a timeline from the furthest of its other safekeepers; return which.

    Every one of them must answer: what was acknowledged here may be on one of them
    only, and what was promised here, too. The promise is not known afterwards, and a
    new one has to be given (by `fence`) before anybody is received from.

    Raises:
        TryLater: one does not answer.
        NotFound: none has the timeline.
        Conflict: it is here.
    """
    if not peers.hosts:
        raise BadRequest("http_hosts: no peer is named")
    key = peers.key
    found = [(status, c) for c in peers.clients if (status := _status(c, key))]
    if not found:
        raise NotFound(f"Timeline {key} was not found on any of the peers")
    best, client = max(found, key=lambda item: _reach(item[0]))
    promised = max(status.acceptor_state.term for status, _ in found)

    def fill(staging: str) -> None:
        _fetch(client, best, staging)
        _fetch_history_file(client, best, staging)

    made = registry.build(_state(best, promised), fill)
    if made.flush_lsn is None and best.flush_lsn > best.timeline_start_lsn:
        raise TryLater(f"what {client.address} sent holds no whole record")
    _log.info("%s: fetched from %s up to %s", key, client.address, made.flush_lsn)
    return str(client.address)


def _status(client: HttpClient, key: TimelineKey) -> TimelineStatus | None:
    where = url("tenant", key.tenant_id, "timeline", key.timeline_id)
    try:
        return client.get(where, TimelineStatus, within=_SECONDS)
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
    client: HttpClient, status: TimelineStatus, staging: str
) -> None:
    """Fetch what tells where PostgreSQL's timeline came from; the first has none."""
    name = history_name(status.postgres_timeline)
    where = url("tenant", status.tenant_id, "timeline", status.timeline_id, "wal")
    with contextlib.suppress(NotFound):
        content = client.raw("GET", f"{where}/{name}")
        with open(os.path.join(staging, name), "wb") as file:
            file.write(content)


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
