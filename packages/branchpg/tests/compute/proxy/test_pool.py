"""Server processes that serve one client after the other: `-pooler`, `pooler=true`."""

from __future__ import annotations

import contextlib
import io
import select
import struct
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg2
import psycopg2.extras
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from proxy_clients import (
    Running,
    logged_in,
    rest_of,
    sasl_first,
    sasl_request,
    startup,
    until,
    until_ready,
    value,
)

from branchpg.compute.proxy.frames import TERMINATE
from branchpg.compute.proxy.tls import context_of
from branchpg.wire.messages import frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proxy_clients import Cluster

POOLED = "pooler=true"
PID = "SELECT pg_backend_pid()"


@pytest.fixture
def role(clusters) -> Iterator[str]:
    """A role of this test's own, with a database of its own."""
    clusters["main"].run(
        "CREATE ROLE visitor LOGIN PASSWORD 'secret'",
        "CREATE DATABASE visited OWNER visitor",
    )
    yield "visitor"
    clusters["main"].run(
        "DROP DATABASE visited WITH (FORCE)",
        "DROP OWNED BY visitor",
        "DROP ROLE visitor",
    )


def ask(proxy: Running, statement: str = PID, **options: Any) -> Any:
    """Return a statement's value in a pooled session; its process waits afterwards."""
    found = proxy.ask(statement, **{"options": POOLED} | options)
    until_at_rest(proxy)
    return found


def until_at_rest(proxy: Running) -> None:
    until(lambda: not proxy.yard.open_leases)


def waiting(proxy: Running, name: str = "main") -> int:
    return proxy.yard.pools[name].waiting


def test_the_next_client_of_the_same_login_has_the_same_process(proxy):
    assert ask(proxy) == ask(proxy)
    assert ask(proxy) == ask(proxy, options="endpoint=main-pooler")
    assert waiting(proxy) == 1
    assert proxy.sample("proxy_opened_db_connections_total") == 1


def test_without_a_word_each_client_has_a_process_of_its_own(proxy):
    kept = ask(proxy)
    assert ask(proxy, options="") != kept
    assert waiting(proxy) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"user": "bob"},
        {"database": "postgres"},
        {"application_name": "other"},
        {"options": f"{POOLED} -c work_mem=1MB"},
    ],
)
def test_another_login_has_another_process(proxy, other):
    assert ask(proxy) != ask(proxy, **other)


def test_two_clients_at_a_time_have_two_processes(proxy):
    with (
        contextlib.closing(proxy.connect(options=POOLED)) as one,
        contextlib.closing(proxy.connect(options=POOLED)) as other,
    ):
        pids = {value(one, PID), value(other, PID)}
        assert len(pids) == 2
    until_at_rest(proxy)
    assert waiting(proxy) == 2
    assert ask(proxy) in pids


def test_nothing_is_left_of_the_client_before(proxy):
    with contextlib.closing(proxy.connect(options=POOLED)) as first:
        pid = value(first, PID)
        cursor = first.cursor()
        cursor.execute("SET work_mem = '1234kB'; SET application_name = 'first'")
        cursor.execute("CREATE TEMP TABLE mine (a int)")
        cursor.execute("PREPARE mine AS SELECT 1")
        cursor.execute("DECLARE mine CURSOR WITH HOLD FOR SELECT 1")
        cursor.execute("LISTEN mine; SELECT pg_advisory_lock(4711)")
        cursor.execute("SET client_encoding = 'LATIN1'; SET TimeZone = 'Asia/Tokyo'")
    until_at_rest(proxy)
    with contextlib.closing(proxy.connect(options=POOLED)) as second:
        assert value(second, PID) == pid
        assert value(second, "SHOW work_mem") != "1234kB"
        assert value(second, "SELECT current_setting('application_name')") == ""
        for view in ("prepared_statements", "cursors", "listening_channels()"):
            assert value(second, f"SELECT count(*) FROM pg_{view}") == 0
        assert value(second, "SELECT to_regclass('mine') IS NULL")
        assert value(second, "SELECT count(*) FROM pg_locks WHERE objid = 4711") == 0
        # What a driver is told as it logs in is what the server has.
        for name in ("client_encoding", "TimeZone", "standard_conforming_strings"):
            shown = value(second, f"SHOW {name}")
            assert second.get_parameter_status(name) == shown


def test_a_copy_before_does_not_matter(proxy):
    with contextlib.closing(proxy.connect(options=POOLED)) as connection:
        pid = value(connection, PID)
        cursor = connection.cursor()
        cursor.execute("CREATE TEMP TABLE sink (a int)")
        cursor.copy_expert("COPY sink FROM STDIN", io.StringIO("1\n" * 100_000))
        cursor.copy_expert("COPY sink TO STDOUT", io.StringIO())
        with contextlib.suppress(psycopg2.Error):
            cursor.copy_expert("COPY sink FROM STDIN", io.StringIO("x\n"))
    until_at_rest(proxy)
    assert ask(proxy) == pid


@pytest.mark.parametrize(
    "left", [b"BEGIN", b"BEGIN; SELECT 1/0", b"SELECT pg_sleep(60)"]
)
@pytest.mark.parametrize("goodbye", [TERMINATE, b"X", b""])
def test_who_leaves_in_the_middle_takes_the_process_along(
    proxy, clusters, left, goodbye
):
    with contextlib.closing(logged_in(proxy, options=POOLED)) as sock:
        sock.sendall(frame(b"Q", left + b"\0"))
        if b"BEGIN" in left:
            while b"Z\0\0\0\5" not in sock.recv(4096):
                pass
        sock.sendall(goodbye)
        if b"sleep" in left:
            pid = until(lambda: sleeping(clusters["main"]))
    if b"sleep" in left:  # it does not notice before the statement is over
        assert not waiting(proxy)
        clusters["main"].run(f"SELECT pg_terminate_backend({pid}, 20000)")
    until_at_rest(proxy)
    assert waiting(proxy) == 0


def sleeping(cluster: Cluster) -> int | None:
    """Return whose statement sleeps."""
    with contextlib.closing(cluster.connect()) as connection:
        found = "SELECT max(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        return value(connection, found)


@pytest.mark.parametrize("goodbye", [TERMINATE, b""])
def test_who_leaves_at_rest_need_not_say_so(proxy, goodbye):
    with contextlib.closing(logged_in(proxy, options=POOLED)) as sock:
        for byte in frame(b"Q", b"SELECT 1\0"):
            sock.sendall(bytes([byte]))
        until_ready(sock)
        sock.sendall(goodbye)
    until_at_rest(proxy)
    assert waiting(proxy) == 1


def test_a_request_sent_with_the_goodbye_is_answered(proxy):
    with contextlib.closing(logged_in(proxy, options=POOLED)) as sock:
        query = b"SELECT pg_sleep(0.1), 'late'\0"
        sock.sendall(frame(b"Q", query) + TERMINATE)
        assert b"late" in rest_of(sock)
    until_at_rest(proxy)
    assert waiting(proxy) == 0


def test_what_needs_a_sync_is_not_passed_to_the_next_client(proxy):
    with contextlib.closing(logged_in(proxy, options=POOLED)) as sock:
        sock.sendall(frame(b"P", b"mine\0SELECT 1\0\0\0") + TERMINATE)
        rest_of(sock)
    until_at_rest(proxy)
    assert waiting(proxy) == 0


def test_the_password_is_asked_for_each_time(proxy):
    assert ask(proxy)
    with pytest.raises(psycopg2.OperationalError, match="authentication failed"):
        proxy.connect(options=POOLED, password="wrong")
    until_at_rest(proxy)
    assert waiting(proxy) == 1
    assert proxy.sample("proxy_connection_failures_total", kind="user") == 1


@pytest.mark.parametrize(
    "changed",
    [
        "ALTER ROLE visitor PASSWORD 'other'",
        "ALTER ROLE visitor NOLOGIN",
        "ALTER ROLE visitor VALID UNTIL '2020-01-01'",
        "REVOKE CONNECT ON DATABASE visited FROM PUBLIC, visitor",
    ],
)
def test_who_may_not_log_in_any_more_is_refused_within_seconds(
    proxy, clusters, role, changed
):
    login = {"user": role, "database": "visited"}
    assert ask(proxy, **login)
    clusters["main"].run(changed)

    def refused() -> bool:
        try:
            ask(proxy, **login)
        except psycopg2.OperationalError:
            return True
        return False

    until(refused)


def test_changed_settings_of_a_role_count_within_seconds(proxy, clusters, role):
    login = {"user": role, "database": "visited"}
    pid = ask(proxy, **login)
    clusters["main"].run("ALTER ROLE visitor IN DATABASE visited SET work_mem = '77kB'")
    shown = "SELECT current_setting('work_mem')"
    until(lambda: ask(proxy, shown, **login) == "77kB")
    assert ask(proxy, **login) != pid


def test_a_process_that_died_is_not_given_to_anybody(proxy, clusters):
    pid = ask(proxy)
    clusters["main"].run(f"SELECT pg_terminate_backend({pid}, 20000)")
    assert ask(proxy) != pid
    assert waiting(proxy) == 1


def test_a_process_that_heard_of_new_settings_is_not_given_to_anybody(proxy, clusters):
    pid = ask(proxy)
    told = proxy.yard.pools["main"]._waiting[0].channel.sock
    zone = "ALTER SYSTEM SET TimeZone = 'Asia/Tokyo'"
    try:
        clusters["main"].run(zone, "SELECT pg_reload_conf()")
        assert select.select([told], [], [], 20)[0]
        with contextlib.closing(proxy.connect(options=POOLED)) as connection:
            assert value(connection, PID) != pid
            assert connection.get_parameter_status("TimeZone") == "Asia/Tokyo"
    finally:
        clusters["main"].run("ALTER SYSTEM RESET TimeZone", "SELECT pg_reload_conf()")


def test_only_so_many_wait_and_not_for_ever(run_proxy, yard, clusters):
    yard.pooling = {"most": 2, "wait_seconds": 0.5}
    proxy = run_proxy()
    before = clusters["main"].sessions()
    open_ones = [proxy.connect(options=POOLED) for _ in range(4)]
    for each in open_ones:
        each.close()
    until_at_rest(proxy)
    assert waiting(proxy) <= 2
    until(lambda: not waiting(proxy))
    # One is that which asks for roles.
    until(lambda: clusters["main"].sessions() <= before + 1)
    opened = proxy.sample("proxy_opened_db_connections_total")
    until(lambda: proxy.sample("proxy_closed_db_connections_total") == opened)


def test_a_pool_that_is_closed_keeps_nothing(proxy):
    connection = proxy.connect(options=POOLED)
    proxy.ask(PID, options=f"{POOLED} -c work_mem=1MB")
    until(lambda: waiting(proxy) == 1)
    proxy.call(proxy.yard.pools["main"].close)
    assert waiting(proxy) == 0
    connection.close()
    until_at_rest(proxy)
    assert waiting(proxy) == 0


def test_sessions_with_tls_have_pools_too(tls_proxy):
    tls = {"sslmode": "require"}
    pid = ask(tls_proxy, **tls)
    assert ask(tls_proxy, **tls) == pid
    with contextlib.closing(tls_proxy.connect(options=POOLED, **tls)) as connection:
        connection.cursor().execute("BEGIN")
    until_at_rest(tls_proxy)
    assert waiting(tls_proxy) == 0


def test_a_login_by_the_password_has_a_pool_too(run_proxy, certificate):
    proxy = run_proxy(tls=context_of(certificate), password_routing=True)
    login = {"sslmode": "require", "password": "endpoint=main-pooler;secret"}
    pid = ask(proxy, options="", **login)
    assert ask(proxy, options="", **login) == pid
    with pytest.raises(psycopg2.OperationalError, match="authentication failed"):
        ask(proxy, options="", **login | {"password": "endpoint=main-pooler;wrong"})


def test_a_password_in_clear_text_has_no_pool(proxy):
    pid = ask(proxy, user="plain")
    assert ask(proxy, user="plain") != pid
    assert waiting(proxy) == 0


def test_replication_has_no_pool(proxy):
    for _ in range(2):
        with contextlib.closing(
            proxy.connect(
                options=POOLED,
                user="copier",
                connection_factory=psycopg2.extras.LogicalReplicationConnection,
            )
        ):
            pass
    until_at_rest(proxy)
    assert not proxy.yard.pools or waiting(proxy) == 0


def test_many_clients_at_once_all_get_what_they_asked(proxy):
    def visit(number: int) -> bool:
        return all(
            proxy.ask(f"SELECT {number}", options=POOLED) == number for _ in range(10)
        )

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(visit, range(16)))
    until_at_rest(proxy)
    assert 0 < waiting(proxy) <= 20
    assert proxy.sample("proxy_opened_db_connections_total") < 80


@given(first=st.binary(max_size=80), final=st.binary(max_size=80))
@settings(max_examples=60)
def test_noise_in_the_place_of_a_proof_lets_nobody_in(proxy, first, final):
    if not proxy.yard.pools:
        ask(proxy)
    for beginning in (first, b"n,,n=,r=" + first):
        with contextlib.closing(proxy.raw()) as sock:
            sock.sendall(startup(user="alice", database="app", options=POOLED))
            assert sasl_request(sock)[:4] == struct.pack("!I", 10)
            with contextlib.suppress(OSError):
                sock.sendall(sasl_first(beginning) + frame(b"p", final))
            heard = rest_of(sock)
            assert b"Z\0\0\0\5" not in heard
            assert b"C08P01\0" in heard or b"C28P01\0" in heard
    until_at_rest(proxy)
    assert waiting(proxy) == 1


def test_another_mechanism_is_refused(proxy):
    ask(proxy)
    with contextlib.closing(proxy.raw()) as sock:
        sock.sendall(startup(user="alice", database="app", options=POOLED))
        sasl_request(sock)
        sock.sendall(sasl_first(b"n,,n=,r=abc", b"SCRAM-SHA-256-PLUS"))
        assert b"C08P01\0" in rest_of(sock)
