"""Migrations from a real second PostgreSQL, of every old shape."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec
import pytest
from branchpg_harness.stack import wait_for
from workspace_ops_old_schemas import NUMBERED, UUIDS
from workspace_ops_support import execute

from branchpg.client.attached import AttachedProject
from workspace_ops.database import connected, rows, value
from workspace_ops.errors import OperationError
from workspace_ops.migration import run
from workspace_ops.migration.run import Wishes, migrate
from workspace_ops.rollback import rollback

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workspace_ops.settings import Settings

    Old = Callable[[str], str]

pytestmark = pytest.mark.xdist_group("workspace_ops")
ITEMS = "workspace_items"


def asked(settings: Settings, statement: str) -> list[tuple[object, ...]]:
    with connected(settings) as connection:
        return rows(connection, statement)


def count(settings: Settings) -> int:
    with connected(settings) as connection:
        return int(value(connection, "SELECT count(*) FROM workspace.workspace_items"))


def wishes(dsn: str, directory: Path, **more: bool) -> Wishes:
    return Wishes(dsn=dsn, directory=str(directory), **more)


def test_numbered_items_keep_their_numbers(
    settings: Settings, old: Old, tmp_path: Path
) -> None:
    report = migrate(settings, wishes(old(NUMBERED.format(count=2500)), tmp_path))

    table = report.tables[ITEMS]
    assert (report.shape, table.source, table.copied) == ("numbered", 2500, 2500)
    assert table.source_checksum == table.target_checksum
    (item,) = asked(
        settings,
        "SELECT id, title, description, category, priority, status, tags, metadata,"
        " created_at = '2025-01-01 09:07Z', updated_at, created_by"
        " FROM workspace.workspace_items WHERE id = 21",
    )
    assert item == (
        *(21, "Item 7", "Çà et là ☃ 7", "legacy", "critical", "in-progress"),
        *(["tag 7", "two"], {"n": 7, "text": "ü"}, True, None, "ana"),
    )
    # The next item that somebody makes has a number of its own.
    (new,) = asked(
        settings,
        "INSERT INTO workspace.workspace_items (title, description, category, priority,"
        " status) VALUES ('x', 'y', 'legacy', 'low', 'new') RETURNING id",
    )
    assert int(str(new[0])) > 7500
    assert asked(
        settings,
        "SELECT is_active FROM workspace.workspace_categories WHERE name = 'legacy'",
    ) == [(False,)]


def test_items_of_a_partitioned_table_with_uuids_get_numbers(
    settings: Settings, old: Old, tmp_path: Path
) -> None:
    report = migrate(settings, wishes(old(UUIDS.format(count=1200)), tmp_path))

    table = report.tables[ITEMS]
    assert (report.shape, table.copied) == ("uuid", 1200)
    assert table.source_checksum == table.target_checksum
    names = dict(
        asked(
            settings,
            "SELECT category, count(*) FROM workspace.workspace_items GROUP BY 1",
        )
    )
    assert names == {"gestao-de-riscos": 400, "dashboard": 400, "never-listed": 400}
    assert any("never-listed" in text for text in report.mended)
    # In the order in which they were made, and the old ids are kept.
    assert asked(
        settings,
        "SELECT count(*) FROM workspace_ops.migrated_items l"
        " JOIN workspace.workspace_items i ON i.id = l.item_id WHERE legacy_id ~ '-'",
    ) == [(1200,)]
    assert asked(
        settings,
        "SELECT bool_and(ordered) FROM (SELECT created_at >= lag(created_at, 1,"
        " created_at) OVER (ORDER BY id) AS ordered FROM workspace.workspace_items) o",
    ) == [(True,)]


def test_a_dry_run_writes_nothing(settings: Settings, old: Old, tmp_path: Path) -> None:
    dsn = old(NUMBERED.format(count=10))
    before = len(AttachedProject(settings.branchpg()).api.branches())

    report = migrate(settings, wishes(dsn, tmp_path, dry_run=True, backup=True))

    assert (report.tables[ITEMS].source, report.tables[ITEMS].copied) == (10, 0)
    assert list(tmp_path.iterdir()) == []
    assert count(settings) == 0
    assert len(AttachedProject(settings.branchpg()).api.branches()) == before
    assert asked(settings, "SELECT to_regnamespace('workspace_ops')") == [(None,)]


def test_report_and_backup_are_for_the_owner_alone(
    settings: Settings, old: Old, tmp_path: Path
) -> None:
    report = migrate(
        settings, wishes(old(NUMBERED.format(count=10)), tmp_path, backup=True)
    )

    files = {path.name for path in tmp_path.iterdir()}
    assert len(files) == 2
    assert all(stat.S_IMODE(p.stat().st_mode) == 0o600 for p in tmp_path.iterdir())
    with open(report.file, "rb") as file:
        assert msgspec.json.decode(file.read(), type=run.Report).tables == report.tables
    assert os.path.getsize(report.backup) > 0


def test_a_second_run_copies_what_has_come_since(
    settings: Settings, old: Old, tmp_path: Path
) -> None:
    dsn = old(NUMBERED.format(count=10))
    migrate(settings, wishes(dsn, tmp_path))
    execute(
        dsn,
        "INSERT INTO workspace.workspace_items (id, title, category, priority, status)"
        " VALUES (100, 'New', 'dashboard', 'low', 'new')",
    )

    again = migrate(settings, wishes(dsn, tmp_path))

    assert (again.tables[ITEMS].before, again.tables[ITEMS].copied) == (10, 1)
    assert count(settings) == 11


def test_items_of_other_origin_are_left_alone(
    settings: Settings, old: Old, tmp_path: Path
) -> None:
    with connected(settings) as connection:
        rows(
            connection,
            "INSERT INTO workspace.workspace_items (id, title, description, category,"
            " priority, status) VALUES (3, 'Mine', 'x', 'dashboard', 'low', 'new')",
        )
        connection.commit()
    dsn = old(NUMBERED.format(count=10))

    with pytest.raises(OperationError, match="holds 1 items") as told:
        migrate(settings, wishes(dsn, tmp_path))
    assert "--force" in (told.value.hint or "")
    assert count(settings) == 1

    migrate(settings, wishes(dsn, tmp_path, force=True))
    assert count(settings) == 11
    assert asked(
        settings, "SELECT title FROM workspace.workspace_items WHERE id = 3"
    ) == [("Mine",)]


def test_one_row_that_does_not_fit_keeps_all_from_being_written(
    settings: Settings, old: Old, tmp_path: Path
) -> None:
    dsn = old(NUMBERED.format(count=10))
    execute(dsn, "UPDATE workspace.workspace_items SET priority = 'alta' WHERE id = 9")

    report = migrate(settings, wishes(dsn, tmp_path))

    assert not report.is_well
    assert [(one.row, one.field) for one in report.problems] == [("9", "priority")]
    assert count(settings) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_difference_after_writing_undoes_all(
    settings: Settings, old: Old, tmp_path: Path
) -> None:
    with connected(settings) as connection:
        rows(
            connection,
            "CREATE FUNCTION public.spoil() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN NEW.title := upper(NEW.title); RETURN NEW; END $$;"
            " CREATE TRIGGER spoil BEFORE INSERT ON workspace.workspace_items"
            " FOR EACH ROW EXECUTE FUNCTION public.spoil()",
        )
        connection.commit()

    with pytest.raises(OperationError, match="not what was read"):
        migrate(settings, wishes(old(NUMBERED.format(count=10)), tmp_path))

    assert count(settings) == 0


def test_a_run_that_was_killed_leaves_nothing_and_can_be_run_again(
    settings: Settings, old: Old, tmp_path: Path
) -> None:
    dsn = old(NUMBERED.format(count=10))
    with connected(settings) as blocker:
        rows(blocker, "LOCK TABLE workspace.workspace_items IN SHARE MODE")
        child = subprocess.Popen(
            [sys.executable, "-m", "workspace_ops", "migrate", "--from", dsn],
            cwd=tmp_path,
            env={
                **os.environ,
                "WORKSPACE_DB_PASSWORD": settings.password,
                "WORKSPACE_DB_TOKEN": "unused",
                "WORKSPACE_DB_PORT": str(settings.database_port),
                "WORKSPACE_PAGESERVER_HTTP_PORT": str(settings.pageserver_port),
                "WORKSPACE_COMPUTE_HTTP_PORT": str(settings.compute_port),
                "WORKSPACE_DB_ROLE": settings.role,
                "WORKSPACE_BRANCH": settings.branch or "",
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        waits = (
            "SELECT count(*) FROM pg_locks WHERE NOT granted"
            " AND relation = 'workspace.workspace_items'::regclass"
        )

        def blocked() -> bool:
            assert child.poll() is None, child.communicate()
            return asked(settings, waits) != [(0,)]

        try:
            wait_for(blocked, "the migration writes items")
        finally:
            child.send_signal(signal.SIGKILL)
            child.communicate()
        blocker.rollback()
    assert count(settings) == 0

    assert migrate(settings, wishes(dsn, tmp_path)).tables[ITEMS].copied == 10


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("SELECT 1", "no table workspace_items"),
        ("CREATE TABLE workspace_items (id int)", "lacks category"),
    ],
)
def test_a_database_that_is_no_workspace(
    settings: Settings, old: Old, tmp_path: Path, script: str, told: str
) -> None:
    with pytest.raises(OperationError, match=told):
        migrate(settings, wishes(old(script), tmp_path))


def test_a_database_that_cannot_be_reached(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(OperationError, match="cannot connect to the old database"):
        migrate(settings, wishes("host=127.0.0.1 port=1", tmp_path))


@pytest.mark.timeout(180)
def test_ten_thousand_items_are_rolled_back(
    settings: Settings, old: Old, tmp_path: Path
) -> None:
    with connected(settings) as connection:
        rows(
            connection,
            "UPDATE workspace.workspace_categories SET color = '#000000'"
            " WHERE name = 'dashboard'",
        )
        connection.commit()
    report = migrate(settings, wishes(old(NUMBERED.format(count=10_000)), tmp_path))
    assert count(settings) == 10_000

    done = rollback(settings, report.before)

    assert count(settings) == 0
    assert asked(
        settings,
        "SELECT color FROM workspace.workspace_categories WHERE name = 'dashboard'",
    ) == [("#000000",)]
    with connected(settings, done.preserved) as connection:
        assert (
            value(connection, "SELECT count(*) FROM workspace.workspace_items")
            == 10_000
        )
    # The goal is five minutes; it takes far less than a second.
    assert done.seconds < 300
    print(json.dumps({"rollback_seconds": done.seconds}))
