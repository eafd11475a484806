"""Files that are still there after a power cut."""

from __future__ import annotations

import contextlib
import functools
import os
from typing import TYPE_CHECKING

from branchpg.store import failpoints

if TYPE_CHECKING:
    from branchpg.spawn import Identity

__all__ = [
    "boot_id",
    "make_directory",
    "replace_file",
    "sync_directory",
    "sync_file",
    "sync_tree",
]


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


def sync_tree(root: str) -> None:
    """Make a directory with all that is below it stay.

    One file after the other: syncfs would wait for everybody else's writes, too.
    """
    failpoints.step()
    for directory, _directories, names in os.walk(root):
        for name in names:
            sync_file(os.path.join(directory, name))
        sync_directory(directory)
