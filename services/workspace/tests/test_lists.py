"""Lists of items: filters, orders, pages, totals."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, get_args
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workspace_api.models import ACTIVE_SORTS

if TYPE_CHECKING:
    from workspace_harness.client import Client
    from workspace_harness.postgres import Postgres
    from workspace_harness.service import ServiceThread

pytestmark = pytest.mark.timeout(180)  # a busy machine is slow

_FILL = """
INSERT INTO workspace.workspace_items
    (title, description, category, priority, status, tags, created_at, updated_at)
SELECT 'Title ' || chr(97 + i % 7), 'Words of ' || i,
    (ARRAY['dashboard', 'banco-dados'])[1 + i % 2],
    (ARRAY['low', 'medium', 'high', 'critical'])[1 + i % 4],
    (ARRAY['new', 'review', 'in-progress', 'completed', 'rejected'])[1 + i % 5],
    ARRAY['t' || i % 3], now() - i % 10 * interval '1 hour',
    CASE WHEN i % 2 = 0 THEN now() - i % 5 * interval '1 minute' END
FROM generate_series(1, 60) i"""


@pytest.fixture
def filled(client: Client, postgres: Postgres, database: str) -> Client:
    """A client of a service with 60 items."""
    postgres.sql(database, _FILL)
    return client


def test_limit_and_offset_are_applied(filled: Client) -> None:
    # They were validated, echoed and ignored.
    page = filled.get("/items?limit=7&offset=5").json
    assert (page["count"], page["total"], len(page["data"])) == (7, 60, 7)
    whole = filled.get("/items").json
    assert page["data"] == whole["data"][5:12]
    assert filled.get("/items?offset=100").json["count"] == 0


def test_newest_first_without_an_order(filled: Client) -> None:
    times = [one["created_at"] for one in filled.get("/items").data]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize("sort", get_args(ACTIVE_SORTS))
def test_pages_by_cursor_are_the_whole_list_in_order(filled: Client, sort: str) -> None:
    whole = [one["id"] for one in filled.get(f"/items?sort={sort}").data]
    assert len(whole) == 60
    paged, cursor = [], ""
    while cursor is not None:
        page = filled.get(f"/items?sort={sort}&limit=17{cursor and '&cursor='}{cursor}")
        assert page.json["total"] == 60
        paged += [one["id"] for one in page.data]
        cursor = page.json["next_cursor"]
    assert paged == whole
    reverse = sort[1:] if sort.startswith("-") else f"-{sort}"
    assert [one["id"] for one in filled.get(f"/items?sort={reverse}").data] == whole[
        ::-1
    ]


def test_priority_and_status_are_sorted_by_rank(filled: Client) -> None:
    ranks = ["low", "medium", "high", "critical"]
    found = [one["priority"] for one in filled.get("/items?sort=priority").data]
    assert found == sorted(found, key=ranks.index)
    columns = ["new", "review", "in-progress", "completed", "rejected"]
    found = [one["status"] for one in filled.get("/items?sort=status").data]
    assert found == sorted(found, key=columns.index)


def test_a_cursor_is_of_its_own_order(filled: Client) -> None:
    cursor = filled.get("/items?limit=2").json["next_cursor"]
    answer = filled.get(f"/items?limit=2&sort=title&cursor={cursor}")
    assert (answer.status, answer.fields) == (400, ["cursor"])
    for bad in ("", "x", "%00", "é", cursor[:-4], "W10", "bnVsbA"):
        answer = filled.get(f"/items?cursor={quote(bad)}")
        assert (answer.status, answer.fields) == (400, ["cursor"]), bad
    # Well-formed, but no time.
    answer = filled.get("/items?cursor=WyItY3JlYXRlZF9hdCIsIngiLDFd")
    assert answer.status == 400


def test_filters(filled: Client) -> None:
    def all_have(path: str, **wanted: object) -> int:
        answer = filled.get(path).json
        assert answer["total"] == answer["count"]
        assert answer["total_exact"] is True
        for one in answer["data"]:
            assert {key: one[key] for key in wanted} == wanted
        return int(answer["total"])

    assert all_have("/items?status=review", status="review") == 12
    assert all_have("/items?priority=low", priority="low") == 15
    assert all_have("/items?category=dashboard", category="dashboard") == 30
    assert all_have("/items?tag=t1", tags=["t1"]) == 20
    both = "/items?status=review&category=banco-dados"
    assert all_have(both, status="review", category="banco-dados") == 6
    several = filled.get("/items?status=review&status=new&limit=1").json
    assert several["total"] == 24
    assert filled.get("/items?tag=t1&tag=t2").json["total"] == 40
    assert filled.get("/items?tag=none").json["total"] == 0


def test_search_is_any_part_of_title_description_and_tags(client: Client) -> None:
    client.item(title="Vermelho AZUL", description="x")
    client.item(title="x", description="a 100% of_it\nand C:\\dir")
    client.item(title="x", description="y", tags=["azulejo"])

    def found(text: str) -> int:
        return int(client.get(f"/items?q={quote(text)}").json["total"])

    assert found("azul") == 2
    assert found("melho az") == 1
    assert found("100%") == 1
    assert found("%%%") == 0
    assert found("of_it") == 1
    assert found("_____") == 0
    assert found("c:\\dir") == 1
    assert found("") == 3
    # One or two letters are the beginning of a word.
    assert found("az") == 2
    assert found("zu") == 0
    assert found("an") == 1


def test_unknown_or_repeated_parameters_are_400(client: Client) -> None:
    # What was unknown was ignored.
    for path, field in (
        ("/items?page=1", "page"),
        ("/items?limit=0", "limit"),
        ("/items?limit=1001", "limit"),
        ("/items?limit=x", "limit"),
        ("/items?limit=1&limit=2", "limit"),
        ("/items?offset=-1", "offset"),
        ("/items?status=open", "status.0"),
        ("/items?sort=metadata", "sort"),
        ("/items?sort=id;drop%20table", "sort"),
        ("/items?q=" + "x" * 201, "q"),
        ("/items?q=%00", "q"),
        ("/items?q=%FF", "query"),
        ("/items?" + "&".join(["tag=a"] * 101), "query"),
        ("/items/stats?x=1", "x"),
        ("/categories?order_by=display_order", "order_by"),
        ("/categories?active_only=perhaps", "active_only"),
    ):
        answer = client.get(path)
        assert (answer.status, answer.error) == (400, "VALIDATION_FAILED"), path
        assert answer.fields == [field]


def test_totals_follow_every_kind_of_change(
    client: Client, postgres: Postgres, database: str
) -> None:
    ids = [client.item()["id"] for _ in range(6)]
    client.put(f"/items/{ids[0]}", {"status": "review", "priority": "low"})
    client.post("/items/bulk", {"ids": ids[1:4], "set": {"category": "banco-dados"}})
    client.delete(f"/items/{ids[4]}")
    client.delete(f"/items/{ids[5]}")
    client.post(f"/items/{ids[5]}/restore")
    client.patch("/categories/banco-dados", {"name": "banco"})
    postgres.sql(database, _FILL.replace("banco-dados", "banco"))
    postgres.sql(database, "DELETE FROM workspace.workspace_items WHERE id % 7 = 0")

    def counts() -> object:
        return postgres.sql(
            database,
            "SELECT category, status, priority, sum(items)::int FROM "
            "workspace.item_counts GROUP BY 1, 2, 3 HAVING sum(items) <> 0 "
            "ORDER BY 1, 2, 3",
        )

    kept = counts()
    assert kept == postgres.sql(
        database,
        "SELECT category, status, priority, count(*)::int FROM "
        "workspace.workspace_items GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
    )
    postgres.sql(database, "SELECT workspace.recount()")
    assert counts() == kept


def test_a_total_that_is_not_counted_to_the_end_says_so(
    client: Client, postgres: Postgres, database: str
) -> None:
    postgres.sql(
        database,
        _FILL.replace("series(1, 60)", "series(1, 1050)").replace(
            "'t' || i % 3", "'all'"
        ),
    )
    page = client.get("/items?tag=all&limit=1").json
    assert (page["total"], page["total_exact"]) == (1_000, False)
    page = client.get("/items?limit=1").json
    assert (page["total"], page["total_exact"]) == (1_050, True)


_TEXTS = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=40
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner),
    max_leaves=5,
)
_ROWS = st.fixed_dictionaries(
    {
        "title": _TEXTS,
        "description": _TEXTS,
        "category": _TEXTS,
        "priority": st.sampled_from(["low", "critical"]),
        "status": st.sampled_from(["new", "in-progress"]),
        "tags": st.lists(_TEXTS, max_size=3),
        "metadata": st.dictionaries(_TEXTS, _VALUES, max_size=3),
        "position": st.decimals(-(10**12), 10**12, places=9).map(str),
        "version": st.integers(1, 2**31 - 1),
        "created_at": st.datetimes(
            datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)
        ).map(str),
        "updated_at": st.none() | st.just("2026-01-02 03:04:05.6+05:30"),
        "created_by": st.none() | _TEXTS,
        "updated_by": st.none() | _TEXTS,
    }
)
_WRITE = """
TRUNCATE workspace.workspace_items, workspace.changes, workspace.item_counts;
WITH given AS (SELECT %s::jsonb AS rows),
named AS (INSERT INTO workspace.workspace_categories (name, display_name)
    SELECT DISTINCT row ->> 'category', row ->> 'category'
    FROM given, jsonb_array_elements(rows) row ON CONFLICT DO NOTHING)
SELECT rows FROM given"""
_FILL_AS_GIVEN = """
INSERT INTO workspace.workspace_items SELECT r.* FROM jsonb_populate_recordset(
    NULL::workspace.workspace_items, %s::jsonb) r"""
_AS_STORED = """
SET timezone TO 'UTC';
SELECT to_jsonb(i) || jsonb_build_object('id', id::text,
    'position', trim_scale(position)::text)
FROM workspace.workspace_items i ORDER BY i.id"""


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=st.lists(_ROWS, min_size=1, max_size=20))
def test_whatever_a_row_holds_the_list_and_the_item_say_it(
    shared_service: ServiceThread, postgres: Postgres, rows: list[dict[str, Any]]
) -> None:
    """Rows of any writer: no text of theirs can break the JSON that is put together."""
    database = shared_service.settings.postgres_database
    given = [row | {"id": number} for number, row in enumerate(rows, 1)]
    postgres.sql(database, _WRITE, json.dumps(given))
    postgres.sql(database, _FILL_AS_GIVEN, json.dumps(given))
    found = postgres.sql(database, _AS_STORED)
    stored = [found] if isinstance(found, dict) else [row[0] for row in found]
    client = shared_service.client()
    by_id = sorted(client.get("/items?limit=1000").data, key=lambda one: int(one["id"]))
    assert by_id == stored
    assert [client.get(f"/items/{one['id']}").data for one in stored] == stored
    client.close()


def test_what_was_written_is_in_the_next_list_however_many_ask(
    service: ServiceThread,
) -> None:
    """Lists that are alike are read once for all who wait, and never too early."""

    def write_and_look(_number: int) -> None:
        client = service.client()
        for _ in range(15):
            made = client.item()["id"]
            assert made in [one["id"] for one in client.get("/items?limit=1000").data]
            assert client.delete(f"/items/{made}").status == 200
            found = client.get("/items?limit=1000")
            assert made not in [one["id"] for one in found.data]
        client.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write_and_look, range(8)))
