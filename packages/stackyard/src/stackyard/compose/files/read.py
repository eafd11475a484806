"""Reading a file that a user or a Compose file named, within bounds.

Only regular files are read: a FIFO would block for ever, a device never end. Where the
path leads through symbolic links is the user's choice, as it is for Docker Compose.
"""

from __future__ import annotations

import os
import stat

from stackyard.compose import limits
from stackyard.compose.errors import LoadError


def read_text(path: str) -> str:
    """Return the UTF-8 text of a regular file.

    Raises:
        LoadError: it is missing, not a regular file, too large, or not UTF-8.
    """
    return decode(read_bytes(path), path)


def decode(data: bytes, name: str) -> str:
    """Return `data` as text; a byte order mark at its start is dropped.

    Raises:
        LoadError: it is not UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"{name}: not valid UTF-8 at line {line} (byte {error.start})"
        raise LoadError.of(message, hint="save the file as UTF-8") from error


def read_bytes(path: str) -> bytes:
    """Return the content of a regular file.

    Raises:
        LoadError: it is missing, not a regular file, or too large.
    """
    try:
        # Without O_NONBLOCK, opening a FIFO waits for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise LoadError.of(f"{path}: {_kind(mode)}, not a file")
        # A directory's descriptor must not get this far: open() refuses it.
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(limits.FILE_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, error) from error
    finally:
        os.close(descriptor)
    if len(data) > limits.FILE_BYTES:
        size = limits.FILE_BYTES // (1024 * 1024)
        raise LoadError.of(f"{path}: larger than the limit of {size} MiB")
    return data


def _unreadable(path: str, error: OSError | ValueError) -> LoadError:
    if isinstance(error, FileNotFoundError):
        return LoadError.of(f"{path}: no such file")
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return LoadError.of(f"{path}: cannot be read: {(reason or str(error)).lower()}")


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a directory"
    if stat.S_ISFIFO(mode):
        return "a FIFO"
    return "a device or socket"
