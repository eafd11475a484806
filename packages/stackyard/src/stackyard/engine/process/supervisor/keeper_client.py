"""The supervisor's side of the keeper's protocol (keeper/server.py)."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from stackyard.engine.process.keeper.order import Order

_LINE_LIMIT = 64 * 1024 * 1024
_LAST_SECONDS = 10.0


class KeeperLostError(Exception):
    """The keeper ended; what was asked of it may or may not have happened."""


class NotStartedError(Exception):
    """The keeper could not start a process; the text says why."""


class KeeperClient:
    """A connection. `on_event` is called for each event, `on_lost` once at the end."""

    def __init__(
        self,
        connection: socket.socket,
        on_event: Callable[[dict[str, Any]], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._on_event = on_event
        self._on_lost = on_lost
        self._numbers = count()
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._orders: list[tuple[Order, asyncio.Future[dict[str, Any]]]] = []
        self._writer: asyncio.StreamWriter | None = None
        self._gone = asyncio.Event()

    async def run(self) -> None:
        """Read replies and events until the keeper is gone."""
        reader, self._writer = await asyncio.open_unix_connection(
            sock=self._connection, limit=_LINE_LIMIT
        )
        try:
            while line := await reader.readline():
                self._receive(json.loads(line))
        except ConnectionError:
            pass
        finally:
            self._writer.close()
            self._writer = None
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(KeeperLostError("the keeper ended"))
            self._waiting.clear()
            self._gone.set()
        self._on_lost()

    async def start(self, order: Order) -> dict[str, Any]:
        """Start a process and return its identity and the time of its start.

        Orders of the same moment travel together, so that the keeper flushes its
        journal once for all of them.

        Raises:
            NotStartedError: it did not start.
            KeeperLostError: nobody knows.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[dict[str, Any]] = loop.create_future()
        if not self._orders:
            loop.call_soon(self._send_orders)
        self._orders.append((order, future))
        reply = await future
        if "error" in reply:
            raise NotStartedError(reply["error"])
        return reply

    async def foreground(
        self, key: str, pid: int, *, log: str, mark: str
    ) -> dict[str, Any]:
        """Have a process looked after that runs on somebody's terminal.

        Raises:
            NotStartedError: it has ended already.
        """
        return await self._ask("foreground", key=key, pid=pid, log=log, mark=mark)

    async def signal(self, key: str, number: int, *, tree: bool = False) -> bool:
        """Signal a process, or all of its tree; return whether any was there."""
        reply = await self._ask("signal", key=key, number=number, tree=tree)
        return bool(reply["sent"])

    async def members(self, key: str) -> list[int]:
        """Return the pids of a key's processes, the main one first."""
        reply = await self._ask("members", key=key)
        return list(reply["pids"])

    async def records(self) -> dict[str, dict[str, Any]]:
        """Return what the keeper knows, by key."""
        reply = await self._ask("list")
        return {record["key"]: record for record in reply["records"]}

    async def forget(self, keys: list[str]) -> None:
        """Drop records of processes that have ended."""
        await self._ask("forget", keys=keys)

    async def shut_down(self) -> None:
        """End the keeper and wait until it is gone; it refuses while a service runs."""
        with suppress(KeeperLostError):
            await self._ask("shutdown")
        with suppress(TimeoutError):
            await asyncio.wait_for(self._gone.wait(), _LAST_SECONDS)

    def _send_orders(self) -> None:
        orders, self._orders = self._orders, []
        future = self._send("start", orders=[order.to_json() for order, _ in orders])
        futures = [future for _, future in orders]

        def deliver(done: asyncio.Future[dict[str, Any]]) -> None:
            error = done.exception()
            for index, waiting in enumerate(futures):
                if waiting.done():
                    continue
                if error is not None:
                    waiting.set_exception(error)
                elif "error" in done.result():
                    waiting.set_result(done.result())
                else:
                    waiting.set_result(done.result()["replies"][index])

        future.add_done_callback(deliver)

    async def _ask(self, operation: str, **arguments: Any) -> dict[str, Any]:
        reply = await self._send(operation, **arguments)
        if "error" in reply:
            raise NotStartedError(reply["error"])
        return reply

    def _send(self, operation: str, **arguments: Any) -> asyncio.Future[dict[str, Any]]:
        future: asyncio.Future[dict[str, Any]]
        future = asyncio.get_running_loop().create_future()
        if self._writer is None:
            future.set_exception(KeeperLostError("the keeper ended"))
            return future
        number = next(self._numbers)
        self._waiting[number] = future
        request = {"id": number, "op": operation, **arguments}
        self._writer.write(json.dumps(request).encode() + b"\n")
        return future

    def _receive(self, message: dict[str, Any]) -> None:
        if "event" in message:
            self._on_event(message)
            return
        future = self._waiting.pop(message["id"], None)
        if future is not None and not future.done():
            future.set_result(message)
