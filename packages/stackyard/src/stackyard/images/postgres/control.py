"""What makes a copied cluster one of its own: pg_control and the first page of its WAL.

Clusters with the same system identifier take each other's WAL for their own: a backup
tool or a standby would mix them up. PostgreSQL gives each its identifier in initdb
only, so that a copy gets a new one here. The layout is of catalog/pg_control.h and
access/xlog_internal.h; the parts used have not moved since PostgreSQL 10:

    pg_control  system_identifier: 8 bytes at 0
                mock_authentication_nonce: 32 bytes, right before crc
                crc: CRC-32C of all before it
    WAL page    xlp_info: 2 bytes at 2, with XLP_LONG_HEADER in a segment's first page
                xlp_sysid: 8 bytes at 24 of a long header
"""

from __future__ import annotations

import os
import secrets
import struct
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NotUnderstoodError", "renew_identity"]

_IDENTIFIER: Final = struct.Struct("=Q")
_CRC: Final = struct.Struct("=I")
_NONCE_BYTES: Final = 32
_LONGEST: Final = 512  # PG_CONTROL_MAX_SAFE_SIZE: all that counts is in one sector
_LONG_HEADER: Final = 0x0002
_PAGE_IDENTIFIER_OFFSET: Final = 24
_SEGMENT_NAME_LENGTH: Final = 24
_CASTAGNOLI: Final = 0x82F63B78


class NotUnderstoodError(Exception):
    """The files are not what this module knows: nothing was changed."""


def renew_identity(data: str) -> None:
    """Give a cluster that was shut down, and never used, a new system identifier.

    Nothing is forced to disk.

    Raises:
        NotUnderstoodError: a file is of another shape.
        OSError: a file cannot be read or written.
    """
    path = os.path.join(data, "global", "pg_control")
    with open(path, "r+b") as control:
        head = bytearray(control.read(_LONGEST))
        old = bytes(head[: _IDENTIFIER.size])
        end = _crc_offset(head)
        segments = list(_segments(os.path.join(data, "pg_wal"), old))
        head[: _IDENTIFIER.size] = new = _IDENTIFIER.pack(_system_identifier())
        head[end - _NONCE_BYTES : end] = secrets.token_bytes(_NONCE_BYTES)
        _CRC.pack_into(head, end, list(_checksums(head[:end]))[-1])
        control.seek(0)
        control.write(head)
    for segment in segments:
        with open(segment, "r+b") as file:
            file.seek(_PAGE_IDENTIFIER_OFFSET)
            file.write(new)


def _system_identifier() -> int:
    """Return a number as BootStrapXLOG makes it: seconds, microseconds, process."""
    now = time.time_ns() // 1000
    seconds, microseconds = divmod(now, 1_000_000)
    return seconds << 32 | microseconds << 12 | os.getpid() & 0xFFF


def _segments(directory: str, identifier: bytes) -> Iterator[str]:
    for name in os.listdir(directory):
        if len(name) != _SEGMENT_NAME_LENGTH:
            continue
        path = os.path.join(directory, name)
        with open(path, "rb") as file:
            page = file.read(_PAGE_IDENTIFIER_OFFSET + _IDENTIFIER.size)
        (info,) = struct.unpack_from("=H", page, 2)
        if not info & _LONG_HEADER or not page.endswith(identifier):
            raise NotUnderstoodError(f'"{path}" does not begin as a WAL segment does')
        yield path


def _crc_offset(head: bytearray) -> int:
    """Return where pg_control's checksum is: the fields before it differ by version."""
    first = _IDENTIFIER.size + _NONCE_BYTES
    for offset, checksum in enumerate(_checksums(head[: -_CRC.size])):
        if offset >= first and _CRC.unpack_from(head, offset)[0] == checksum:
            return offset
    raise NotUnderstoodError("pg_control has no checksum where one is expected")


def _table() -> tuple[int, ...]:
    def entry(value: int) -> int:
        for _bit in range(8):
            value = value >> 1 ^ (_CASTAGNOLI if value & 1 else 0)
        return value

    return tuple(map(entry, range(256)))


_TABLE: Final = _table()


def _checksums(content: bytearray) -> Iterator[int]:
    """Yield the CRC-32C of each beginning of some bytes, the empty one first."""
    value = 0xFFFFFFFF
    yield value ^ 0xFFFFFFFF
    for byte in content:
        value = _TABLE[(value ^ byte) & 0xFF] ^ value >> 8
        yield value ^ 0xFFFFFFFF
