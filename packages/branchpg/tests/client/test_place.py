"""Projects on disk: made once, found from anywhere below."""

from __future__ import annotations

import os
import socket
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from branchpg.client import place as places
from branchpg.client import settings
from branchpg.client.place import Link, Place
from branchpg.client.settings import PORTS, Settings
from branchpg.errors import BranchpgError

WANTED = Settings(database="shop", ports=dict.fromkeys(settings.port_names(1), 0))


def test_a_project_keeps_its_secrets_to_itself(place):
    made = places.create(str(place / "db"), WANTED)
    for path in (made.password_file, made.token_file, made.pgpass):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(made.root).st_mode) & 0o066 == 0
    assert (place / "db/.gitignore").read_text() == "*\n"


def test_a_project_is_never_overwritten(place):
    made = places.create(str(place / "db"), WANTED)
    password = made.secret(made.password_file)
    with pytest.raises(BranchpgError, match="is a project already"):
        places.create(str(place / "db"), WANTED)
    assert made.secret(made.password_file) == password


def test_a_directory_with_something_else_stays_as_it_is(place):
    (place / "notes.txt").write_text("mine")
    with pytest.raises(BranchpgError, match="is not empty"):
        places.create(str(place), WANTED)
    assert os.listdir(place) == ["notes.txt"]


def test_a_port_that_is_taken_is_replaced():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = places.free_ports(["compute"], compute=port, host="127.0.0.1")
    assert found["compute"] > port


def test_ports_are_all_different():
    names = settings.port_names(3)
    found = places.free_ports(names, compute=PORTS["compute"], host="127.0.0.1")
    assert len(set(found.values())) == len(names)


def test_a_project_is_found_from_below_beside_and_by_a_link(place):
    made = places.create(str(place / "tree/db"), WANTED)
    (place / "tree/src/deep").mkdir(parents=True)
    (place / "other").mkdir()
    link = Link(str(place / "other/.branchpg"), made.root, "preview")
    (place / "other/.branchpg").write_text(link.text())
    for start in ("tree", "tree/db", "tree/db/data", "tree/src/deep", "other"):
        assert places.find(str(place / start), {}) == made
    assert places.find_link(str(place / "other")) == link


def test_the_variable_comes_first(place):
    places.create(str(place / "db"), WANTED)
    found = places.find(str(place), {"BRANCHPG_PROJECT": "/somewhere"})
    assert found == Place("/somewhere")


def test_no_project_is_an_error_with_a_hint(place):
    with pytest.raises(BranchpgError) as caught:
        places.find(str(place), {})
    assert "branchpg init" in caught.value.hint


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])))
def test_settings_that_are_written_read_as_the_same(place_of_text, name):
    wanted = Settings(database=name, safekeepers=3, pg_version=17, ports=dict(PORTS))
    (place_of_text / settings.FILE).write_text(settings.written(wanted))
    assert settings.load(str(place_of_text)) == wanted


@pytest.fixture(scope="module")
def place_of_text(tmp_path_factory):
    return tmp_path_factory.mktemp("settings")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("x = 1", 'no setting "x"'),
        ("database = 1", "database is no str"),
        ("safekeepers = 2", "safekeepers is 1 or 3"),
        ("[ports]\ncompute = 70000", "compute is no port"),
        ("[", "cannot read"),
    ],
)
def test_settings_that_make_no_sense_are_told(tmp_path, text, complaint):
    (tmp_path / settings.FILE).write_text(text)
    with pytest.raises(BranchpgError, match=complaint):
        settings.load(str(tmp_path))
