"""Cancelling: by the key of one's own session only, on whatever server it is."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import struct
import subprocess
import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proxy_clients import logged_in, packet, rest_of, startup, until, value

from branchpg.compute.proxy.cancel import CancelKeys, ServerKey
from branchpg.compute.proxy.frames import TERMINATE
from branchpg.postgres import programs
from branchpg.wire.messages import frame
from branchpg.wire.startup import Cancel

CANCEL = 80877102


@pytest.mark.parametrize("database", ["app", "app@preview"])
@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("pooled", [False, True])
def test_a_statement_is_cancelled(tls_proxy, clusters, database, tls, pooled):
    server = clusters["preview" if "@" in database else "main"]
    # By psql in a process of its own: psycopg2's cancel() holds the interpreter's lock,
    # which the proxy on its thread needs.
    url = (
        f"postgresql://alice:secret@127.0.0.1:{tls_proxy.port}/{database}"
        f"?sslmode={'require' if tls else 'disable'}"
        f"&options=pooler%3D{'true' if pooled else 'false'}"
    )
    installed = programs.find(os.environ)
    first = [installed.path("psql"), url, "-c", "SELECT 1"]
    subprocess.run(first, env=installed.environment, check=True, capture_output=True)
    until(lambda: not tls_proxy.yard.open_leases)
    command = [installed.path("psql"), url, "-c", "SELECT pg_sleep(60)"]
    with subprocess.Popen(
        command, env=installed.environment, stderr=subprocess.PIPE
    ) as psql:
        _until_sleeping(server)
        psql.send_signal(signal.SIGINT)
        assert b"canceling statement due to user request" in psql.communicate()[1]
    assert tls_proxy.sample("proxy_cancellation_requests_total", kind="found") == 1
    servers = tls_proxy.sample("proxy_opened_db_connections_total")
    assert servers == (1 if pooled else 2)


def test_postgresqls_own_keys_and_guesses_cancel_nothing(proxy, clusters):
    with contextlib.closing(proxy.raw()) as sock:
        sock.sendall(startup(user="plain", database="app"))
        sock.sendall(frame(b"p", b"secret\0") + frame(b"Q", b"SELECT pg_sleep(60)\0"))
        data = b""
        while not (key := data.partition(b"K\0\0\0\x0c")[2][:8]) or len(key) < 8:
            data += sock.recv(4096)
        _until_sleeping(clusters["main"])
        pid, secret = struct.unpack("!II", key)
        (real,) = proxy.proxy._desk.keys._keys.values()
        assert real.key.pid == pid
        (hidden,) = struct.unpack("!I", real.key.secret)
        assert hidden != secret
        for guess in (hidden, 0, secret ^ 1, 0xFFFFFFFF):
            _cancel(proxy, pid, guess)
        _cancel(proxy, pid + 1, secret)
        _until_sleeping(clusters["main"])
        unknown = {"kind": "unknown"}
        assert proxy.sample("proxy_cancellation_requests_total", **unknown) == 5
        _cancel(proxy, pid, secret)
        sock.settimeout(20)
        while b"57014" not in data:
            data += sock.recv(4096)
    until(lambda: not proxy.proxy.sessions)
    _cancel(proxy, pid, secret)  # of a session that is over
    assert proxy.sample("proxy_cancellation_requests_total", **unknown) == 6


def test_what_cancels_one_client_never_meets_the_next(proxy):
    pooled = {"options": "pooler=true"}
    for _ in range(50):
        with contextlib.closing(logged_in(proxy, **pooled)) as sock:
            ((key, _real),) = proxy.proxy._desk.keys._keys.items()
            with contextlib.closing(proxy.raw()) as other:
                secret = struct.unpack("!I", key.secret)
                other.sendall(packet(struct.pack("!III", CANCEL, key.pid, *secret)))
                sock.sendall(TERMINATE)
                assert proxy.ask("SELECT pg_sleep(0.005), 1", **pooled) is not None
                assert rest_of(other) == b""
        until(lambda: not proxy.yard.open_leases)


def test_a_server_is_settled_when_it_has_dealt_with_all_requests():
    async def check(listener: socket.socket, path: str) -> None:
        key = ServerKey(path, Cancel(1, b"same"))
        assert await key.is_settled()
        asked = asyncio.create_task(key.cancel())
        server, _ = await asyncio.get_running_loop().sock_accept(listener)
        assert not await key.is_settled(seconds=0.01)
        server.close()
        await asked
        assert await key.is_settled()
        await key.cancel(seconds=0.01)  # nobody accepts it, and so it may come later
        assert not await key.is_settled(seconds=0.01)

    with (
        tempfile.TemporaryDirectory(prefix="bp", dir="/tmp") as folder,
        socket.socket(socket.AF_UNIX) as listener,
    ):
        listener.bind(f"{folder}/s")
        listener.listen()
        listener.setblocking(False)
        asyncio.run(check(listener, f"{folder}/s"))


def _cancel(proxy, pid: int, secret: int) -> None:
    with contextlib.closing(proxy.raw()) as sock:
        sock.sendall(packet(struct.pack("!III", CANCEL, pid, secret)))
        assert rest_of(sock) == b""


def _until_sleeping(server) -> None:
    asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    with contextlib.closing(server.connect()) as watcher:
        watcher.autocommit = True
        until(lambda: value(watcher, asleep) == 1)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 3)), max_size=20))
def test_equal_keys_of_two_servers_are_told_apart(issued):
    keys = CancelKeys()
    given_out = {}
    for path, pid in issued:
        real = ServerKey(path, Cancel(pid, b"same"))
        given_out[keys.add(real)] = real
    assert len(given_out) == len(issued) == len(keys)
    for mine, real in given_out.items():
        assert keys.get(mine) == real
        assert mine.pid == real.key.pid
        keys.discard(mine)
    assert len(keys) == 0


def test_a_secret_is_as_long_as_the_servers():
    mine = CancelKeys().add(ServerKey("a", Cancel(1, bytes(32))))
    assert len(mine.secret) == 32
