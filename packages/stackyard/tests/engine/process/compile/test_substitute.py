"""Which texts are translated, and which are left alone."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stackyard.engine.process.compile.substitute import Substitution, holds_host

_HOSTS = {"db": "<db>", "api-2": "<api>", "api": "<a>"}
_PATHS = {"/data": "/host/data", "/data/deep": "/host/deep", "/run/secrets/key": "/s"}


def substitution() -> Substitution:
    return Substitution(_HOSTS, _PATHS, (80, 8080))


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("DB_HOST", "db", "<db>"),
        ("PGHOST", "db", "<db>"),
        ("SERVERS", "db,api", "<db>,<a>"),
        ("ANY", "db", "db"),
        ("POSTGRES_DB", "db", "db"),
        ("ANY", "db:5432", "<db>:5432"),
        ("ANY", "api-2:80,api:80", "<api>:80,<a>:80"),
        ("URL", "postgres://db/db", "postgres://<db>/db"),
        ("URL", "postgres://u:p@db:5432/db?x=db", "postgres://u:p@<db>:5432/db?x=db"),
        ("URL", "http://db.example/", "http://db.example/"),
        ("URL", "http://mydb:80/", "http://mydb:80/"),
        ("URL", "http://example/db:80", "http://example/db:80"),
        ("ANY", "a db b", "a db b"),
        ("ANY", "x-db:80", "x-db:80"),
        ("ANY", "db:latest", "db:latest"),
        ("ANY", "/data", "/host/data"),
        ("ANY", "/data/x", "/host/data/x"),
        ("ANY", "/data/deep/x", "/host/deep/x"),
        ("ANY", "/database", "/database"),
        ("ANY", "/x/data", "/x/data"),
        ("PATH", "/bin:/data:/data/x", "/bin:/host/data:/host/data/x"),
        ("ANY", "file=/run/secrets/key", "file=/s"),
        ("ANY", "localhost:80", "localhost:80"),
        ("DB_HOST", "", ""),
    ],
)
def test_variables(name: str, value: str, expected: str):
    assert substitution().variable(name, value) == expected


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["psql", "-h", "db"], "psql -h <db>"),
        (["psql", "--host=db"], "psql --host=<db>"),
        (["psql", "host=db dbname=db"], "psql host=<db> dbname=db"),
        (["nc", "-z", "db", "5432"], "nc -z <db> 5432"),
        (["createdb", "db"], "createdb db"),
        (["sh", "-c", "nc -h db; cat /data/x"], "sh -c nc -h <db>; cat /host/data/x"),
        (["sh", "-c", "cat '/data/x'"], "sh -c cat '/host/data/x'"),
        (["curl", "localhost:80"], "curl localhost:80"),
    ],
)
def test_arguments(argv: list[str], expected: str):
    assert " ".join(substitution().arguments("command", argv)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("curl localhost:80", "curl <self>:80"),
        ("curl http://127.0.0.1:8080/x", "curl http://<self>:8080/x"),
        ("curl http://[::1]:80", "curl http://<self>:80"),
        ("curl localhost:81", "curl localhost:81"),
        ("curl localhost:8081", "curl localhost:8081"),
        ("curl xlocalhost:80", "curl xlocalhost:80"),
        ("curl http://localhost/", "curl http://<self>/"),
    ],
)
def test_beside_a_service_localhost_is_the_replica(text: str, expected: str):
    (shell,) = substitution().arguments("healthcheck", [text], beside=True)
    assert shell.replace("\0self\0", "<self>") == expected
    words = substitution().arguments("healthcheck", text.split(), beside=True)
    assert " ".join(words).replace("\0self\0", "<self>") == expected


def test_localhost_as_a_word_before_its_port():
    words = ["nc", "-z", "localhost", "80"]
    done = substitution().arguments("healthcheck", words, beside=True)
    assert done == ("nc", "-z", "\0self\0", "80")
    other = substitution().arguments("healthcheck", [*words[:3], "81"], beside=True)
    assert other[2] == "localhost"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("DB_HOST", True),
        ("dbhost", True),
        ("REDIS_URL", True),
        ("GHOST_VERSION", True),
        ("NAME", False),
        ("HOSTED_ZONE", False),
    ],
)
def test_names_that_hold_a_host(name: str, expected: bool):
    assert holds_host(name) is expected


def test_every_change_has_a_reason():
    item = substitution()
    item.variable("DB_HOST", "db")
    item.variable("FILE", "/data/x")
    item.variable("ANY", "nothing")
    item.arguments("healthcheck", ["curl", "localhost:80"], beside=True)
    assert [(change.what, change.reason) for change in item.changes] == [
        ("environment.DB_HOST", "db is a service of the project"),
        ("environment.FILE", "/data is mounted"),
        ("healthcheck", "localhost is the service itself"),
    ]


def test_nothing_to_translate():
    item = Substitution({}, {})
    text = "db:80 /data localhost:80"
    assert item.variable("HOST", text) == text
    assert item.arguments("command", [text], beside=True) == (text,)
    assert item.directory("/data") == "/data"


@given(st.text(max_size=40), st.booleans())
def test_a_text_without_any_name_stays(text: str, beside: bool):
    names = (*_HOSTS, *_PATHS, "localhost", "127.0.0.1", "0.0.0.0", "::1")
    assume(not any(name in text for name in names))
    item = substitution()
    assert item.variable("DB_HOST", text) == text
    assert item.arguments("command", [text], beside=beside) == (text,)
    assert item.changes == []


_PIECES = ["db", "api", "api-2", "/data", "/data/deep", ":5432", "://", "@", "-h "]
_MORE = [" ", "/", "x", ".", ",", "=", "localhost", ":80", "'", '"', "host="]


@given(st.lists(st.sampled_from(_PIECES + _MORE), max_size=8).map("".join))
def test_every_piece_of_a_result_was_there_or_is_known(text: str):
    item = Substitution({k: f"\0{k}\0" for k in _HOSTS}, _PATHS, (80,))
    (done,) = item.arguments("command", [text], beside=True)
    assert done.count("\0") % 2 == 0
    back = re.sub("\0(.*?)\0", lambda found: found[1].replace("self", "@self"), done)
    for target, source in _PATHS.items():
        back = back.replace(source, target)
    assert re.sub("@self", "localhost", back) == text
