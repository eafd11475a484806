"""Categories over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workspace_harness.client import Client


def names(client: Client, query: str = "") -> list[str]:
    return [one["name"] for one in client.get(f"/categories{query}").data]


def test_the_first_six(client: Client) -> None:
    found = client.get("/categories").json
    assert (found["count"], found["total"]) == (6, 6)
    shown = {one["name"]: one["display_name"] for one in found["data"]}
    assert shown == {
        "documentacao": "Documentação",
        "coleta-dados": "Coleta de Dados",
        "banco-dados": "Banco de Dados",
        "analise-dados": "Análise de Dados",
        "gestao-riscos": "Gestão de Riscos",
        "dashboard": "Dashboard",
    }
    assert [one["sort_order"] for one in found["data"]] == [1, 2, 3, 4, 5, 6]


def test_all_fields_are_kept(client: Client) -> None:
    # Colour and icon were accepted and dropped, the order was always 99.
    wanted = {
        "name": "new-one",
        "display_name": "New óne",
        "description": "Words",
        "color": "#12aBef",
        "icon": "star",
        "sort_order": 3,
        "is_active": False,
    }
    made = client.post("/categories", wanted)
    assert made.status == 201
    assert {key: made.data[key] for key in wanted} == wanted
    assert made.headers["location"] == "/api/v1/categories/new-one"
    assert client.get("/categories/new-one").data == made.data
    plain = client.post("/categories", {"name": "xy", "display_name": "Xy"}).data
    assert (plain["color"], plain["sort_order"]) == ("#6B7280", 7)
    changes = {"color": "#000000", "icon": None, "sort_order": 1, "is_active": True}
    done = client.put("/categories/new-one", changes).data
    assert {key: done[key] for key in changes} == changes


def test_names_are_slugs(client: Client) -> None:
    # "BAD NAME!" was accepted.
    for bad in ("BAD NAME!", "a", "-ab", "ab-", "a--b", "á", "x" * 51, "", None, 5):
        body = {"name": bad, "display_name": "x"}
        answer = client.post("/categories", body)
        assert (answer.status, answer.fields) == (400, ["name"]), bad


def test_names_and_display_names_are_taken_once(client: Client) -> None:
    body = {"name": "dashboard", "display_name": "Other"}
    answer = client.post("/categories", body)
    assert (answer.status, answer.error, answer.fields) == (409, "CONFLICT", ["name"])
    body = {"name": "other", "display_name": "Dashboard"}
    answer = client.post("/categories", body)
    assert (answer.status, answer.fields) == (409, ["display_name"])
    answer = client.put("/categories/dashboard", {"name": "banco-dados"})
    assert (answer.status, answer.fields) == (409, ["name"])


def test_orders(client: Client) -> None:
    assert names(client, "?order_by=name") == sorted(names(client))
    assert names(client, "?order_by=display_name")[0] == "analise-dados"
    client.put("/categories/coleta-dados", {"description": "x"})
    assert names(client, "?order_by=updated_at")[-1] == "coleta-dados"
    assert len(names(client, "?order_by=created_at")) == 6


def test_an_inactive_one_can_be_made_active_again(client: Client) -> None:
    # It vanished, because the list had active ones only.
    off = client.patch("/categories/dashboard/toggle").data
    assert off["is_active"] is False
    assert "dashboard" in names(client)
    assert "dashboard" not in names(client, "?active_only=true")
    assert client.get("/categories/dashboard").status == 200
    assert client.patch("/categories/dashboard/toggle").data["is_active"] is True


def test_a_new_name_goes_to_its_items(client: Client) -> None:
    item = client.item()
    done = client.put("/categories/dashboard", {"name": "painel"}).data
    assert (done["name"], done["item_count"]) == ("painel", 1)
    assert client.get(f"/items/{item['id']}").data["category"] == "painel"
    assert client.get("/categories/dashboard").status == 404


def test_one_with_items_is_not_deleted(client: Client) -> None:
    item = client.item()
    answer = client.delete("/categories/dashboard")
    assert (answer.status, answer.error) == (409, "CATEGORY_IN_USE")
    assert answer.json["data"] == {"items": 1}
    client.delete(f"/items/{item['id']}")
    assert client.delete("/categories/dashboard").status == 200
    assert client.delete("/categories/dashboard").status == 404
    # What was deleted with it has no category to come back to.
    back = client.post(f"/items/{item['id']}/restore")
    assert (back.status, back.error) == (409, "CONFLICT")


def test_reorder_takes_all_of_them(client: Client) -> None:
    wanted = names(client)[::-1]
    done = client.post("/categories/reorder", {"names": wanted})
    assert [one["name"] for one in done.data] == wanted == names(client)
    for wrong in (wanted[1:], [*wanted, "x"], [*wanted[1:], wanted[1]]):
        answer = client.post("/categories/reorder", {"names": wrong})
        assert (answer.status, answer.fields) == (400, ["names"])


def test_stats_are_reachable(client: Client) -> None:
    # They were behind /:name, and a 404.
    client.item(status="completed")
    found = {one["name"]: one for one in client.get("/categories/stats").data}
    assert found["dashboard"]["total"] == 1
    assert found["dashboard"]["by_status"]["completed"] == 1
    assert found["banco-dados"]["total"] == 0


def test_unknown_names_and_keys(client: Client) -> None:
    assert client.get("/categories/none").status == 404
    assert client.put("/categories/none", {"icon": "x"}).status == 404
    assert client.patch("/categories/none/toggle").status == 404
    assert client.delete("/categories/none").status == 404
    assert client.get("/categories/%00").status == 400
    answer = client.put("/categories/dashboard", {"display_order": 1})
    assert (answer.status, answer.fields) == (400, ["display_order"])
    assert client.put("/categories/dashboard", {}).status == 400
