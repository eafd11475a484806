"""The headers that every answer has: security and cross-origin requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DOCUMENTS_POLICY", "SECURITY", "CrossOrigin", "RawHeaders"]

RawHeaders = list[tuple[bytes, bytes]]

SECURITY: Final[RawHeaders] = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]
"""An interface answers JSON, which no browser is to run, frame or guess about.

Strict-Transport-Security is for who ends TLS: it means nothing over plain HTTP.
"""

DOCUMENTS_POLICY: Final = (
    b"default-src 'none'; script-src https://cdn.jsdelivr.net 'unsafe-inline'; "
    b"style-src https://cdn.jsdelivr.net 'unsafe-inline'; connect-src 'self'; "
    b"img-src 'self' data: https://fastapi.tiangolo.com; frame-ancestors 'none'"
)
"""The page that shows the OpenAPI document is made of scripts."""

_METHODS: Final = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_ALLOWED: Final = (
    b"Content-Type, If-Match, If-None-Match, X-Branch, Idempotency-Key, Last-Event-ID, "
    b"Authorization, X-API-Key, X-Correlation-Id"
)
_EXPOSED: Final = (
    b"ETag, Location, X-Correlation-Id, RateLimit-Policy, RateLimit-Limit, "
    b"RateLimit-Remaining, RateLimit-Reset, Retry-After, WWW-Authenticate"
)


class CrossOrigin:
    """Which pages of other origins may read the answers; `*` lets all of them."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._all = "*" in origins
        self._origins = frozenset(origin.encode("latin-1") for origin in origins)

    def answer(self, origin: bytes | None) -> RawHeaders:
        """Return the headers of an answer to a page of this origin."""
        if origin is None:
            return []
        vary = (b"vary", b"Origin")
        if not (self._all or origin in self._origins):
            return [vary]
        shown = b"*" if self._all else origin
        return [
            (b"access-control-allow-origin", shown),
            (b"access-control-expose-headers", _EXPOSED),
            vary,
        ]

    def preflight(self, origin: bytes) -> RawHeaders:
        """Return the headers of the answer to a browser that asks beforehand."""
        found = self.answer(origin)
        if len(found) > 1:
            found += [
                (b"access-control-allow-methods", _METHODS),
                (b"access-control-allow-headers", _ALLOWED),
                (b"access-control-max-age", b"600"),
            ]
        return found
