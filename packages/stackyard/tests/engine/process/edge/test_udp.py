"""Datagrams: one target for each client, and answers on the same way."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest
from edge_support import PATIENCE, until

from stackyard.engine.process.edge import udp as udp_module
from stackyard.engine.process.edge.backends import Backend
from stackyard.engine.process.edge.capacity import Capacity
from stackyard.engine.process.edge.client import Route
from stackyard.engine.process.edge.loop import Loop


@pytest.fixture
def udp():
    """Open UDP sockets that are closed after the test."""
    with ExitStack() as stack:

        def open_(address=("127.0.0.1", 0)):
            sock = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
            sock.settimeout(PATIENCE)
            sock.bind(address)
            return sock

        yield open_


def route(edge, listen, *targets):
    assert edge.client.apply([Route(listen, targets, "udp")]) == ()


def exchange(client, listen, target, data=b"ping"):
    """Send a datagram, and answer it; return whom the target saw."""
    client.sendto(data, listen)
    received, source = target.recvfrom(65536)
    assert received == data
    target.sendto(data[::-1], source)
    answer, seen = client.recvfrom(65536)
    assert (answer, seen) == (data[::-1], listen)
    return source


def test_a_client_keeps_its_association(edge, addresses, udp):
    listen, target = addresses.new(), udp(addresses.new())
    route(edge, listen, target.getsockname())
    client, other = udp(), udp()
    first = exchange(client, listen, target)
    assert exchange(client, listen, target, b"x" * 9000) == first
    assert exchange(other, listen, target) != first
    status = edge.status()
    assert (status["active"], status["total"]) == (2, 2)
    assert status["sent"] == status["received"] == 9008


def test_clients_are_spread(edge, addresses, udp):
    listen = addresses.new()
    targets = [udp(addresses.new()) for _ in range(3)]
    route(edge, listen, *(target.getsockname() for target in targets))
    for _ in range(6):
        udp().sendto(b"x", listen)
    until(lambda: edge.status()["total"] == 6)
    assert [item["active"] for item in edge.status()["targets"]] == [2, 2, 2]


def test_a_client_moves_on_when_its_target_is_gone(edge, addresses, udp):
    listen = addresses.new()
    old, new = udp(addresses.new()), udp(addresses.new())
    route(edge, listen, old.getsockname())
    client = udp()
    exchange(client, listen, old)
    route(edge, listen, new.getsockname())
    exchange(client, listen, new)


def test_a_client_moves_on_when_its_target_drains(edge, addresses, udp):
    listen = addresses.new()
    targets = [udp(addresses.new()) for _ in range(2)]
    route(edge, listen, *(target.getsockname() for target in targets))
    client = udp()
    exchange(client, listen, targets[0])
    assert edge.client.drain(targets[0].getsockname(), timeout=5).drained
    exchange(client, listen, targets[1])


def test_a_client_moves_on_when_nobody_listens(edge, addresses, udp):
    listen, dead, alive = addresses.new(), addresses.new(), udp(addresses.new())
    route(edge, listen, dead, alive.getsockname())
    client = udp()
    alive.settimeout(0.05)

    def received():
        client.sendto(b"x", listen)
        try:
            return alive.recv(1)
        except TimeoutError:
            return None

    assert until(received) == b"x"


def test_one_port_for_both_protocols(edge, addresses, udp, named):
    listen, target, web = addresses.new(), udp(addresses.new()), named("a")
    routes = [
        Route(listen, (target.getsockname(),), "udp"),
        Route(listen, (web.address,)),
    ]
    assert edge.client.apply(routes) == ()
    exchange(udp(), listen, target)
    assert edge.connect(listen).recv(1) == b"a"


def test_an_idle_client_is_forgotten(monkeypatch, addresses, udp):
    monkeypatch.setattr(udp_module, "IDLE", 0.2)
    listen, target, client = addresses.new(), udp(addresses.new()), udp()
    loop = Loop()
    capacity = Capacity(loop, 1000)
    sock = udp(listen)
    route = udp_module.UdpRoute(loop, capacity, ("udp", *listen), sock)
    backend = Backend(target.getsockname())
    route.retarget([backend])
    client.sendto(b"x", listen)

    def forgotten():
        if backend.active or not route.lanes[0].traffic.total:
            loop.after(0.01, forgotten)
        else:
            loop.stop()

    forgotten()
    loop.run()
    assert (route.lanes[0].traffic.total, capacity.used) == (1, 1)
    assert target.recv(10) == b"x"
