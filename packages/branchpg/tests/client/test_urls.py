"""Connection strings: libpq reads from them what was put in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from psycopg2.extensions import parse_dsn

from branchpg.client.points import Point
from branchpg.client.urls import Target
from branchpg.lsn import Lsn

TARGET = Target(host="localhost", port=5433, role="postgres", database="shop")
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


def test_the_default_branch_needs_no_name():
    assert TARGET.url() == "postgresql://postgres@localhost:5433/shop"


def test_the_at_sign_stays_readable():
    target = Target(**{**_fields(), "branch": "feature/a"})
    assert target.url("x").endswith("@localhost:5433/shop@feature/a")


@given(database=TEXT.filter(bool), branch=TEXT, password=TEXT.filter(bool))
def test_libpq_reads_what_was_written(database, branch, password):
    target = Target(**{**_fields(), "database": database, "branch": branch or None})
    read = parse_dsn(target.url(password))
    assert read["dbname"] == target.name
    assert read["password"] == password
    assert (read["host"], read["port"]) == ("localhost", "5433")


def test_a_point_goes_into_the_options():
    target = Target(**{**_fields(), "point": Point(lsn=Lsn(0x15D0A28))})
    assert parse_dsn(target.url())["options"] == "neon_lsn:0/15D0A28"
    assert target.environment()["PGOPTIONS"] == "neon_lsn:0/15D0A28"


def test_a_pooled_one_says_so_beside_the_rest():
    target = Target(**{**_fields(), "read_only": True, "pooled": True})
    options = "neon_endpoint_type:read_only pooler=true"
    assert parse_dsn(target.url())["options"] == options


def _fields():
    return {"host": "localhost", "port": 5433, "role": "postgres", "database": "shop"}
