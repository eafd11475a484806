"""Files that survive a crash at any moment: whole-file replacement and a journal.

A file is replaced by writing a temporary one, flushing it, renaming it over the old one
and flushing the directory. A journal is a file of lines, each with a checksum; a line
that was cut short by a crash is the last one, and is dropped.
"""

from __future__ import annotations

import json
import os
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

PRIVATE_FILE = 0o600
PRIVATE_DIRECTORY = 0o700


def make_directory(path: Path, mode: int = PRIVATE_DIRECTORY) -> Path:
    """Create a directory and those above it; one that is there stays as it is."""
    path.mkdir(mode=mode, parents=True, exist_ok=True)
    return path


def sync_directory(path: Path) -> None:
    """Flush a directory's entries to the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, data: bytes, *, mode: int = PRIVATE_FILE) -> None:
    """Put `data` in place of the file's content, all of it or nothing."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        # A link of that name would be somebody's who wants a file of ours elsewhere.
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(temporary, flags, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_directory(path.parent)


def write_json(path: Path, value: Any) -> None:
    """Replace a private file by a value as JSON."""
    replace_file(path, json.dumps(value, separators=(",", ":")).encode())


def read_json(path: Path) -> Any:
    """Return the value in a file, or None if there is no file.

    Raises:
        ValueError: the file does not hold JSON.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    return json.loads(data)


class Journal:
    """An append-only file of records. One writer; `append` returns when on disk.

    What a crash cut short is taken off when the file is opened: nobody would trust what
    follows it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        _, trusted = _read(path)
        self._descriptor = os.open(
            path,
            os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC,
            PRIVATE_FILE,
        )
        os.ftruncate(self._descriptor, trusted)

    def append(self, records: Iterable[dict[str, Any]]) -> None:
        """Add records and flush them, all with one flush."""
        data = b"".join(map(_line, records))
        if not data:
            return
        end = os.fstat(self._descriptor).st_size
        try:
            _write_all(self._descriptor, data)
        except OSError:
            # What follows must not be glued to half a line.
            os.ftruncate(self._descriptor, end)
            raise
        os.fdatasync(self._descriptor)

    def rewrite(self, records: Iterable[dict[str, Any]]) -> None:
        """Replace everything by these records: what a journal shrinks to."""
        replace_file(self._path, b"".join(map(_line, records)))
        self.close()
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return os.fstat(self._descriptor).st_size

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def read_journal(path: Path) -> list[dict[str, Any]]:
    """Return the records of a journal; what follows a broken line is not trusted."""
    return _read(path)[0]


def _read(path: Path) -> tuple[list[dict[str, Any]], int]:
    """Return the records that can be trusted, and the bytes they take."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return [], 0
    records: list[dict[str, Any]] = []
    size = 0
    for line in data.split(b"\n")[:-1]:
        checksum, _, text = line.partition(b" ")
        if checksum != _checksum(text):
            break
        records.append(json.loads(text))
        size += len(line) + 1
    return records, size


def _line(record: dict[str, Any]) -> bytes:
    text = json.dumps(record, separators=(",", ":")).encode()
    return _checksum(text) + b" " + text + b"\n"


def _checksum(text: bytes) -> bytes:
    return b"%08x" % zlib.crc32(text)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
