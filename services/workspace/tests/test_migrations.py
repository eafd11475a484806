"""The schema: from nothing, again, and from the schemas that were there before."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

from workspace_api.migrations.runner import HEAD, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workspace_harness.postgres import Postgres

pytestmark = pytest.mark.timeout(180)  # a busy machine is slow

_TIMESCALE = """
CREATE SCHEMA workspace;
CREATE TABLE workspace.workspace_categories (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL UNIQUE,
    description text, color text, icon text, display_order int, is_active boolean,
    created_at timestamptz DEFAULT now(), updated_at timestamptz, created_by text);
INSERT INTO workspace.workspace_categories (name, color, icon, display_order, is_active)
VALUES ('Infra Estrutura', '#112233', 'server', 4, true), ('dashboard', '#000000', NULL,
    9, false);
CREATE TABLE workspace.workspace_items (
    id uuid NOT NULL DEFAULT gen_random_uuid(), title text NOT NULL, description text,
    category text, priority text, status text, tags text[], metadata jsonb,
    created_at timestamptz NOT NULL, updated_at timestamptz, created_by text,
    updated_by text, PRIMARY KEY (id, created_at)) PARTITION BY RANGE (created_at);
CREATE TABLE workspace.chunk_1 PARTITION OF workspace.workspace_items
    FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
CREATE TABLE workspace.chunk_2 PARTITION OF workspace.workspace_items DEFAULT;
INSERT INTO workspace.workspace_items (title, description, category, priority, status,
    tags, metadata, created_at, created_by)
SELECT 'Item ' || n, CASE WHEN n % 3 > 0 THEN 'Words' END,
    (ARRAY['dashboard', (SELECT id::text FROM workspace.workspace_categories
        WHERE name = 'Infra Estrutura'), 'Documentação antiga'])[1 + n % 3],
    'high', 'review', ARRAY['t'], CASE WHEN n % 2 = 0 THEN '{"k": 1}'::jsonb END,
    '2025-01-20'::timestamptz + n * interval '1 day', 'ann'
FROM generate_series(1, 30) n;
CREATE TABLE workspace.workspace_audit_log (id serial, what text);
INSERT INTO workspace.workspace_audit_log (what) VALUES ('kept');
"""
_NUMBERED = """
CREATE SCHEMA workspace;
CREATE TABLE workspace.workspace_categories (name varchar(50) PRIMARY KEY,
    display_name varchar(100) NOT NULL UNIQUE, sort_order int, is_active boolean);
INSERT INTO workspace.workspace_categories VALUES ('mine', 'Mine', 7, true);
CREATE TABLE workspace.workspace_items (id serial PRIMARY KEY, title text,
    description text, category varchar(50), priority varchar(20), status varchar(20),
    tags text[], metadata jsonb, created_at timestamptz DEFAULT now(),
    updated_at timestamptz, created_by varchar(100), updated_by varchar(100));
INSERT INTO workspace.workspace_items
    (id, title, description, category, priority, status)
VALUES (7, 'Seven', 'd', 'mine', 'low', 'new'), (41, 'More', 'd', 'mine', 'low', 'new');
"""
_SCRIPTS = sorted(
    one.name
    for one in files("workspace_api.migrations.versions").iterdir()
    if one.name.endswith(".sql")
)
_REVISION = "SELECT version_num FROM workspace.schema_version"
_COUNT = "SELECT count(*)::int FROM workspace.workspace_items"
_INSERT = """
INSERT INTO workspace.workspace_items (title, description, category, priority, status)
VALUES ('t', 'd', 'dashboard', 'low', 'new') RETURNING id::int"""


@pytest.fixture
def empty(postgres: Postgres) -> Iterator[str]:
    """A database without anything."""
    name = postgres.database(empty=True)
    yield name
    postgres.drop(name)


def test_from_nothing_and_again(postgres: Postgres, empty: str) -> None:
    # The foreign key came before its table; a second run failed.
    target = postgres.target(empty)
    migrate(target)
    assert postgres.sql(empty, _INSERT) == 1
    migrate(target)
    assert postgres.sql(empty, _REVISION) == HEAD
    assert postgres.sql(empty, _COUNT) == 1
    rows = postgres.sql(empty, "SELECT * FROM workspace.v_active_items_by_category")
    assert len(rows) == 6
    assert postgres.sql(empty, "TABLE workspace.v_high_priority_items") == []


@pytest.mark.parametrize("script", _SCRIPTS)
def test_a_script_itself_can_be_run_again(
    script: str, postgres: Postgres, empty: str
) -> None:
    migrate(postgres.target(empty))
    postgres.sql(empty, _INSERT)
    postgres.sql(empty, "DELETE FROM workspace.schema_version")
    found = files("workspace_api.migrations.versions").joinpath(script)
    postgres.sql(empty, found.read_text("utf-8"))
    assert postgres.sql(empty, _COUNT) == 1


def test_from_each_revision_to_the_newest_with_all_that_is_there(
    postgres: Postgres, empty: str
) -> None:
    target = postgres.target(empty)
    for name in _SCRIPTS:
        migrate(target, name[:4])
        assert postgres.sql(empty, _REVISION) == name[:4]
        postgres.sql(empty, _INSERT)
    migrate(target)
    assert postgres.sql(empty, _REVISION) == HEAD
    assert postgres.sql(empty, _COUNT) == len(_SCRIPTS)
    changes = "SELECT count(*)::int FROM workspace.changes WHERE kind = 'item.created'"
    assert postgres.sql(empty, changes) == len(_SCRIPTS)


def test_from_the_shape_of_timescale(postgres: Postgres, empty: str) -> None:
    postgres.sql(empty, _TIMESCALE)
    before = postgres.sql(
        empty,
        "SELECT id::text, title, created_at FROM workspace.workspace_items "
        "ORDER BY created_at",
    )
    migrate(postgres.target(empty))
    after = postgres.sql(
        empty,
        "SELECT metadata ->> 'legacy_id', title, created_at "
        "FROM workspace.workspace_items ORDER BY id",
    )
    assert after == before
    assert len(after) == 30
    by_category = (
        "SELECT category, count(*)::int FROM workspace.workspace_items GROUP BY 1"
    )
    assert dict(postgres.sql(empty, by_category)) == {
        "dashboard": 10,
        "infra-estrutura": 10,
        "documentacao-antiga": 10,
    }
    row = postgres.sql(
        empty,
        "SELECT display_name, color, icon, sort_order, is_active "
        "FROM workspace.workspace_categories WHERE name = 'infra-estrutura'",
    )
    assert row == [("Infra Estrutura", "#112233", "server", 4, True)]
    kept = "SELECT metadata ->> 'k', description FROM workspace.workspace_items i "
    assert postgres.sql(empty, kept + "WHERE id = 2") == [("1", "Words")]
    # Old rows stay where they were, under another name; new ones come after them.
    assert postgres.sql(empty, "SELECT what FROM workspace_legacy.workspace_audit_log")
    assert postgres.sql(empty, _INSERT) == 31
    counted = "SELECT sum(items)::int FROM workspace.item_counts"
    assert postgres.sql(empty, counted) == 31
    last = (
        "SELECT id::int FROM workspace.workspace_items ORDER BY position DESC LIMIT 1"
    )
    assert postgres.sql(empty, last) == 31
    migrate(postgres.target(empty))
    assert postgres.sql(empty, counted) == 31


def test_from_the_shape_with_numbers(postgres: Postgres, empty: str) -> None:
    postgres.sql(empty, _NUMBERED)
    migrate(postgres.target(empty))
    rows = postgres.sql(empty, "SELECT id::int, title FROM workspace.workspace_items")
    assert sorted(rows) == [(7, "Seven"), (41, "More")]
    assert postgres.sql(empty, _INSERT) == 42


def test_changes_of_another_cluster_are_taken_over(
    postgres: Postgres, database: str
) -> None:
    """A logical backup brings numbers of transactions that are still to come here."""
    postgres.sql(database, _INSERT)
    postgres.sql(database, "UPDATE workspace.changes SET xid = '99999999999'")
    postgres.sql(database, "SELECT workspace.adopt_changes()")
    ahead = (
        "SELECT count(*)::int FROM workspace.changes "
        "WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())"
    )
    assert postgres.sql(database, ahead) == 0
    assert postgres.sql(database, "SELECT count(*)::int FROM workspace.changes") == 7
