"""Cancelling: by the key of one's own session only, on whatever server it is."""

from __future__ import annotations

import contextlib
import os
import signal
import struct
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proxy_clients import packet, rest_of, startup, until, value

from branchpg.compute.proxy.cancel import CancelKeys, ServerKey
from branchpg.postgres import programs
from branchpg.wire.messages import frame
from branchpg.wire.startup import Cancel

CANCEL = 80877102


@pytest.mark.parametrize("database", ["app", "app@preview"])
@pytest.mark.parametrize("tls", [False, True])
def test_a_statement_is_cancelled(tls_proxy, clusters, database, tls):
    server = clusters["preview" if "@" in database else "main"]
    # By psql in a process of its own: psycopg2's cancel() holds the interpreter's lock,
    # which the proxy on its thread needs.
    url = (
        f"postgresql://alice:secret@127.0.0.1:{tls_proxy.port}/{database}"
        f"?sslmode={'require' if tls else 'disable'}"
    )
    installed = programs.find(os.environ)
    command = [installed.path("psql"), url, "-c", "SELECT pg_sleep(60)"]
    with subprocess.Popen(
        command, env=installed.environment, stderr=subprocess.PIPE
    ) as psql:
        _until_sleeping(server)
        psql.send_signal(signal.SIGINT)
        assert b"canceling statement due to user request" in psql.communicate()[1]
    assert tls_proxy.sample("proxy_cancellation_requests_total", kind="found") == 1


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
