"""What the proxy asks of whoever runs the endpoints behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from branchpg.compute.proxy.pool import Pool

__all__ = ["Backends", "Closing", "Lease", "Route"]


@dataclass(frozen=True)
class Route:
    """Where a client wants to go.

    With neither endpoint nor branch it is the default branch; with both, they have to
    belong together, which whoever knows them checks.

    Attributes:
        endpoint: the endpoint's id, as given by TLS, the options or the password.
        branch: what follows the @ in the database's name.
        database: its name, of bytes, since its encoding is the client's.
        user: the role to log in as.
        parameters: what is left of the startup message, without user and database.
        lsn: a point of the branch's history, to be read only.
        timestamp: the same as a time (RFC 3339); never together with `lsn`.
        read_only: whether an endpoint that cannot write was asked for.
        pooled: whether a server process may serve it that served others before.
    """

    endpoint: str | None
    branch: str | None
    database: bytes
    user: bytes
    parameters: Mapping[bytes, bytes] = field(default_factory=dict)
    lsn: str | None = None
    timestamp: str | None = None
    read_only: bool = False
    pooled: bool = False


class Closing:
    """Tells sessions to end; one for all leases of one running server."""

    def __init__(self) -> None:
        self._listeners: set[Callable[[], object]] = set()
        self.closed = False

    def close(self) -> None:
        """End every session now, and every later one as it begins."""
        self.closed = True
        for listener in tuple(self._listeners):
            listener()

    def add(self, listener: Callable[[], object]) -> None:
        """Call a function when the session has to end: at once, if it has to."""
        self._listeners.add(listener)
        if self.closed:
            listener()

    def discard(self, listener: Callable[[], object]) -> None:
        """Forget a function: its session is over."""
        self._listeners.discard(listener)


@dataclass(frozen=True, eq=False)
class Lease:
    """A running server, kept awake until it is released.

    Attributes:
        endpoint: what its sessions are counted under.
        socket_path: the Unix socket, such as /run/x/.s.PGSQL.5432.
        database: the name to give PostgreSQL.
        release: called once, when the client's session is over or did not begin.
        closing: how the server's owner ends its sessions (reset, restore, suspend).
        pool: its processes that wait for another client, if it has any.
    """

    endpoint: str
    socket_path: str
    database: bytes
    release: Callable[[], None]
    closing: Closing = field(default_factory=Closing)
    pool: Pool | None = None


class Backends(Protocol):
    """Whoever runs the endpoints."""

    async def connect(self, route: Route) -> Lease:
        """Return the server a route leads to, started if it was suspended.

        It is cancelled when the client gives up. Many may wait for one start.

        Raises:
            BranchpgError: there is no such endpoint or branch, or it cannot be started;
                the client is told.
        """
        ...
