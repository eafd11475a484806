"""The sockets that clients connect to."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final

from branchpg.errors import BranchpgError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["listen"]

_BACKLOG: Final = 1024
_KEEPALIVE: Final = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),  # seconds
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 6),
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
)


def listen(addresses: Iterable[tuple[str, int]]) -> list[socket.socket]:
    """Return listening sockets for all addresses, or none at all.

    Raises:
        BranchpgError: an address cannot be had.
    """
    sockets: list[socket.socket] = []
    for host, port in addresses:
        try:
            for family, address in _resolved(host, port):
                sockets.append(_bound(family, address))
        except OSError as error:
            for sock in sockets:
                sock.close()
            raise BranchpgError(
                f"cannot listen on {host} port {port}: {error.strerror or error}"
            ) from error
    return sockets


def _resolved(
    host: str, port: int
) -> list[tuple[socket.AddressFamily, tuple[str, int]]]:
    found = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    unique = {(family, address[:2]) for family, _, _, _, address in found}
    return [(family, (str(at[0]), int(at[1]))) for family, at in sorted(unique)]


def _bound(family: socket.AddressFamily, address: tuple[str, int]) -> socket.socket:
    sock = socket.create_server(address, family=family, backlog=_BACKLOG)
    # Accepted sockets inherit all of it.
    sock.setblocking(False)
    for level, option, value in _KEEPALIVE:
        sock.setsockopt(level, option, value)
    return sock
