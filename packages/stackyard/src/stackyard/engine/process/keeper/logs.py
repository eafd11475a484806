"""Log files in the CRI format, which Kubernetes uses too.

Each line is `TIME STREAM TAG CONTENT`: RFC 3339 time with nanoseconds, `stdout` or
`stderr`, and `F` for a full line or `P` for a part of one that the next line of the
same stream goes on with (Kubernetes design proposal "CRI: Log management").

One time is taken per read, not per line: the stamps of 100 MB a second are put in by
`bytes.replace`.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_NANOSECONDS: Final = 1_000_000_000
_FORMAT: Final = "%Y-%m-%dT%H:%M:%S"


def timestamp(nanoseconds: int) -> str:
    """Return a time as RFC 3339 text in UTC, always with nine decimals."""
    seconds, rest = divmod(nanoseconds, _NANOSECONDS)
    return f"{time.strftime(_FORMAT, time.gmtime(seconds))}.{rest:09d}Z"


class LogFile:
    """The log of one service's process: appends, and rotates by size."""

    def __init__(
        self,
        path: str,
        *,
        limit: int,
        files: int,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._path = path
        self._limit = limit
        self._files = files
        self._clock = clock
        self._lost = 0
        self._descriptor = _open(path)
        self._size = os.fstat(self._descriptor).st_size

    def write(self, stream: str, data: bytes) -> None:
        """Append output as it came. What the disk has no room for is counted."""
        head = f"{timestamp(self._clock())} {stream} ".encode()
        full = head + b"F "
        lines, newline, rest = data.rpartition(b"\n")
        text = b""
        if newline:
            text = full + lines.replace(b"\n", b"\n" + full) + newline
        if rest:
            text += head + b"P " + rest + b"\n"
        if self._lost:
            text = full + b"[%d bytes of output were lost]\n" % self._lost + text
        self._append(text, len(data))

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _append(self, text: bytes, length: int) -> None:
        try:
            written = os.write(self._descriptor, text)
        except OSError:
            self._lost += length
            return
        self._size += written
        if written < len(text):
            # Half a line would spoil the next one: leave the file as it was.
            self._size -= written
            os.ftruncate(self._descriptor, self._size)
            self._lost += length
            return
        self._lost = 0
        if self._size >= self._limit:
            self._rotate()

    def _rotate(self) -> None:
        if self._files <= 1:
            os.ftruncate(self._descriptor, 0)
            self._size = 0
            return
        fresh = f"{self._path}.new"
        try:
            descriptor = _open(fresh)
        except OSError:
            return  # no room for a new file: go on in the old one
        for number in range(self._files - 1, 0, -1):
            older = self._path if number == 1 else f"{self._path}.{number - 1}"
            with suppress(FileNotFoundError):
                os.rename(older, f"{self._path}.{number}")
        os.rename(fresh, self._path)
        os.close(self._descriptor)
        self._descriptor = descriptor
        self._size = 0


def _open(path: str) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    return os.open(path, flags, 0o600)
