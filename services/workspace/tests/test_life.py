"""A service's life: its settings, its start, the loss of its database, its end."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from workspace_harness.client import wait_for
from workspace_harness.postgres import Postgres
from workspace_harness.service import ServiceThread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workspace_harness.service import ServiceProcess

pytestmark = pytest.mark.timeout(180)  # a busy machine starts processes slowly


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LIBRARY_DB_STRATEGY", "lowdb"),
        ("LIBRARY_DB_STRATEGY", "Neon"),
        ("PORT", "x"),
        ("AUTH_MODE", "none"),
        ("AUTH_MODE", "api-key"),
        ("AUTH_MODE", "jwt"),
        ("NEON_DATABASE_URL", "mysql://x/y"),
        ("NEON_DATABASE_URL", "postgresql://x:y/z"),
        ("TRUSTED_PROXIES", "nobody"),
        ("POOL_MAX", "0"),
        ("WORKERS", "0"),
        ("NEON_PASSWORD_FILE", "/nowhere/at/all"),
    ],
)
def test_a_wrong_setting_is_an_error_at_the_start(name: str, value: str) -> None:
    # An unknown strategy was silently a file of JSON.
    done = subprocess.run(
        [sys.executable, "-m", "workspace_api"],
        env={**os.environ, name: value},
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert done.returncode == 78, done
    assert done.stderr.startswith("workspace-api: ")
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("workers", ["1", "2"])
def test_sigterm_loses_no_request(
    workers: str,
    postgres: Postgres,
    database: str,
    processes: Callable[..., ServiceProcess],
) -> None:
    """Clients who leave when they are told to, as a balancer does, see no failure."""
    service = processes(DRAIN_SECONDS="5", WORKERS=workers)
    service.wait_until_ready()
    statuses: list[int] = []

    def ask() -> None:
        client = service.client()
        # Of several processes each one has to be asked whether it is ready.
        wait_for(lambda: client.get("//ready").status == 200, "its process is ready")
        told = ""
        while told != "close":
            answer = client.post("/items", body)
            statuses.append(answer.status)
            told = answer.headers.get("connection", "")
        client.close()

    body = {"title": "t", "description": "d", "category": "dashboard"}
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(statuses) > 50, "requests are answered")
    service.terminate()
    for thread in threads:
        thread.join()
    assert service.child.wait(40) == 0
    assert set(statuses) == {201}
    made = postgres.sql(database, "SELECT count(*) FROM workspace.workspace_items")
    assert made == len(statuses)
    assert '"draining"' in service.words()


def test_while_draining_clients_are_told_to_leave(
    processes: Callable[..., ServiceProcess],
) -> None:
    service = processes(DRAIN_SECONDS="5", SHUTDOWN_SECONDS="1")
    service.wait_until_ready()
    client = service.client()
    assert "connection" not in client.get("/items").headers
    with service.listen() as listener:
        service.terminate()
        wait_for(lambda: client.get("//ready").status == 503, "it is not ready")
        found = client.get("/items")
        assert (found.status, found.headers["connection"]) == (200, "close")
        assert client.get("//healthz").status == 200
        assert listener.next() is None
    client.close()
    assert service.child.wait(40) == 0


def test_three_replicas_start_at_once_on_an_empty_database(
    postgres: Postgres, processes: Callable[..., ServiceProcess]
) -> None:
    name = postgres.database(empty=True)
    started = [processes(name) for _ in range(3)]
    for service in started:
        service.wait_until_ready()
    client = started[0].client()
    assert client.get("/categories").json["count"] == 6
    client.close()
    for service in started:
        assert "schema_not_ready" not in service.words()
        service.stop()
    postgres.drop(name)


@pytest.fixture
def own() -> Iterator[Postgres]:
    """A server for one test, which stops it."""
    made = Postgres()
    yield made
    made.close()


def test_a_database_that_is_gone_is_503_and_comes_back(own: Postgres) -> None:
    name = own.database()
    service = ServiceThread(
        port=0,
        library_db_strategy="postgresql",
        postgres_port=own.port,
        postgres_database=name,
        rate_limit_max=0,
        drain_seconds=0,
    )
    try:
        service.wait_until_ready()
        client = service.client()
        kept = client.item()["id"]
        own.stop()
        body = {"title": "t", "description": "d", "category": "dashboard"}
        for _ in range(10):
            for answer in (
                client.get("/items"),
                client.get(f"/items/{kept}"),
                client.post("/items", body),
                client.put(f"/items/{kept}", {"title": "x"}),
                client.get("/events"),
            ):
                assert (answer.status, answer.error) == (503, "UNAVAILABLE")
                assert int(answer.headers["retry-after"]) >= 1
                assert b"127.0.0.1" not in answer.body
        # The breaker is open: nobody waits for a server that is known to be gone.
        started = time.monotonic()
        refused = [client.get("/items").status for _ in range(20)]
        assert set(refused) == {503}
        assert time.monotonic() - started < 10
        health = client.get("//health")
        assert (health.status, health.json["status"]) == (503, "unhealthy")
        assert health.json["checks"]["database"]["status"] == "unhealthy"
        assert client.get("//healthz").status == 200
        own.start()
        wait_for(lambda: client.get("/items").status == 200, "the service is back")
        assert client.get(f"/items/{kept}").status == 200
        assert client.post("/items", body).status == 201
        assert client.get("//health").status == 200
        client.close()
    finally:
        service.stop()


def test_a_service_waits_for_its_database(own: Postgres) -> None:
    name = own.database(empty=True)
    own.stop()
    service = ServiceThread(
        port=0,
        library_db_strategy="postgresql",
        postgres_port=own.port,
        postgres_database=name,
        rate_limit_max=0,
        drain_seconds=0,
        migrate_on_start=False,
    )
    try:
        client = service.client()
        assert client.get("//healthz").status == 200
        assert client.get("//ready").status == 503
        answer = client.get("/items")
        assert (answer.status, answer.error) == (503, "UNAVAILABLE")
        own.start()
        # The schema is left to whoever runs the command.
        told = wait_for(
            lambda: [
                one
                for one in service.events("schema_not_ready")
                if "workspace-api migrate" in one["error"]
            ],
            "it says what to do",
        )
        assert told
        done = subprocess.run(
            [sys.executable, "-m", "workspace_api", "migrate"],
            env={
                **os.environ,
                "LIBRARY_DB_STRATEGY": "postgresql",
                "POSTGRES_PORT": str(own.port),
                "POSTGRES_DATABASE": name,
            },
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert done.returncode == 0, done
        service.wait_until_ready()
        assert client.get("/items").status == 200
        client.close()
    finally:
        service.stop()


def test_a_statement_that_takes_too_long_is_503_and_nothing_else_suffers(
    start: Callable[..., ServiceThread], postgres: Postgres, database: str
) -> None:
    client = start(statement_timeout_ms=300).client()
    item = client.item()["id"]
    with postgres.connect(database) as connection:
        connection.autocommit = False
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE workspace.workspace_items IN SHARE MODE")
            for _ in range(6):
                answer = client.put(f"/items/{item}", {"title": "x"})
                assert (answer.status, answer.error) == (503, "UNAVAILABLE")
                assert answer.headers["retry-after"]
                assert client.get(f"/items/{item}").status == 200
    assert client.put(f"/items/{item}", {"title": "x"}).status == 200
    client.close()


def test_a_replica_is_read_and_the_database_where_it_is_gone(
    start: Callable[..., ServiceThread], postgres: Postgres
) -> None:
    other = postgres.database()
    url = f"postgresql://postgres@127.0.0.1:{postgres.port}/{other}"
    service = start(replica_database_url=url)
    client = service.client()
    item = client.item()
    # What it has not heard of yet is asked for where it was made.
    assert client.get(f"/items/{item['id']}").data == item
    assert client.get("/items").json["total"] == 0
    assert client.get("/items", X_Branch="main").json["total"] == 0
    assert client.get("//health").json["checks"]["replica"]["status"] == "healthy"
    client.close()
    gone = start(replica_database_url="postgresql://postgres@127.0.0.1:1/x").client()
    assert gone.get("/items").json["total"] == 1
    assert gone.get(f"/items/{item['id']}").data == item
    health = gone.get("//health")
    assert (health.status, health.json["status"]) == (200, "degraded")
    gone.close()
    postgres.drop(other)
