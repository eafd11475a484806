"""Branches: the service on a real branchpg."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest
from branchpg_harness.stack import PASSWORD, Stack
from workspace_harness.client import wait_for
from workspace_harness.service import ServiceThread

from servicekit.settings import load
from workspace_api.migrations.runner import migrate
from workspace_api.settings import Settings, target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workspace_harness.client import Client

pytestmark = pytest.mark.timeout(180)  # a busy machine starts processes slowly


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """All of branchpg."""
    with Stack() as made:
        yield made


def settings(stack: Stack, **given: Any) -> dict[str, Any]:
    return {
        "port": 0,
        "neon_port": stack.ports["compute"]["pg"],
        "neon_password": PASSWORD,
        "branchpg_api": f"http://127.0.0.1:{stack.ports['pageserver']['http']}",
        "branchpg_compute": f"http://127.0.0.1:{stack.ports['compute']['http']}",
        "branchpg_safekeepers": f"127.0.0.1:{stack.ports['safekeeper1']['http']}",
        "rate_limit_max": 0,
        "drain_seconds": 0,
        "pool_min": 0,
        "branch_idle_seconds": 1,
        "branch_pools_max": 2,
        **given,
    }


@pytest.fixture(scope="module")
def service(stack: Stack) -> Iterator[ServiceThread]:
    """A service on the branch main."""
    migrate(target(load(Settings, **settings(stack))))
    made = ServiceThread(**settings(stack))
    made.wait_until_ready()
    yield made
    made.stop()


@pytest.fixture
def client(service: ServiceThread) -> Iterator[Client]:
    made = service.client()
    yield made
    made.close()


def create(client: Client, name: str, **given: str) -> None:
    made = client.post("/branches", {"name": name, **given})
    assert made.status == 201, made
    assert made.data["name"] == name


def test_health_names_all_services_that_the_database_is_made_of(
    client: Client,
) -> None:
    wanted = {
        "database": "neon connected",
        "pageserver": "connected",
        "safekeeper": "connected",
        "compute": "connected",
    }
    # Each is given two seconds, which a busy machine may take.
    wait_for(lambda: told_by_health(client) == wanted, "all of them answer")
    assert client.get("//health").json["checks"].keys() == wanted.keys()


def told_by_health(client: Client) -> dict[str, str]:
    checks = client.get("//health").json["checks"]
    return {name: one["message"] for name, one in checks.items()}


def test_a_safekeeper_that_is_gone_is_named_and_the_service_goes_on(
    stack: Stack, service: ServiceThread
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens, and nobody else gets the port
        gone = f"127.0.0.1:{taken.getsockname()[1]}"
        there = f"127.0.0.1:{stack.ports['safekeeper1']['http']}"
        both = settings(stack, branchpg_safekeepers=f"{there}, {gone}")
        made = ServiceThread(**both)
        made.wait_until_ready()
        client = made.client()
        words = f"1 of 2 connected; no answer from {gone}"
        wait_for(lambda: told_by_health(client)["safekeeper"] == words, "it is named")
        health = client.get("//health")
        assert (health.status, health.json["status"]) == (200, "degraded")
        assert client.get("//ready").status == 200
        client.close()
        made.stop()


def test_reads_go_to_the_read_only_endpoint_that_a_url_names_in_its_options(
    stack: Stack, service: ServiceThread
) -> None:
    added = stack.branch("POST", "/main/endpoints", type="read_only")["endpoint"]["id"]

    def sessions() -> int:
        told = json.loads(stack.http("compute").raw("GET", "/endpoints"))
        (found,) = (one["sessions"] for one in told if one["id"] == added)
        return int(found)

    port = stack.ports["compute"]["pg"]
    where = f"postgresql://postgres:{PASSWORD}@127.0.0.1:{port}/workspace"
    url = f"{where}?options=neon_endpoint_type%3Aread_only"
    made = ServiceThread(**settings(stack, replica_database_url=url))
    made.wait_until_ready()
    client = made.client()
    assert sessions() == 0

    def read_there() -> bool:
        # From the other one as long as this one starts.
        assert client.get("/items").status == 200
        return sessions() > 0

    wait_for(read_there, "reads go to the read-only endpoint")
    assert client.item()["title"]
    client.close()
    made.stop()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("endpoint%3Dep-one", None),
        ("project%3Dep-one%20-c%20work_mem%3D9MB", "-c work_mem=9MB"),
        ("-c%20work_mem%3D9MB", "-c work_mem=9MB"),
    ],
)
def test_a_branch_is_not_looked_for_at_an_endpoint_of_another_one(
    given: str, kept: str | None
) -> None:
    made = load(Settings, neon_database_url=f"postgresql://a@h/w?options={given}")
    assert "options" in target(made).settings
    other = target(made, branch="trial")
    assert (other.database, other.settings.get("options")) == ("w@trial", kept)


def test_a_branch_is_made_used_compared_reset_and_deleted(
    client: Client, service: ServiceThread
) -> None:
    kept, other = client.item(title="kept"), client.item(title="other")
    total = client.get("/items").json["total"]
    create(client, "trial")
    shown = {one["name"]: one for one in client.get("/branches").data}
    assert shown["main"]["is_default"] is shown["main"]["is_current"] is True
    assert shown["trial"]["parent"] == "main"
    here = {"X_Branch": "trial"}
    current = [one["name"] for one in client.get("/branches", **here).data]
    assert set(current) == {"main", "trial"}
    assert client.get(f"/items/{kept['id']}", **here).data == kept

    client.put(f"/items/{kept['id']}", {"title": "changed"}, **here)
    client.delete(f"/items/{other['id']}", **here)
    body = {"title": "new", "description": "d", "category": "dashboard"}
    added = client.post("/items", body, **here).data
    assert client.get(f"/items/{kept['id']}").data == kept
    assert client.get(f"/items/{other['id']}?branch=main").status == 200
    # One less, and one more.
    assert client.get("/items?branch=trial").json["total"] == total

    found = client.get("/branches/trial/diff?against=main").data
    assert (found["branch"], found["against"]) == ("trial", "main")
    assert [one["id"] for one in found["removed"]] == [other["id"]]
    assert added["id"] in [one["id"] for one in found["added"]]
    (changed,) = found["changed"]
    assert changed["here"]["title"] == "changed"
    assert changed["there"] == kept
    assert found["truncated"] is False
    back = client.get("/branches/main/diff?against=trial").data
    assert [one["id"] for one in back["added"]] == [other["id"]]

    with service.listen("/api/v1/events?branch=trial") as listener:
        client.put(f"/items/{kept['id']}", {"title": "again"}, **here)
        assert listener.take(1)[0].data["id"] == kept["id"]
        client.put(f"/items/{kept['id']}", {"title": "on main"})
        assert client.post("/branches/trial/reset").status == 200
        # Another history: what was known is not true any more.
        event = listener.next()
        while event is not None and event.kind != "resync":
            event = listener.next()
        assert event is not None
    assert client.get(f"/items/{kept['id']}", **here).data["title"] == "on main"
    assert client.get("/branches/trial/diff").data["changed"] == []

    assert client.delete("/branches/trial").status == 200
    gone = client.get("/items", **here)
    assert (gone.status, gone.error) == (404, "BRANCH_NOT_FOUND")


def test_what_cannot_be_done_with_branches(client: Client) -> None:
    create(client, "once")
    again = client.post("/branches", {"name": "once"})
    assert (again.status, again.error) == (409, "CONFLICT")
    orphan = client.post("/branches", {"name": "x", "parent": "nobody"})
    assert (orphan.status, orphan.error) == (404, "BRANCH_NOT_FOUND")
    assert client.post("/branches", {"name": "a b"}).fields == ["name"]
    for answer in (
        client.get("/items", X_Branch="nobody"),
        client.post("/branches/nobody/reset"),
        client.delete("/branches/nobody"),
        client.get("/branches/nobody/diff"),
        client.get("/branches/once/diff?against=nobody"),
    ):
        assert (answer.status, answer.error) == (404, "BRANCH_NOT_FOUND")
    for answer in (
        client.delete("/branches/main"),
        client.post("/branches/main/reset"),
    ):
        assert (answer.status, answer.error) == (409, "CONFLICT")
    client.delete("/branches/once")


def test_pools_of_branches_are_few_and_close_when_idle(client: Client) -> None:
    def pools() -> set[str]:
        lines = client.get("//metrics").body.decode().splitlines()
        found = (one for one in lines if one.startswith("workspace_api_db_pool_size"))
        return {one.split('"')[1] for one in found}

    for number in range(3):
        create(client, f"many/{number}")
        assert client.get("/items", X_Branch=f"many/{number}").status == 200
        found = pools()
        assert f"branch:many/{number}" in found
        assert len(found) <= 3
    # So that an endpoint may go to sleep.
    wait_for(lambda: pools() == {"main"}, "the pools of branches close")
    for number in range(3):
        assert client.delete(f"/branches/many/{number}").status == 200


def test_a_service_on_a_branch(stack: Stack, client: Client) -> None:
    create(client, "mine")
    made = ServiceThread(**settings(stack, neon_branch="mine"))
    try:
        made.wait_until_ready()
        other = made.client()
        item = other.item()
        assert client.get(f"/items/{item['id']}").status == 404
        assert client.get(f"/items/{item['id']}", X_Branch="mine").data == item
        shown = {one["name"]: one["is_current"] for one in other.get("/branches").data}
        assert (shown["mine"], shown["main"]) == (True, False)
        assert other.delete("/branches/mine").error == "CONFLICT"
        other.close()
    finally:
        made.stop()
    client.delete("/branches/mine")


def test_a_branch_with_another_schema_is_told_apart(
    stack: Stack, client: Client, service: ServiceThread
) -> None:
    create(client, "old")
    stack.sql("UPDATE workspace.schema_version SET version_num = '0000'", branch="old")
    answer = client.get("/items", X_Branch="old")
    assert (answer.status, answer.error) == (409, "BRANCH_OUTDATED")
    assert "migrate --branch old" in answer.json["message"]
    stack.sql("DELETE FROM workspace.schema_version", branch="old")
    migrate(target(service.settings, branch="old"))
    assert client.get("/items", X_Branch="old").status == 200
    client.delete("/branches/old")


def test_writes_through_a_crash_of_the_compute_are_kept(
    stack: Stack, client: Client
) -> None:
    made = [client.item()["id"] for _ in range(5)]
    stack.kill("compute")
    answer = client.get("/items")
    assert (answer.status, answer.error) == (503, "UNAVAILABLE")
    stack.start("compute")
    wait_for(lambda: client.get("/items").status == 200, "the service is back")
    for item in made:
        assert client.get(f"/items/{item}").status == 200
