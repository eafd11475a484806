"""Commands that run beside a container: probes, hooks, and how processes end."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
from typing import TYPE_CHECKING, Any

from stackyard.engine.process.supervisor import health
from stackyard.engine.process.supervisor.errors import ActionError
from stackyard.engine.process.supervisor.keeper_client import NotStartedError

if TYPE_CHECKING:
    from stackyard.engine.process.containers import Container
    from stackyard.engine.process.spec import Command
    from stackyard.engine.process.supervisor.keeper_client import KeeperClient
    from stackyard.engine.process.supervisor.resolve import Resolver
    from stackyard.engine.process.supervisor.store import Store

End = dict[str, Any]
"""The keeper's record of a process that ended, with `output` and `timed_out`."""


class Ends:
    """Futures of the ends of processes, by their keys with the keeper."""

    def __init__(self) -> None:
        self._futures: dict[str, asyncio.Future[End]] = {}

    def of(self, key: str) -> asyncio.Future[End]:
        """Return what is done once the process has ended."""
        if key not in self._futures:
            self._futures[key] = asyncio.get_running_loop().create_future()
        return self._futures[key]

    def tell(self, end: End) -> None:
        """Wake whoever waits for this end."""
        future = self._futures.pop(end["key"], None)
        if future is not None and not future.done():
            future.set_result(end)

    def forget(self, key: str) -> None:
        """Nobody waits for this end any more."""
        self._futures.pop(key, None)


class Beside:
    """Runs commands with the variables, directory and account of a container."""

    def __init__(
        self, store: Store, keeper: KeeperClient, resolver: Resolver, ends: Ends
    ) -> None:
        self._store = store
        self._keeper = keeper
        self._resolver = resolver
        self._ends = ends

    async def run(
        self, container: Container, command: Command, name: str, *, limit: float = 0.0
    ) -> End:
        """Run a command, for at most `limit` seconds, and return how it ended.

        Raises:
            ActionError: it does not start.
        """
        spec = self._store.spec(container)
        key = f"{container.id}.{secrets.token_hex(4)}"
        order = self._resolver.command(key, command, spec, container, timeout=limit)
        end = self._ends.of(key)
        try:
            await self._keeper.start(order)
            return await end
        except NotStartedError as error:
            self._ends.forget(key)
            raise ActionError(f"{name} of {container.name}: {error}") from error
        except asyncio.CancelledError:
            with contextlib.suppress(Exception):
                await asyncio.shield(
                    self._keeper.signal(key, signal.SIGKILL, tree=True)
                )
            raise

    async def hook(self, container: Container, hook: Command, name: str) -> None:
        """Run a hook.

        Raises:
            ActionError: it does not start, or fails.
        """
        end = await self.run(container, hook, name)
        if end["code"] != 0:
            output = end.get("output", "").strip()
            raise ActionError(
                f"{name} of {container.name} exited with code {end['code']}"
                + (f": {output}" if output else "")
            )

    async def probe(self, container: Container) -> health.Result:
        """Run a container's health check once."""
        probe = self._store.spec(container).probe
        assert probe is not None
        try:
            end = await self.run(container, probe.command, "probe", limit=probe.timeout)
        except ActionError as error:
            return health.Result(code=-1, output=str(error))
        return health.Result(
            code=-1 if end["code"] is None else end["code"],
            output=end.get("output", ""),
            timed_out=end.get("timed_out", False),
        )
