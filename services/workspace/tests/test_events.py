"""The stream of events: nothing is lost, nothing comes twice, order is kept."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest
from workspace_harness.client import wait_for
from workspace_harness.relay import Relay

from workspace_api.stream import EventId, Position

if TYPE_CHECKING:
    from collections.abc import Callable

    from workspace_harness.client import Client, Listener
    from workspace_harness.postgres import Postgres
    from workspace_harness.service import ServiceThread

pytestmark = pytest.mark.timeout(180)  # a busy machine starts processes slowly


def test_every_kind_of_change_is_told(client: Client, service: ServiceThread) -> None:
    with service.listen() as listener:
        assert listener.headers["content-type"].startswith("text/event-stream")
        item = client.item()["id"]
        client.put(f"/items/{item}", {"title": "x"})
        client.delete(f"/items/{item}")
        client.post(f"/items/{item}/restore")
        client.post("/categories", {"name": "other", "display_name": "Other"})
        client.put("/categories/other", {"icon": "x"})
        client.delete("/categories/other")
        told = listener.take(7)
    assert [(one.kind, one.data["id"], one.data["version"]) for one in told] == [
        ("item.created", item, 1),
        ("item.updated", item, 2),
        ("item.deleted", item, 2),
        ("item.created", item, 3),
        ("category.created", "other", None),
        ("category.updated", "other", None),
        ("category.deleted", "other", None),
    ]
    assert {one.data["by"] for one in told} == {"anonymous"}
    assert all(one.data["at"] for one in told)


def test_other_writers_are_heard(
    service: ServiceThread, postgres: Postgres, database: str
) -> None:
    with service.listen() as listener:
        postgres.sql(
            database,
            "INSERT INTO workspace.workspace_items (title, description, category, "
            "priority, status) VALUES ('t', 'd', 'dashboard', 'low', 'new')",
        )
        assert listener.take(1)[0].data["by"] is None


def test_other_replicas_are_heard(start: Callable[..., ServiceThread]) -> None:
    one, other = start(), start()
    with one.listen() as listener:
        client = other.client()
        item = client.item()["id"]
        client.close()
        assert listener.take(1)[0].data["id"] == item
        # The id of one replica is good for another.
        with other.listen(Last_Event_ID=listener.last) as second:
            client = one.client()
            client.put(f"/items/{item}", {"title": "x"})
            client.close()
            assert second.take(1)[0].data["version"] == 2


def test_resume_by_header_and_by_query(client: Client, service: ServiceThread) -> None:
    with service.listen() as listener:
        first = client.item()["id"]
        last = listener.take(1)[0].id
    missed = [client.item()["id"] for _ in range(3)]
    with service.listen(Last_Event_ID=last) as listener:
        assert [one.data["id"] for one in listener.take(3)] == missed
    path = f"/api/v1/events?last_event_id={last}"
    with service.listen(path) as listener:
        assert [one.data["id"] for one in listener.take(3)] == missed
        later = client.item()["id"]
        assert listener.take(1)[0].data["id"] == later
    assert first not in missed


def test_resume_loses_and_doubles_nothing_while_others_write(
    client: Client, service: ServiceThread
) -> None:
    """Eight write; one listens, and leaves and comes back all the time."""
    made: list[str] = []

    def write() -> None:
        mine = service.client()
        made.extend([mine.item()["id"] for _ in range(40)])
        mine.close()

    with service.listen() as first:
        last = first.last
    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    told: list[str] = []
    positions: list[Position] = []
    while len(told) < 320:
        with service.listen(Last_Event_ID=last) as listener:
            for event in listener.take(min(17, 320 - len(told))):
                assert event.kind == "item.created"
                told.append(event.data["id"])
                found = EventId.parse(event.id)
                assert found is not None
                positions.append(found.position)
                last = event.id
    for thread in threads:
        thread.join()
    assert positions == sorted(set(positions))
    assert sorted(told, key=int) == sorted(made, key=int)


def test_a_transaction_that_ends_late_is_not_skipped(
    client: Client, service: ServiceThread, postgres: Postgres, database: str
) -> None:
    insert = (
        "INSERT INTO workspace.workspace_items (title, description, category, priority,"
        " status) VALUES ('late', 'd', 'dashboard', 'low', 'new') RETURNING id::text"
    )
    with service.listen() as listener, postgres.connect(database) as connection:
        connection.autocommit = False
        with connection.cursor() as cursor:
            cursor.execute(insert)
            late = cursor.fetchone()[0]
            early = client.item()["id"]
            connection.commit()
        # By the beginning of their transactions, whichever ended first.
        assert [one.data["id"] for one in listener.take(2)] == [late, early]


def test_an_id_that_is_too_old_or_unknown_is_a_resync(
    client: Client, service: ServiceThread, postgres: Postgres, database: str
) -> None:
    with service.listen() as listener:
        client.item()
        old = listener.take(1)[0].id
    postgres.sql(
        database,
        "UPDATE workspace.stream_floor "
        "SET xid = pg_snapshot_xmin(pg_current_snapshot())",
    )
    client.item()
    for last in (old, "rubbish", ".99999999.1", "abc.1.1", ".1.1"):
        with service.listen(Last_Event_ID=last) as listener:
            event = listener.take(1)[0]
            assert (event.kind, event.data["id"]) == ("resync", None), last
            # And from there on everything.
            item = client.item()["id"]
            assert listener.take(1)[0].data["id"] == item


def test_heartbeats_are_comments(start: Callable[..., ServiceThread]) -> None:
    with start(heartbeat_seconds=0.05).listen() as listener:
        blocks = listener.blocks()
        assert any(": heartbeat" in block for block in (next(blocks), next(blocks)))


def test_who_does_not_read_is_cut_off_and_resumes(
    start: Callable[..., ServiceThread], postgres: Postgres, database: str
) -> None:
    service = start(event_queue_max=50)
    with service.listen() as listener:
        _never_read(listener)
        postgres.sql(
            database,
            "INSERT INTO workspace.workspace_items (title, description, category, "
            "priority, status) SELECT 't', 'd', 'dashboard', 'low', 'new' "
            "FROM generate_series(1, 5000)",
        )
        told = 0
        while listener.next() is not None:
            told += 1
        assert told < 5000
        missing = 5000 - told
        while missing:
            with service.listen(Last_Event_ID=listener.last) as again:
                while missing and again.next() is not None:
                    missing -= 1
                listener.last = again.last


def _never_read(listener: Listener) -> None:
    listener._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)


def test_streams_and_their_connection_end_with_the_client(
    client: Client, service: ServiceThread, postgres: Postgres, database: str
) -> None:
    def listening() -> int:
        return postgres.sql(
            "postgres",
            "SELECT count(*)::int FROM pg_stat_activity WHERE datname = %s "
            "AND query LIKE '%%json_agg(e.%%' AND application_name = %s",
            database,
            "workspace-api",
        )

    def streams() -> bool:
        return b"workspace_api_event_streams 0.0" in client.get("//metrics").body

    with service.listen(), service.listen():
        assert b"workspace_api_event_streams 2.0" in client.get("//metrics").body
        assert listening() == 1
    wait_for(streams, "the streams end")
    wait_for(lambda: listening() == 0, "the connection is closed")


def test_the_stream_goes_on_after_the_connection_broke(
    client: Client, service: ServiceThread, postgres: Postgres, database: str
) -> None:
    with service.listen() as listener:
        first = client.item()["id"]
        assert listener.take(1)[0].data["id"] == first
        postgres.sql(
            "postgres",
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = %s",
            database,
        )
        wait_for(lambda: client.get("/items").status == 200, "the pool is back")
        ids = [client.item()["id"] for _ in range(5)]
        assert [one.data["id"] for one in listener.take(5)] == ids


def test_the_service_goes_on_after_the_server_said_that_it_ends_the_connection(
    start: Callable[..., ServiceThread], postgres: Postgres, database: str
) -> None:
    """And before the connection has ended: asyncpg waits for more of the server."""
    with Relay(postgres.port) as relay:
        service = start(postgres_port=relay.port)
        with service.listen() as listener:
            postgres.sql(
                "postgres",
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = %s AND query LIKE '%%json_agg(e.%%'",
                database,
            )
            wait_for(relay.left.is_set, "the server has left")
            wait_for(lambda: service.events("events_interrupted"), "the hub notes it")
            client = service.client()
            item = client.item()["id"]
            assert listener.take(1)[0].data["id"] == item
            client.close()
