"""Who gets a connection, and what becomes of a client when nobody can take it."""

from __future__ import annotations

import resource
import socket
import threading
import time
from collections import Counter

import pytest
from edge_support import PATIENCE, read_all, read_exactly, until

from stackyard.engine.process.edge import tcp
from stackyard.engine.process.edge.client import Route


def ask(edge, listen):
    """Return the name of the server that a new connection reaches."""
    sock = edge.connect(listen)
    name = sock.recv(1)
    return name.decode(), sock


def test_equals_take_turns(edge, addresses, named):
    listen = addresses.new()
    edge.route(listen, *(named(name).address for name in "abc"))
    answers = []
    for _ in range(9):
        name, sock = ask(edge, listen)
        answers.append(name)
        sock.close()
        until(lambda: edge.status()["active"] == 0)
    assert Counter(answers) == {"a": 3, "b": 3, "c": 3}


def test_the_least_busy_is_next(edge, addresses, named):
    listen, servers = addresses.new(), [named(name) for name in "ab"]
    edge.route(listen, *(server.address for server in servers))
    held = [ask(edge, listen) for _ in range(6)]
    assert Counter(name for name, _ in held) == {"a": 3, "b": 3}
    for name, sock in held:
        if name == "b":
            sock.close()
    until(lambda: edge.status()["active"] == 3)
    assert [ask(edge, listen)[0] for _ in range(3)] == ["b", "b", "b"]


def test_a_target_is_as_busy_as_all_its_routes_make_it(edge, addresses, named):
    first, second = addresses.new(), addresses.new()
    a, b = named("a").address, named("b").address
    edge.client.apply([Route(first, (a,)), Route(second, (a, b))])
    for _ in range(2):
        ask(edge, first)
    assert [ask(edge, second)[0] for _ in range(2)] == ["b", "b"]


def test_a_dead_target_is_tried_past(edge, addresses, named):
    listen, dead = addresses.new(), [addresses.new() for _ in range(3)]
    edge.route(listen, *dead[:2], named("a").address, dead[2])
    assert [ask(edge, listen)[0] for _ in range(8)] == ["a"] * 8


def test_a_client_waits_for_a_target_in_the_table(edge, addresses, named):
    listen = addresses.new()
    edge.route(listen)
    sock = edge.connect(listen)
    sock.sendall(b"x")
    until(lambda: edge.status()["waiting"] == 1)
    edge.route(listen, named("a").address)
    assert read_exactly(sock, 2) == b"ax"
    assert edge.status()["waiting"] == 0


def test_a_client_waits_for_a_target_that_does_not_listen_yet(edge, addresses, server):
    listen, target = addresses.new(), addresses.new()
    edge.route(listen, target)
    clients = [edge.connect(listen) for _ in range(20)]
    until(lambda: edge.status()["waiting"] == 20)
    with socket.create_server(target) as listener:
        listener.settimeout(PATIENCE)
        for _ in clients:
            listener.accept()[0].close()
    for sock in clients:
        assert read_all(sock) == b""


def test_a_client_waits_only_so_long(edge, addresses):
    listen = addresses.new()
    edge.route(listen)
    started = time.monotonic()
    assert read_all(edge.connect(listen)) == b""
    assert tcp.PATIENCE <= time.monotonic() - started < tcp.PATIENCE + 5
    assert edge.client.status()["descriptors"]["used"] == 1


def test_a_full_accept_queue_is_not_waited_for_alone(edge, addresses, named):
    listen, full = addresses.new(), addresses.new()
    with socket.socket() as stuck:
        stuck.bind(full)
        stuck.listen(0)
        filling = edge.connect(full)  # the queue has room for one
        edge.route(listen, full, named("a").address)
        assert {ask(edge, listen)[0] for _ in range(4)} == {"a"}
        filling.close()


def test_a_route_that_is_gone_refuses(edge, addresses, named):
    kept, gone, target = addresses.new(), addresses.new(), named("a").address
    edge.client.apply([Route(kept, (target,)), Route(gone, (target,))])
    _, established = ask(edge, gone)
    edge.route(kept, target)
    with pytest.raises(ConnectionRefusedError):
        edge.connect(gone)
    established.sendall(b"still here")
    assert read_exactly(established, 10) == b"still here"
    assert [edge.status(i)["listening"] for i in (0, 1)] == [True, False]
    established.close()
    until(lambda: len(edge.client.status()["routes"]) == 1)


def test_connections_of_a_route_that_is_gone_end_when_their_time_is_over(
    edge, addresses, named
):
    listen = addresses.new()
    edge.route(listen, named("a").address)
    _, established = ask(edge, listen)
    edge.client.apply([], drain=0.05)
    with pytest.raises(ConnectionResetError):
        established.recv(1)


def test_a_port_is_free_again_at_once(edge, addresses, named):
    listen, target = addresses.new(), named("a").address
    for _ in range(5):
        assert edge.route(listen, target) == ()
        assert ask(edge, listen)[0] == "a"
        assert edge.client.apply([]) == ()


def test_targets_change_under_load_without_a_failure(edge, addresses, named):
    listen, servers = addresses.new(), [named(name) for name in "abc"]
    edge.route(listen, servers[0].address)
    stop = threading.Event()
    failures: list[object] = []

    def load():
        while not stop.is_set():
            try:
                with socket.create_connection(listen, timeout=PATIENCE) as sock:
                    if len(sock.recv(1)) != 1:
                        failures.append("nothing")
            except OSError as error:
                failures.append(error)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for round_ in range(60):
            chosen = servers[round_ % 3 :] if round_ % 4 else ()
            edge.route(listen, *(server.address for server in chosen))
        edge.route(listen, servers[0].address)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert edge.status()["total"] > 0


@pytest.fixture
def many_files():
    """Let this process have as many open files as it may, for one test."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 5000:
        pytest.skip(f"at most {hard} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
def test_thousands_of_connections(edge, addresses, server):
    listen, target = addresses.new(), server()
    edge.route(listen, target.address)
    pairs = []
    for _ in range(2000):
        sock = edge.connect(listen)
        sock.sendall(b"ping")
        pairs.append((sock, target.accept()))
    assert edge.status()["active"] == 2000
    for _client, accepted in pairs:
        assert read_exactly(accepted, 4) == b"ping"
        accepted.sendall(b"pong")
    for client, _accepted in pairs:
        assert read_exactly(client, 4) == b"pong"
    assert edge.memory() < 40 * 1024
    for client, accepted in pairs:
        client.close()
        accepted.close()
    until(lambda: edge.status()["active"] == 0)
    assert edge.client.status()["descriptors"]["used"] == 1


def test_ipv6(edge, server, addresses):
    if not socket.has_ipv6:
        pytest.skip("no IPv6")
    with socket.socket(socket.AF_INET6) as chosen:
        chosen.bind(("::1", 0))
        port = chosen.getsockname()[1]
    target = server()
    assert edge.route(("0:0::1", port), target.address) == ()
    client = edge.connect(("::1", port))
    client.sendall(b"six")
    assert read_exactly(target.accept(), 3) == b"six"
    assert edge.status()["listen"] == ["::1", port]
