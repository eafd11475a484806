"""Server processes that wait for the next client of the same login.

As PgBouncer's session pooling: a process serves one client after the other, and forgets
the one before with DISCARD ALL. It starts a session in a tenth of the time that a new
process takes, and nobody's session ever shares it with another one that is open.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from branchpg.compute.proxy.channel import GoneError
from branchpg.errors import BadRequest
from branchpg.wire import messages

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from branchpg.compute.proxy.channel import Channel
    from branchpg.compute.proxy.servers import ServerProcess

__all__ = ["Login", "Pool", "Standing"]

_MOST: Final = 20  # that wait, of one PostgreSQL; PgBouncer's default_pool_size
_WAIT_SECONDS: Final = 10.0  # for a client; until then DROP DATABASE is refused
_LIFE_SECONDS: Final = 3600.0  # what a process has cached only grows
_RESET_SECONDS: Final = 5.0
_FRESH_SECONDS: Final = 1.0  # in which a changed role may still count as it was
_MOST_STANDINGS: Final = 1000  # anybody can ask for names that do not exist
_MESSAGE_LIMIT: Final = 1 << 20


@dataclass(frozen=True)
class Login:
    """What a server process was started for; `minor` is of the protocol's version."""

    user: bytes
    database: bytes
    parameters: tuple[tuple[bytes, bytes], ...]
    minor: int


@dataclass(frozen=True)
class Standing:
    """What lets a role into a database now.

    Attributes:
        secret: its SCRAM-SHA-256 secret, as pg_authid has it.
        version: another one as soon as the role, the database, or the settings of
            either have changed.
    """

    secret: str
    version: str


class Pool:
    """Those of one PostgreSQL.

    `look` tells what lets a role into a database now; `most` processes wait at a time,
    each for so many seconds.
    """

    def __init__(
        self,
        look: Callable[[bytes, bytes], Awaitable[Standing | None]],
        *,
        most: int = _MOST,
        wait_seconds: float = _WAIT_SECONDS,
    ) -> None:
        self._look = look
        self._most, self._wait_seconds = most, wait_seconds
        self._waiting: deque[ServerProcess] = deque()
        self._standings: dict[tuple[bytes, bytes], _Looked] = {}
        self._timers: dict[ServerProcess, asyncio.TimerHandle] = {}
        self._is_closed = False

    @property
    def waiting(self) -> int:
        """How many processes wait."""
        return len(self._waiting)

    async def standing(self, login: Login) -> Standing | None:
        """Return what lets a login in, no older than a second; None if nothing does."""
        name, now = (login.user, login.database), time.monotonic()
        looked = self._standings.get(name)
        if looked is None or looked.until < now:
            if len(self._standings) >= _MOST_STANDINGS:
                self._standings.clear()
            answer = asyncio.ensure_future(self._look(*name))
            looked = self._standings[name] = _Looked(now + _FRESH_SECONDS, answer)
        # Several may wait for it: who goes must not take it away from the others.
        return await asyncio.shield(looked.answer)

    def take(self, login: Login, standing: Standing) -> ServerProcess | None:
        """Return a process that waits for this login; the one that did so last."""
        for process in tuple(reversed(self._waiting)):
            if process.login != login:
                continue
            self._remove(process)
            if process.standing == standing and _is_quiet(process.channel):
                return process
            process.close()
        return None

    async def keep(self, process: ServerProcess) -> None:
        """Let a process forget its client, and wait for the next one; or end it."""
        try:
            async with asyncio.timeout(_RESET_SECONDS):
                is_reset = await _reset(process.channel)
        except (GoneError, BadRequest, TimeoutError):
            is_reset = False
        except BaseException:
            process.close()
            raise
        if is_reset:
            self.put_back(process)
        else:
            process.close()

    def put_back(self, process: ServerProcess) -> None:
        """Let a process wait that has served nobody since it was taken."""
        if self._is_closed or time.monotonic() - process.born > _LIFE_SECONDS:
            process.close()
            return
        if len(self._waiting) >= self._most:
            self._drop(self._waiting[0])
        self._waiting.append(process)
        later = asyncio.get_running_loop().call_later
        self._timers[process] = later(self._wait_seconds, self._drop, process)

    def close(self) -> None:
        """End all that wait, and from now on each that comes back."""
        self._is_closed = True
        for process in tuple(self._waiting):
            self._drop(process)

    def _drop(self, process: ServerProcess) -> None:
        self._remove(process)
        process.close()

    def _remove(self, process: ServerProcess) -> None:
        self._waiting.remove(process)
        self._timers.pop(process).cancel()


@dataclass(frozen=True)
class _Looked:
    until: float
    answer: asyncio.Future[Standing | None]


def _is_quiet(server: Channel) -> bool:
    """Return whether a process has said nothing since: not even that it ends.

    One that has may have told a setting's new value, which its next client has to know.
    """
    try:
        server.sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return not server.ahead
    except OSError:
        pass
    return False


async def _reset(server: Channel) -> bool:
    """Let a process forget all of a session; return whether it has."""
    await server.send(messages.frame(b"Q", b"DISCARD ALL\0"))
    while True:
        kind, body = await server.message(_MESSAGE_LIMIT)
        if kind == b"E":
            return False
        if kind == b"Z":
            return body == b"I" and not server.ahead
