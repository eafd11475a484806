"""Doing something for a client for as long as it is there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from branchpg.compute.proxy.channel import GoneError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from branchpg.compute.proxy.channel import Channel

__all__ = ["while_there"]

T = TypeVar("T")


async def while_there(client: Channel, work: Awaitable[T]) -> T:
    """Return what the work returns; cancel it when the client closes.

    Raises:
        GoneError: the client closed.
    """
    try:
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(_leave(client))
            try:
                return await work
            finally:
                watch.cancel()
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


async def _leave(client: Channel) -> None:
    await client.gone()
    raise GoneError
