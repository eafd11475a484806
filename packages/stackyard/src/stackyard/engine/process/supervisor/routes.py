"""Published ports and balanced addresses: what the edge is told.

The table is made anew whenever containers change, and sent if it is another one.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from typing import TYPE_CHECKING

from stackyard.engine.process.containers import Container, Health, State
from stackyard.engine.process.edge import ports
from stackyard.engine.process.edge.client import (
    EdgeClient,
    EdgeGoneError,
    Failure,
    Route,
)
from stackyard.engine.process.edge.spawn import SpawnError, spawn_edge
from stackyard.engine.process.identity import wait_for
from stackyard.engine.process.supervisor.errors import ActionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from stackyard.engine.process.spec import Published, ServiceSpec
    from stackyard.engine.process.state import ProjectState
    from stackyard.engine.process.supervisor.store import Store


class Routes:
    """Keeps an edge, and its table in line with the containers."""

    def __init__(self, state: ProjectState, store: Store) -> None:
        self._state = state
        self._store = store
        self._client = EdgeClient(state.socket("edge"))
        self._connected = False
        self._sent: tuple[Route, ...] = ()
        self._lock = asyncio.Lock()
        self._failures: tuple[Failure, ...] = ()
        self._opening: set[str] = set()
        self.on_lost: Callable[[], None] = lambda: None

    async def attach(self) -> None:
        """Take over the edge that another supervisor left running, if there is one."""
        with contextlib.suppress(EdgeGoneError):
            await asyncio.to_thread(self._client.connect)
            self._watch()

    async def publish(self, service: str) -> None:
        """Open the ports of a service before anything of it is started.

        Raises:
            ActionError: a port cannot be opened; it says who holds it.
        """
        self._opening.add(service)
        await self.refresh()
        spec = self._spec(service)
        wanted = {route.listen for route in self._published(spec)} if spec else set()
        for failure in self._failures:
            if failure.listen in wanted:
                self._opening.discard(service)
                raise _explained(failure, service)

    async def refresh(self) -> None:
        """Send the table if it has changed."""
        async with self._lock:
            table = tuple(self._table())
            if table == self._sent and not self._failures:
                return
            if not table and not self._connected:
                return
            await self._send(table)
            self._sent = table

    async def drain(self, container: Container, seconds: float) -> None:
        """Give a container no new connections, and let those it has end."""
        if not self._connected or not self._others(container):
            return
        spec = self._store.spec(container)
        targets = {item.target for item in spec.published} | set(spec.listens)
        with contextlib.suppress(EdgeGoneError, ActionError):
            # A table on its way may still name it, which would end the drain.
            await self.refresh()
            for port in targets:
                await asyncio.to_thread(
                    self._client.drain, (container.address, port), timeout=seconds
                )

    async def restore(self) -> None:
        """Start another edge in place of one that died; it gets its listeners back."""
        async with self._lock:
            self._connected = False
            await self._send(self._sent)

    async def stop(self) -> None:
        """End the edge."""
        connected, self._connected = self._connected, False
        if connected:
            pid = self._client.pid
            with contextlib.suppress(EdgeGoneError):
                await asyncio.to_thread(self._client.stop)
            await asyncio.to_thread(wait_for, pid)
        self._state.socket("edge").unlink(missing_ok=True)

    def ports_of(self, spec: ServiceSpec) -> list[tuple[Published, int]]:
        """Return the ports a service is published on, and the port on the host."""
        found = []
        for published in spec.published:
            first = self._first(spec, published)
            count = published.last - published.first if published.first else 0
            found += [(published, first + step) for step in range(count + 1)]
        return found

    async def _send(self, table: tuple[Route, ...]) -> None:
        try:
            if not self._connected:
                raise EdgeGoneError("none was started")
            self._failures = await asyncio.to_thread(self._client.apply, table)
        except EdgeGoneError:
            await self._start()
            self._failures = await asyncio.to_thread(self._client.apply, table)

    async def _start(self) -> None:
        path = self._state.path
        try:
            await asyncio.to_thread(
                spawn_edge,
                self._state.socket("edge"),
                mark=self._state.mark,
                log=path / "edge.log",
            )
        except SpawnError as error:
            raise ActionError(
                f"cannot start the edge, which serves published ports: {error}",
                hint=f"see {path}/edge.log",
            ) from error
        await asyncio.to_thread(self._client.connect)
        self._watch()

    def _watch(self) -> None:
        """Notice the end of the edge: another one takes its place."""
        self._connected = True
        pid = self._client.pid
        descriptor = os.pidfd_open(pid)
        loop = asyncio.get_running_loop()

        def ended() -> None:
            loop.remove_reader(descriptor)
            os.close(descriptor)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            if self._connected:
                self.on_lost()

        loop.add_reader(descriptor, ended)

    def _table(self) -> list[Route]:
        desired = self._store.desired
        return [
            route
            for spec in (desired.services.values() if desired else ())
            if spec.published or spec.balanced
            for route in [*self._published(spec), *self._balanced(spec)]
        ] + self._one_offs()

    def _one_offs(self) -> list[Route]:
        """Return the ports that `yard run -p` and `-P` publish: of one container.

        Those without a number are for pre_start, and are published nowhere.
        """
        return [
            Route(
                (published.host, port),
                ((item.address, published.target),),
                "udp" if published.protocol == "udp" else "tcp",
            )
            for item in self._store.containers
            if item.oneoff and item.number
            for published, port in self.ports_of(self._store.spec(item))
        ]

    def _published(self, spec: ServiceSpec) -> list[Route]:
        replicas = self._replicas(spec.name)
        if not replicas and spec.name not in self._opening:
            return []
        serving = _serving(replicas)
        return [
            Route(
                (published.host, port),
                tuple((item.address, published.target) for item in serving),
                "udp" if published.protocol == "udp" else "tcp",
            )
            for published, port in self.ports_of(spec)
        ]

    def _balanced(self, spec: ServiceSpec) -> list[Route]:
        serving = _serving(self._replicas(spec.name))
        if not spec.balanced or not serving:
            return []
        own = self._store.address(spec.name)
        targets = {item.target for item in spec.published} | set(spec.listens)
        return [
            Route((own, port), tuple((item.address, port) for item in serving))
            for port in sorted(targets)
        ]

    def _replicas(self, service: str) -> list[Container]:
        """Return replicas that run or are about to."""
        return [
            item
            for item in self._store.containers
            if item.service == service and not item.oneoff and item.wanted
        ]

    def _others(self, container: Container) -> bool:
        serving = _serving(self._replicas(container.service))
        return any(item.id != container.id for item in serving)

    def _first(self, spec: ServiceSpec, published: Published) -> int:
        if published.first:
            return published.first
        key = f"{spec.name}/{published.target}/{published.protocol}/{published.host}"
        if key not in self._store.ports:
            self._store.ports[key] = _free_port(published)
        return self._store.ports[key]

    def _spec(self, service: str) -> ServiceSpec | None:
        desired = self._store.desired
        return desired.services.get(service) if desired else None


def _serving(replicas: list[Container]) -> list[Container]:
    """Return the replicas that get connections: the healthy ones, else those that run.

    A replica that is not healthy yet gets connections while no other is, as in Docker.
    """
    up = [item for item in replicas if item.state is State.RUNNING]
    fit = [item for item in up if item.health in {Health.NONE, Health.HEALTHY}]
    return fit or up


def _free_port(published: Published) -> int:
    kind = socket.SOCK_DGRAM if published.protocol == "udp" else socket.SOCK_STREAM
    family = socket.AF_INET6 if ":" in published.host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        probe.bind((published.host, 0))
        return int(probe.getsockname()[1])


def _explained(failure: Failure, service: str) -> ActionError:
    host, port = failure.listen
    told = ports.explain(failure.errno, host, port, protocol=failure.protocol)
    return ActionError(
        f"cannot publish port {port} of service {service}: {told.reason}",
        hint=told.hint,
    )
