"""What a session through the proxy has to be able to do, as a direct one can."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import threading

import psycopg2
import psycopg2.extras
import pytest
from proxy_clients import packet, rest_of, startup, until, until_ready, value

from branchpg.errors import BranchpgError
from branchpg.wire.messages import frame


def log_in(proxy, database: str = "app") -> socket.socket:
    """Return a bare connection that is logged in, as the role with a plain password."""
    sock = proxy.raw()
    sock.sendall(startup(user="plain", database=database))
    while b"\0\0\0\x03" not in sock.recv(4096):
        pass
    sock.sendall(frame(b"p", b"secret\0"))
    until_ready(sock)
    return sock


def test_notifications_arrive_while_a_session_is_idle(proxy):
    with (
        contextlib.closing(proxy.connect()) as listener,
        contextlib.closing(proxy.connect()) as speaker,
    ):
        listener.cursor().execute("LISTEN news")
        speaker.cursor().execute("NOTIFY news, 'hello'")
        assert select.select([listener], [], [], 20)[0]
        listener.poll()
        assert [note.payload for note in listener.notifies] == ["hello"]


def test_many_statements_may_be_under_way(proxy):
    with contextlib.closing(log_in(proxy)) as sock:
        parts = []
        for number in range(2000):
            text = f"SELECT 'number {number}'".encode()
            parts.append(frame(b"P", b"\0" + text + b"\0\0\0"))
            parts.append(frame(b"B", b"\0\0\0\0\0\0\0\0") + frame(b"D", b"P\0"))
            parts.append(frame(b"E", b"\0\0\0\0\0"))
        sock.sendall(b"".join(parts) + frame(b"S"))
        answer = until_ready(sock)
        assert answer.count(b"SELECT 1\0") == 2000
        assert b"number 1999" in answer


def test_statements_sent_with_the_password_wait_for_the_login(proxy):
    with contextlib.closing(proxy.raw()) as sock:
        query = frame(b"Q", b"SELECT 'early'\0")
        sock.sendall(startup(user="plain", database="app"))
        sock.sendall(frame(b"p", b"secret\0") + query + frame(b"X"))
        assert b"early" in rest_of(sock)


def test_large_values_in_both_directions(proxy):
    text = "ü" * 20_000_000
    with contextlib.closing(proxy.connect()) as session:
        assert value(session, "SELECT %s || ''", text) == text


def test_psql_and_its_options(proxy, clusters, yard):
    from branchpg.postgres import programs

    installed = programs.find(os.environ)
    url = f"postgresql://alice:secret@127.0.0.1:{proxy.port}"
    for target in (
        f"{url}/app?options=endpoint%3Dpreview",
        f"{url}/app@preview",
        f"{url}/app?options=endpoint%3Dpreview%20-c%20geqo%3Doff",
    ):
        words = installed.output("psql", target, "-Atc", "SELECT name FROM here")
        assert words == "preview\n"


def test_a_replication_session_is_for_those_who_may(proxy, run_proxy):
    kind = psycopg2.extras.PhysicalReplicationConnection
    with pytest.raises(psycopg2.OperationalError, match="REPLICATION"):
        proxy.connect(connection_factory=kind)
    options = {"connection_factory": psycopg2.extras.LogicalReplicationConnection}
    with contextlib.closing(proxy.connect(user="copier", **options)) as session:
        cursor = session.cursor()
        cursor.execute("IDENTIFY_SYSTEM")
        assert cursor.fetchone()
    with pytest.raises(psycopg2.OperationalError, match="not allowed"):
        run_proxy(replication=False).connect(user="copier", **options)


def test_a_newer_protocol_is_negotiated_by_postgresql(proxy):
    with contextlib.closing(proxy.raw()) as sock:
        body = struct.pack("!I", (3 << 16) | 9999) + b"user\0plain\0database\0app\0\0"
        sock.sendall(packet(body) + frame(b"p", b"secret\0") + frame(b"X"))
        answer = rest_of(sock)
        assert answer.startswith(b"v")
        assert b"Z\0\0\0\5I" in answer


def test_a_client_that_half_closes_gets_its_answer(proxy):
    with contextlib.closing(log_in(proxy)) as sock:
        sock.sendall(frame(b"Q", b"SELECT repeat('x', 3000000)\0"))
        sock.shutdown(socket.SHUT_WR)
        assert rest_of(sock).count(b"x") >= 3_000_000


def test_a_server_that_ends_the_session_has_the_last_word(proxy, clusters):
    with contextlib.closing(log_in(proxy)) as sock:
        everybody = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        clusters["main"].run(f"{everybody} WHERE usename = 'plain'")
        assert b"terminating connection due to administrator command" in rest_of(sock)
    until(lambda: not proxy.proxy.sessions)


def test_a_session_knows_its_process_id(proxy):
    with contextlib.closing(proxy.connect()) as session:
        assert value(session, "SELECT pg_backend_pid()") == session.info.backend_pid


def test_the_last_word_survives_a_client_that_talks(proxy, clusters):
    """To close with the client's data unread would reset the connection."""
    for _ in range(20):
        with contextlib.closing(log_in(proxy)) as sock:
            sock.sendall(frame(b"X") + frame(b"Q", b"SELECT 1\0") * 1000)
            assert rest_of(sock) == b""
        with contextlib.closing(log_in(proxy)) as sock:
            end = frame(b"Q", b"SELECT pg_terminate_backend(pg_backend_pid())\0")
            sock.sendall(end + frame(b"Q", b"SELECT 1\0") * 1000)
            assert b"57P01" in rest_of(sock)


def test_nothing_is_left_of_a_session(proxy, yard, clusters):
    for _ in range(5):
        session = proxy.connect()
        assert proxy.proxy.sessions == {"main": 1}
        session.close()
        until(lambda: not proxy.proxy.sessions)
    assert yard.open_leases == 0
    assert len(proxy.proxy._desk.keys) == 0
    until(lambda: proxy.sample("proxy_closed_client_connections_total") == 5)
    assert proxy.sample("proxy_opened_db_connections_total") == 5
    until(lambda: clusters["main"].sessions() == 0)


def test_the_owner_of_an_endpoint_can_end_its_sessions(proxy, yard):
    with (
        contextlib.closing(proxy.connect()) as ended,
        contextlib.closing(proxy.connect("app@preview")) as other,
    ):
        proxy.call(yard.closings["main"].close)
        until(lambda: proxy.proxy.sessions == {"preview": 1})
        with pytest.raises(psycopg2.OperationalError):
            ended.cursor().execute("SELECT 1")
        assert value(other, "SELECT 1") == 1
        assert proxy.ask("SELECT name FROM here") == "main"


def test_a_client_that_does_not_read_fills_no_memory(proxy, clusters):
    pids = _busy_pumps(proxy)
    before = sum(_resident(pid) for pid in pids)
    with contextlib.closing(log_in(proxy)) as sock:
        big = b"SELECT repeat('x', 1000) FROM generate_series(1, 60000)\0"
        sock.sendall(frame(b"Q", big))
        main = clusters["main"]
        waits = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE usename = 'plain' AND wait_event = 'ClientWrite'"
        )
        with contextlib.closing(main.connect()) as watcher:
            watcher.autocommit = True
            until(lambda: value(watcher, waits) == 1)
        assert sum(_resident(pid) for pid in pids) - before < 2 << 20
        data = until_ready(sock)
        assert data.count(b"x") == 60_000_000


def _resident(pid: int) -> int:
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * 4096


def test_killed_pumps_end_their_sessions_and_are_replaced(proxy, yard):
    sessions = [proxy.connect() for _ in range(4)]
    for pid in (killed := proxy.proxy.pump_pids):
        os.kill(pid, 9)
    for session in sessions:
        with pytest.raises(psycopg2.OperationalError):
            session.cursor().execute("SELECT 1")
    until(lambda: yard.open_leases == 0)
    assert proxy.ask("SELECT name FROM here") == "main"
    until(lambda: len(proxy.proxy.pump_pids) == 2)
    assert not set(killed) & set(proxy.proxy.pump_pids)


def test_a_proxy_that_stops_leaves_nothing(run_proxy, yard):
    proxy = run_proxy(listen=(("127.0.0.1", 0), ("::1", 0)))
    assert proxy.ask("SELECT 1", host="::1", port=proxy.proxy.addresses[1][1]) == 1
    session = proxy.connect()
    pids = proxy.proxy.pump_pids
    proxy.stop()
    with pytest.raises(psycopg2.OperationalError):
        session.cursor().execute("SELECT 1")
    assert yard.open_leases == 0
    assert not any(os.path.exists(f"/proc/{pid}") for pid in pids)


def test_a_pump_is_small(proxy):
    with open(f"/proc/{_busy_pumps(proxy)[0]}/smaps_rollup") as file:
        line = next(line for line in file if line.startswith("Pss:"))
    assert int(line.split()[1]) < 12 * 1024


def _busy_pumps(proxy) -> list[int]:
    """Return the pumps' processes, after each has passed on a megabyte."""
    with contextlib.ExitStack() as stack:
        for _ in proxy.proxy.pump_pids:
            session = stack.enter_context(contextlib.closing(proxy.connect()))
            assert value(session, "SELECT repeat('x', 1000000)")
    return proxy.proxy.pump_pids


def test_sessions_side_by_side(proxy):
    """Each gets its own answers, however their packets mix."""

    def talk(number: int) -> None:
        with contextlib.closing(proxy.connect()) as session:
            for turn in range(50):
                text = f"{number}-{turn}" * (turn * 40 + 1)
                assert value(session, "SELECT %s", text) == text
        done.append(number)

    done: list[int] = []
    threads = [threading.Thread(target=talk, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 8


def test_a_port_that_is_taken_is_named(run_proxy, proxy):
    with pytest.raises(
        BranchpgError, match=f"cannot listen on 127.0.0.1 port {proxy.port}"
    ):
        run_proxy(listen=(("127.0.0.1", proxy.port),))


def test_sessions_that_do_not_read_are_ended_as_well(proxy, yard):
    with contextlib.closing(log_in(proxy)) as sock:
        big = b"SELECT repeat('x', 1000) FROM generate_series(1, 100000)\0"
        sock.sendall(frame(b"Q", big))
        until(lambda: select.select([sock], [], [], 0)[0])
        proxy.call(yard.closings["main"].close)
        until(lambda: yard.open_leases == 0)
        assert len(rest_of(sock)) < 100_000_000
