"""Messages of a server, as bytes, and the frames that both sides send.

PostgreSQL documentation, chapter 53.7, "Message Formats".
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "authentication_ok",
    "command_complete",
    "copy_both",
    "copy_data",
    "copy_done",
    "data_row",
    "error",
    "frame",
    "key_data",
    "notice",
    "parameter_status",
    "ready",
    "row_description",
]


def frame(kind: bytes, body: bytes = b"") -> bytes:
    """Return one message: its kind, its length, its body."""
    return kind + struct.pack("!I", len(body) + 4) + body


def authentication_ok() -> bytes:
    """The client is who it says."""
    return frame(b"R", struct.pack("!I", 0))


def parameter_status(name: str, value: str) -> bytes:
    """A setting that the client must know."""
    return frame(b"S", _text(name) + _text(value))


def key_data(pid: int, secret: bytes) -> bytes:
    """What a client must show to cancel this session's statements."""
    return frame(b"K", struct.pack("!I", pid) + secret)


def ready(state: bytes = b"I") -> bytes:
    """The server waits for a statement (I: outside a transaction)."""
    return frame(b"Z", state)


def error(
    message: str,
    *,
    code: str = "XX000",
    severity: str = "ERROR",
    detail: str | None = None,
    hint: str | None = None,
) -> bytes:
    """A statement or a session failed; `code` is its SQLSTATE (appendix A)."""
    fields = {"S": severity, "V": severity, "C": code, "M": message}
    fields |= {"D": detail} if detail else {}
    fields |= {"H": hint} if hint else {}
    return frame(b"E", _fields(fields))


def notice(message: str, *, code: str = "01000", severity: str = "WARNING") -> bytes:
    """Something to tell, while all goes on."""
    fields = {"S": severity, "V": severity, "C": code, "M": message}
    return frame(b"N", _fields(fields))


def row_description(columns: Sequence[tuple[str, int]]) -> bytes:
    """The columns of a result as name and type OID, values in text format."""
    body = struct.pack("!H", len(columns))
    for name, oid in columns:
        body += _text(name) + struct.pack("!IHIhiH", 0, 0, oid, -1, -1, 0)
    return frame(b"T", body)


def data_row(values: Sequence[str | None]) -> bytes:
    """One row of a result, in text format."""
    body = struct.pack("!H", len(values))
    for value in values:
        if value is None:
            body += struct.pack("!i", -1)
        else:
            data = value.encode()
            body += struct.pack("!i", len(data)) + data
    return frame(b"D", body)


def command_complete(tag: str) -> bytes:
    """A statement is done."""
    return frame(b"C", _text(tag))


def copy_both() -> bytes:
    """A stream of bytes in both directions begins, as replication uses it."""
    return frame(b"W", struct.pack("!bH", 0, 0))


def copy_data(data: bytes) -> bytes:
    """A piece of such a stream."""
    return frame(b"d", data)


def copy_done() -> bytes:
    """The end of such a stream."""
    return frame(b"c")


def _text(text: str) -> bytes:
    return text.encode().replace(b"\0", b"") + b"\0"


def _fields(fields: Mapping[str, str]) -> bytes:
    return b"".join(k.encode() + _text(v) for k, v in fields.items()) + b"\0"
