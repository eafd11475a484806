"""The WAL of one timeline on disk: segment files of full size, zeros after its end.

A segment's blocks are all written before it gets its name, so that forcing a later
write to disk changes no metadata. The next segment is made ready by another thread
while the current one fills.
"""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING, Final

from branchpg.lsn import Lsn, Segment
from branchpg.store.durable import sync_directory

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

__all__ = ["Segments"]

_ZEROS: Final = bytes(1024 * 1024)
_READY_AHEAD: Final = 2  # the next segment is made when 1/2 of this one is full


class Segments:
    """The files in a directory. One thread writes at a time; any may read."""

    def __init__(
        self, directory: str, *, size: int, postgres_timeline: int, sync: bool = True
    ) -> None:
        self._directory = directory
        self._size = size
        self._postgres_timeline = postgres_timeline
        self._sync = sync
        self._open: Segment | None = None  # the segment that is written to
        self._handle = -1
        self._making = threading.Lock()  # of a new segment: one maker at a time
        self._ahead: Segment | None = None  # the last one made ready, or being made

    def at(self, lsn: int) -> Segment:
        """Return the segment that the byte at a position lies in."""
        return Segment.at(lsn, self._postgres_timeline, self._size)

    def path(self, segment: Segment) -> str:
        """Return the file of a segment."""
        return os.path.join(self._directory, segment.name)

    def present(self) -> list[Segment]:
        """Return the segments that there are, the oldest first."""
        names = filter(Segment.is_name, os.listdir(self._directory))
        return sorted(Segment.of_name(name, self._size) for name in names)

    def write(self, lsn: int, pieces: Sequence[bytes]) -> int:
        """Write pieces that follow each other; return the position after them.

        They are on disk after `sync`. A segment is before anything is written to the
        one after it: a gap that a power cut leaves can only be in the last one.
        """
        segment = self._open
        length = sum(map(len, pieces))
        if segment is None or not segment.start <= lsn <= lsn + length <= segment.end:
            return self._write_across(lsn, b"".join(pieces))
        offset = lsn - segment.start
        if os.pwritev(self._handle, pieces, offset) != length:
            self._write_all(b"".join(pieces), offset)
        self._make_ready(segment, offset + length)
        return lsn + length

    def sync(self) -> None:
        """Force what was written to disk."""
        if self._sync and self._handle >= 0:
            os.fdatasync(self._handle)

    def close(self) -> None:
        """Force what was written to disk, and close the file."""
        handle, self._open = self._handle, None
        if handle >= 0:
            self.sync()
            self._handle = -1
            os.close(handle)

    def opened(self, segment: Segment) -> BinaryIO:
        """Return a segment, open for reading: it can be read to the end if removed.

        Raises:
            FileNotFoundError: it is not here.
        """
        return open(self.path(segment), "rb", buffering=0)

    def read(self, lsn: int, most: int) -> bytes:
        """Return bytes from a position on, of one segment only.

        Raises:
            FileNotFoundError: the segment is not here.
        """
        segment = self.at(lsn)
        with self.opened(segment) as file:
            wanted = min(most, segment.end - lsn)
            return os.pread(file.fileno(), wanted, lsn - segment.start)

    def cut(self, lsn: Lsn) -> None:
        """Remove all from a position on, for good."""
        self.close()
        with self._making:  # none is made meanwhile, or afterwards
            self._ahead = None
            for segment in reversed(self.present()):
                if segment.start >= lsn:
                    os.unlink(self.path(segment))
        sync_directory(self._directory)
        segment = self.at(lsn)
        if lsn > segment.start and os.path.exists(self.path(segment)):
            rest = self.read(lsn, self._size)
            if rest.count(0) != len(rest):
                self._zero(segment, lsn - segment.start)

    def remove_before(self, lsn: int) -> list[Segment]:
        """Remove the segments that lie wholly below a position; return them."""
        gone = [segment for segment in self.present() if segment.end <= lsn]
        for segment in gone:
            os.unlink(self.path(segment))
        if gone:
            sync_directory(self._directory)
        return gone

    def _write_across(self, lsn: int, data: bytes) -> int:
        view = memoryview(data)
        while view:
            segment = self.at(lsn)
            self._enter(segment)
            piece = view[: segment.end - lsn]
            self._write_all(piece, lsn - segment.start)
            lsn += len(piece)
            view = view[len(piece) :]
        if self._open:
            self._make_ready(self._open, lsn - self._open.start)
        return lsn

    def _write_all(self, data: bytes | memoryview, offset: int) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(self._handle, view, offset)
            offset += written
            view = view[written:]

    def _enter(self, segment: Segment) -> None:
        if segment == self._open:
            return
        self.close()
        with self._making:
            self._make(segment)
        self._handle = os.open(self.path(segment), os.O_RDWR | os.O_CLOEXEC)
        self._open = segment

    def _make_ready(self, segment: Segment, filled: int) -> None:
        following = segment.next()
        if filled * _READY_AHEAD < self._size or self._ahead == following:
            return
        self._ahead = following
        threading.Thread(
            target=self._make_in_time, args=(following,), name="segment", daemon=True
        ).start()

    def _make_in_time(self, segment: Segment) -> None:
        # Where there is no room for it, who needs it will say so.
        with self._making, contextlib.suppress(OSError):
            if self._ahead == segment:
                self._make(segment)

    def _make(self, segment: Segment) -> None:
        target = self.path(segment)
        if os.path.exists(target):
            return
        staging = f"{target}.new"
        try:
            self._fill(staging)
            os.rename(staging, target)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(staging)
            raise
        sync_directory(self._directory)

    def _fill(self, path: str) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        handle = os.open(path, flags, 0o600)
        try:
            left = self._size
            while left:
                left -= os.write(handle, memoryview(_ZEROS)[:left])
            if self._sync:
                os.fsync(handle)
        finally:
            os.close(handle)

    def _zero(self, segment: Segment, offset: int) -> None:
        handle = os.open(self.path(segment), os.O_WRONLY | os.O_CLOEXEC)
        try:
            while offset < self._size:
                piece = memoryview(_ZEROS)[: self._size - offset]
                offset += os.pwrite(handle, piece, offset)
            os.fsync(handle)
        finally:
            os.close(handle)
