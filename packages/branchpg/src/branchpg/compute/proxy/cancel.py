"""The keys by which clients cancel statements, and whose they really are."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from typing import TYPE_CHECKING, Final

from branchpg.compute.proxy.channel import GoneError
from branchpg.compute.proxy.servers import NotYetError, dial
from branchpg.errors import BranchpgError
from branchpg.wire.startup import Cancel, cancel_packet

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CancelKeys", "ServerKey", "SessionKey"]

_TRIES: Final = 16
_SECONDS: Final = 5.0


class ServerKey:
    """A key that PostgreSQL has given out, and the socket of that server."""

    def __init__(self, socket_path: str, key: Cancel) -> None:
        self.key = key
        self._socket_path = socket_path
        self._under_way = 0
        self._settled = asyncio.Event()
        self._settled.set()

    async def cancel(self, *, seconds: float = _SECONDS) -> None:
        """Pass a request to cancel on; return when the server has dealt with it."""
        with contextlib.suppress(NotYetError, BranchpgError, GoneError, TimeoutError):
            async with asyncio.timeout(seconds):
                with contextlib.closing(dial(self._socket_path)) as server, self._one():
                    await server.send(cancel_packet(self.key))
                    # It closes when it has sent the signal; then the client is told
                    # in the same way.
                    await server.receive(1)

    async def is_settled(self, *, seconds: float = _SECONDS) -> bool:
        """Return whether no request can reach the server any more, which may take time.

        Where one can, it would cancel what another client of that process asks.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._settled.wait()
        except TimeoutError:
            return False
        return True

    @contextlib.contextmanager
    def _one(self) -> Iterator[None]:
        self._under_way += 1
        self._settled.clear()
        yield  # nobody knows what has become of one that failed
        self._under_way -= 1
        if not self._under_way:
            self._settled.set()


class CancelKeys:
    """The keys of all open sessions: an entry lives as long as its session.

    Two servers may give out the same key. Clients therefore get a secret of the
    proxy's, as long as the server's own, and keep the process id, which a client may
    compare with pg_backend_pid().
    """

    def __init__(self) -> None:
        self._keys: dict[Cancel, ServerKey] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, server_key: ServerKey) -> Cancel:
        """Return the key to give to the client."""
        key = server_key.key
        for _ in range(_TRIES):
            mine = Cancel(key.pid, secrets.token_bytes(len(key.secret)))
            if mine not in self._keys:
                self._keys[mine] = server_key
                return mine
        raise RuntimeError("no free cancel key")  # of 2^32: never

    def get(self, key: Cancel) -> ServerKey | None:
        """Return the session a client's key is of."""
        return self._keys.get(key)

    def discard(self, key: Cancel | None) -> None:
        """Forget a session that is over."""
        if key is not None:
            self._keys.pop(key, None)


class SessionKey:
    """The key of one session, from its login to its end."""

    def __init__(self, keys: CancelKeys, socket_path: str) -> None:
        self._keys = keys
        self._socket_path = socket_path
        self._mine: Cancel | None = None
        self._server: ServerKey | None = None

    def exchange(self, real: Cancel) -> Cancel:
        """Return the key to give to the client for the server's own."""
        self._server = ServerKey(self._socket_path, real)
        self._mine = self._keys.add(self._server)
        return self._mine

    def discard(self) -> None:
        """Forget it: from now on nobody cancels by it."""
        self._keys.discard(self._mine)

    async def is_settled(self) -> bool:
        """Return as that of the server's key does."""
        return self._server is None or await self._server.is_settled()
