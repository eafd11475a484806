"""One timeline: whom it is received from, what is kept, who reads it.

Two locks. `_admin` lets one call at a time change what the timeline is; `lock` is held
while WAL is written and confirmed, and while the promise that forbids it is written
down. After a fence returned, nothing of a lower generation is confirmed any more.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from branchpg.errors import BadRequest, Conflict, NotFound, PreconditionFailed
from branchpg.lsn import Lsn
from branchpg.postgres.record_end import find_record_end
from branchpg.safekeeper import history as rules
from branchpg.safekeeper import state as states
from branchpg.safekeeper.progress import Progress
from branchpg.safekeeper.readers import Readers
from branchpg.safekeeper.receiver import Ended, Order, Receiver
from branchpg.safekeeper.segments import Segments
from branchpg.store.durable import replace_file

if TYPE_CHECKING:
    from branchpg.postgres.programs import Programs
    from branchpg.safekeeper.source import Identification, Source
    from branchpg.safekeeper.state import State, TimelineKey

__all__ = ["Fenced", "Keeping", "Timeline"]

_CLOSE_SECONDS: Final = 2.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Keeping:
    """How all timelines of a safekeeper are kept."""

    programs: Programs
    name: str
    sync: bool = True


@dataclass
class Counts:
    """What was done since the start of the process."""

    written_bytes: int = 0
    written_seconds: float = 0.0
    flushed_seconds: float = 0.0
    removed_segments: int = 0


class Fenced(msgspec.Struct, frozen=True):
    """What a safekeeper has of a timeline that it has just fenced."""

    generation: int
    last_generation: int
    flush_lsn: Lsn | None
    start_lsn: Lsn
    history: rules.History


class Timeline:
    """The WAL of one timeline, and its one receiver."""

    def __init__(self, directory: str, state: State, keeping: Keeping) -> None:
        self.directory = directory
        self.lock = threading.Lock()
        self.progress = Progress()
        self.readers = Readers(directory)
        self.counts = Counts()
        self._admin = threading.Lock()
        self._keeping = keeping
        self._state = state
        self._receiver: Receiver | None = None
        self._deleted = False
        self.segments = self._segments()
        self._end = 0  # all before it is on disk
        self._recover()

    @property
    def state(self) -> State:
        """What is remembered beside the WAL."""
        return self._state

    @property
    def key(self) -> TimelineKey:
        """Which timeline it is."""
        return self._state.key

    @property
    def receiver(self) -> Receiver | None:
        """Who pulls now."""
        return self._receiver

    @property
    def flush_lsn(self) -> Lsn | None:
        """Up to where WAL is on disk; None if there is none after the start."""
        end = self._end
        return Lsn(end) if end > self._state.start_lsn else None

    @property
    def end(self) -> Lsn:
        """Up to where WAL may be read, and the segment of the start as a whole."""
        return Lsn(self._end or self._state.start_lsn)

    @property
    def last_generation(self) -> int:
        """The generation that the WAL here belongs to."""
        return self._state.last_generation(self.flush_lsn)

    @property
    def local_start_lsn(self) -> Lsn:
        """The first position that can be read here."""
        present = self.segments.present()
        return present[0].start if present else self._state.start_lsn

    def fence(
        self, generation: int, *, pg_version: int = 0, system_id: int = 0
    ) -> Fenced:
        """Promise that nobody of a lower generation is acknowledged from now on.

        Raises:
            Conflict: a higher one was promised.
        """
        with self._admin:
            self._check_deleted()
            previous = self._state.generation
            if generation < previous:
                raise Conflict(f"generation {previous} is promised already")
            self._promise(generation, pg_version, system_id)
            return Fenced(
                generation=previous,
                last_generation=self.last_generation,
                flush_lsn=self.flush_lsn,
                start_lsn=self._state.start_lsn,
                history=rules.upto(self._state.history, self.flush_lsn),
            )

    def receive(
        self, order: Order, history: rules.History, *, start_lsn: Lsn, within: float
    ) -> None:
        """Pull from a compute; return when its WAL can come.

        One that was away when a quorum promised the compute's generation does so now.

        Raises:
            Conflict: a higher generation is promised.
            BranchpgError: why it cannot come; unless that is for good, it is tried
                again as long as the generation holds.
        """
        with self._admin:
            self._check_deleted()
            history = rules.checked(history, order.generation)
            if start_lsn != self._state.start_lsn:
                raise BadRequest(f"the timeline starts at {self._state.start_lsn}")
            if self._state.is_fenced and order.generation > self._state.generation:
                self._promise(order.generation)
            self._check_promise(order.generation)
            receiver = self._receiver
            known = receiver is not None and receiver.order == order
            if receiver is None or receiver.closed or not (known and receiver.streams):
                self._close_receiver()
                self._adopt(history)
                receiver = self._receiver = Receiver(order, self)
                receiver.start()
        receiver.wait_until_streaming(within)

    def stop_receiving(self, generation: int) -> None:
        """Pull no more from the compute of a generation."""
        with self._admin:
            self._check_promise(generation)
            self._close_receiver()

    def bump(self, generation: int | None) -> tuple[int, int]:
        """Promise a higher generation; return the one before, and the one now."""
        previous = self._state.generation
        wanted = previous + 1 if generation is None else max(generation, previous)
        return self.fence(wanted).generation, wanted

    def forget_before(self, remote_consistent_lsn: Lsn) -> None:
        """Remember what is safe elsewhere, and remove the WAL that nobody needs."""
        with self._admin:
            self._check_deleted()
            if remote_consistent_lsn > self._state.remote_consistent_lsn:
                with self.lock:
                    self._remember(remote_consistent_lsn=remote_consistent_lsn)
            self._trim()

    def close(self, *, delete: bool = False) -> None:
        """Stop, for the process's end or before its directory goes."""
        with self._admin:
            self._deleted = self._deleted or delete
            self._close_receiver()
        self.progress.tell()

    # What a receiver calls.

    def check(self, receiver: Receiver) -> None:
        """Raise Ended for a receiver that may not go on; with the lock."""
        if receiver.closed or receiver.order.generation != self._state.generation:
            raise Ended

    def append(self, lsn: int, pieces: list[bytes]) -> int:
        """Write WAL and force it to disk; return the position after it."""
        counts, begun = self.counts, time.perf_counter()
        end = self.segments.write(lsn, pieces)
        written = time.perf_counter()
        self.segments.sync()
        counts.written_bytes += end - lsn
        counts.written_seconds += written - begun
        counts.flushed_seconds += time.perf_counter() - written
        self._end = end
        self.progress.tell()
        return end

    def begin_at(self, lsn: Lsn) -> None:
        """Let the WAL here begin later: what is before is in the pageserver."""
        _log.warning("%s: the WAL begins at %s now", self.key, lsn)
        remote = max(lsn, self._state.remote_consistent_lsn)
        self._remember(remote_consistent_lsn=remote)
        self._cut(None)
        self._end = int(lsn)

    def meet(self, source: Source, found: Identification) -> Lsn:
        """Check that a server is of this timeline's cluster; return where to begin."""
        state = self._state
        if state.system_id and state.system_id != found.system_id:
            raise PreconditionFailed(
                f"the server's system id is {found.system_id}, the timeline's is "
                f"{state.system_id}"
            )
        if not self._end:
            self._first_meeting(source, found)
        elif state.postgres_timeline != found.postgres_timeline:
            raise PreconditionFailed(
                f"the server is on timeline {found.postgres_timeline} of PostgreSQL, "
                f"the WAL here is of timeline {state.postgres_timeline}"
            )
        return Lsn(self._end)

    def _first_meeting(self, source: Source, found: Identification) -> None:
        if found.postgres_timeline > 1:
            name, content = source.timeline_history(found.postgres_timeline)
            replace_file(os.path.join(self.directory, name), content)
        self._describe(found)
        self._end = int(self.segments.at(self._state.start_lsn).start)

    def _describe(self, found: Identification) -> None:
        """Remember of what cluster the WAL is that is to come."""
        self._remember(
            system_id=found.system_id,
            pg_version=found.pg_version,
            postgres_timeline=found.postgres_timeline,
            wal_seg_size=found.wal_seg_size,
        )
        self.segments = self._segments()

    def _promise(
        self, generation: int, pg_version: int = 0, system_id: int = 0
    ) -> None:
        if generation > self._state.generation or not self._state.is_fenced:
            self._close_receiver()
        with self.lock:
            self._remember(
                generation=generation,
                is_fenced=True,
                pg_version=self._state.pg_version or pg_version,
                system_id=self._state.system_id or system_id,
            )
        if self._receiver is None or self._receiver.closed:
            self._recover()
        _log.info("%s: generation %d, up to %s", self.key, generation, self._told())

    def _adopt(self, history: rules.History) -> None:
        """Cut what the history's log does not hold, then make the history ours."""
        flush = self.flush_lsn
        end = rules.common_end(self._state.history, history, flush)
        if end != flush:
            _log.warning("%s: the WAL from %s on was superseded", self.key, end)
            self._cut(end)
        with self.lock:
            self._remember(history=history)

    def _recover(self) -> None:
        """Find the end of the last whole record, and cut what follows it."""
        end = find_record_end(
            self._keeping.programs,
            self.directory,
            self.segments.present(),
            self._state.start_lsn,
        )
        self._cut(end)

    def _cut(self, end: Lsn | None) -> None:
        if end is None or end <= self._state.start_lsn:
            self.segments.cut(self.segments.at(self._state.start_lsn).start)
            self._end = 0
        else:
            self.segments.cut(end)
            self._end = int(end)

    def _trim(self) -> None:
        horizon = min(
            self._state.remote_consistent_lsn, self._end, *self.readers.pins()
        )
        # A record may reach into the last segment: its beginning tells the checksum.
        before_last = self._end - self._state.wal_seg_size
        gone = self.segments.remove_before(min(horizon, before_last))
        if gone:
            self.counts.removed_segments += len(gone)
            _log.info("%s: removed %d segments", self.key, len(gone))

    def _close_receiver(self) -> None:
        if self._receiver:
            self._receiver.close()
            self._receiver.join(_CLOSE_SECONDS)
            self._receiver = None
        with self.lock:  # what it had begun to write is done, and it begins no more
            self.segments.close()

    def _check_promise(self, generation: int) -> None:
        if not self._state.is_fenced:
            raise Conflict("the timeline was fetched from its peers: fence it first")
        if generation != self._state.generation:
            raise Conflict(f"generation {self._state.generation} is promised")

    def _check_deleted(self) -> None:
        if self._deleted:
            raise NotFound(f"Timeline {self.key} was not found")

    def _remember(self, **changes: object) -> None:
        changed = msgspec.structs.replace(self._state, **changes)
        if changed != self._state:
            states.store(self.directory, changed)
            self._state = changed

    def _segments(self) -> Segments:
        return Segments(
            self.directory,
            size=self._state.wal_seg_size,
            postgres_timeline=self._state.postgres_timeline,
            sync=self._keeping.sync,
        )

    def _told(self) -> str:
        flush = self.flush_lsn
        return f"{flush} of generation {self.last_generation}" if flush else "nothing"
