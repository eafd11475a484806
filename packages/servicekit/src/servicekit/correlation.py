"""The id that follows a request through all services: `x-correlation-id`."""

from __future__ import annotations

import re
import secrets
from typing import Final

__all__ = ["HEADER", "correlation_id"]

HEADER: Final = b"x-correlation-id"

_ALLOWED: Final = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


def correlation_id(given: bytes | None) -> bytes:
    """Return the id that the client gave, if it is harmless, or a new one."""
    if given is not None and _ALLOWED.fullmatch(given):
        return given
    return secrets.token_hex(16).encode()
