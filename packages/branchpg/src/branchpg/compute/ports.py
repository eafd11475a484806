"""Ports of servers: names of Unix sockets only, nothing listens on TCP."""

from __future__ import annotations

import itertools
from typing import Final

from branchpg.errors import TryLater

__all__ = ["Ports"]

_ALL: Final = range(1024, 65536)


class Ports:
    """Those of one directory of sockets, each given to one server at a time."""

    def __init__(self) -> None:
        self._next = itertools.cycle(_ALL)
        self._taken: set[int] = set()

    def take(self) -> int:
        """Return one that nobody has; raise TryLater where all are taken."""
        for port in itertools.islice(self._next, len(_ALL)):
            if port not in self._taken:
                self._taken.add(port)
                return port
        raise TryLater(f"{len(_ALL)} servers have all ports")

    def give_back(self, port: int) -> None:
        """Let another one have it."""
        self._taken.discard(port)
