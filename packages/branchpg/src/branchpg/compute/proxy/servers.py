"""Whom a client is served by: a process of its own, or one that waited for it."""

from __future__ import annotations

import errno
import socket
import struct
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from branchpg.compute.proxy.channel import Channel
from branchpg.compute.proxy.pool import Login
from branchpg.errors import BranchpgError
from branchpg.wire.startup import startup_packet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from branchpg.compute.proxy.backend import Lease, Route
    from branchpg.compute.proxy.login import Door
    from branchpg.compute.proxy.metrics import Metrics
    from branchpg.compute.proxy.pool import Standing

__all__ = ["NotYetError", "ServerProcess", "dial", "server_for"]

_SERVER_CHUNK: Final = 8192  # what PostgreSQL sends at once
_NOT_THERE: Final = (errno.ENOENT, errno.ECONNREFUSED, errno.EAGAIN)
_SASL_FINAL: Final = struct.pack("!I", 12)


class NotYetError(Exception):
    """The server does not take this client yet, or any more: ask for it again."""


@dataclass(eq=False, kw_only=True)
class ServerProcess:
    """A connection to PostgreSQL, and what has become of it.

    Attributes:
        channel: the connection.
        login: what it was started for.
        standing: of that, from before it began; None where it serves one client only.
        greeting: what it told its first client, without the key: kinds and bodies.
        key: how its statements are cancelled, as a message's body.
        by_scram: whether that logged in by SCRAM.
        is_logged_in: whether it was ready for that.
        is_used: whether its client now was let in.
        is_at_rest: whether that has left, with everything answered.
        closed: called when it has been closed.
    """

    channel: Channel
    login: Login
    standing: Standing | None
    closed: Callable[[], object]
    greeting: list[tuple[bytes, bytes]] = field(default_factory=list)
    key: bytes = b""
    by_scram: bool = False
    is_logged_in: bool = False
    is_used: bool = False
    is_at_rest: bool = False
    born: float = field(default_factory=time.monotonic)

    @property
    def door(self) -> Door:
        """Whom its client logs in at."""
        if not self.standing:
            return self.channel
        if not self.is_logged_in:
            return _Noted(self)
        from branchpg.compute.proxy.scram import Doorkeeper  # few need it

        return Doorkeeper(self, self.standing)

    @property
    def is_known(self) -> bool:
        """Whether all is known that a login of another client takes."""
        return self.standing is not None and self.by_scram and self.is_logged_in

    @property
    def may_wait(self) -> bool:
        """Whether it can serve another client as if it were new."""
        return self.is_known and (self.is_at_rest or not self.is_used)

    def close(self) -> None:
        """End it."""
        self.channel.close()
        self.closed()


class _Noted:
    """A server at its first login: what every later client has to be told is noted."""

    def __init__(self, process: ServerProcess) -> None:
        self._process = process
        self.send = process.channel.send

    async def message(self, limit: int) -> tuple[bytes, bytes]:
        """Return the server's next message."""
        process = self._process
        kind, body = await process.channel.message(limit)
        if kind == b"S":
            process.greeting.append((kind, body))
        elif kind == b"K":
            process.key = body
        elif kind == b"R" and body.startswith(_SASL_FINAL):
            process.by_scram = True
        elif kind == b"Z":
            process.is_logged_in = True
        return kind, body


@asynccontextmanager
async def server_for(
    lease: Lease, way: Route, minor: int, metrics: Metrics
) -> AsyncIterator[ServerProcess]:
    """Give a client a server process, for a block.

    Raises:
        NotYetError: nobody listens, or too many wait already.
        BranchpgError: it cannot be.
    """
    pool = lease.pool if way.pooled and b"replication" not in way.parameters else None
    login = Login(way.user, lease.database, tuple(way.parameters.items()), minor)
    standing = await pool.standing(login) if pool else None
    process = pool.take(login, standing) if pool and standing else None
    if process is None:
        process = await _started(lease, login, standing, metrics)
    process.is_used = process.is_at_rest = False
    try:
        yield process
    finally:
        if pool is None or not process.may_wait:
            process.close()
        elif process.is_used:
            await pool.keep(process)
        else:
            pool.put_back(process)


async def _started(
    lease: Lease, login: Login, standing: Standing | None, metrics: Metrics
) -> ServerProcess:
    process = ServerProcess(
        channel=dial(lease.socket_path),
        login=login,
        standing=standing,
        closed=metrics.servers.closed.inc,
    )
    metrics.servers.opened.inc()
    names = {b"user": login.user, b"database": login.database}
    try:
        packet = startup_packet(names | dict(login.parameters), login.minor)
        await process.channel.send(packet)
    except BaseException:
        process.close()
        raise
    return process


def dial(path: str) -> Channel:
    """Connect to a server's Unix socket.

    Raises:
        NotYetError: nobody listens, or too many wait already.
        BranchpgError: it cannot be.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        sock.connect(path)  # of a Unix socket, which succeeds at once or not at all
    except OSError as error:
        sock.close()
        if error.errno in _NOT_THERE:
            raise NotYetError from error
        raise BranchpgError(f"cannot connect to the endpoint: {error}") from error
    return Channel(sock, chunk=_SERVER_CHUNK)
