"""Fifty clients, while each service in turn is killed and the API is scaled.

No acknowledged write is lost or doubled, and errors are 503 with Retry-After, but for
connections that end with the process behind them (see `workspace_clients`).

WORKSPACE_CHAOS_ROUNDS makes it longer: how often each service is killed.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import TYPE_CHECKING

import pytest
from workspace_clients import Record, run_clients
from workspace_harness.client import wait_for
from workspace_stack import Workspace, workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENTS = 50
ROUNDS = int(os.environ.get("WORKSPACE_CHAOS_ROUNDS", "1"))
SERVICES = (
    "workspace-api",
    "workspace-db-compute",
    "workspace-db-pageserver",
    "workspace-db-safekeeper",
)

pytestmark = [
    pytest.mark.xdist_group("workspace-chaos"),
    pytest.mark.timeout(300 + 120 * ROUNDS),
]


@pytest.fixture
def stack() -> Iterator[Workspace]:
    with workspace() as found:
        yield found


class Load:
    """The clients, in a thread of their own."""

    def __init__(self, port: int) -> None:
        self.record = Record()
        self._port = port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done: asyncio.Event | None = None
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Load:
        self._thread.start()
        self.goes_on("at first")
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop and self._done and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(60)
        assert not self._thread.is_alive()
        if self._failure:
            raise self._failure

    def goes_on(self, when: str) -> float:
        """Return how long it took until requests succeed again."""
        moment = time.monotonic()

        def succeeded() -> bool:
            assert self._thread.is_alive(), self._failure
            return self.record.recovered_after(moment) is not None

        wait_for(succeeded, f"requests succeed {when}: {self.record.outcomes}")
        return self.record.recovered_after(moment) or 0.0

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:  # noqa: BLE001 - it is raised where it is awaited
            self._failure = error

    async def _main(self) -> None:
        self._loop, self._done = asyncio.get_running_loop(), asyncio.Event()
        await run_clients(CLIENTS, self._port, self.record, self._done)


def test_nothing_acknowledged_is_lost_or_doubled(stack: Workspace) -> None:
    recovery: dict[str, float] = {}
    with Load(stack.ports["WORKSPACE_API_PORT"]) as load:
        for _ in range(ROUNDS):
            for service in SERVICES:
                stack.yard("kill", service)
                stack.yard("up", "-d", "--wait")
                recovery[f"{service} killed"] = load.goes_on(f"after {service}")
            stack.yard("restart", *SERVICES[1:])
            recovery["database restarted"] = load.goes_on("after a restart")
            # An `up` fails at once where a health check has not seen it yet.
            wait_for(stack.is_healthy, "health checks see the database again")
            stack.yard("up", "-d", "--wait", "--scale", "workspace-api=3")
            recovery["3 replicas"] = load.goes_on("with three")
            stack.yard("kill", "workspace-api")
            stack.yard("up", "-d", "--wait", "--scale", "workspace-api=3")
            recovery["3 replicas killed"] = load.goes_on("after three were killed")
            stack.yard("up", "-d", "--wait", "--scale", "workspace-api=1")
            recovery["1 replica"] = load.goes_on("with one again")
    record = load.record
    wait_for(stack.is_ready, "the API reaches its database")
    with stack.database() as cursor:
        cursor.execute("SELECT title, id::text FROM workspace.workspace_items")
        there = cursor.fetchall()
    print(f"outcomes {dict(record.outcomes)}, seconds until a success {recovery}")

    assert record.wrong[:5] == []
    titles = [title for title, _ in there]
    assert len(titles) == len(set(titles)), "an item is there twice"
    assert set(titles) <= record.sent
    ids = dict(there)
    lost = {t: n for t, n in record.acknowledged.items() if ids.get(t) != n}
    assert lost == {}
    assert len(record.acknowledged) > CLIENTS
