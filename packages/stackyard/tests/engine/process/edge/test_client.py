"""Ports survive the edge, and the supervisor."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from contextlib import closing

import pytest
from edge_support import PATIENCE, read_exactly, until

from stackyard.engine.process.edge.client import (
    AsyncEdgeClient,
    EdgeClient,
    EdgeGoneError,
    Failure,
    Route,
)


def test_no_connection_is_refused_while_the_edge_is_replaced(edge, addresses, named):
    listen, target = addresses.new(), named("a").address
    edge.route(listen, target)
    stop = threading.Event()
    served, cut, failed = [], [], []

    def load():
        while not stop.is_set():
            try:
                sock = socket.create_connection(listen, timeout=PATIENCE)
            except OSError as error:
                failed.append(error)
                continue
            with sock:
                try:
                    (served if sock.recv(1) == b"a" else cut).append(sock)
                except OSError as error:
                    cut.append(error)  # established when the edge was killed

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            before = len(served)
            until(lambda before=before: len(served) > before + 20)
            edge.kill()
            edge.start()
            assert edge.route(listen, target) == ()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failed == []
    assert len(cut) <= 5 * len(threads)


def test_a_connection_waits_for_the_next_edge(edge, addresses, named):
    listen, target = addresses.new(), named("a").address
    edge.route(listen, target)
    edge.kill()
    client = edge.connect(listen)
    client.sendall(b"x")
    with pytest.raises(EdgeGoneError):
        edge.route(listen, target)
    edge.start()
    assert edge.route(listen, target) == ()
    assert read_exactly(client, 2) == b"ax"


def test_the_next_supervisor_adopts_the_listeners(edge, addresses, named):
    listen, target = addresses.new(), named("a").address
    edge.route(listen, target)
    established = edge.connect(listen)
    assert established.recv(1) == b"a"
    edge.client.close()  # as the kernel does for a process that is killed

    successor = edge.client = EdgeClient(edge.path)
    successor.connect()
    assert set(successor.listeners) == {("tcp", *listen)}
    assert successor.apply([Route(listen, (target,))]) == ()
    established.sendall(b"x")
    assert established.recv(1) == b"x"
    edge.kill()
    client = edge.connect(listen)
    edge.start()
    assert edge.route(listen, target) == ()
    assert client.recv(1) == b"a"


def test_udp_ports_survive_too(edge, addresses):
    listen = addresses.new()
    edge.client.apply([Route(listen, (), "udp")])
    edge.kill()
    with closing(socket.socket(type=socket.SOCK_DGRAM)) as sock:
        with pytest.raises(OSError, match="in use"):
            sock.bind(listen)
    edge.start()
    assert edge.client.apply([Route(listen, (), "udp")]) == ()


def test_a_port_that_is_gone_is_closed_here_as_well(edge, addresses):
    listen = addresses.new()
    edge.route(listen)
    assert edge.client.apply([]) == ()
    assert edge.client.listeners == {}
    with pytest.raises(ConnectionRefusedError):
        edge.connect(listen)


def test_what_cannot_be_listened_on_is_told(edge, addresses, server):
    taken, free = server().address, addresses.new()
    foreign = ("192.0.2.1", 8000)  # of a network for documentation
    routes = [Route(taken), Route(free), Route(foreign)]
    for _ in range(2):
        failures = edge.client.apply(routes)
        assert set(failures) == {
            Failure(taken, "tcp", errno.EADDRINUSE),
            Failure(foreign, "tcp", errno.EADDRNOTAVAIL),
        }
    host, port = taken
    assert str(next(item for item in failures if item.listen == taken)) == (
        f"cannot listen on {host} port {port}: Address already in use"
    )
    assert len(edge.client.status()["routes"]) == 1


def test_the_next_table_is_the_next_try(edge, addresses):
    listen = addresses.new()
    with socket.create_server(listen):
        assert len(edge.route(listen)) == 1
    assert edge.route(listen) == ()


def test_no_edge_no_answer(tmp_path):
    client = EdgeClient(tmp_path / "edge.sock")
    with pytest.raises(EdgeGoneError, match="no edge answers"):
        client.connect()
    with pytest.raises(EdgeGoneError, match="not connected"):
        client.status()


def test_the_asynchronous_client_does_not_block(edge, addresses, server):
    listen, target = addresses.new(), server()

    async def scenario():
        client = AsyncEdgeClient(edge.path)
        await client.connect()
        assert await client.apply([Route(listen, (target.address,))]) == ()
        sock = edge.connect(listen)
        accepted = target.accept()
        drain = asyncio.ensure_future(client.drain(target.address, timeout=60))
        while not (await client.status())["routes"][0]["targets"][0]["draining"]:
            assert not drain.done()
        sock.close()
        accepted.close()
        assert (await drain).drained
        await client.stop()
        await client.close()

    asyncio.run(scenario())


def test_a_long_path_is_no_obstacle(edge, tmp_path):
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.parent.mkdir()
    edge.kill()
    edge.path = deep / "edge.sock"
    edge.client.close()
    edge.client = EdgeClient(edge.path)
    edge.start()
    assert edge.client.status()["routes"] == []
