"""How large things are on disk, and how much of it they share with others."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
from dataclasses import dataclass
from typing import Final

__all__ = ["Size", "of_tree"]

_FIEMAP: Final = 0xC020660B  # _IOWR('f', 11, struct fiemap), linux/fs.h
_HEADER: Final = struct.Struct("=QQLLLL")
_EXTENT: Final = struct.Struct("=QQQQQLLLL")
_EXTENTS: Final = 256
_LAST, _SHARED = 0x0001, 0x2000
_BLOCK: Final = 512  # of st_blocks


@dataclass(frozen=True)
class Size:
    """Bytes: as the files tell, as they take on disk, and what of that is shared."""

    logical: int = 0
    physical: int = 0
    shared: int = 0

    def __add__(self, other: Size) -> Size:
        return Size(
            self.logical + other.logical,
            self.physical + other.physical,
            self.shared + other.shared,
        )


def of_tree(root: str, *, shared: bool = False) -> Size:
    """Return the size of all files below a directory; `shared` costs a call a file."""
    total = Size()
    for directory, _directories, names in os.walk(root):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += _of_file(os.path.join(directory, name), shared=shared)
    return total


def _of_file(path: str, *, shared: bool) -> Size:
    about = os.lstat(path)
    physical = about.st_blocks * _BLOCK
    return Size(about.st_size, physical, _shared(path) if shared and physical else 0)


def _shared(path: str) -> int:
    total, start = 0, 0
    with open(path, "rb") as file:
        while True:
            request = bytearray(_HEADER.size + _EXTENTS * _EXTENT.size)
            _HEADER.pack_into(request, 0, start, 2**63, 0, 0, _EXTENTS, 0)
            try:
                fcntl.ioctl(file.fileno(), _FIEMAP, request)
            except OSError:  # a file system without extents shares none
                return total
            count = _HEADER.unpack_from(request)[3]
            flags = 0
            for index in range(count):
                fields = _EXTENT.unpack_from(
                    request, _HEADER.size + index * _EXTENT.size
                )
                start, flags = fields[0] + fields[2], fields[5]
                total += fields[2] if flags & _SHARED else 0
            if not count or flags & _LAST:
                return total
