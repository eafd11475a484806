"""Logging in at a server: its words go to the client, the client's to it.

Between the startup message and the first ReadyForQuery the two sides take turns, so
one loop follows them: after a request for a password the client speaks, otherwise the
server does. Nothing is looked into but the cancel key, which is exchanged.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, Protocol

from branchpg.compute.proxy.channel import GoneError
from branchpg.compute.proxy.failures import NOT_NOW, refusal
from branchpg.errors import BadRequest, BranchpgError, TryLater
from branchpg.wire import messages
from branchpg.wire.startup import Cancel

if TYPE_CHECKING:
    from collections.abc import Callable

    from branchpg.compute.proxy.channel import Channel

__all__ = ["Client", "Door", "Through", "log_in", "password_message"]

_PASSWORD_LIMIT: Final = 65_535  # PG_MAX_AUTH_TOKEN_LENGTH
_MESSAGE_LIMIT: Final = 1 << 20  # of a server, before it is ready
_OK, _SASL_FINAL = 0, 12
_NO_ANSWER: Final = frozenset({_OK, _SASL_FINAL})


class Door(Protocol):
    """Who lets a client in: the server, or the proxy in its place."""

    async def message(self, limit: int) -> tuple[bytes, bytes]:
        """Return the kind and the body of what it says next."""
        ...

    async def send(self, data: bytes) -> None:
        """Tell it what the client answers."""
        ...


class Client(Protocol):
    """Who answers the server: the client itself, or the proxy in its name."""

    @property
    def sees_requests(self) -> bool:
        """Whether what the server asks goes to the client."""
        ...

    async def tell(self, data: bytes) -> None:
        """Pass messages of the server on."""
        ...

    async def answer(self, code: int, request: bytes) -> bytes | None:
        """Return what to send for an authentication request, None for nothing."""
        ...


class Through:
    """The client itself: what it answers is not looked into."""

    sees_requests = True

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.tell = channel.send

    async def answer(self, code: int, _request: bytes) -> bytes | None:
        """Return the client's next message, which can only be its answer."""
        return None if code in _NO_ANSWER else await password_message(self._channel)


async def password_message(client: Channel) -> bytes:
    """Return the whole message with which a client answers.

    Raises:
        BadRequest: it is another one.
    """
    kind, body = await client.message(_PASSWORD_LIMIT)
    if kind != b"p":
        raise BadRequest("expected an answer to the request for a password")
    return messages.frame(kind, body)


async def log_in(
    server: Door, client: Client, *, exchange: Callable[[Cancel], Cancel]
) -> bool:
    """Follow a login; return whether the server is ready, or has refused.

    `exchange` turns the key that the server gives out into the one for the client.

    Raises:
        TryLater: the server does not take connections yet, or any more; the client
            was not told.
        GoneError: the client closed.
        BranchpgError: the server ended in the middle of it.
        BadRequest: either side said what does not belong here.
    """
    told = False
    pending = b""  # told together: a login is a dozen small messages
    while True:
        kind, body = await _said(server, told=told)
        if kind == b"E" and not told and refusal(body) == NOT_NOW:
            raise TryLater("the server does not take connections")
        told = True
        if kind == b"R":
            pending = await _authenticate(server, client, body, pending)
            continue
        if kind == b"K":
            key = exchange(Cancel(*_key(body)))
            body = struct.pack("!I", key.pid) + key.secret
        pending += messages.frame(kind, body)
        if kind in {b"E", b"Z"}:
            await client.tell(pending)
            return kind == b"Z"


async def _said(server: Door, *, told: bool) -> tuple[bytes, bytes]:
    """Return the server's next message; one that died may be started again."""
    try:
        return await server.message(_MESSAGE_LIMIT)
    except GoneError as error:
        if told:
            raise BranchpgError("the server ended during the login") from error
        raise TryLater("the server ended before it said anything") from error


async def _authenticate(
    server: Door, client: Client, request: bytes, pending: bytes
) -> bytes:
    """Pass a request for a password on; return what is still to be told."""
    code = _code(request)
    if code == _OK or client.sees_requests:
        pending += messages.frame(b"R", request)
    if code == _OK:
        return pending
    if code not in _NO_ANSWER:
        await client.tell(pending)
        pending = b""
    if reply := await client.answer(code, request):
        await server.send(reply)
    return pending


def _code(body: bytes) -> int:
    if len(body) < 4:
        raise BadRequest("invalid authentication request")
    return int(struct.unpack_from("!I", body)[0])


def _key(body: bytes) -> tuple[int, bytes]:
    if not 8 <= len(body) <= 260:
        raise BadRequest("invalid cancel key")
    return struct.unpack_from("!I", body)[0], body[4:]
