"""Clients that mean no good, or nothing at all."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import socket
import struct
import time

import psycopg2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from proxy_clients import packet, rest_of, startup, until, value

from branchpg.compute.proxy.settings import Limits
from branchpg.wire.messages import frame

SUPERUSER = b"cloud_admin"
VERSION = struct.pack("!I", 196608)


def answer(proxy, data: bytes) -> bytes:
    """Return what a client hears that sends this and nothing more."""
    with contextlib.closing(proxy.raw()) as sock:
        with contextlib.suppress(OSError):
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
        return rest_of(sock)


@pytest.mark.parametrize(
    "pairs",
    [
        b"user\0cloud_admin\0\0",
        b"user\0alice\0user\0cloud_admin\0\0",
        b"user\0cloud_admin\0database\0app\0\0",
        b"user\0cloud_admin\0options\0endpoint=preview\0\0",
        b"user\0cloud_admin\0replication\0true\0\0",
        b"user\0cloud_admin\0database\0@preview\0\0",
    ],
)
def test_nobody_becomes_the_superuser_of_the_services(proxy, pairs):
    heard = answer(proxy, packet(VERSION + pairs))
    assert b"C28000\0" in heard
    assert b"Z\0\0\0\5" not in heard


@pytest.mark.parametrize(
    "pairs",
    [
        b"user\0cloud_admin\0user\0alice\0\0",
        b"user\0alice\0\0user\0cloud_admin\0\0",
        b"user\0alice\0database\0app\0\0\0user\0cloud_admin\0\0",
        b"USER\0cloud_admin\0user\0alice\0\0",
        b"user\0alice\0options\0-c user=cloud_admin\0\0",
        b"user\0alice\0options\0-c role=cloud_admin\0\0",
        b"user\0alice\0options\0--session_authorization=cloud_admin\0\0",
        b"user\0alice\0session_authorization\0cloud_admin\0\0",
        b"user\0alice\0role\0cloud_admin\0\0",
        b"user\0CLOUD_ADMIN\0\0",
        b"user\0cloud_admin \0\0",
        b'user\0"cloud_admin"\0\0',
        b"user\0cloud_admin@app\0\0",
        b"user\0cloud_admin" + b"x" * 60 + b"\0\0",
        b"user\0alice\0database\0app user=cloud_admin\0\0",
        b"user\0alice",
        b"user\0alice\0database\0\0",
        b"",
        b"\0",
    ],
)
def test_no_other_spelling_leads_in_without_a_password(proxy, pairs):
    assert b"Z\0\0\0\5" not in answer(proxy, packet(VERSION + pairs))


@pytest.mark.parametrize(
    "pairs",
    [
        b"session_authorization\0cloud_admin\0",
        b"role\0cloud_admin\0",
        b"options\0-c role=cloud_admin\0",
        b"options\0-c session_authorization=cloud_admin\0",
    ],
)
def test_not_even_who_may_log_in_becomes_somebody_else(proxy, pairs):
    login = packet(VERSION + b"user\0plain\0database\0app\0" + pairs + b"\0")
    query = frame(b"Q", b"SELECT 'I am ' || current_user\0")
    heard = answer(proxy, login + frame(b"p", b"secret\0") + query)
    assert b"I am cloud_admin" not in heard
    assert b"SFATAL" in heard


@pytest.mark.parametrize(
    "database",
    [
        "app@" + "a" * 300,
        "app@../../etc/passwd",
        "app@'; DROP TABLE here; --",
        "app@%s%n",
        "app@\u202eniam",
        "app@main\n",
        "app@\udc80".encode("utf-8", "surrogateescape"),
        "../../app",
        "x" * 5000,
        "",
    ],
)
def test_hostile_names_are_refused_and_others_undisturbed(proxy, database):
    with contextlib.closing(proxy.connect()) as other:
        heard = answer(proxy, startup(user="alice", database=database))
        assert b"SFATAL" in heard or b"R\0\0\0" in heard
        assert value(other, "SELECT 1") == 1


def test_impossible_lengths_close_the_connection(proxy):
    for length in (0, 3, 7, 10_005, 1 << 30, 0xFFFFFFFF):
        assert answer(proxy, struct.pack("!I", length) + b"x" * 100) == b""
    assert b"SFATAL" in answer(proxy, packet(struct.pack("!I", 2 << 16)))
    assert answer(proxy, packet(struct.pack("!III", 80877102, 1, 2))) == b""


def test_encryption_may_be_asked_for_once(proxy):
    tls, gss = (packet(struct.pack("!I", code)) for code in (80877103, 80877104))
    assert answer(proxy, gss + tls + startup(user="cloud_admin")).startswith(b"NNE")
    assert answer(proxy, tls + tls).startswith(b"NE")


@settings(max_examples=150)
@given(data=st.binary(max_size=300), framed=st.booleans(), version=st.booleans())
def test_noise(proxy, data, framed, version):
    """Whatever comes: an error, a request for a password, or a closed connection."""
    body = VERSION + data if version else data
    heard = answer(proxy, packet(body) if framed else body)
    assert heard[:1] in {b"", b"E", b"R", b"N", b"v"}
    assert b"Z\0\0\0\5" not in heard


def test_noise_in_the_place_of_a_password(proxy):
    chance = random.Random(1)
    for size in (0, 1, 4, 5, 100, 70_000):
        login = startup(user="alice", database="app")
        assert b"Z\0\0\0\5" not in answer(proxy, login + chance.randbytes(size))
        assert b"Z\0\0\0\5" not in answer(
            proxy, login + b"p" + struct.pack("!I", size) + chance.randbytes(size)
        )
    assert proxy.ask("SELECT 1") == 1


def test_who_says_nothing_is_closed(run_proxy):
    proxy = run_proxy(limits=Limits(handshake_seconds=0.3))
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(contextlib.closing(proxy.raw())) for _ in "abc"]
        silent[1].sendall(startup(user="alice")[:7])
        silent[2].sendall(packet(struct.pack("!I", 80877103)))
        began = time.monotonic()
        assert [rest_of(sock) for sock in silent] == [b"", b"", b"N"]
        assert time.monotonic() - began < 10
    until(lambda: proxy.sample("proxy_errors_total", type="timeout") == 3)


def test_who_does_not_answer_for_a_password_is_closed(run_proxy, yard):
    proxy = run_proxy(limits=Limits(login_seconds=0.3))
    with contextlib.closing(proxy.raw()) as sock:
        sock.sendall(startup(user="alice", database="app"))
        assert rest_of(sock).startswith(b"R")
    until(lambda: yard.open_leases == 0)


def test_there_may_be_only_so_many(run_proxy):
    proxy = run_proxy(limits=Limits(sessions=3, endpoint_sessions=2))
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(contextlib.closing(proxy.connect()))
        with pytest.raises(psycopg2.OperationalError, match="too many clients already"):
            proxy.connect()
        other = proxy.connect("app@preview")
        stack.enter_context(contextlib.closing(other))
        heard = answer(proxy, startup(user="alice", database="app@preview"))
        assert b"C53300\0" in heard
        assert proxy.sample("proxy_connection_failures_total", kind="limit") == 2
    until(lambda: not proxy.proxy.sessions)
    assert proxy.ask("SELECT 1") == 1


@pytest.fixture
def many_files():
    """A limit of open files for both ends of a thousand sessions."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if -1 < hard < 4096:
        pytest.skip(f"at most {hard} files may be open")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4096), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("many_files")
def test_a_thousand_idle_sessions_cost_little(run_proxy, clusters):
    """And when they are gone nothing is left: no descriptor, no session."""
    proxy = run_proxy(limits=Limits(endpoint_sessions=1100))
    memory = _memory(proxy)
    until(lambda: not proxy.proxy.sessions)
    descriptors = _descriptors(proxy)
    with contextlib.ExitStack() as stack:
        for _ in range(1000):
            sock = proxy.raw()
            stack.enter_context(contextlib.closing(sock))
            sock.sendall(startup(user="plain", database="app"))
            sock.sendall(frame(b"p", b"secret\0"))
            data = b""
            while not data.endswith(b"Z\0\0\0\5I"):
                data += sock.recv(4096) or pytest.fail(str(data))
        assert proxy.proxy.sessions == {"main": 1000}
        assert _memory(proxy) - memory < 16 << 20
        assert proxy.ask("SELECT name FROM here", "app@preview") == "preview"
    until(lambda: not proxy.proxy.sessions)
    until(lambda: _descriptors(proxy) <= descriptors)
    until(lambda: clusters["main"].sessions() == 0)


def _descriptors(proxy) -> int:
    """Count those of the pumps and of this process, which has the proxy in it."""
    pids = [*proxy.proxy.pump_pids, os.getpid()]
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids)


def _memory(proxy) -> int:
    with contextlib.ExitStack() as stack:
        for _ in proxy.proxy.pump_pids:  # each has to have begun
            session = stack.enter_context(contextlib.closing(proxy.connect()))
            assert value(session, "SELECT repeat('x', 1000000)")
    total = 0
    for pid in [*proxy.proxy.pump_pids, os.getpid()]:
        with open(f"/proc/{pid}/statm") as file:
            total += int(file.read().split()[1]) * 4096
    return total
