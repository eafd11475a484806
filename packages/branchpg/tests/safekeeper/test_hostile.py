"""Whatever comes to the ports: an error or a closed connection, others undisturbed."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import socket
import struct
from pathlib import Path

import pytest

from branchpg.wire.startup import startup_packet

TENANT, TIMELINE = "a" * 32, "b" * 32
STARTUP = {
    b"user": b"x",
    b"replication": b"true",
    b"database": TIMELINE.encode(),
}


def open_files(keeper):
    return len(os.listdir(f"/proc/{keeper.process.pid}/fd"))


def dial(port):
    client = socket.create_connection(("127.0.0.1", port), 10)
    client.settimeout(10)
    return client


def answer_to(port, data):
    """Send bytes and the end of them; return all that comes back until it is closed."""
    received = bytearray()
    with contextlib.suppress(OSError), dial(port) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        while piece := client.recv(65536):
            received += piece
    return bytes(received)


@pytest.fixture
def busy(stage):
    keeper = stage.keeper("--startup-seconds", "1")
    primary = stage.primary()
    stage.follow(primary, [keeper], 1)
    primary.sql("create table t (x int)")
    return keeper, primary


def undisturbed(keeper, primary):
    primary.sql("insert into t values (1)")
    assert keeper.client.get("/v1/status", dict) == {"id": 1}
    assert "Traceback" not in Path(keeper.log).read_text()


@pytest.mark.parametrize("seed", range(4))
def test_fuzzed_startup_packets(busy, until, seed):
    keeper, primary = busy
    before = open_files(keeper)
    chance = random.Random(seed)
    valid = startup_packet(STARTUP)
    for _ in range(50):
        data = bytearray(valid)
        for _ in range(chance.randrange(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        answer_to(keeper.pg_port, bytes(data[: chance.randrange(len(data) + 1)]))
        answer_to(keeper.pg_port, chance.randbytes(chance.randrange(200)))

    undisturbed(keeper, primary)
    until(lambda: open_files(keeper) <= before + 2)


@pytest.mark.parametrize("length", [0, 3, 7, 10_001, 0x7FFFFFFF, 0xFFFFFFFF])
def test_lengths_that_cannot_be(busy, length):
    keeper, primary = busy

    found = answer_to(keeper.pg_port, struct.pack("!I", length) + b"x" * 100)

    assert found[:1] in {b"", b"E"}
    undisturbed(keeper, primary)


@pytest.mark.parametrize("seed", range(2))
def test_fuzzed_messages_after_the_startup(busy, until, seed):
    keeper, primary = busy
    chance = random.Random(seed)
    start = b"START_REPLICATION PHYSICAL 0/1000000 TIMELINE 1\0"
    stream = b"Q" + struct.pack("!I", len(start) + 4) + start
    for number in range(60):
        data = startup_packet(STARTUP) + (stream if number % 2 else b"")
        for _ in range(chance.randrange(1, 5)):
            body = chance.randbytes(chance.randrange(60))
            kind = chance.choice([b"Q", b"d", b"c", b"P", b"X", chance.randbytes(1)])
            length = chance.choice([len(body) + 4, chance.randrange(2**32)])
            data += kind + struct.pack("!I", length) + body
        answer_to(keeper.pg_port, data)

    undisturbed(keeper, primary)
    until(lambda: keeper.status()["walsenders"] == [])


@pytest.mark.parametrize("seed", range(2))
def test_garbage_on_the_http_port(busy, seed):
    keeper, primary = busy
    chance = random.Random(seed)
    for _ in range(60):
        answer_to(keeper.http_port, chance.randbytes(chance.randrange(1, 400)))
    answer_to(keeper.http_port, b"GET /" + b"x" * 200_000)
    answer_to(
        keeper.http_port,
        b"POST /v1/pull_timeline HTTP/1.1\r\nHost: x\r\n"
        b"Content-Length: 99999999999\r\n\r\n" + b"x" * 2_000_000,
    )

    undisturbed(keeper, primary)


def test_half_open_connections_are_closed(busy):
    keeper, primary = busy
    with dial(keeper.pg_port) as silent, dial(keeper.pg_port) as slow:
        slow.sendall(b"\0\0")
        assert silent.recv(1) == b""
        assert slow.recv(1) == b""
    undisturbed(keeper, primary)


def test_a_thousand_idle_connections(busy, until):
    keeper, primary = busy
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2100:
        pytest.skip("too few files may be open")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2100), hard))
    before = open_files(keeper)
    with contextlib.ExitStack() as stack:
        for _ in range(1000):
            client = stack.enter_context(dial(keeper.pg_port))
            client.sendall(startup_packet(STARTUP))
            assert client.recv(1) == b"R"
        undisturbed(keeper, primary)
        assert open_files(keeper) >= before + 1000

    until(lambda: open_files(keeper) <= before + 2)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_encryption_is_declined(busy):
    keeper, _ = busy
    with dial(keeper.pg_port) as client:
        client.sendall(struct.pack("!II", 8, 80877103))
        assert client.recv(1) == b"N"
        client.sendall(struct.pack("!II", 8, 80877104))
        assert client.recv(1) == b"N"
        client.sendall(startup_packet(STARTUP))
        assert client.recv(1) == b"R"
