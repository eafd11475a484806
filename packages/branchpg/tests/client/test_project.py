"""Projects and branches from Python."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg2
import pytest

from branchpg.client import Branch, Project
from branchpg.errors import BranchpgError, Conflict, NotFound, PreconditionFailed
from branchpg.lsn import Lsn


def run(branch, statement):
    connection = branch.connect()
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone()[0] if cursor.description else None
    finally:
        connection.close()


def test_a_branch_lives_as_long_as_its_block(project):
    with project.branch("block", parent="main") as branch:
        run(branch, "create table t as select 1 as a")
        assert run(branch, "select a from t") == 1
        assert "block" in [one.name for one in project.branches()]
    with pytest.raises(NotFound):
        project.get("block")


def test_a_branch_begins_at_a_point(project):
    with project.branch() as parent:
        run(parent, "create table t as select 1 as a")
        lsn = Lsn.parse(run(parent, "select pg_current_wal_flush_lsn()::text"))
        time = datetime.now(UTC)
        run(parent, "insert into t values (2)")
        for at in (lsn, str(lsn), time):
            with project.branch(parent=parent.name, at=at) as branch:
                assert run(branch, "select count(*) from t") == 1


def test_reset_and_restore_keep_the_url(project):
    with project.branch() as branch:
        url = branch.url()
        run(branch, "create table t as select 1 as a")
        time = datetime.now(UTC)
        run(branch, "drop table t")
        branch.restore(at=time, preserve_under=f"{branch.name}-kept")
        assert run(branch, "select a from t") == 1
        assert branch.url() == url
        kept = project.get(f"{branch.name}-kept")
        assert run(kept, "select to_regclass('t') is null")
        branch.restore("main")
        branch.reset()
        assert run(branch, "select to_regclass('t') is null")
        kept.delete()


def test_urls_of_other_databases(project):
    with project.branch() as branch:
        assert branch.url().endswith(f"/shop@{branch.name}")
        assert branch.url(database="postgres").endswith(f"/postgres@{branch.name}")
        connection = branch.connect(database="postgres")
        assert connection.info.dbname == f"postgres@{branch.name}"
        connection.close()


def test_expiry_is_a_time_or_how_long(project):
    with project.branch(expires_at=timedelta(hours=1)) as branch:
        left = branch.info.expires_at - datetime.now(UTC)
        assert timedelta(minutes=59) < left <= timedelta(hours=1)


def test_errors_have_classes(project):
    with project.branch("taken"), pytest.raises(Conflict):
        project.branch("taken")
    with pytest.raises(PreconditionFailed):
        project.get("main").delete()
    with pytest.raises(BranchpgError, match="no time zone"):
        project.branch(at=datetime(2026, 1, 1))


def test_a_project_is_opened_by_its_directory_or_not_at_all(project, place):
    assert Project.open(project.place.root).settings == project.settings
    with pytest.raises(BranchpgError, match="is no project"):
        Project.open(str(place))


def test_what_was_made_says_what_it_is(project):
    assert repr(project.get()) == f"<Branch main of {project.place.root}>"
    assert isinstance(project.get(), Branch)


def test_sql_functions_and_the_client_see_the_same(project):
    branch = project.get()
    run(branch, "select neon.create_branch('shop', 'by-sql')")
    assert "by-sql" in [one.name for one in project.branches()]
    project.get("by-sql").delete()
    assert run(branch, "select count(*) from neon.branches where name = 'by-sql'") == 0


def test_a_wrong_password_is_refused(project):
    url = project.get().url().replace(project.password, "wrong")
    with pytest.raises(psycopg2.OperationalError, match="password"):
        psycopg2.connect(url)
