"""Working trees: one DATABASE_URL, whatever is checked out."""

from __future__ import annotations

import os
import stat
import subprocess

import psycopg2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from branchpg.client.workingtree import database_branch, hook_script, with_variable

LINE = st.text(st.characters(codec="ascii", exclude_characters="\r\n"), max_size=20)


@given(st.lists(LINE), LINE)
def test_other_lines_of_an_env_file_stay(lines, value):
    before = [line for line in lines if "DATABASE_URL" not in line]
    text = "".join(f"{line}\n" for line in before)
    once = with_variable(text, "DATABASE_URL", value)
    assert once.startswith(text)
    twice = with_variable(once, "DATABASE_URL", "other")
    assert twice == f'{text}DATABASE_URL="other"\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 'X="1"\n'),
        ("A=2", 'A=2\nX="1"\n'),
        ("X=old\nA=2\n", 'X="1"\nA=2\n'),
        ("export X = old\r\nA=2\r\n", 'export X="1"\r\nA=2\r\n'),
        ("MY_X=2\n#X=3\n", 'MY_X=2\n#X=3\nX="1"\n'),
    ],
)
def test_a_variable_is_set_on_its_line_or_a_new_one(text, expected):
    assert with_variable(text, "X", "1") == expected


@given(st.text(max_size=200))
def test_every_git_branch_has_a_name_that_can_be_written(name):
    found = database_branch(name)
    assert found
    assert not set(found) & set(" @^\"'\\")
    assert found[0] != "-"


def test_a_hook_is_added_once_and_others_stay():
    once = hook_script("#!/bin/sh\nmake tags\n")
    assert once.startswith("#!/bin/sh\nmake tags\n")
    assert hook_script(once) == once
    assert hook_script("").startswith("#!/bin/sh\n")


@pytest.fixture
def git(cli):
    """A repository with one commit, on `main`."""

    def run(*arguments, **settings):
        argv = ["git", "-c", "user.name=x", "-c", "user.email=x@x", *arguments]
        return subprocess.run(
            argv,
            cwd=settings.get("cwd", cli.directory),
            env=cli.variables | {"HOME": str(cli.directory)},
            check=True,
            capture_output=True,
            text=True,
        )

    run("init", "-q", "-b", "main")
    run("commit", "-q", "--allow-empty", "-m", "first")
    return run


def url(directory):
    for line in (directory / ".env").read_text().splitlines():
        if line.startswith("DATABASE_URL="):
            return line.partition("=")[2].strip('"')
    return None


def value(connection, statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0] if cursor.description else None


def test_checkout_keeps_the_url_and_moves_whoever_is_connected(cli):
    (cli.directory / ".env").write_text("SECRET=1\n")
    cli("branch", "create", "co-1")
    cli.sql("co-1", "create table only_here()")
    assert "--create" in cli.error("branch", "checkout", "co-2")
    cli("branch", "checkout", "co-1")
    before = url(cli.directory)
    assert stat.S_IMODE(os.stat(cli.directory / ".env").st_mode) == 0o600
    connection = psycopg2.connect(before)
    assert value(connection, "select to_regclass('only_here') is not null")
    cli("branch", "checkout", "co-2", "--create")
    with pytest.raises(psycopg2.Error):
        value(connection, "select 1")
    connection.close()
    assert url(cli.directory) == before
    assert (cli.directory / ".env").read_text().startswith("SECRET=1\n")
    connection = psycopg2.connect(before)
    assert value(connection, "select to_regclass('only_here') is null")
    connection.close()


def test_the_branch_that_is_checked_out_is_meant_where_none_is_named(cli):
    cli("branch", "checkout", "co-3", "--create")
    assert "co-3 [current]" in cli.out("branch", "list")
    assert cli.json("branch", "get")["name"] == "co-3"
    assert cli.out("cs").endswith("@co-3")
    (cli.directory / "deep").mkdir()
    cli.directory = cli.directory / "deep"
    assert cli.json("branch", "get")["name"] == "co-3"
    assert "is in use" in cli.out("branch", "prune", "--pattern", "co-3", "--dry-run")


def test_every_git_branch_has_its_database_branch(cli, git):
    cli("git", "install-hook")
    first = url(cli.directory)
    assert cli.json("branch", "get")["name"] == "main"
    git("checkout", "-q", "-b", "hook/a")
    assert cli.json("branch", "get")["name"] == "hook/a"
    cli.sql("hook/a", "create table of_a()")
    git("checkout", "-q", "-b", "hook/b")  # of hook/a, as in git
    assert cli.sql("hook/b", "select to_regclass('of_a') is not null") == "t"
    git("checkout", "-q", "main")
    assert cli.json("branch", "get")["name"] == "main"
    git("branch", "-q", "hook/c")
    git("checkout", "-q", "hook/c")  # not from here: of the default branch
    assert cli.sql("hook/c", "select to_regclass('of_a') is null") == "t"
    assert url(cli.directory) == first
    assert git("status", "--short").stdout == ""
    git("checkout", "-q", "main")
    git("branch", "-q", "-D", "hook/b")
    told = cli.json("branch", "prune", "--git", "--pattern", "hook/*", "--yes")
    assert [one["name"] for one in told if one["delete"]] == ["hook/b"]
    cli("git", "uninstall-hook")
    git("checkout", "-q", "-b", "hook/d")
    assert "hook/d" not in cli.names()


def test_a_hook_never_keeps_git_from_its_work(cli, git, own):
    cli("git", "install-hook")
    cli.variables["BRANCHPG_PROJECT"] = own.place.root  # which does not run
    told = git("checkout", "-b", "hook/e").stderr
    assert "does not run, so the database stays" in told


def test_another_worktree_has_a_url_of_its_own(cli, git, tmp_path):
    cli("git", "install-hook")
    other = cli.directory / "other"
    git("worktree", "add", "-q", "-b", "hook/f", str(other))
    assert url(other).endswith("@HEAD-other")
    assert url(cli.directory).endswith("@HEAD")
    cli.directory = other
    assert cli.json("branch", "get")["name"] == "hook/f"


def test_an_env_file_that_git_would_commit_is_warned_of(cli, git):
    (cli.directory / ".env").write_text("A=1\n")
    git("add", ".env")
    git("commit", "-q", "-m", "a mistake")
    told = cli("branch", "checkout", "main").stderr
    assert "git rm --cached .env" in told
    git("rm", "-q", "--cached", ".env")
    assert cli("branch", "checkout", "main").stderr == ""


def test_outside_of_git_there_is_no_hook(cli):
    assert "not a git repository" in cli.error("git", "install-hook")
