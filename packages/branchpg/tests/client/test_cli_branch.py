"""branch: every command on a real project, with the rules that Neon's users know."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg2
import pytest
import yaml
from branchpg_harness.stack import wait_for


def now():
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.fixture
def name(request, cli):
    """A new branch of this test, with a table `t` that holds 1."""
    name = request.node.name.removeprefix("test_").replace("[", "-").rstrip("]")
    cli("branch", "create", name)
    cli.sql(name, "create table t as select 1 as a")
    return name


def test_a_branch_is_created_and_reached_by_what_is_printed(cli):
    told = cli("branch", "create", "made", "--parent", "main").stdout
    url = told.splitlines()[-1]
    assert url.endswith("/shop@made")
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("select 1")
        assert cursor.fetchone() == (1,)
    connection.close()
    assert "already exists" in cli.error("branch", "create", "made")


def test_formats(cli):
    table = cli.out("branch", "list").splitlines()
    columns = ("Name", "Id", "Current State", "Created At", "Expires At")
    assert [table[0].find(column) for column in columns] == sorted(
        table[0].find(column) for column in columns
    )
    assert table[1].startswith("main [default]")
    as_json = cli.json("branch", "list")
    as_yaml = yaml.safe_load(cli.out("-o", "yaml", "branches", "list"))
    assert as_json == as_yaml
    assert as_json[0]["name"] == "main"
    assert as_json[0]["default"] is True


def test_a_branch_of_the_past_has_what_was_there(cli, name):
    lsn = cli.sql(name, "select pg_current_wal_flush_lsn()")
    time = now()
    cli.sql(name, "insert into t values (2)")
    for way in (
        ["--parent", f"{name}@{lsn}"],
        ["--parent", f"{name}@{time}"],
        ["--parent", name, "--lsn", lsn],
        ["--parent", name, "--timestamp", time],
    ):
        made = cli.json("branch", "create", *way)["branch"]["name"]
        assert cli.sql(made, "select count(*) from t") == "1"
    assert cli.sql(f"{name}@{time}", "select count(*) from t") == "1"
    assert cli.sql(f"{name}@{lsn}", "select count(*) from t") == "1"
    assert cli.sql(name, "select count(*) from t") == "2"


def test_a_point_alone_is_one_of_the_default_branch(cli):
    made = cli.json("branch", "create", "--parent", now())["branch"]
    assert made["parent_id"] == cli.json("branch", "get", "main")["id"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--parent", "nope"], 'branch "nope" was not found'),
        (["--parent", "main@2999-01-01T00:00:00Z"], "is in the future"),
        (["--parent", "main@yesterday"], "is neither an LSN nor a time"),
        (["--lsn", "0/1", "--timestamp", "x"], "begins at one point"),
        (["--lsn", "zz"], "is neither an LSN nor a time"),
        (["--lsn", "0/1"], "invalid branch start lsn"),
        (["--expires-at", "2001-01-01T00:00:00Z"], "in the future"),
        (["--ttl", "31d"], "at most 30 days"),
        (["--ttl", "1h", "--expires-at", "x"], "exclude each other"),
    ],
)
def test_what_cannot_be_made_is_told(cli, arguments, told):
    assert told in cli.error("branch", "create", "x", *arguments)
    assert "x" not in cli.names()


@pytest.mark.parametrize("wrong", ["a b", "a@b", "-a", "", "x" * 257])
def test_names_that_could_not_be_written_are_refused(cli, wrong):
    assert cli("branch", "create", f"--name={wrong}", code=1 if wrong else 0)


def test_options_of_a_new_branch(cli):
    cli("branch", "create", "opts", "--ttl", "2h", "--no-compute")
    found = cli.json("branch", "get", "opts")
    left = datetime.fromisoformat(found["expires_at"]) - datetime.now(UTC)
    assert timedelta(hours=1, minutes=59) < left <= timedelta(hours=2)
    assert found["endpoints"] == []
    cli("branch", "add-compute", "opts", "--type", "read_write")
    assert cli.sql("opts", "select 1") == "1"
    assert "already" in cli.error(
        "branch", "add-compute", "opts", "--type", "read_write"
    )


def test_psql_on_a_new_branch(cli):
    told = cli("branch", "create", "--psql", "--", "-Atc", "select 40 + 2").stdout
    assert told.splitlines()[-1] == "42"


def test_rename_keeps_id_and_data(cli, name):
    before = cli.json("branch", "get", name)["id"]
    cli("branch", "rename", name, "renamed")
    assert cli.json("branch", "get", "renamed")["id"] == before
    assert cli.json("branch", "get", before)["name"] == "renamed"
    assert cli.sql("renamed", "select a from t") == "1"


def test_delete_refuses_parents_defaults_and_protected_ones(cli, name):
    cli("branch", "create", "child", "--parent", name)
    assert "has children: child" in cli.error("branch", "delete", name)
    assert "is the default branch" in cli.error("branch", "delete", "main")
    cli("branch", "protect", "child")
    assert "is protected" in cli.error("branch", "delete", "child")
    assert "is protected" in cli.error("branch", "reset", "child", "--parent")
    assert "[protected]" in cli.out("branch", "get", "child")
    cli("branch", "unprotect", "child")
    cli("branch", "delete", "child", name)
    assert {"child", name}.isdisjoint(cli.names())


def test_reset_takes_the_parents_head_and_keeps_the_connection_string(cli, name):
    cli("branch", "create", "resetting", "--parent", name)
    url = cli.out("connection-string", "resetting")
    cli.sql("resetting", "drop table t")
    cli.sql(name, "insert into t values (2)")
    cli("branch", "reset", "resetting", "--parent")
    assert cli.out("cs", "resetting") == url
    assert cli.sql("resetting", "select count(*) from t") == "2"


def test_restore_to_an_earlier_moment_keeps_what_was(cli, name):
    lsn = cli.sql(name, "select pg_current_wal_flush_lsn()")
    cli.sql(name, "drop table t")
    assert "at some point" in cli.error("branch", "restore", name, "^self")
    hint = cli.error("branch", "restore", name, f"^self@{lsn}")
    assert "--preserve-under-name" in hint
    told = cli.out(
        *("branch", "restore", name, f"^self@{lsn}"),
        *("--preserve-under-name", "the-mistake"),
    )
    assert told.startswith("Restored branch")
    assert "\nBackup branch\n" in told
    assert cli.sql(name, "select a from t") == "1"
    assert cli.sql("the-mistake", "select to_regclass('t') is null") == "t"


def test_restore_from_another_branch_and_from_the_parent(cli, name):
    cli("branch", "create", "restored", "--parent", "main")
    cli("branch", "restore", "restored", name)
    assert cli.sql("restored", "select a from t") == "1"
    cli.sql(name, "insert into t values (2)")
    cli("branch", "restore", "restored", "^parent")
    assert cli.sql("restored", "select count(*) from t") == "2"
    assert "write ^self or ^parent" in cli.error("branch", "restore", name, "^mine")
    assert "names no branch" in cli.error("branch", "restore", name, "0/1")


def test_expiration_is_set_and_cleared(cli, name):
    cli("branch", "set-expiration", name, "--ttl", "1d")
    assert cli.json("branch", "get", name)["expires_at"]
    cli("branch", "set-expiration", name)
    assert cli.json("branch", "get", name)["expires_at"] is None
    assert "default branch" in cli.error("branch", "set-expiration", "main", "--ttl=1d")


def test_the_default_branch_is_the_one_that_is_meant(cli, name):
    cli("branch", "set-default", name)
    try:
        assert cli.out("psql", "--", "-Atc", "select a from t") == "1"
        assert f"{name} [default]" in cli.out("branch", "list")
    finally:
        cli("branch", "set-default", "main")


def test_names_may_hold_slashes(cli):
    cli("branch", "create", "feature/reset")
    assert cli.json("branch", "get", "feature/reset")["name"] == "feature/reset"
    assert cli.sql("feature/reset", "select 1") == "1"
    cli("branch", "reset", "feature/reset", "--parent")
    cli("branch", "delete", "feature/reset")


def test_read_only_endpoints_only_read(cli, name):
    cli("branch", "add-compute", name)
    options = ("psql", name, "--endpoint-type", "read_only", "--")
    assert cli.out(*options, "-Atc", "select a from t") == "1"
    assert "read-only" in cli.error(*options, "-c", "create table u()")


def test_endpoints_are_listed_suspended_and_started(cli, name):
    def state():
        (found,) = (
            one for one in cli.json("endpoint", "list") if one["branch"] == name
        )
        return found["status"]

    assert state() == "running"
    cli("endpoint", "suspend", name)
    assert state() == "empty"
    cli("endpoint", "start", name)
    assert state() == "running"
    assert "was not found" in cli.error("endpoint", "start", "nope")


def test_lsn_and_time_lead_to_each_other(cli, name):
    time = now()
    lsn = cli.out("lsn", name, time)
    found = datetime.fromisoformat(cli.out("time", name, lsn))
    assert found <= datetime.fromisoformat(time) + timedelta(seconds=1)


def test_gc_says_why_things_stay(cli, name):
    told = cli.json("gc", name, "--dry-run")[name]
    assert all(one["reason"] for one in told["decisions"])
    assert "Removed" in cli.out("gc", name)


def test_store_shows_sizes(cli, name):
    told = cli.json("store", "status")
    assert told["store"]["driver"] in {"copy", "reflink"}
    (row,) = (one for one in told["branches"] if one["branch"] == name)
    assert row["logical"] > 1024 * 1024
    assert "Driver" in cli.out("store", "status")


def test_an_image_is_made_only_of_a_project_that_is_stopped(cli):
    assert "runs" in cli.error("store", "init", "--xfs-image", "1G")
    assert "too small" in cli.error("store", "init", "--xfs-image", "1M")


def test_connection_strings_of_other_databases_roles_and_points(cli):
    url = cli.out("cs", "main@0/1", "--database-name", "x", "--role-name", "r")
    assert url.startswith("postgresql://r@localhost:")
    assert url.endswith("/x@main?options=neon_lsn%3A0%2F1")
    assert cli.out("cs", "main", "--ssl", "require").endswith("?sslmode=require")


def test_a_pooled_session_has_the_process_of_the_one_before(cli):
    assert cli.out("cs", "main", "--pooled").endswith("?options=pooler%3Dtrue")
    pid = "main", "--pooled", "--", "-Atc", "select pg_backend_pid()"
    seen = set()

    def is_seen_again():
        found = cli.out("psql", *pid)
        return found in seen or seen.add(found)

    wait_for(is_seen_again, "a process serves a second psql")


def test_the_exit_code_is_psqls(cli):
    cli("psql", "main", "--", "-v", "ON_ERROR_STOP=1", "-c", "select 1/0", code=1)
    cli("psql", "--", "-f", "/nonexistent", code=1)
