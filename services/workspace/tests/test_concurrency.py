"""Many at the same time: no change is lost, none is made twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from workspace_harness.client import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from workspace_harness.client import Answer, Client
    from workspace_harness.postgres import Postgres
    from workspace_harness.service import ServiceThread


def at_once(
    service: ServiceThread, count: int, work: Callable[[Client, int], Any]
) -> list[Any]:
    """Do something as several clients at the same time."""

    def one(number: int) -> Any:
        client = service.client()
        try:
            return work(client, number)
        finally:
            client.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_of_changes_to_one_version_one_wins(
    service: ServiceThread, client: Client
) -> None:
    path = f"/items/{client.item()['id']}"

    def change(mine: Client, number: int) -> Answer:
        return mine.put(path, {"title": f"by {number}"}, If_Match='"1"')

    answers = at_once(service, 12, change)
    assert sorted(one.status for one in answers) == [200] + [412] * 11
    (won,) = (one.data["title"] for one in answers if one.status == 200)
    assert client.get(path).data["title"] == won
    assert all(one.json["data"]["title"] == won for one in answers if one.status == 412)


def test_changes_without_a_condition_all_count(
    service: ServiceThread, client: Client
) -> None:
    path = f"/items/{client.item()['id']}"
    answers = at_once(service, 12, lambda c, n: c.put(path, {"title": f"by {n}"}))
    assert sorted(one.data["version"] for one in answers) == list(range(2, 14))


def test_the_same_key_makes_one_item(service: ServiceThread, client: Client) -> None:
    body = {"title": "once", "description": "d", "category": "dashboard"}

    def make(mine: Client, _number: int) -> Answer:
        return mine.post("/items", body, Idempotency_Key="key-1")

    answers = at_once(service, 12, make)
    assert {one.status for one in answers} == {201}
    assert len({one.body for one in answers}) == 1
    assert len({one.headers["location"] for one in answers}) == 1
    assert client.get("/items").json["total"] == 1
    assert client.post("/items", body, Idempotency_Key="key-2").status == 201
    assert client.get("/items").json["total"] == 2
    other = client.post("/items", body | {"title": "x"}, Idempotency_Key="key-1")
    assert (other.status, other.error) == (409, "CONFLICT")
    for bad in ("", "x" * 256):
        assert client.post("/items", body, Idempotency_Key=bad).status == 400


def test_a_key_is_free_again_where_nothing_was_made(client: Client) -> None:
    body = {"title": "t", "description": "d", "category": "none"}
    assert client.post("/items", body, Idempotency_Key="k").status == 400
    body["category"] = "dashboard"
    assert client.post("/items", body, Idempotency_Key="k").status == 201


def test_a_category_that_goes_meanwhile_is_told(
    service: ServiceThread, client: Client, postgres: Postgres, database: str
) -> None:
    item = client.item()["id"]
    new = {"title": "t", "description": "d", "category": "banco-dados"}
    change = {"category": "banco-dados"}
    asked: tuple[tuple[Any, ...], ...] = (
        ("POST", "/items", new),
        ("PUT", f"/items/{item}", change),
        ("POST", "/items/bulk", {"ids": [item], "set": change}),
    )
    with postgres.connect(database) as connection:
        connection.autocommit = False
        cursor = connection.cursor()
        cursor.execute(
            "DELETE FROM workspace.workspace_categories WHERE name = 'banco-dados'"
        )
        with ThreadPoolExecutor(3) as pool:
            found = [pool.submit(_once, service, *one) for one in asked]
            wait_for(lambda: _waiting(postgres, database) == 3, "they wait for it")
            connection.commit()
        cursor.close()
    assert [one.result().fields for one in found] == [["category"]] * 3
    assert client.get(f"/items/{item}").data["category"] == "dashboard"


def _once(service: ServiceThread, *request: Any) -> Answer:
    client = service.client()
    try:
        return client(*request)
    finally:
        client.close()


def _waiting(postgres: Postgres, database: str) -> int:
    return postgres.sql(
        "postgres",
        "SELECT count(*)::int FROM pg_stat_activity "
        "WHERE datname = %s AND wait_event_type = 'Lock'",
        database,
    )


def test_deletes_and_restores_of_one_item(
    service: ServiceThread, client: Client
) -> None:
    path = f"/items/{client.item()['id']}"
    gone = at_once(service, 8, lambda c, _n: c.delete(path).status)
    assert sorted(gone) == [200] + [404] * 7
    back = at_once(service, 8, lambda c, _n: c.post(f"{path}/restore").status)
    assert sorted(back) == [200] + [409] * 7


def test_bulk_changes_that_overlap_all_get_through(
    service: ServiceThread, client: Client
) -> None:
    ids = [client.item()["id"] for _ in range(30)]

    def change(mine: Client, number: int) -> int:
        mixed = ids[number:] + ids[:number]
        status = ("review", "completed")[number % 2]
        body = {"ids": mixed, "set": {"status": status}}
        return mine.post("/items/bulk", body).status

    assert at_once(service, 8, change) == [200] * 8
    assert client.get("/items").json["total"] == 30
    stats = client.get("/items/stats").data["by_status"]
    assert sorted(stats.values()) == [0, 0, 0, 0, 30]
