"""Answers of plain routes: an ASGI application each, as small as it can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from servicekit.errors import too_large

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from servicekit.errors import ServiceError
    from servicekit.headers import RawHeaders

__all__ = ["Answer", "empty", "encode", "from_error", "json_answer", "read_body"]

_JSON: Final = (b"content-type", b"application/json")

encode: Final = msgspec.json.Encoder(enc_hook=str).encode


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, headers and a body that is complete."""

    status: int
    headers: RawHeaders
    body: bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; what asks for no body, such as HEAD, gets none."""
        del receive
        body = b"" if scope["method"] == "HEAD" else self.body
        await send(
            {
                "type": "http.response.start",
                "status": self.status,
                "headers": self.headers,
            }
        )
        await send({"type": "http.response.body", "body": body})


def json_answer(status: int, body: bytes, *headers: tuple[bytes, bytes]) -> Answer:
    """Return an answer whose JSON is ready."""
    length = (b"content-length", b"%d" % len(body))
    return Answer(status, [_JSON, length, *headers], body)


def empty(status: int, *headers: tuple[bytes, bytes]) -> Answer:
    """Return an answer without a body."""
    return Answer(status, list(headers), b"")


def from_error(error: ServiceError) -> Answer:
    """Return what a client is told of an error."""
    headers = [
        (name.lower().encode(), value.encode("latin-1", "replace"))
        for name, value in error.headers.items()
    ]
    return json_answer(error.status, error.body(), *headers)


async def read_body(receive: Receive, limit: int) -> bytes:
    """Return the whole body of a request.

    Raises:
        ServiceError: it is larger than `limit` bytes.
        ConnectionError: the client went away.
    """
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        whole: bytes = message.get("body", b"")
        if len(whole) > limit:
            raise too_large(limit)
        return whole
    pieces, size = [], 0
    while True:
        if message["type"] == "http.disconnect":
            raise ConnectionResetError("the client went away")
        piece: bytes = message.get("body", b"")
        size += len(piece)
        if size > limit:
            raise too_large(limit)
        pieces.append(piece)
        if not message.get("more_body"):
            return b"".join(pieces)
        message = await receive()
