"""Endpoints sleep and wake, and are looked at through the compute's HTTP interface."""

from __future__ import annotations

import json
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from branchpg_harness.stack import Stack, postmasters, query, wait_for

from branchpg.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

# The last test of a module waits for its stack to be removed, too.
pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def drowsy() -> Iterator[Stack]:
    """A project whose endpoints sleep after a second."""
    with Stack(**{"suspend-timeout": 1}) as started:
        yield started


def compute(stack: Stack, method: str, path: str) -> Any:
    return json.loads(stack.http("compute").raw(method, path))


def asleep(stack: Stack, branch: str = "main") -> bool:
    return stack.endpoint(branch)["status"] == "empty"


def test_an_idle_endpoint_is_suspended_and_the_next_client_wakes_it(
    drowsy: Stack,
) -> None:
    drowsy.sql("CREATE TABLE IF NOT EXISTS kept AS SELECT 42 AS n")
    session = drowsy.open()
    wait_for(lambda: asleep(drowsy), "the endpoint sleeps")
    with pytest.raises(psycopg2.OperationalError), session.cursor() as cursor:
        cursor.execute("SELECT 1")
    session.close()
    # Those of other tests may take a moment longer.
    servers = f"{drowsy.root}/compute/endpoints"
    wait_for(lambda: not postmasters(servers), "every server has ended")
    assert drowsy.sql("SELECT n FROM kept") == 42


def test_an_open_transaction_keeps_it_awake(drowsy: Stack) -> None:
    with drowsy.connect() as connection, connection.cursor() as cursor:
        query(cursor, "BEGIN")
        pid = query(cursor, "SELECT pg_backend_pid()")
        query(cursor, "SELECT pg_sleep(3)")
        assert query(cursor, "SELECT pg_backend_pid()") == pid


def test_many_clients_at_once_are_held_for_one_start(drowsy: Stack) -> None:
    drowsy.create("storm")
    drowsy.sql("SELECT 1", branch="storm")
    wait_for(lambda: asleep(drowsy, "storm"), "the endpoint sleeps")
    timeline = drowsy.timeline("storm")

    def generation() -> int:
        return drowsy.api("GET", f"/timeline/{timeline}")["generation"]

    before = generation()
    with ThreadPoolExecutor(30) as pool:
        pids = list(
            pool.map(
                lambda _: drowsy.sql("SELECT pg_backend_pid()", branch="storm"),
                range(30),
            )
        )
    assert len(pids) == 30
    assert generation() == before + 1


def test_a_wrong_password_is_refused_by_postgresql(stack: Stack) -> None:
    with pytest.raises(psycopg2.OperationalError, match="password authentication"):
        stack.open(password="wrong")
    with pytest.raises(psycopg2.OperationalError, match="cloud_admin"):
        stack.open(user="cloud_admin", password="")


def test_status_timings_schema_and_roles_are_told(stack: Stack) -> None:
    stack.sql("CREATE TABLE IF NOT EXISTS told (n int)")
    status = compute(stack, "GET", "/status")
    assert status["status"] == "running"
    assert status["timeline"] == stack.timeline("main")
    timings = compute(stack, "GET", "/metrics.json")
    assert {"basebackup_ms", "start_postgres_ms", "total_startup_ms"} <= set(timings)
    schema = stack.http("compute").raw("GET", "/database_schema?database=workspace")
    assert b"CREATE TABLE public.told" in schema
    with pytest.raises(NotFound):
        stack.http("compute").raw("GET", "/database_schema?database=no'such")
    about = compute(stack, "GET", "/dbs_and_roles")
    assert {"name": "workspace", "owner": "postgres"} in about["databases"]
    assert compute(stack, "POST", "/check_writability") == "true"
    metrics = stack.http("compute").raw("GET", "/metrics").decode()
    assert 'compute_ctl_up{status="running"}' in metrics


def test_terminate_says_where_the_log_ends_and_the_next_client_goes_on(
    stack: Stack,
) -> None:
    stack.sql("SELECT 1")
    assert "/" in compute(stack, "POST", "/terminate")["lsn"]
    assert stack.sql("SELECT 1") == 1


def test_the_password_is_in_no_argument_and_no_log(stack: Stack) -> None:
    stack.sql("SELECT 1")
    for service, child in stack.children.items():
        with open(f"/proc/{child.pid}/cmdline", "rb") as file:
            assert b"not-a-secret" not in file.read()
        assert "not-a-secret" not in stack.log(service)
    servers = postmasters(stack.root)
    assert servers
    assert not any(b"not-a-secret" in line for line in servers.values())


def test_every_service_tells_of_its_process_and_its_disk(stack: Stack) -> None:
    for name in ("safekeeper1", "pageserver", "compute"):
        text = stack.http(name).raw("GET", "/metrics").decode()
        for metric in (
            "process_start_time_seconds",
            "branchpg_volume_size_bytes",
            "branchpg_volume_available_bytes",
        ):
            assert f"\n{metric} " in text, (name, metric)


def test_an_endpoint_that_never_sleeps_finds_its_safekeeper_again() -> None:
    with Stack(**{"suspend-timeout": -1}) as stack:
        stack.sql("CREATE TABLE kept (n int)")
        stack.kill("safekeeper1")
        stack.start("safekeeper1")
        stack.sql("SET statement_timeout = '30s'; INSERT INTO kept VALUES (1)")
        assert stack.sql("SELECT count(*) FROM kept") == 1


def knock(stack: Stack) -> socket.socket:
    """Ask for a session as a client does, and do not go on."""
    pairs = "user", "postgres", "database", "workspace"
    words = b"".join(word.encode() + b"\0" for word in pairs) + b"\0"
    where = ("127.0.0.1", stack.ports["compute"]["pg"])
    client = socket.create_connection(where, timeout=10)
    client.sendall(struct.pack("!ii", len(words) + 8, 196608) + words)
    return client


def status(stack: Stack) -> str:
    return str(stack.endpoint("main")["status"])


def test_a_start_goes_on_when_the_only_client_gives_up() -> None:
    """A slow machine began it anew with each client, and some never got one."""
    with Stack(**{"suspend-timeout": -1}) as stack:
        with knock(stack):
            wait_for(lambda: status(stack) != "empty", "the endpoint starts")
        wait_for(lambda: status(stack) == "running", "it runs, and nobody asked again")
        assert stack.log("compute").count(" runs ") == 1


def test_the_end_of_a_compute_breaks_a_start_off() -> None:
    with Stack() as stack:
        with knock(stack):
            wait_for(lambda: status(stack) != "empty", "the endpoint starts")
        stack.stop("compute")
        assert not postmasters(f"{stack.root}/compute/endpoints")
        stack.start("compute")
        wait_for(lambda: answers(stack), "the branch answers")


def test_clients_that_give_up_during_the_first_start_spoil_nothing() -> None:
    """What they broke off had told the pageserver of a log that nobody had."""
    with Stack() as stack:
        for number in range(12):
            with knock(stack) as client:
                client.settimeout(0.05 * (number + 1))
                with suppress(TimeoutError):
                    client.recv(1)
        wait_for(lambda: answers(stack), "the branch answers")


def answers(stack: Stack) -> bool:
    with suppress(psycopg2.OperationalError):
        return bool(stack.sql("SELECT 1") == 1)
    return False


POOLED = {"options": "pooler=true"}
PID = "SELECT pg_backend_pid()"


def ask_pooled(stack: Stack, statement: str, branch: str | None = None) -> Any:
    with closing(stack.open(branch, **POOLED)) as connection:
        return query(connection.cursor(), statement)


@pytest.mark.timeout(150)
def test_processes_that_wait_do_not_keep_an_endpoint_awake(drowsy: Stack) -> None:
    """They wait for ten seconds; an endpoint that sleeps before waited for none."""
    drowsy.create("pooled")
    seen: set[int] = set()

    def is_seen_again() -> bool:
        pid = ask_pooled(drowsy, PID, "pooled")
        return pid in seen or bool(seen.add(pid))

    for tries in reversed(range(3)):  # a busy machine may be too slow to show it
        wait_for(is_seen_again, "a process serves a second client")
        asked = time.monotonic()
        wait_for(lambda: asleep(drowsy, "pooled"), "the endpoint sleeps")
        if time.monotonic() - asked < 8:
            break
        assert tries, "it sleeps too late"
    assert ask_pooled(drowsy, "SELECT 42", "pooled") == 42


def test_no_process_outlives_what_a_reset_replaced(stack: Stack) -> None:
    stack.sql("CREATE TABLE IF NOT EXISTS pooled AS SELECT 'parent' AS of")
    stack.create("replaced", "main")
    stack.sql("UPDATE pooled SET of = 'child'", branch="replaced")
    seen = "SELECT of FROM pooled"
    assert ask_pooled(stack, seen, "replaced") == "child"
    stack.branch("POST", "/replaced/reset")
    assert ask_pooled(stack, seen, "replaced") == "parent"


def test_a_changed_password_counts_for_the_processes_that_wait(stack: Stack) -> None:
    stack.sql("CREATE ROLE guest LOGIN PASSWORD 'first'")
    login = {"user": "guest", **POOLED}
    stack.open(**login, password="first").close()
    stack.sql("ALTER ROLE guest PASSWORD 'second'")

    def is_let_in() -> bool:
        with suppress(psycopg2.OperationalError):
            stack.open(**login, password="second").close()
            return True
        return False

    wait_for(is_let_in, "the new password counts")
    with pytest.raises(psycopg2.OperationalError, match="password authentication"):
        stack.open(**login, password="first")
