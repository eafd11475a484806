"""Logical backups: what is written comes back, and what is damaged does not."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import msgspec
import pytest

from workspace_ops import logical
from workspace_ops.database import connected, rows, value
from workspace_ops.errors import OperationError

if TYPE_CHECKING:
    from pathlib import Path

    from workspace_ops.settings import Settings

pytestmark = pytest.mark.xdist_group("workspace_ops")

INSERT = """
    INSERT INTO workspace.workspace_items
        (title, description, category, priority, status, tags, metadata)
    SELECT 'Item ' || n, E'Ünïcode \\u2603 and "quotes"', 'dashboard', 'low', 'new',
        ARRAY['a', 'b,c'], '{"deep": {"n": 1}}'
    FROM generate_series(1, 500) AS n
"""


@pytest.fixture
def filled(settings: Settings) -> Settings:
    execute(settings, INSERT)
    return settings


def execute(settings: Settings, statement: str) -> None:
    with connected(settings) as connection:
        rows(connection, statement)
        connection.commit()


def count(settings: Settings) -> int:
    with connected(settings) as connection:
        return int(value(connection, "SELECT count(*) FROM workspace.workspace_items"))


def test_what_was_lost_comes_back(filled: Settings, tmp_path: Path) -> None:
    path = str(tmp_path / "one.dump")
    made = logical.dump(filled, path)
    execute(filled, "DELETE FROM workspace.workspace_items")
    execute(filled, "UPDATE workspace.workspace_categories SET display_name = name")

    done = logical.load(filled, path)

    assert done.tables == made.tables
    assert made.tables["workspace_items"].count == count(filled) == 500
    for file in tmp_path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_items_that_are_there_are_replaced_only_by_force_and_kept_on_a_branch(
    filled: Settings, tmp_path: Path
) -> None:
    path = str(tmp_path / "one.dump")
    logical.dump(filled, path)
    execute(filled, INSERT)

    with pytest.raises(OperationError, match="holds items already") as told:
        logical.load(filled, path)
    assert "--force" in (told.value.hint or "")
    assert count(filled) == 1000

    done = logical.load(filled, path, force=True)
    assert count(filled) == 500
    api_rows = done.before
    from branchpg.client.attached import AttachedProject

    assert api_rows in [
        b.name for b in AttachedProject(filled.branchpg()).api.branches()
    ]


def test_a_damaged_backup_changes_nothing(filled: Settings, tmp_path: Path) -> None:
    path = tmp_path / "one.dump"
    logical.dump(filled, str(path))
    content = bytearray(path.read_bytes())
    path.write_bytes(content[: len(content) // 2])

    with pytest.raises(OperationError, match="pg_restore"):
        logical.load(filled, str(path), force=True)

    assert count(filled) == 500


def test_a_backup_that_is_not_what_it_says_is_told(
    filled: Settings, tmp_path: Path
) -> None:
    path = str(tmp_path / "one.dump")
    made = logical.dump(filled, path)
    table = msgspec.structs.replace(made.tables["workspace_items"], count=501)
    wrong = msgspec.structs.replace(
        made, tables=made.tables | {"workspace_items": table}
    )
    (tmp_path / "one.dump.json").write_bytes(msgspec.json.encode(wrong))

    with pytest.raises(OperationError, match="differs in workspace_items") as told:
        logical.load(filled, path, force=True)

    assert "rollback before-load-" in (told.value.hint or "")


def test_no_file_is_written_over(filled: Settings, tmp_path: Path) -> None:
    path = str(tmp_path / "one.dump")
    logical.dump(filled, path)

    with pytest.raises(OperationError, match="is there already"):
        logical.dump(filled, path)


def test_both_files_are_needed(filled: Settings, tmp_path: Path) -> None:
    path = tmp_path / "one.dump"
    with pytest.raises(OperationError, match="no file"):
        logical.load(filled, str(path))
    logical.dump(filled, str(path))
    (tmp_path / "one.dump.json").unlink()
    with pytest.raises(OperationError, match="is missing"):
        logical.load(filled, str(path))
