"""The keys by which clients cancel statements, and whose they really are."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

from branchpg.wire.startup import Cancel

__all__ = ["CancelKeys", "ServerKey"]

_TRIES: Final = 16


@dataclass(frozen=True)
class ServerKey:
    """A key that PostgreSQL has given out, and the socket of that server."""

    socket_path: str
    key: Cancel


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
