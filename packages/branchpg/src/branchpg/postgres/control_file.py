"""The one change that is made to a control file: which timeline is to be recovered.

A server that recovers from a crash follows the timeline of the checkpoint that its
control file holds, and no other one (InitWalRecovery in PostgreSQL's xlogrecovery.c).
To go beyond a promotion, from a copy that is older than that, it has to be told there;
the checkpoint itself is read from where backup_label says, the way from a history file.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Final

from branchpg.errors import BranchpgError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["recover_to"]

_PATH: Final = ("global", "pg_control")
_TIMELINE: Final = 48  # checkPointCopy.ThisTimeLineID, of PostgreSQL 11 and later
_NUMBER: Final = struct.Struct("=I")
_LARGEST: Final = 512  # PG_CONTROL_MAX_SAFE_SIZE
_CASTAGNOLI: Final = 0x82F63B78


def recover_to(data: str, postgres_timeline: int, *, instead_of: int) -> None:
    """Let the next server on a data directory recover up to a timeline's end.

    Raises:
        BranchpgError: the control file is none that this knows, or names another
            timeline than that of which the copy is thought to be.
    """
    path = os.path.join(data, *_PATH)
    with open(path, "r+b") as file:
        content = bytearray(file.read(_LARGEST))
        end = _checksum_place(content)
        if end is None:
            raise BranchpgError(f'"{path}" is no control file with a valid checksum')
        (found,) = _NUMBER.unpack_from(content, _TIMELINE)
        if found != instead_of:
            raise BranchpgError(f'"{path}" names timeline {found}, not {instead_of}')
        _NUMBER.pack_into(content, _TIMELINE, postgres_timeline)
        *_, checksum = _checksums(content[:end])
        _NUMBER.pack_into(content, end, checksum)
        file.seek(0)
        file.write(content)


def _checksum_place(content: bytearray) -> int | None:
    """Return where the checksum of all before it stands: versions differ in that."""
    for place, checksum in enumerate(_checksums(content[: -_NUMBER.size])):
        if place > _TIMELINE and place % _NUMBER.size == 0:
            (found,) = _NUMBER.unpack_from(content, place)
            if found == checksum:
                return place
    return None


def _checksums(content: bytearray) -> Iterator[int]:
    """Yield the CRC-32C of nothing, of the first byte, of the first two, and so on."""
    register = 0xFFFFFFFF
    yield register ^ 0xFFFFFFFF
    for byte in content:
        register = _TABLE[(register ^ byte) & 0xFF] ^ (register >> 8)
        yield register ^ 0xFFFFFFFF


def _entry(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (_CASTAGNOLI if byte & 1 else 0)
    return byte


_TABLE: Final = tuple(_entry(byte) for byte in range(256))
