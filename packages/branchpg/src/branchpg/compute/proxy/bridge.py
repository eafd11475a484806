"""Passing the bytes of a session whose TLS ends here."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Final

from branchpg.compute.proxy.channel import GoneError
from branchpg.compute.proxy.frames import TERMINATE, Dialogue
from branchpg.compute.proxy.pumps import Moved

if TYPE_CHECKING:
    from branchpg.compute.proxy.channel import Channel

__all__ = ["Bridge"]

_CHUNK: Final = 64 * 1024
_LINGER_SECONDS: Final = 5.0


class Bridge:
    """One session: what one side does not take is not read from the other."""

    def __init__(
        self, client: Channel, server: Channel, *, followed: bool = False
    ) -> None:
        self._client = client
        self._server = server
        self._dialogue = Dialogue() if followed else None
        self._is_answering = False
        self._from_client = 0
        self._from_server = 0

    @property
    def moved(self) -> Moved:
        """What has passed so far."""
        return Moved(self._from_client, self._from_server)

    async def run(self) -> bool:
        """Pass bytes until the server has ended, or the client is gone.

        Return whether the server is at rest, which is known where that is followed.
        """
        async with asyncio.TaskGroup() as group:
            downward = group.create_task(self._downward())
            upward = group.create_task(self._upward(downward))
            await asyncio.wait([downward])
            upward.cancel()
        if downward.cancelled():
            return True
        await self._farewell()
        return False

    async def _farewell(self) -> None:
        """Let the client close: a reset would take the server's last words back."""
        with contextlib.suppress(TimeoutError, OSError):
            self._client.sock.shutdown(socket.SHUT_WR)
            async with asyncio.timeout(_LINGER_SECONDS):
                while await self._client.receive(_CHUNK):
                    pass

    async def _upward(self, downward: asyncio.Task[None]) -> None:
        dialogue = self._dialogue
        with contextlib.suppress(GoneError):
            while data := await self._client.receive(_CHUNK):
                self._from_client += len(data)
                passed = (
                    dialogue.requests.follow(memoryview(data)) if dialogue else data
                )
                await self._server.send(passed)
                if dialogue and dialogue.requests.is_over:
                    break
            if dialogue and dialogue.is_at_rest and not self._is_answering:
                downward.cancel()
                return
            if dialogue and dialogue.requests.is_over:
                await self._server.send(TERMINATE)
        # Not closed: the server may still have something to say.
        with contextlib.suppress(OSError):
            self._server.sock.shutdown(socket.SHUT_WR)

    async def _downward(self) -> None:
        with contextlib.suppress(GoneError):
            while data := await self._server.receive(_CHUNK):
                self._from_server += len(data)
                if self._dialogue:
                    self._dialogue.answers.follow(memoryview(data))
                self._is_answering = True
                await self._client.send(data)
                self._is_answering = False
            await self._client.end()
