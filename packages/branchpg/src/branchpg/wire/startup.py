"""What a client sends first: a startup message, or a request in its place.

PostgreSQL documentation, chapter 53.7, "Message Formats".
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from branchpg.errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "LONGEST",
    "Cancel",
    "EncryptionRequest",
    "First",
    "Startup",
    "TlsRequest",
    "cancel_packet",
    "parse",
    "startup_packet",
]

LONGEST: Final = 10_000
"""Bytes a first packet may have, as in PostgreSQL (MAX_STARTUP_PACKET_LENGTH)."""

_PROTOCOL_3: Final = 3
_CANCEL: Final = 80877102
_TLS: Final = 80877103
_GSS: Final = 80877104
_SHORTEST_SECRET, _LONGEST_SECRET = 4, 256  # 4 bytes until protocol 3.2


@dataclass(frozen=True)
class Startup:
    """A session is wanted. Parameters are bytes: their encoding is not known yet."""

    minor: int
    parameters: Mapping[bytes, bytes]

    @property
    def user(self) -> bytes:
        """The role to log in as."""
        return self.parameters.get(b"user", b"")

    @property
    def database(self) -> bytes:
        """The database; the role's name where none is given."""
        return self.parameters.get(b"database") or self.user


@dataclass(frozen=True)
class Cancel:
    """The running statement of another session is to be cancelled."""

    pid: int
    secret: bytes


@dataclass(frozen=True)
class TlsRequest:
    """TLS is wanted; answered with S or N."""


@dataclass(frozen=True)
class EncryptionRequest:
    """GSSAPI encryption is wanted; answered with N."""


First: TypeAlias = Startup | Cancel | TlsRequest | EncryptionRequest


def parse(body: bytes) -> First:
    """Read a first packet, without the four bytes of its length.

    Raises BadRequest for what no client sends.
    """
    if len(body) < 4 or len(body) > LONGEST:
        raise BadRequest("invalid length of startup packet")
    (code,) = struct.unpack_from("!I", body)
    if code == _TLS and len(body) == 4:
        return TlsRequest()
    if code == _GSS and len(body) == 4:
        return EncryptionRequest()
    if code == _CANCEL:
        return _cancel(body)
    major, minor = code >> 16, code & 0xFFFF
    if major != _PROTOCOL_3:
        raise BadRequest(f"unsupported frontend protocol {major}.{minor}")
    return Startup(minor, _parameters(body[4:]))


def startup_packet(parameters: Mapping[bytes, bytes], minor: int = 0) -> bytes:
    """Return the packet that asks for a session, its length included."""
    pairs = b"".join(name + b"\0" + value + b"\0" for name, value in parameters.items())
    body = struct.pack("!HH", _PROTOCOL_3, minor) + pairs + b"\0"
    return struct.pack("!I", len(body) + 4) + body


def cancel_packet(cancel: Cancel) -> bytes:
    """Return the packet that asks to cancel, its length included."""
    body = struct.pack("!II", _CANCEL, cancel.pid) + cancel.secret
    return struct.pack("!I", len(body) + 4) + body


def _cancel(body: bytes) -> Cancel:
    secret = body[8:]
    if not _SHORTEST_SECRET <= len(secret) <= _LONGEST_SECRET:
        raise BadRequest("invalid length of cancel request")
    return Cancel(struct.unpack_from("!I", body, 4)[0], secret)


def _parameters(data: bytes) -> dict[bytes, bytes]:
    fields = data.split(b"\0")
    # name, value, name, value, the empty name that ends the list, and what follows it.
    parameters: dict[bytes, bytes] = {}
    position = 0
    while position < len(fields) and fields[position]:
        if position + 2 >= len(fields):
            raise BadRequest("invalid startup packet layout: a value is missing")
        parameters[fields[position]] = fields[position + 1]
        position += 2
    if position != len(fields) - 2 or fields[-1]:
        raise BadRequest("invalid startup packet layout: expected terminator")
    if not parameters.get(b"user"):
        raise BadRequest("no PostgreSQL user name specified in startup packet")
    return parameters
