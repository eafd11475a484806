"""At the limit of open files clients wait; the edge does not spin."""

from __future__ import annotations

import resource
import time
from contextlib import suppress

import pytest
from edge_support import PATIENCE, read_exactly, until


def cpu_ticks(edge):
    with open(f"/proc/{edge.pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def accept_all(target):
    """Accept until nobody comes any more."""
    accepted = []
    with suppress(TimeoutError):
        while True:
            accepted.append(target.accept())
    return accepted


def limit(edge, count):
    """Take descriptors from a running edge, behind its back."""
    hard = resource.prlimit(edge.pid, resource.RLIMIT_NOFILE)[1]
    resource.prlimit(edge.pid, resource.RLIMIT_NOFILE, (count, hard))


def test_the_limit_is_raised(edge):
    soft, hard = resource.prlimit(edge.pid, resource.RLIMIT_NOFILE)
    assert soft == hard
    assert edge.client.status()["descriptors"]["limit"] > hard - 100


@pytest.mark.parametrize("known", [True, False])
def test_at_the_limit_clients_wait_in_the_queue(edge, addresses, server, known):
    """`known`: whether the edge counts up to the limit, or runs into it."""
    listen, target = addresses.new(), server()
    if known:
        edge.kill()
        edge.start(descriptors=148)  # 48 of them for itself
    else:
        limit(edge, 100)
    edge.route(listen, target.address)
    clients = [edge.connect(listen) for _ in range(60)]
    target.listener.settimeout(1)
    accepted = accept_all(target)
    assert 30 < len(accepted) < 60

    before = cpu_ticks(edge)
    time.sleep(0.5)
    assert cpu_ticks(edge) - before < 10

    target.listener.settimeout(PATIENCE)
    served = len(accepted)
    for sock in (*accepted, *clients[:served]):
        sock.close()
    for sock in clients[served:]:
        sock.sendall(b"x")
    for _ in clients[served:]:
        assert read_exactly(target.accept(), 1) == b"x"
    until(lambda: edge.status()["waiting"] == 0)
