"""How a client begins: encryption, and then what it wants."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from branchpg.compute.proxy.channel import Channel, GoneError, TlsChannel
from branchpg.compute.proxy.tls import ALPN, CLIENT_HELLO
from branchpg.errors import BadRequest
from branchpg.wire import startup

if TYPE_CHECKING:
    from branchpg.compute.proxy.tls import Tls

__all__ = ["Arrival", "arrive"]


@dataclass(frozen=True)
class Arrival:
    """A client that has said what it wants."""

    channel: Channel
    wish: startup.Startup | startup.Cancel
    server_name: str | None


async def arrive(channel: Channel, tls: Tls | None) -> Arrival:
    """Read what a client sends first, and encrypt the connection if it asks for that.

    Raises:
        BadRequest: no client sends that; it is to be told.
        GoneError: it closed, or does not speak PostgreSQL's protocol at all.
        ssl.SSLError: it cannot agree with this side on TLS.
    """
    plain, server_name = channel, None
    asked: set[type[object]] = set()
    while True:
        head = await channel.exactly(4)
        if head[0] == CLIENT_HELLO and tls and channel is plain and not asked:
            channel, server_name = await _directly_encrypted(channel, head, tls)
            continue
        wish = startup.parse(await _rest(channel, head))
        if isinstance(wish, startup.Startup | startup.Cancel):
            return Arrival(channel, wish, server_name)
        # Each may be asked for once, and TLS only where there is none yet.
        if type(wish) in asked or channel is not plain:
            raise BadRequest("encryption was asked for twice")
        asked.add(type(wish))
        if isinstance(wish, startup.TlsRequest) and tls:
            await channel.send(b"S")
            channel, server_name = await _encrypted(channel, tls)
        else:
            await channel.send(b"N")


async def _rest(channel: Channel, head: bytes) -> bytes:
    (length,) = struct.unpack("!I", head)
    # As PostgreSQL does, without a word: this may be any protocol.
    if not 8 <= length <= startup.LONGEST:
        raise GoneError
    return await channel.exactly(length - 4)


async def _encrypted(plain: Channel, tls: Tls) -> tuple[TlsChannel, str | None]:
    channel = TlsChannel(plain, tls.context)
    await channel.handshake()
    return channel, tls.server_name(channel)


async def _directly_encrypted(
    plain: Channel, head: bytes, tls: Tls
) -> tuple[TlsChannel, str | None]:
    plain.ahead += head
    channel, name = await _encrypted(plain, tls)
    # Without it another protocol's client could be made to speak to a database.
    if channel.tls.selected_alpn_protocol() != ALPN:
        raise GoneError
    return channel, name
