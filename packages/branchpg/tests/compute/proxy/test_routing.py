"""Where a client wants to go, as a function of what it sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from branchpg.compute.proxy import routing
from branchpg.errors import BadRequest, BranchpgError, Forbidden
from branchpg.wire.startup import Startup, parse, startup_packet

if TYPE_CHECKING:
    from branchpg.compute.proxy.backend import Route

TEXT = st.binary(max_size=40).map(lambda data: data.replace(b"\0", b""))


def way(server_name: str | None = None, **parameters: str) -> Route:
    named = routing.Named(server_name) if server_name else None
    given = {"user": "alice"} | parameters
    encoded = {name.encode(): text.encode() for name, text in given.items()}
    return routing.route(Startup(0, encoded), server_name_endpoint=named)


@pytest.mark.parametrize(
    ("database", "name", "branch"),
    [
        ("app", b"app", None),
        ("app@preview", b"app", "preview"),
        ("a@b@preview", b"a@b", "preview"),
        ("@preview", b"alice", "preview"),
        ("app@feature/x y", b"app", "feature/x y"),
        ("app@Zweig-ü", b"app", "Zweig-ü"),
    ],
)
def test_the_last_at_sign_splits(database, name, branch):
    found = way(database=database)
    assert (found.database, found.branch) == (name, branch)


def test_without_a_database_it_is_the_users_whatever_the_user_is_called():
    found = way(user="joe@home")
    assert (found.database, found.branch) == (b"joe@home", None)


@pytest.mark.parametrize("database", ["app@", "app@\n", "app@" + "x" * 257])
def test_impossible_branch_names_are_refused(database):
    with pytest.raises(BadRequest, match="invalid branch name"):
        way(database=database)


def test_who_names_the_endpoint_in_the_options_has_the_name_taken_literally():
    found = way(database="at@home", options="endpoint=main")
    assert (found.endpoint, found.branch, found.database) == ("main", None, b"at@home")


def test_names_that_disagree_are_refused_in_neons_words():
    with pytest.raises(BadRequest) as failure:
        way("a", options="endpoint=b")
    assert str(failure.value) == (
        "Inconsistent project name inferred from SNI ('a') and project option ('b')."
    )
    with pytest.raises(BadRequest, match="Inconsistent"):
        way(options="endpoint=a project=b")
    assert way("a", options="endpoint=a project=a-pooler").endpoint == "a"


def test_an_endpoint_has_letters_digits_and_hyphens():
    with pytest.raises(BadRequest) as failure:
        way(options="endpoint=a;b")
    assert str(failure.value) == (
        "Project name ('a;b') must contain only alphanumeric characters and hyphen."
    )


@pytest.mark.parametrize(
    ("options", "rest"),
    [
        ("endpoint=e", None),
        ("-c geqo=off endpoint=e --jit=off", b"-c geqo=off --jit=off"),
        ("-c search_path=a,\\ b  project=e", b"-c search_path=a,\\ b"),
        ("-c endpoint=x -c a=b", b"-c endpoint=x -c a=b"),
        ("neon_proxy_params_compat:true -e", b"-e"),
    ],
)
def test_what_is_not_the_proxys_is_passed_on(options, rest):
    assert way(options=options).parameters.get(b"options") == rest


def test_points_in_time():
    assert way(options="neon_lsn:0/ab").lsn == "0/AB"
    assert way(options="neon_timestamp:2026-11-21T10:15:00Z").timestamp
    assert way(options="neon_endpoint_type:read_only").read_only
    for wrong in (
        "neon_lsn:x",
        "neon_timestamp:yesterday",
        "neon_timestamp:2026-11-21T10:15:00",
        "neon_lsn:0/1 neon_timestamp:2026-11-21T10:15:00Z",
        "neon_endpoint_type:x",
        "neon_other:1",
    ):
        with pytest.raises(BadRequest):
            way(options=wrong)


@pytest.mark.parametrize(
    ("name", "endpoint"),
    [
        ("ep-one.localhost", routing.Named("ep-one")),
        ("EP-One-Pooler.LOCALHOST.", routing.Named("ep-one", pooled=True)),
        ("localhost", None),
        ("a.b.localhost", None),
        ("ep-one.example.org", None),
        ("", None),
        (None, None),
    ],
)
def test_the_first_label_before_a_known_domain_is_the_endpoint(name, endpoint):
    assert routing.endpoint_of_server_name(name, ["localhost"]) == endpoint


def test_pooler_after_the_endpoint_or_in_the_options_asks_for_a_pool():
    assert way(options="endpoint=a-pooler").pooled
    assert way(options="endpoint=a project=a-pooler").pooled
    assert way("a", options="endpoint=a-pooler").pooled
    assert way(database="app@preview", options="pooler=true").pooled
    assert routing.with_password(way(), b"endpoint=a-pooler;pw")[0].pooled
    assert not way(options="endpoint=a pooler=false").pooled
    assert not way("a").pooled
    # PostgreSQL does not see it.
    assert way(options="pooler=true -c work_mem=1MB").parameters == {
        b"options": b"-c work_mem=1MB"
    }
    with pytest.raises(BadRequest, match="true or false|invalid pooler"):
        way(options="pooler=maybe")


@pytest.mark.parametrize(
    ("given", "endpoint", "password"),
    [
        (b"endpoint=e;pw", "e", b"pw"),
        (b"project=e$p;w$", "e", b"p;w$"),
        (b"endpoint=e;", "e", b""),
        (b"pw", None, b"pw"),
        (b"endpoint=e", None, b"endpoint=e"),
    ],
)
def test_a_password_may_begin_with_the_endpoint(given, endpoint, password):
    found, rest = routing.with_password(way(), given)
    assert (found.endpoint, rest) == (endpoint, password)


def test_the_superuser_of_the_services_is_nobodys_role():
    with pytest.raises(Forbidden):
        way(user="cloud_admin")
    # PostgreSQL compares bytes: these are other roles, which do not exist.
    for other in ("Cloud_Admin", '"cloud_admin"', "cloud_admin "):
        assert way(user=other).user == other.encode()


@given(st.dictionaries(TEXT, TEXT, max_size=6), TEXT.filter(bool), TEXT, TEXT)
def test_any_parameters_lead_somewhere_or_are_refused(others, user, database, options):
    parameters = others | {b"user": user, b"database": database, b"options": options}
    try:
        found = routing.route(Startup(0, parameters), server_name_endpoint=None)
    except BranchpgError:
        return
    assert found.user == user
    assert found.database
    assert not {b"user", b"database"} & found.parameters.keys()


@given(st.binary(max_size=200))
def test_what_postgresql_gets_is_one_user_and_one_database(junk):
    """Whatever a packet holds, the one that is made of it says what was checked."""
    try:
        wish = parse(b"\0\3\0\0" + junk)
        assert isinstance(wish, Startup)
        found = routing.route(wish, server_name_endpoint=None)
    except BranchpgError:
        return
    again = startup_packet(
        {b"user": found.user, b"database": found.database} | dict(found.parameters)
    )
    repeated = parse(again[4:])
    assert isinstance(repeated, Startup)
    assert repeated.user == found.user != b"cloud_admin"
    assert repeated.database == found.database
