"""One service in several processes, which share what they loaded."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from workspace_harness.client import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from workspace_harness.service import ServiceProcess

pytestmark = pytest.mark.timeout(180)  # a busy machine starts processes slowly


def workers(service: ServiceProcess) -> set[int]:
    pid = service.child.pid
    return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def connections(pid: int, port: int) -> int:
    """Return how many connections to a port a process has."""
    mine = set()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            mine.add(str(file.readlink()))
    found = Path("/proc/net/tcp").read_text().splitlines()[1:]
    rows = [line.split() for line in found]
    here = [row for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "01"]
    return sum(f"socket:[{row[9]}]" in mine for row in here)


def test_requests_go_to_all_of_them_and_changes_are_seen_by_all(
    processes: Callable[..., ServiceProcess],
) -> None:
    service = processes(WORKERS="3")
    wait_for(lambda: len(workers(service)) == 3, "there are three of them")
    service.wait_until_ready()
    clients = [service.client() for _ in range(40)]
    for client in clients:
        wait_for(lambda c=client: c.get("//ready").status == 200, "each is ready")
    assert all(connections(pid, service.port) for pid in workers(service))
    made = clients[0].item()
    for client in clients:
        assert client.get("/items").data == [made]
        client.close()


def test_one_that_dies_is_replaced_and_nobody_is_turned_away(
    processes: Callable[..., ServiceProcess],
) -> None:
    service = processes(WORKERS="2")
    wait_for(lambda: len(workers(service)) == 2, "there are two of them")
    service.wait_until_ready()
    before = workers(service)
    os.kill(min(before), signal.SIGKILL)
    wait_for(lambda: min(before) not in workers(service), "it is not there any more")
    for _ in range(20):
        client = service.client()
        # Not refused: who comes to the one that died waits for the one after it.
        answer = client.get("/items")
        assert answer.status == 200 or answer.headers["retry-after"], answer
        client.close()

    def replaced() -> bool:
        now = workers(service)
        return len(now) == 2 and min(before) not in now

    wait_for(replaced, "there is another one")
    assert "worker_ended" in service.words()


def test_they_end_when_the_first_process_is_killed(
    processes: Callable[..., ServiceProcess],
) -> None:
    service = processes(WORKERS="2", DRAIN_SECONDS="0")
    wait_for(lambda: len(workers(service)) == 2, "there are two of them")
    service.wait_until_ready()
    service.child.kill()
    service.child.wait()

    def refused() -> bool:
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", service.port), timeout=5).close()
            return False
        return True

    wait_for(refused, "nobody listens any more")
    wait_for(lambda: service.words().count('"stopped"') == 2, "both end in order")
