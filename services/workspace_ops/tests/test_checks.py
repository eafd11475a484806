"""The ten connection tests: all pass on a stack that is well, and each can fail."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from workspace_ops import checks
from workspace_ops.database import connected, rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from workspace_ops.settings import Settings

NAMES = [
    "container_running",
    "postgres_ready",
    "postgres_version",
    "database_exists",
    "schema_exists",
    "tables_exist",
    "record_counts",
    "external_connection",
    "write_operation",
    "neon_branching",
]

pytestmark = pytest.mark.xdist_group("workspace_ops")


def result(settings: Settings, name: str, **subject: int) -> checks.Result:
    check = next(one for one in checks.CHECKS if one.name == name)
    (found,) = checks.run(checks.Subject(settings, **subject), [check])
    return found


def execute(settings: Settings, statement: str) -> None:
    with connected(settings) as connection:
        rows(connection, statement)
        connection.commit()


def test_all_pass_in_their_order(
    settings: Settings, yard: Callable[..., Settings]
) -> None:
    found = checks.run(checks.Subject(yard()))

    assert [one.name for one in found] == NAMES
    assert [one.number for one in found] == list(range(1, 11))
    assert [one.detail for one in found if not one.passed] == []


@pytest.mark.parametrize(
    ("state", "told"),
    [("exited", "is exited"), ("ill", "unhealthy"), ("", "is not there")],
)
@pytest.mark.parametrize("service", ["safekeeper", "pageserver", "compute"])
def test_container_running_fails_for_each_service(
    yard: Callable[..., Settings], service: str, state: str, told: str
) -> None:
    found = result(yard(**{service: state}), "container_running")

    assert not found.passed
    assert told in found.detail
    assert service in found.detail
    assert "up -d" in found.hint


def test_postgres_ready_fails_where_the_server_does_not_answer(
    yard: Callable[..., Settings],
) -> None:
    found = result(yard(exec_fails="no response"), "postgres_ready")

    assert not found.passed
    assert "no response" in found.detail


def test_postgres_version_fails_for_an_old_server(whole: Settings) -> None:
    found = result(whole, "postgres_version", oldest=99)

    assert (found.passed, "older than 99" in found.detail) == (False, True)


def test_database_exists_fails_without_it(whole: Settings) -> None:
    found = result(replace(whole, database="nosuch"), "database_exists")

    assert (found.passed, found.detail) == (False, "there is no database nosuch")


def test_schema_exists_fails_without_it(settings: Settings) -> None:
    execute(settings, "DROP SCHEMA workspace CASCADE")

    found = result(settings, "schema_exists")

    assert (found.passed, "init" in found.hint) == (False, True)


@pytest.mark.parametrize("table", ["workspace_items", "workspace_categories"])
def test_tables_exist_fails_without_one(settings: Settings, table: str) -> None:
    execute(settings, f"DROP TABLE workspace.{table} CASCADE")

    found = result(settings, "tables_exist")

    assert (found.passed, found.detail) == (False, f"missing in workspace: {table}")


def test_record_counts_fails_without_a_category(settings: Settings) -> None:
    execute(settings, "DELETE FROM workspace.workspace_categories")

    found = result(settings, "record_counts")

    assert (found.passed, "no category" in found.detail) == (False, True)


def test_external_connection_fails_where_the_port_is_closed(settings: Settings) -> None:
    found = result(replace(settings, database_port=1), "external_connection")

    assert (found.passed, "refused" in found.detail) == (False, True)


def test_external_connection_fails_where_any_password_will_do(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As with a server that trusts everybody: the wrong password is let in.
    monkeypatch.setattr(checks, "_WRONG_PASSWORD", settings.password)

    found = result(settings, "external_connection")

    assert (found.passed, found.detail) == (False, "a wrong password was let in")


def test_write_operation_fails_where_nothing_can_be_written(settings: Settings) -> None:
    execute(
        settings,
        f'ALTER DATABASE "{settings.database}" SET default_transaction_read_only = on',
    )

    found = result(settings, "write_operation")

    assert (found.passed, "read-only" in found.detail) == (False, True)


def test_write_operation_leaves_nothing(settings: Settings) -> None:
    assert result(settings, "write_operation").passed

    assert result(settings, "record_counts").detail.startswith("0 items")


def test_neon_branching_fails_without_a_pageserver(whole: Settings) -> None:
    found = result(replace(whole, pageserver_port=1), "neon_branching")

    assert not found.passed
    assert found.hint


def test_neon_branching_leaves_no_branch(settings: Settings) -> None:
    from branchpg.client.attached import AttachedProject

    assert result(settings, "neon_branching").passed

    names = [b.name for b in AttachedProject(settings.branchpg()).api.branches()]
    assert not [name for name in names if name.startswith("connection-test")]
