"""The edge's table, kept in line with containers: a real edge, servers behind it."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace
from process_support import container, desired, service

from stackyard.engine.process.spec import Published
from stackyard.engine.process.state import StateRoot
from stackyard.engine.process.supervisor.routes import Routes
from stackyard.engine.process.supervisor.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stackyard.engine.process.containers import Container

_SECONDS = 20.0


class Replicas:
    """Containers of one service, each a listening socket on an address of its own."""

    def __init__(self, state: Path) -> None:
        project = StateRoot(state).project("p")
        StateRoot(state).prepare()
        project.prepare()
        self._stack = ExitStack()
        self.store = Store(project, 16)
        first = self._listen("127.0.0.1", 0)
        self._sockets = {"127.0.0.1": first}
        self.port = first.getsockname()[1]
        web = service("web", published=(Published(target=self.port),))
        self.store.keep_desired(desired(web))
        self._spec = self.store.keep_spec(web)
        self.routes = Routes(project, self.store)

    def add(self, number: int) -> Container:
        address = f"127.0.0.{number}"
        if address not in self._sockets:
            self._sockets[address] = self._listen(address, self.port)
        item = container("web", number)
        return self.store.put(replace(item, spec=self._spec, address=address))

    def stops(self, item: Container) -> Container:
        return self.store.put(replace(item, wanted=False))

    def client(self) -> socket.socket:
        """Connect to the published port."""
        port = self.store.ports[f"web/{self.port}/tcp/127.0.0.1"]
        made = socket.create_connection(("127.0.0.1", port), _SECONDS)
        return self._stack.enter_context(made)

    def accept(self, item: Container) -> socket.socket:
        connection, _ = self._sockets[item.address].accept()
        return self._stack.enter_context(connection)

    def connections(self, item: Container) -> int:
        """Count, and forget, the connections that a replica has got."""
        listener, count = self._sockets[item.address], 0
        listener.setblocking(False)
        try:
            while True:
                listener.accept()[0].close()
                count += 1
        except BlockingIOError:
            return count

    def close(self) -> None:
        self._stack.close()

    def _listen(self, address: str, port: int) -> socket.socket:
        listener = self._stack.enter_context(socket.socket())
        listener.bind((address, port))
        listener.listen()
        listener.settimeout(_SECONDS)
        return listener


@pytest.fixture
def replicas(tmp_path: Path) -> Iterator[Replicas]:
    made = Replicas(tmp_path)
    yield made
    made.close()


def test_a_table_on_its_way_does_not_end_a_drain(
    replicas: Replicas, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(drained_meanwhile(replicas, monkeypatch))


async def drained_meanwhile(
    replicas: Replicas, monkeypatch: pytest.MonkeyPatch
) -> None:
    routes = replicas.routes
    old, _other = replicas.add(1), replicas.add(2)
    try:
        await routes.refresh()
        clients = [replicas.client(), replicas.client()]
        lasting = await asyncio.to_thread(replicas.accept, old)

        sent = held_back(routes, monkeypatch)
        new = replicas.add(3)
        refreshing = asyncio.create_task(routes.refresh())
        await asyncio.to_thread(sent.begun.wait, _SECONDS)
        replicas.stops(old)
        draining = asyncio.create_task(routes.drain(old, _SECONDS))
        await asyncio.wait([draining], timeout=0.1)  # it would be at the edge by now
        sent.go_on.set()
        await refreshing

        for end in (lasting, *clients):
            end.close()
        await asyncio.wait_for(draining, 2 * _SECONDS)
        for _ in range(12):
            replicas.client()
        await asyncio.to_thread(replicas.accept, new)
        assert replicas.connections(old) == 0
    finally:
        await routes.stop()


class Held:
    """A call that waits in the middle."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()


def held_back(routes: Routes, monkeypatch: pytest.MonkeyPatch) -> Held:
    """Keep the next table from the edge for a while, as a busy machine would."""
    held = Held()
    client: Any = routes._client
    apply = client.apply

    def late(table: Any) -> Any:
        monkeypatch.setattr(client, "apply", apply)
        held.begun.set()
        assert held.go_on.wait(_SECONDS)
        return apply(table)

    monkeypatch.setattr(client, "apply", late)
    return held
