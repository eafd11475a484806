"""Reading logs: what `yard logs` and the foreground `yard up` show.

A container's log is a file in the CRI format and, after rotation, older ones beside it:
`log`, `log.1`, `log.2` and so on (keeper/logs.py). Times always have nine decimals and
are in UTC, so that they are ordered as their texts are.
"""

from __future__ import annotations

import heapq
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from io import FileIO

_CHUNK: Final = 1024 * 1024
_FIRST_TAIL: Final = 64 * 1024
_FARTHEST: Final = 16 * 1024 * 1024
"""How far before the last lines it is looked for the beginning of one in parts."""


class Record(NamedTuple):
    """One line of output: RFC 3339 time, `stdout` or `stderr`, and the line itself."""

    time: bytes
    stream: bytes
    text: bytes


@dataclass(frozen=True)
class Window:
    """Which records are wanted: times as in `Record`, empty for no limit."""

    since: bytes = b""
    until: bytes = b""
    tail: int | None = None

    def holds(self, record: Record) -> bool:
        """Return whether a record lies between the times."""
        return self.since <= record.time and (
            not self.until or record.time <= self.until
        )


@dataclass
class Joiner:
    """Makes records of lines: parts are kept until the rest of their line comes.

    Attributes:
        raw: whether parts are records of their own, at once; a full line's text then
            ends with its newline.
        parts: stream -> time and text of a line that is not whole yet.
    """

    raw: bool = False
    parts: dict[bytes, tuple[bytes, list[bytes]]] = field(default_factory=dict)

    def add(self, lines: Iterable[bytes]) -> Iterator[Record]:
        """Yield the records that lines of a log complete."""
        parts = self.parts
        for line in lines:
            fields = line.split(b" ", 3)
            if len(fields) != 4:
                continue  # damaged: the machine went down while it was written
            time, stream, tag, text = fields
            if self.raw:
                yield Record(time, stream, text if tag == b"P" else text + b"\n")
                continue
            if tag == b"F" and not parts:
                yield Record(time, stream, text)
                continue
            began, texts = parts.setdefault(stream, (time, []))
            texts.append(text)
            if tag == b"F":
                del parts[stream]
                yield Record(began, stream, b"".join(texts))

    def rest(self) -> Iterator[Record]:
        """Yield what has not ended with a newline."""
        for stream, (time, texts) in self.parts.items():
            yield Record(time, stream, b"".join(texts))
        self.parts.clear()


def files_of(path: str) -> list[str]:
    """Return the files of a log that exist, the oldest first."""
    directory, name = os.path.split(path)
    try:
        entries = os.listdir(directory)
    except FileNotFoundError:
        return []
    numbers = [
        int(suffix)
        for entry in entries
        if entry.startswith(f"{name}.") and (suffix := entry[len(name) + 1 :]).isdigit()
    ]
    older = [f"{path}.{number}" for number in sorted(numbers, reverse=True)]
    return [*older, path] if name in entries else older


class LogReader:
    """Reads one container's log: what there is, and then what is added to it.

    `bytes_read` counts what was read of its files.
    """

    def __init__(self, path: str, window: Window, *, raw: bool = False) -> None:
        self._path = path
        self._window = window
        self._joiner = Joiner(raw)
        self._file: FileIO | None = None
        self._inode = 0
        self._offset = 0
        self._rest = b""
        self._later: list[str] = []
        self.bytes_read = 0

    def close(self) -> None:
        """Close the file that is being read."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def skip(self) -> None:
        """Go to the end: only what is added from now on will be read."""
        files = files_of(self._path)
        if files and self._open(files[-1]) and self._file is not None:
            self._offset = self._file.seek(0, os.SEEK_END)

    def history(self, *, last: bool = True) -> Iterator[Record]:
        """Yield the records there are, the oldest first.

        Args:
            last: whether nothing is read afterwards: a last line without a newline is
                then yielded too.
        """
        if self._window.tail is not None:
            yield from self._tail(self._window.tail)
        else:
            yield from filter(self._window.holds, self._forward())
        if last:
            yield from filter(self._window.holds, self._joiner.rest())
            self.close()

    def more(self) -> Iterator[Record]:
        """Yield the records that were added since, through all rotations."""
        for record in self._added():
            if self._window.holds(record):
                yield record

    def rest(self) -> Iterator[Record]:
        """Yield a last line that has no newline."""
        yield from filter(self._window.holds, self._joiner.rest())

    # Forward

    def _forward(self) -> Iterator[Record]:
        for path in files_of(self._path):
            if self._open(path) and not self._too_old():
                yield from self._read()

    def _too_old(self) -> bool:
        """Whether the file was last written before what is wanted begins."""
        since = self._window.since
        if not since or self._file is None:
            return False
        from stackyard.engine.process.keeper.logs import timestamp

        changed = os.fstat(self._file.fileno()).st_mtime_ns
        if timestamp(changed).encode() >= since:
            return False
        self._offset = self._file.seek(0, os.SEEK_END)
        return True

    def _added(self) -> Iterator[Record]:
        if self._file is None:
            files = files_of(self._path)
            if not files or not self._open(files[0]):
                return
        while True:
            yield from self._read()
            if not self._rotated():
                return

    def _read(self) -> Iterator[Record]:
        """Yield the records from here to the end of the file."""
        file = self._file
        assert file is not None
        if os.fstat(file.fileno()).st_size < self._offset:
            # It was emptied in place: the log keeps but one file.
            self._offset = file.seek(0)
            self._rest = b""
        while data := file.read(_CHUNK):
            self._offset += len(data)
            self.bytes_read += len(data)
            *lines, self._rest = (self._rest + data).split(b"\n")
            yield from self._joiner.add(lines)

    def _rotated(self) -> bool:
        """Go on to the file after this one, if there is one."""
        try:
            if os.stat(self._path).st_ino == self._inode:
                return False
        except FileNotFoundError:
            return False
        if (
            self._file is not None
            and self._offset < os.fstat(self._file.fileno()).st_size
        ):
            return True  # something was written just before the rotation
        return self._open_next()

    def _open_next(self) -> bool:
        files = files_of(self._path)
        inodes = [_inode(file) for file in files]
        assert self._file is not None
        following = 0
        if self._inode in inodes:
            following = inodes.index(self._inode) + 1
        elif os.fstat(self._file.fileno()).st_nlink:
            return False  # it is being renamed just now
        # By its name it may be another one by now; then the renaming goes on, and its
        # end is seen.
        return following < len(files) and self._open(
            files[following], inode=inodes[following]
        )

    def _open(self, path: str, *, inode: int | None = None) -> bool:
        """Go over to a file; stay where it is not there, or another one."""
        try:
            # Without a buffer: a line that is added must not be missed.
            file = open(path, "rb", buffering=0)  # noqa: SIM115  kept open
        except FileNotFoundError:
            return False
        found = os.fstat(file.fileno()).st_ino
        if inode not in {None, found}:
            file.close()
            return False
        self.close()
        self._file = file
        self._inode = found
        self._offset = 0
        self._rest = b""
        return True

    # Backward

    def _tail(self, count: int) -> Iterator[Record]:
        """Yield the last records; only as much is read as they need."""
        want = _FIRST_TAIL
        while True:
            records, complete = self._last(count, want)
            if complete:
                yield from records
                return
            want *= 4

    def _last(self, count: int, want: int) -> tuple[list[Record], bool]:
        """Return the last records of the last `want` bytes, and whether they are all.

        The first record of each stream there may lack its beginning.
        """
        self._joiner = Joiner(self._joiner.raw)
        records: list[Record] = []
        begun: set[bytes] = set()
        doubtful: set[int] = set()
        whole = self._seek_back(want)
        for record in self._rest_of_files():
            if record.stream not in begun:
                begun.add(record.stream)
                doubtful.add(len(records))
            if self._window.holds(record):
                records.append(record)
        first = max(0, len(records) - count)
        enough = len(records) >= count and (
            want > _FARTHEST or not any(index >= first for index in doubtful)
        )
        return records[first:], whole or enough

    def _seek_back(self, want: int) -> bool:
        """Go to a line some bytes before the end; say whether it is the first one."""
        self._later = []
        files = files_of(self._path)
        for path in reversed(files):
            if not self._open(path):
                continue
            assert self._file is not None
            size = os.fstat(self._file.fileno()).st_size
            if size > want:
                self._offset = self._file.seek(size - want)
                self._skip_line()
                return False
            want -= size
            self._later.insert(0, path)
        if self._later:
            self._open(self._later.pop(0))
        return True

    def _skip_line(self) -> None:
        assert self._file is not None
        while data := self._file.read(_FIRST_TAIL):
            end = data.find(b"\n")
            if end >= 0:
                self._offset = self._file.seek(self._offset + end + 1)
                return
            self._offset += len(data)

    def _rest_of_files(self) -> Iterator[Record]:
        if self._file is None:
            return
        yield from self._read()
        for path in self._later:
            if self._open(path):
                yield from self._read()


def _inode(path: str) -> int:
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return 0


def merged(
    readers: Iterable[tuple[str, Iterable[Record]]],
) -> Iterator[tuple[str, Record]]:
    """Yield the records of several logs in the order of their times."""
    tagged = [_tagged(key, records) for key, records in readers]
    if len(tagged) == 1:
        yield from tagged[0]
        return
    yield from heapq.merge(*tagged, key=_time)


def _tagged(key: str, records: Iterable[Record]) -> Iterator[tuple[str, Record]]:
    return ((key, record) for record in records)


def _time(item: tuple[str, Record]) -> bytes:
    return item[1].time
