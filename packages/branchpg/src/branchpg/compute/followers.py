"""Servers that follow an endpoint's, for the pageserver: spares of a busy branch.

They run here, since one that is promoted goes on as the server of a new branch's first
endpoint. Until that comes for it, it waits for a while, and is shut down then: what it
leaves starts like any other data directory.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from branchpg.errors import BadRequest, Conflict, NotFound
from branchpg.postgres.follower import Follower

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from branchpg.compute.ports import Ports
    from branchpg.postgres.follower import Stopped
    from branchpg.postgres.programs import Programs
    from branchpg.postgres.server import Server
    from branchpg.promotions import Promotion

__all__ = ["Followers", "Promoted"]

_LOG: Final = logging.getLogger(__name__)
_WAIT_SECONDS: Final = 10.0
_NAME: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Promoted:
    """A server that follows nobody any more, and the port that it has."""

    server: Server
    port: int


@dataclass(eq=False)
class _Entry:
    follower: Follower
    port: int
    log: str
    ends_at: float = math.inf


class Followers:
    """The followers of one compute, by the names that the pageserver gave them."""

    def __init__(
        self,
        programs: Programs,
        *,
        workdir: str,
        run: str,
        ports: Ports,
        settings: Callable[[int], Mapping[str, str]],
    ) -> None:
        self._programs = programs
        self._logs = os.path.join(workdir, "followers")
        self._run = run
        self._ports = ports
        self._settings = settings
        self._entries: dict[str, _Entry] = {}

    async def start(self, name: str, data: str, leader: str) -> None:
        """Start one on a directory made for a standby; return when it has caught up.

        Raises:
            BadRequest: the name is none.
            Conflict: there is one of this name.
            BranchpgError: it does not start, or does not catch up.
        """
        if not _NAME.fullmatch(name):
            raise BadRequest(f'invalid name of a follower: "{name[:64]}"')
        if name in self._entries:
            raise Conflict(f'there is a follower "{name}" already')
        os.makedirs(self._logs, exist_ok=True)
        port, log = self._ports.take(), os.path.join(self._logs, f"{name}.log")
        try:
            follower = await Follower.start(
                self._programs,
                data,
                run=self._run,
                port=port,
                leader=leader,
                settings=self._settings(port),
                log=log,
            )
        except BaseException:
            self._forget(port, log)
            raise
        self._entries[name] = _Entry(follower, port, log)

    async def promote(self, name: str) -> Promotion:
        """Let one go on by itself; return from where on, and on which timeline.

        Raises:
            NotFound: there is none of this name.
            TryLater: it cannot be.
        """
        entry = self._entry(name)
        promotion = await entry.follower.promote()
        entry.ends_at = time.monotonic() + _WAIT_SECONDS
        return promotion

    async def settle(self, name: str) -> Stopped:
        """End one between two records; return where.

        Raises:
            NotFound: there is none of this name.
            TryLater: it cannot be.
        """
        stopped = await self._entry(name).follower.settle()
        await self.end(name)
        return stopped

    async def end(self, name: str) -> None:
        """End one, if it is there, as a crash would."""
        entry = self._entries.pop(name, None)
        if entry:
            await entry.follower.end()
            self._forget(entry.port, entry.log)

    def take(self, name: str) -> Promoted | None:
        """Return one that was promoted, for an endpoint; None if it has ended."""
        entry = self._entries.get(name)
        if entry is None or entry.ends_at == math.inf:
            return None
        del self._entries[name]
        if entry.follower.runs:
            return Promoted(entry.follower.server, entry.port)
        self._forget(entry.port, entry.log)
        return None

    async def end_unused(self) -> None:
        """End those that were promoted and that nobody came for; forget the dead."""
        moment = time.monotonic()
        for name, entry in tuple(self._entries.items()):
            if entry.follower.runs and moment < entry.ends_at:
                continue
            if self._entries.pop(name, None):
                _LOG.info("follower %s is not wanted, or has ended", name)
                await entry.follower.server.stop(fast=True)
                self._forget(entry.port, entry.log)

    async def close(self) -> None:
        """End all."""
        for name in tuple(self._entries):
            await self.end(name)

    def _entry(self, name: str) -> _Entry:
        try:
            return self._entries[name]
        except KeyError:
            raise NotFound(f'follower "{name}" was not found') from None

    def _forget(self, port: int, log: str) -> None:
        self._ports.give_back(port)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(log)
