"""Files that are still there after a power cut."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
from typing import TYPE_CHECKING, Final

from branchpg.store import failpoints
from branchpg.store.ease import AT_ONCE, Ease

if TYPE_CHECKING:
    from branchpg.spawn import Identity

__all__ = [
    "boot_id",
    "make_directory",
    "replace_file",
    "sync_directory",
    "sync_file",
    "sync_tree",
    "write_out",
]

_WRITE_OUT: Final = 0x7  # SYNC_FILE_RANGE_WAIT_BEFORE | _WRITE | _WAIT_AFTER
_PIECE: Final = 8 * 1024 * 1024
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


@functools.cache
def boot_id() -> str:
    """Return what is another one after each start of the machine."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def replace_file(path: str, data: bytes, *, mode: int = 0o600) -> None:
    """Replace a file as a whole: readers, and a next start, see the old or the new."""
    failpoints.step()
    staging = f"{path}.new"
    handle = os.open(staging, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with open(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        failpoints.step()
        os.replace(staging, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(staging)
        raise
    sync_directory(os.path.dirname(path))


def make_directory(
    path: str, *, mode: int = 0o700, owner: Identity | None = None
) -> None:
    """Make a directory that stays; one that is there is well, too."""
    failpoints.step()
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, mode)
        if owner:
            os.chown(path, owner.uid, owner.gid)
        sync_directory(os.path.dirname(path))


def sync_directory(path: str) -> None:
    """Make the names in a directory stay."""
    handle = os.open(path or ".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: str) -> None:
    """Make what a file holds stay."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(root: str, ease: Ease = AT_ONCE) -> None:
    """Make a directory with all that is below it stay.

    One file after the other: syncfs would wait for everybody else's writes, too.
    """
    failpoints.step()
    for directory, _directories, names in os.walk(root):
        for name in names:
            path = os.path.join(directory, name)
            if ease.gentle:
                _write_out_file(path, ease)
            sync_file(path)
        sync_directory(directory)


def write_out(handle: int, offset: int = 0, length: int = 0) -> None:
    """Write what of a file is only in memory to disk; no length is up to its end.

    It is not made to last by this: neither metadata nor the disk's cache are flushed.
    """
    begin, count = ctypes.c_int64(offset), ctypes.c_int64(length)
    _LIBC.sync_file_range(handle, begin, count, _WRITE_OUT)


def _write_out_file(path: str, ease: Ease) -> None:
    """Write a file out in pieces: all at once would keep everybody from the disk."""
    with open(path, "rb", buffering=0) as file:
        for offset in range(0, os.fstat(file.fileno()).st_size, _PIECE):
            with ease.piece():
                write_out(file.fileno(), offset, _PIECE)
