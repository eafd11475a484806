"""Items over HTTP: made, read, changed, deleted, brought back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from workspace_api.audit import statement
from workspace_api.models import AuditQuery

if TYPE_CHECKING:
    from workspace_harness.client import Client
    from workspace_harness.postgres import Postgres

pytestmark = pytest.mark.timeout(180)  # a busy machine is slow


def test_an_item_comes_back_as_it_was_made(client: Client) -> None:
    wanted = {
        "title": "Título ☃ 𝄞",
        "description": "**bold**\nand lines",
        "category": "analise-dados",
        "priority": "critical",
        "status": "review",
        "tags": ["a", "ção"],
        "metadata": {"deep": {"list": [1, None, "x"]}},
    }
    answer = client.post("/items", wanted)
    assert answer.status == 201
    made = answer.data
    assert {key: made[key] for key in wanted} == wanted
    assert answer.headers["location"] == f"/api/v1/items/{made['id']}"
    assert answer.headers["etag"] == '"1"'
    assert client.get(f"/items/{made['id']}").data == made
    assert made["id"].isdigit()
    assert made["version"] == 1
    assert made["updated_at"] is None
    assert made["created_by"] == "anonymous"
    assert "createdAt" not in made


def test_defaults(client: Client) -> None:
    made = client.item()
    assert (made["status"], made["priority"]) == ("new", "medium")
    assert (made["tags"], made["metadata"]) == ([], {})


def test_metadata_can_be_sent(client: Client) -> None:
    # It was a 500 whatever was in it.
    made = client.item(metadata={})
    changed = client.put(f"/items/{made['id']}", {"metadata": {"x": 1}})
    assert changed.data["metadata"] == {"x": 1}


def test_an_unknown_id_is_404_and_a_malformed_one_400(client: Client) -> None:
    # A malformed one was a 500.
    for method, path, body in (
        ("GET", "/items/{}", None),
        ("PUT", "/items/{}", {"title": "x"}),
        ("PATCH", "/items/{}", {"title": "x"}),
        ("DELETE", "/items/{}", None),
        ("POST", "/items/{}/move", {}),
        ("POST", "/items/{}/restore", None),
    ):
        unknown = client(method, path.format(999), body)
        assert (unknown.status, unknown.error) == (404, "NOT_FOUND"), method
        for bad in ("abc", "-1", "1.5", "9" * 20, str(2**63), "%00", "1;", "%C2%B2"):
            answer = client(method, path.format(bad), body)
            assert answer.status == 400, (method, bad, answer)
            assert answer.error == "VALIDATION_FAILED"
            assert answer.fields == ["id"]


def test_put_and_patch_change_what_they_name(client: Client) -> None:
    made = client.item(tags=["old"])
    path = f"/items/{made['id']}"
    first = client.put(path, {"title": "New", "tags": []}).data
    assert (first["title"], first["tags"], first["version"]) == ("New", [], 2)
    assert first["description"] == made["description"]
    assert first["updated_at"] > made["created_at"]
    assert first["updated_by"] == "anonymous"
    second = client.patch(path, {"priority": "high"}).data
    assert (second["priority"], second["title"]) == ("high", "New")


def test_an_update_of_nothing_is_400(client: Client) -> None:
    # `{}` was accepted.
    made = client.item()
    answer = client.put(f"/items/{made['id']}", {})
    assert (answer.status, answer.error) == (400, "VALIDATION_FAILED")
    answer = client.post("/items/bulk", {"ids": [made["id"]], "set": {}})
    assert answer.status == 400


def test_every_wrong_field_is_named(client: Client) -> None:
    # The field was missing, since the validator's own name for it had changed.
    answer = client.post(
        "/items",
        {
            "title": " ",
            "description": "x" * 2001,
            "category": 5,
            "priority": "urgent",
            "status": "open",
            "tags": ["x" * 51],
            "metadata": [],
            "extra": 1,
        },
    )
    assert (answer.status, answer.error) == (400, "VALIDATION_FAILED")
    fields = "category description extra metadata priority status tags.0 title"
    assert sorted(answer.fields) == fields.split()
    assert all(one["message"] and one["code"] for one in answer.json["errors"])


def test_limits_of_fields(client: Client) -> None:
    assert client.item(title="x" * 200, description="x" * 2000)["id"]
    assert client.item(tags=["x" * 50] * 20)["id"]
    for wrong in (
        {"title": "x" * 201},
        {"tags": ["x"] * 21},
        {"tags": [""]},
        {"metadata": {"x": "y" * 17_000}},
    ):
        body = {"title": "t", "description": "d", "category": "dashboard", **wrong}
        assert client.post("/items", body).status == 400, wrong


def test_an_item_needs_an_active_category(client: Client) -> None:
    body = {"title": "t", "description": "d", "category": "nothing"}
    answer = client.post("/items", body)
    assert (answer.status, answer.fields) == (400, ["category"])
    made = client.item()
    client.patch("/categories/dashboard/toggle")
    answer = client.post("/items", body | {"category": "dashboard"})
    assert (answer.status, answer.fields) == (400, ["category"])
    # What has it may keep it, and be changed otherwise.
    path = f"/items/{made['id']}"
    kept = client.put(path, {"title": "x", "category": "dashboard"})
    assert kept.status == 200
    assert client.put(path, {"category": "nothing"}).fields == ["category"]


def test_etag_if_none_match(client: Client) -> None:
    path = f"/items/{client.item()['id']}"
    found = client.get(path)
    assert found.headers["etag"] == '"1"'
    for tag in ('"1"', 'W/"1"', '"7", "1"', "*"):
        again = client.get(path, If_None_Match=tag)
        assert (again.status, again.body) == (304, b""), tag
        assert again.headers["etag"] == '"1"'
    assert client.get(path, If_None_Match='"2"').status == 200
    assert client.get(path, If_None_Match="rubbish").status == 400


def test_if_match_guards_every_change(client: Client) -> None:
    for method, suffix, body in (
        ("PUT", "", {"title": "x"}),
        ("PATCH", "", {"title": "x"}),
        ("POST", "/move", {"status": "review"}),
        ("DELETE", "", None),
    ):
        path = f"/items/{client.item()['id']}"
        client.put(path, {"priority": "low"})
        late = client(method, path + suffix, body, If_Match='"1"')
        assert (late.status, late.error) == (412, "PRECONDITION_FAILED"), method
        assert late.json["data"]["version"] == 2
        assert late.headers["etag"] == '"2"'
        weak = client(method, path + suffix, body, If_Match='W/"2"')
        assert weak.status == 412
        assert client(method, path + suffix, body, If_Match="2").status == 400
        assert client(method, path + suffix, body, If_Match='"2"').status == 200


def test_a_deleted_item_comes_back_under_its_id(client: Client) -> None:
    made = client.item(tags=["kept"], metadata={"k": 1})
    path = f"/items/{made['id']}"
    gone = client.delete(path)
    assert (gone.status, gone.json["success"]) == (200, True)
    assert gone.json["message"]
    assert client.get(path).status == 404
    assert client.delete(path).status == 404
    back = client.post(f"{path}/restore").data
    left_out = {"version", "updated_at"}
    assert {k: v for k, v in back.items() if k not in left_out} == {
        k: v for k, v in made.items() if k not in left_out
    }
    assert back["version"] > made["version"]
    assert client.get(path).data == back
    again = client.post(f"{path}/restore")
    assert (again.status, again.error) == (409, "CONFLICT")


def test_bulk_changes_all_or_none(client: Client) -> None:
    ids = [client.item()["id"] for _ in range(3)]
    wanted = {"status": "completed", "priority": "high", "category": "banco-dados"}
    missing = client.post("/items/bulk", {"ids": [*ids, "999"], "set": wanted})
    assert missing.status == 404
    assert missing.json["data"] == {"missing": ["999"]}
    assert client.get(f"/items/{ids[0]}").data["status"] == "new"
    done = client.post("/items/bulk", {"ids": ids[::-1], "set": wanted})
    assert [one["id"] for one in done.data] == ids[::-1]
    assert {one["category"] for one in done.data} == {"banco-dados"}
    column = client.get("/items?status=completed&sort=position").data
    assert [one["id"] for one in column] == ids[::-1]


def test_stats(client: Client) -> None:
    # It was behind /:id, and a 500.
    client.item()
    client.item(priority="low", status="review")
    found = client.get("/items/stats").data
    assert found["total"] == 2
    assert found["by_status"]["new"] == found["by_status"]["review"] == 1
    assert found["by_priority"] == {"low": 1, "medium": 1, "high": 0, "critical": 0}
    assert found["by_category"]["dashboard"] == 2


def test_both_bases_are_the_same(client: Client) -> None:
    made = client.item()
    assert client.get(f"//api/items/{made['id']}").data == made
    answer = client.post(
        "//api/items", {"title": "t", "description": "d", "category": "dashboard"}
    )
    assert client.get(f"/{answer.headers['location']}").data == answer.data
    assert client.get("//api/categories").json["count"] == 6


def test_audit_says_who_what_before_and_after(client: Client) -> None:
    made = client.item()
    client.put(f"/items/{made['id']}", {"title": "Other"})
    client.delete(f"/items/{made['id']}")
    found = client.get("/audit?limit=2").json
    deleted, updated = found["data"]
    assert (deleted["action"], deleted["after"]) == ("item.deleted", None)
    assert deleted["before"]["title"] == "Other"
    assert deleted["actor"] == "anonymous"
    assert (updated["action"], updated["subject"]) == ("item.updated", made["id"])
    assert updated["before"]["title"] == "A title"
    assert updated["after"]["title"] == "Other"
    (created,) = client.get(f"/audit?limit=1&cursor={found['next_cursor']}").data
    assert (created["action"], created["before"]) == ("item.created", None)
    assert client.get("/audit?action=item.deleted").json["count"] == 1
    assert client.get("/audit?cursor=x").status == 400


def test_the_history_of_one_item_is_read_by_an_index(
    client: Client, postgres: Postgres, database: str
) -> None:
    made = client.item()
    postgres.sql(
        database,
        "INSERT INTO workspace.changes (kind, subject) "
        "SELECT 'item.updated', 'other' || i FROM generate_series(1, 20000) i; "
        "ANALYZE workspace.changes",
    )
    client.put(f"/items/{made['id']}", {"title": "Other"})
    client.item()
    found = client.get(f"/audit?subject={made['id']}").data
    assert [one["action"] for one in found] == ["item.updated", "item.created"]
    both = client.get(f"/audit?subject={made['id']}&action=item.created").data
    assert both == found[1:]
    words, arguments = statement(AuditQuery(subject=made["id"]))
    given = ", ".join(f"'{one}'" for one in arguments)
    # A generic plan too, which PostgreSQL may come to after five times.
    plan = postgres.sql(
        database,
        "SET plan_cache_mode = force_generic_plan; "
        f"PREPARE q (text, bigint, int, text) AS {words}; EXPLAIN EXECUTE q({given})",
    )
    assert "idx_changes_subject" in str(plan), plan
