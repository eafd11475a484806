"""Forcing a stopped cluster to disk, by the whole file system where that is sure.

A new cluster has thousands of files. Forced one by one, each costs the device a flush
of its cache; syncfs(2) costs one. It also writes what others have left to write there,
which a first start can afford.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["can_sync_whole", "sync_whole"]

_TELLS_ERRORS: Final = (5, 8)  # the first Linux whose syncfs tells that a write failed


def can_sync_whole(system: str, release: str) -> bool:
    """Return whether a kernel forces a file system to disk, and says where it fails."""
    if system != "Linux":
        return False
    numbers = release.split("-")[0].split(".")
    with contextlib.suppress(ValueError):
        return tuple(int(number) for number in numbers[:2]) >= _TELLS_ERRORS
    return False


def sync_whole(data: str) -> None:
    """Force every file system to disk on which a cluster has files.

    Raises:
        OSError: something could not be written.
    """
    library = ctypes.CDLL(None, use_errno=True)
    synced = set()
    for place in _places(data):
        descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
        try:
            device = os.fstat(descriptor).st_dev
            if device not in synced and library.syncfs(descriptor):
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number), place)
            synced.add(device)
        finally:
            os.close(descriptor)


def _places(data: str) -> Iterator[str]:
    """Yield the cluster's directories that may lie on file systems of their own."""
    yield data
    yield os.path.join(data, "pg_wal")
    tablespaces = os.path.join(data, "pg_tblspc")
    for name in os.listdir(tablespaces):
        yield os.path.join(tablespaces, name)
