"""Sessions through the proxy: where they lead, and that they are like direct ones."""

from __future__ import annotations

import contextlib

import psycopg2
import pytest


def test_a_database_stands_for_its_default_branch(proxy):
    assert proxy.ask("SELECT name FROM here") == "main"


def test_what_follows_the_at_sign_is_the_branch(proxy):
    assert proxy.ask("SELECT name FROM here", "app@preview") == "preview"
    assert proxy.ask("SELECT current_database()", "app@preview") == "app"


def test_options_name_the_endpoint(proxy):
    for options in ("endpoint=preview", "project=preview", "endpoint=preview-pooler"):
        assert proxy.ask("SELECT name FROM here", options=options) == "preview"


def test_other_options_reach_postgresql(proxy):
    options = "-c work_mem=123kB endpoint=preview -c application_name=a\\ b"
    with contextlib.closing(proxy.connect(options=options)) as session:
        cursor = session.cursor()
        cursor.execute("SHOW work_mem")
        assert cursor.fetchone() == ("123kB",)
        cursor.execute("SHOW application_name")
        assert cursor.fetchone() == ("a b",)


def test_a_wrong_password_is_postgresqls_to_refuse(proxy):
    with pytest.raises(psycopg2.OperationalError, match="password authentication fail"):
        proxy.connect(password="wrong")


def test_an_unknown_branch_is_named_to_the_client(proxy):
    with pytest.raises(psycopg2.OperationalError) as failure:
        proxy.connect("app@nowhere")
    assert 'branch "nowhere" not found' in str(failure.value)
    assert "branchpg branch list" in str(failure.value)
