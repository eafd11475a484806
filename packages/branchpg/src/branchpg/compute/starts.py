"""Starts of endpoints, which go on when those who asked for them give up.

A client that leaves too early, or a proxy's limit on waiting, would otherwise make a
slow start begin anew with the next client, and maybe never end.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from branchpg.errors import TryLater

if TYPE_CHECKING:
    from branchpg.compute.endpoint import Endpoint
    from branchpg.compute.running import Running

__all__ = ["Starts"]


class Starts:
    """Starts endpoints; all who want the same one wait for the same task."""

    def __init__(self) -> None:
        self._tasks: dict[tuple[Endpoint, str], asyncio.Task[Running | Exception]] = {}
        self._is_closed = False

    async def running(self, endpoint: Endpoint, timeline_id: str) -> Running:
        """Return an endpoint's server on a timeline, started if it is not running.

        Raises:
            BranchpgError: it cannot be started.
            RetiredError: it is gone for good.
        """
        found = endpoint.running_on(timeline_id)
        if found:
            return found
        if self._is_closed:
            raise _ending()
        key = (endpoint, timeline_id)
        task = self._tasks.get(key)
        if task is None:
            # Owned here: `close` ends what is left.
            task = asyncio.create_task(_outcome(endpoint, timeline_id))  # noqa: TID251
            self._tasks[key] = task
            task.add_done_callback(lambda _: self._tasks.pop(key))
        await asyncio.wait((task,))
        if task.cancelled():
            raise _ending()
        outcome = task.result()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def close(self) -> None:
        """Break off all starts that are under way, and begin no more."""
        self._is_closed = True
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


async def _outcome(endpoint: Endpoint, timeline_id: str) -> Running | Exception:
    """Return the server, or the error: nobody may be there any more to take it."""
    try:
        return await endpoint.acquire(timeline_id)
    except Exception as error:  # noqa: BLE001 - raised to all who wait
        return error


def _ending() -> TryLater:
    return TryLater("the compute is ending")
