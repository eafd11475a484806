"""Differences of schemas: what is there, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from branchpg.client.schemas import cleaned, unified

LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "\n"]), max_size=12).map("".join)


def test_what_is_random_or_of_versions_is_left_out():
    text = "--\n-- Dumped by pg_dump version 17.10\n\\restrict aB3\n\n"
    text += "CREATE\n\\unrestrict aB3\n"
    assert cleaned(text) == "--\nCREATE\n"


@given(LINES, LINES)
def test_dumps_differ_exactly_where_their_texts_do(old, new):
    lines = list(unified("shop", old, new, labels=("x", "y")))
    assert bool(lines) == (old != new)
    removed = [line[1:] for line in lines[3:] if line.startswith("-")]
    assert all(line in old.splitlines(True) for line in removed)


@pytest.fixture
def changed(cli):
    cli("branch", "create", "changed")
    cli.sql("changed", "create table added (a int)")
    cli.sql("changed", "create database extra")
    yield "changed"
    cli("branch", "delete", "changed")


def test_two_branches_are_compared_in_all_databases(cli, changed):
    text = cli.out("branch", "schema-diff", "main", changed)
    assert "--- a/shop\t(Branch: main)\n+++ b/shop\t(Branch: changed)\n" in text
    assert "+CREATE TABLE public.added (" in text
    assert "--- a/extra" in text
    assert text == cli.out("branches", "sd", "main", changed)


def test_one_database_alone(cli, changed):
    text = cli.out("branch", "sd", "main", changed, "--database", "postgres")
    assert text == ""
    error = cli.error("branch", "sd", "main", changed, "--database", "nope")
    assert 'neither branch has a database "nope"' in error


def test_with_one_or_no_name_parents_and_defaults_are_meant(cli, changed):
    assert "(Branch: main)\n+++" in cli.out("branch", "sd", changed)
    error = cli.error("branch", "sd")
    assert "has no parent" in error
    text = cli.out("branch", "sd", changed, "^parent")
    assert "-CREATE TABLE public.added (" in text


def test_a_branch_is_compared_with_what_it_was(cli, changed):
    lsn = cli.sql(changed, "select pg_current_wal_flush_lsn()")
    cli.sql(changed, "alter table added add b text")
    text = cli.out("branch", "sd", changed, f"^self@{lsn}")
    assert f"(Branch: changed at {lsn})" in text
    assert "-    b text" in text


def test_the_exit_code_tells_only_if_it_is_asked_to(cli, changed):
    cli("branch", "sd", "main", changed)
    cli("branch", "sd", "main", changed, "--exit-code", code=1)
    cli("branch", "sd", changed, changed, "--exit-code")


def test_the_difference_as_json(cli, changed):
    told = cli.json("branch", "sd", "main", changed)
    assert "CREATE TABLE public.added" in told["diff"]
