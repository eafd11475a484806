"""Being told of changes in directories (inotify(7)); the standard library cannot."""

from __future__ import annotations

import ctypes
import os
import struct
from contextlib import suppress
from typing import Final

_MODIFY: Final = 0x2
_MOVED_TO: Final = 0x80
_CREATE: Final = 0x100
_NON_BLOCKING: Final = os.O_NONBLOCK | os.O_CLOEXEC
_OVERFLOW: Final = 0x4000
_HEAD: Final = struct.Struct("iIII")
_CHUNK: Final = 65536


class Inotify:
    """Tells when files in some directories are written, made or renamed.

    `fileno` is for `select`: it is readable when something has changed.
    """

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._library.inotify_init1(_NON_BLOCKING)
        if self._descriptor < 0:
            raise _error("inotify_init1")
        self._watched: dict[int, str] = {}

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return int(self._descriptor)

    def watch(self, directory: str) -> None:
        """Begin to watch a directory.

        Raises:
            OSError: it is not there, or too many are watched.
        """
        mask = _MODIFY | _MOVED_TO | _CREATE
        path = os.fsencode(directory)
        number = self._library.inotify_add_watch(self._descriptor, path, mask)
        if number < 0:
            raise _error(directory)
        self._watched[number] = directory

    def changed(self) -> set[str]:
        """Return the directories in which something has changed since the last call."""
        found: set[str] = set()
        with suppress(BlockingIOError):
            while data := os.read(self._descriptor, _CHUNK):
                found |= self._directories(data)
        return found

    def _directories(self, data: bytes) -> set[str]:
        found: set[str] = set()
        place = 0
        while place < len(data):
            number, mask, _, length = _HEAD.unpack_from(data, place)
            place += _HEAD.size + length
            if mask & _OVERFLOW:
                return set(self._watched.values())
            if number in self._watched:
                found.add(self._watched[number])
        return found

    def close(self) -> None:
        """Stop watching."""
        os.close(self._descriptor)


def _error(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), what)
