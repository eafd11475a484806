"""Pulling the WAL of one timeline from one compute, in a thread of its own.

The way of a commit: the socket becomes readable, everything that has arrived is read,
written with one call, forced to disk with one call, and confirmed.
"""

from __future__ import annotations

import logging
import select
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

import psycopg2

from branchpg.errors import BranchpgError, PreconditionFailed, TryLater
from branchpg.lsn import Lsn
from branchpg.safekeeper.source import Source, place_of

if TYPE_CHECKING:
    from branchpg.safekeeper.peers import Peers
    from branchpg.safekeeper.source import Identification, Stream

__all__ = ["Ended", "Order", "Receiver", "Sink"]

_MOST: Final = 1024 * 1024  # bytes that are written at once
_STATUS_SECONDS: Final = 10.0
_SILENCE_SECONDS: Final = 40.0  # nothing, though an answer was asked for
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 5.0

_log = logging.getLogger(__name__)


class Ended(Exception):
    """This receiver may not write or confirm any more."""


@dataclass(frozen=True)
class Order:
    """From whom to pull, for which generation; and who may have what that one lacks."""

    generation: int
    dsn: str = field(repr=False)
    slot: str | None
    name: str
    peers: Peers

    @property
    def place(self) -> str:
        """Where it leads, without secrets."""
        return place_of(self.dsn)


class Sink(Protocol):
    """The timeline, as its receiver knows it."""

    lock: threading.Lock
    """Held while WAL is written and confirmed; who fences takes it, too."""

    @property
    def end(self) -> Lsn:
        """Up to where there is WAL."""

    def meet(self, source: Source, found: Identification) -> Lsn:
        """Check that it is the right server; return where to begin."""

    def check(self, receiver: Receiver) -> None:
        """Raise Ended for who may not go on; with the lock."""

    def begin_at(self, lsn: Lsn) -> None:
        """Let the WAL begin there, without what is here; with the lock."""

    def append(self, lsn: int, pieces: list[bytes]) -> int:
        """Write WAL, force it to disk, return the position after it; with the lock."""


class Receiver:
    """Pulls until it is closed; connects again whenever the connection ends."""

    def __init__(self, order: Order, sink: Sink) -> None:
        self.order = order
        self._sink = sink
        self._closed = threading.Event()
        self._told = threading.Event()  # that it streams, or that it never will
        self._source: Source | None = None
        self.streams = False
        self.reason: BranchpgError | None = None
        self._thread = threading.Thread(
            target=self._run, name=f"receive {order.place}", daemon=True
        )

    def start(self) -> None:
        """Begin in the background."""
        self._thread.start()

    @property
    def closed(self) -> bool:
        """Whether it was told to end."""
        return self._closed.is_set()

    def close(self) -> None:
        """End it: its socket is shut, and `check` lets it do nothing more."""
        self._closed.set()
        source = self._source
        if source:
            source.shut_down()
        self._told.set()

    def join(self, within: float) -> None:
        """Wait until its thread has ended."""
        if self._thread is not threading.current_thread():
            self._thread.join(within)

    def wait_until_streaming(self, within: float) -> None:
        """Wait until WAL can come.

        Raises:
            BranchpgError: why it cannot; it goes on trying all the same, unless the
                server is a wrong one.
        """
        self._told.wait(within)
        if self.streams:
            return
        if self.closed and self.reason is None:
            raise TryLater("another call ended this one")
        raise self.reason or TryLater(
            f"no stream from {self.order.place} within {within:.0f} s"
        )

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while not self.closed:
            begun = time.monotonic()
            try:
                self._once()
            except Ended:
                break
            except PreconditionFailed as error:
                self.reason = error
                self._told.set()
                _log.error("%s: receiving ends: %s", self.order.place, error)
                break
            except (BranchpgError, psycopg2.Error, OSError) as error:
                self._failed(error)
            except Exception as error:  # noqa: BLE001 - no mistake may end it for good
                _log.exception("receiving from %s", self.order.place)
                self._failed(error)
            if time.monotonic() - begun > _LONGEST_PAUSE:
                pause = _FIRST_PAUSE
            self._closed.wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
        self.streams = False

    def _failed(self, error: Exception) -> None:
        self.streams = False
        if self.closed:
            return
        words = " ".join(str(error).split())
        known = error if isinstance(error, BranchpgError) else TryLater(words)
        if self.reason is None or self.reason.message != known.message:
            _log.warning("no WAL from %s: %s", self.order.place, words)
        self.reason = known

    def _once(self) -> None:
        order = self.order
        with Source.connect(order.dsn, application_name=order.name) as source:
            self._source = source
            try:
                if self.closed:  # before there was a socket to shut
                    raise Ended
                found = source.identify()
                with self._sink.lock:
                    self._sink.check(self)
                    start = self._sink.meet(source, found)
                if order.slot:
                    source.make_slot(order.slot)
                stream = source.start(
                    start, slot=order.slot, postgres_timeline=found.postgres_timeline
                )
                self.streams, self.reason = True, None
                self._told.set()
                _log.info("WAL comes from %s, from %s on", order.place, start)
                try:
                    self._pull(stream, int(start))
                except psycopg2.errors.UndefinedFile:  # it has that WAL no more
                    self._refill()
            finally:
                self._source = None

    def _refill(self) -> None:
        """Pull from another safekeeper what the compute lacks.

        It was made anew while this safekeeper was away, or had lost its disk.
        """
        order, sink = self.order, self._sink
        start = position = sink.end
        for lsn, piece in order.peers.log(order.generation, start):
            with sink.lock:
                sink.check(self)
                if lsn > position:
                    sink.begin_at(lsn)
                position = Lsn(sink.append(lsn, [piece]))
        _log.info("WAL came from another safekeeper, from %s to %s", start, position)

    def _pull(self, stream: Stream, position: int) -> None:
        """Read, write, force, confirm, until the connection ends."""
        sink, lock, confirm = self._sink, self._sink.lock, stream.cursor.send_feedback
        poll = select.poll()
        poll.register(stream.handle, select.POLLIN)
        heard = time.monotonic()
        while True:
            pieces, is_all = self._arrived(stream, position)
            if pieces:
                with lock:
                    sink.check(self)
                    position = sink.append(position, pieces)
                    confirm(position, position, position, force=True)
            if not is_all:  # libpq has the rest, of which the socket tells nothing
                continue
            if poll.poll(_STATUS_SECONDS * 1000):
                heard = time.monotonic()
                continue
            if time.monotonic() - heard > _SILENCE_SECONDS:
                raise TryLater("it is silent")
            with lock:
                sink.check(self)
                confirm(position, position, position, reply=True, force=True)

    def _arrived(self, stream: Stream, position: int) -> tuple[list[bytes], bool]:
        """Return the WAL from a position on that can be read without waiting.

        And whether that is all there is: so much at a time is written.
        """
        read, end = stream.cursor.read_message, position
        pieces: list[bytes] = []
        while end - position < _MOST:
            message = read()
            if message is None:
                return pieces, True
            if message.data_start != end:
                raise TryLater("it sent WAL of another position")
            payload: bytes = message.payload
            pieces.append(payload)
            end += len(payload)
        return pieces, False
