"""Bytes, ends and failures pass through the edge as they would without it."""

from __future__ import annotations

import os
import socket
import struct
from concurrent.futures import ThreadPoolExecutor

import pytest
from edge_support import read_all, read_exactly, send_what_fits, until

MIB = 1 << 20


@pytest.fixture
def pair(edge, addresses, server):
    """The two ends of one connection: the client's and the target's."""
    target, listen = server(), addresses.new()
    edge.route(listen, target.address)
    return edge.connect(listen), target.accept()


def test_messages_pass_both_ways(pair):
    client, target = pair
    for size in (1, 64, 1024, 65536):
        for source, sink in ((client, target), (target, client)):
            data = os.urandom(size)
            source.sendall(data)
            assert read_exactly(sink, size) == data


def test_whoever_speaks_first_is_heard(edge, addresses, named):
    listen = addresses.new()
    edge.route(listen, named("banner").address)
    assert read_exactly(edge.connect(listen), 6) == b"banner"


@pytest.mark.parametrize("reverse", [False, True])
def test_bulk_arrives_whole_and_in_order(pair, reverse):
    source, sink = reversed(pair) if reverse else pair
    data = os.urandom(64 * MIB)

    def send():
        source.sendall(data)
        source.shutdown(socket.SHUT_WR)

    with ThreadPoolExecutor() as pool:
        sending = pool.submit(send)
        assert read_all(sink) == data
        sending.result()


def test_both_ways_at_once(pair):
    data = [os.urandom(8 * MIB), os.urandom(8 * MIB)]

    def send(sock, mine):
        sock.sendall(mine)
        sock.shutdown(socket.SHUT_WR)

    with ThreadPoolExecutor() as pool:
        sending = [pool.submit(send, *both) for both in zip(pair, data, strict=True)]
        reading = [pool.submit(read_all, sock) for sock in pair]
        assert [item.result() for item in reading] == data[::-1]
        for item in sending:
            item.result()


@pytest.mark.parametrize("reverse", [False, True])
def test_one_way_may_end_while_the_other_goes_on(pair, reverse):
    first, second = reversed(pair) if reverse else pair
    first.sendall(b"request")
    first.shutdown(socket.SHUT_WR)
    assert read_all(second) == b"request"
    second.sendall(b"answer")
    assert read_exactly(first, 6) == b"answer"
    second.sendall(b" and more")
    second.close()
    assert read_all(first) == b" and more"


def test_both_ends_close_the_connection(edge, pair):
    for sock in pair:
        sock.shutdown(socket.SHUT_WR)
    for sock in pair:
        assert read_all(sock) == b""
    until(lambda: edge.status()["active"] == 0)
    assert edge.client.status()["descriptors"]["used"] == 1


@pytest.mark.parametrize("reverse", [False, True])
def test_a_reset_is_passed_on(edge, pair, reverse):
    first, second = reversed(pair) if reverse else pair
    # One that is reset before the edge knows it is open is not passed on but tried
    # again, as one that is refused.
    second.sendall(b"x")
    assert read_exactly(first, 1) == b"x"
    linger = struct.pack("ii", 1, 0)
    first.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    first.close()
    with pytest.raises(ConnectionResetError):
        second.recv(1)
    until(lambda: edge.status()["active"] == 0)


def test_a_peer_that_vanished_after_its_end_is_noticed(edge, pair):
    client, target = pair
    client.shutdown(socket.SHUT_WR)
    assert read_all(target) == b""
    client.close()
    # What is sent to nobody is answered by a reset, which ends the target's side.
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        until(lambda: target.send(b"x") == 0)
    until(lambda: edge.status()["active"] == 0)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_slow_reader_holds_its_writer_back(edge, pair, reverse):
    source, sink = reversed(pair) if reverse else pair
    before = edge.memory()
    sent = send_what_fits(source, 256 * MIB)
    assert sent < 64 * MIB  # what the kernel's queues take, not what the edge keeps
    assert edge.memory() - before < 2048
    assert len(read_exactly(sink, sent)) == sent
    source.sendall(b"end")
    assert read_exactly(sink, 3) == b"end"


def test_a_blocked_connection_blocks_no_other(edge, addresses, server):
    target, listen = server(), addresses.new()
    edge.route(listen, target.address)
    blocked = edge.connect(listen)
    target.accept()
    send_what_fits(blocked, 256 * MIB)
    client = edge.connect(listen)
    other = target.accept()
    client.sendall(b"through")
    assert read_exactly(other, 7) == b"through"


def test_bytes_are_counted(edge, pair):
    client, target = pair
    client.sendall(b"x" * 1000)
    target.sendall(b"y" * 10)
    read_exactly(target, 1000)
    read_exactly(client, 10)
    status = until(lambda: (s := edge.status())["received"] == 10 and s)
    assert (status["sent"], status["active"], status["total"]) == (1000, 1, 1)
    for sock in pair:
        sock.close()
    status = until(lambda: (s := edge.status())["active"] == 0 and s)
    assert (status["sent"], status["received"], status["total"]) == (1000, 10, 1)


def test_small_messages_are_not_delayed(pair):
    for sock in pair:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client, target = pair
    for _ in range(200):  # with Nagle's algorithm each would take 40 ms: 8 seconds
        for part in (b"a", b"b"):
            client.sendall(part)
        assert read_exactly(target, 2) == b"ab"
        target.sendall(b"c")
        assert read_exactly(client, 1) == b"c"
