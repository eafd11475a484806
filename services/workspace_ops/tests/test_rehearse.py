"""Schema migrations on a branch: what is told, and that nothing is left."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from branchpg.client.attached import AttachedProject
from workspace_ops import revisions
from workspace_ops.database import connected, rows, value
from workspace_ops.rehearse import rehearse

if TYPE_CHECKING:
    from workspace_ops.settings import Settings

pytestmark = pytest.mark.xdist_group("workspace_ops")


def branches(settings: Settings) -> set[str]:
    return {one.name for one in AttachedProject(settings.branchpg()).api.branches()}


@pytest.fixture
def empty(settings: Settings) -> Settings:
    """A branch without a schema."""
    with connected(settings) as connection:
        rows(connection, "DROP SCHEMA workspace CASCADE")
        connection.commit()
    return settings


def test_it_shows_what_a_migration_does_and_leaves_nothing(empty: Settings) -> None:
    before = branches(empty)

    done = rehearse(empty, "head")

    assert done.is_well
    assert done.before == ""
    assert done.after
    assert "+CREATE TABLE workspace.workspace_items" in done.schema_diff
    assert done.seconds > 0
    assert branches(empty) == before
    assert revisions.current(empty) == ""


def test_a_revision_that_nobody_knows_fails(settings: Settings) -> None:
    before = branches(settings)

    done = rehearse(settings, "nosuch")

    assert not done.is_well
    assert "nosuch" in done.error
    assert done.schema_diff == ""
    assert branches(settings) == before


def test_a_migration_that_loses_rows_is_not_well(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(found: Settings, branch: str | None, _revision: str) -> None:
        with connected(found, branch) as connection:
            rows(connection, "DELETE FROM workspace.workspace_categories")
            connection.commit()

    monkeypatch.setattr(revisions, "migrate", lose)

    done = rehearse(settings, "head")

    assert done.lost == ["workspace_categories"]
    assert not done.is_well
    with connected(settings) as connection:
        asked = "SELECT count(*) FROM workspace.workspace_categories"
        assert value(connection, asked) == 6


def test_a_branch_can_be_kept(settings: Settings) -> None:
    done = rehearse(settings, "head", keep=True)

    assert done.branch in branches(settings)


def test_the_diagram_of_the_schema_is_true(settings: Settings) -> None:
    diagram = Path(__file__).parents[3] / "docs/guides/workspace/diagrams/schema.dot"
    tables = re.split(r"<b>(\w+)</b>", diagram.read_text())[1:]
    drawn = {
        name: set(re.findall(r'align="left">(\w+)<', text))
        for name, text in zip(tables[::2], tables[1::2], strict=True)
    }
    asked = (
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = 'workspace' AND table_name = %s"
    )
    with connected(settings) as connection:
        there = {
            name: {column for (column,) in rows(connection, asked, [name])}
            for name in drawn
        }
    assert drawn == there
    assert len(drawn) == 2
