"""How much a file system sets aside for a page that is written to a shared file.

Linux's FS_IOC_FSGETXATTR and FS_IOC_FSSETXATTR (ioctl_xfs_fsgetxattr(2)).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
from typing import Final

__all__ = ["set_aside_little"]

_GET: Final = 0x801C581F  # _IOR('X', 31, struct fsxattr), linux/fs.h
_SET: Final = 0x401C5820  # _IOW('X', 32, struct fsxattr)
_ATTRIBUTES: Final = struct.Struct("=5I8x")  # flags, …, extents of copies on write
_HAS_SIZE: Final = 0x00010000  # FS_XFLAG_COWEXTSIZE
_SIZE: Final = 16 * 1024
"""Of a page's own 8 kB, this is next to nothing more, and neighbours still meet."""


def set_aside_little(directory: str) -> None:
    """Have little set aside for what will be made in a directory.

    XFS sets aside 128 kB around each page, for up to five minutes: random writes fill
    the disk with what nobody uses (bench/results/branch.md). Files and directories
    made in this one from now on have what it has. Other file systems have no such
    thing, and stay as they are.
    """
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):
            about = fcntl.ioctl(handle, _GET, bytes(_ATTRIBUTES.size))
            flags, *others, _ = _ATTRIBUTES.unpack(about)
            wanted = _ATTRIBUTES.pack(flags | _HAS_SIZE, *others, _SIZE)
            fcntl.ioctl(handle, _SET, wanted)
    finally:
        os.close(handle)
