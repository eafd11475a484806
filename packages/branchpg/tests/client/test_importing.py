"""Clusters and dumps from elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import os

import psycopg2
import pytest
from branchpg_harness.command_line import Cli

from branchpg import spawn
from branchpg.client import Project
from branchpg.client.importing import without_ours
from branchpg.environment import environment
from branchpg.postgres import owner, programs
from branchpg.postgres.cluster import initialise
from branchpg.postgres.server import Server


@pytest.fixture(scope="module")
def cluster(_short):
    """A plain PostgreSQL that runs, with a database `app`."""
    found = programs.find(environment())
    root = _short / "origin"
    data = root / "data"
    data.mkdir(parents=True)
    os.chmod(root, 0o755)
    initialise(found, str(data)) if found.identity is None else None
    if found.identity:
        owner.give_tree(str(root), found.identity)
        initialise(found, str(data))
    (data / "pg_hba.conf").write_text(
        "local all all trust\nlocal replication all trust\n"
    )
    settings = {"unix_socket_directories": str(root), "listen_addresses": ""}
    server = Server.start(found, str(data), settings=settings, log=str(root / "log"))
    asyncio.run(server.wait_until_ready(30))
    dsn = f"host={root} user=cloud_admin"
    run(f"{dsn} dbname=postgres", "create role postgres superuser login")
    run(f"{dsn} dbname=postgres", "create database app owner postgres")
    run(f"{dsn} dbname=app", "create table t as select generate_series(1, 1000) as a")
    yield f"host={root} user=postgres dbname=app"
    asyncio.run(server.stop())


def run(dsn, statement):
    with contextlib.closing(psycopg2.connect(dsn)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone()[0] if cursor.description else None


def test_a_running_cluster_becomes_a_project(cluster, place):
    os.chmod(place, 0o755)
    cli = Cli(place)
    try:
        cli("import", "--from", cluster, "db", "--port", "0")
        assert cli.sql("main", "select count(*) from t") == "1000"
        cli("branch", "create", "x")
        assert cli.sql("x", "select sum(a) from t") == "500500"
        assert not (place / "db/data/import").exists()
        run(cluster, "insert into t values (1)")  # the origin goes on by itself
    finally:
        cli("stop")
    assert Project.open(str(place / "db")).settings.database == "app"


def test_a_cluster_that_cannot_be_reached_leaves_nothing(place):
    cli = Cli(place)
    assert "cannot connect" in cli.error("import", "--from", "host=/nowhere", "db")
    assert not (place / "db").exists()


@pytest.fixture
def dumps(cli, place):
    """The same database in every format of pg_dump."""
    found = programs.find(environment())
    cli("branch", "create", "dumped")
    cli.sql("dumped", "create table d as select generate_series(1, 10) as a")
    url = cli.out("cs", "dumped")
    yield {
        name: _dumped(found, url, str(place / name), option)
        for name, option in {"custom": "c", "directory": "d", "tar": "t"}.items()
    } | {"plain": _dumped(found, url, str(place / "plain"), "p", "-Nneon")}
    cli("branch", "delete", "dumped")


def _dumped(found, url, path, form, *options):
    argv = (f"{found.directory}/pg_dump", url, "-F", form, "-f", path, *options)
    spawn.output(argv, environment=environment())
    return path


def test_a_dump_goes_into_a_branch(cli, dumps):
    for name, path in dumps.items():
        cli("branch", "create", f"from-{name}")
        cli("import", "--dump", path, f"from-{name}")
        assert cli.sql(f"from-{name}", "select count(*) from d") == "10"
        cli("branch", "delete", f"from-{name}")


def test_a_dump_is_taken_over_as_a_whole_or_not_at_all(cli, place):
    (place / "bad.sql").write_text("create table half(); select 1/0;")
    assert "division by zero" in cli.error("import", "--dump", "bad.sql", "main")
    assert cli.sql("main", "select to_regclass('half') is null") == "t"


def test_only_the_schema_neon_is_left_out_of_an_archive():
    ours = (
        "7; 2615 16496 SCHEMA - neon cloud_admin\n"
        "2614; 0 0 ACL - SCHEMA neon cloud_admin\n"
        "220; 1259 16547 VIEW neon branches cloud_admin\n"
    )
    theirs = "222; 1259 16554 TABLE public neon postgres\n; a comment\n"
    assert without_ours(ours + theirs) == theirs
