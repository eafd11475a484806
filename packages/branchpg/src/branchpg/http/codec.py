"""JSON, both ways: typed structures, LSNs as text."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

import msgspec

from branchpg.errors import BadRequest
from branchpg.lsn import Lsn

__all__ = ["decode", "encode"]

T = TypeVar("T")


def encode(value: object) -> bytes:
    """Return a value as JSON."""
    return msgspec.json.encode(value, enc_hook=_plain)


def decode(data: bytes, wanted: type[T]) -> T:
    """Read JSON as a type; raise BadRequest saying where it differs."""
    try:
        return msgspec.json.decode(data, type=wanted, dec_hook=_typed)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadRequest(f"invalid JSON: {error}") from error


def _plain(value: object) -> object:
    if isinstance(value, (Lsn, datetime)):
        return str(value)
    raise NotImplementedError(f"no JSON for {type(value)}")


def _typed(wanted: type, value: Any) -> object:
    if wanted is Lsn and isinstance(value, str):
        return Lsn.parse(value)
    raise NotImplementedError(f"no {wanted} from {type(value)}")
