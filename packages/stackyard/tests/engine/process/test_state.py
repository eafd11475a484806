"""Where state lies, and what happens where it cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackyard.engine.errors import StateError
from stackyard.engine.process.blocks import FIRST, LAST, block_of
from stackyard.engine.process.durable import read_json, write_json
from stackyard.engine.process.state import StateRoot, safe_name


@pytest.mark.parametrize(
    ("environment", "root", "expected"),
    [
        ({"XDG_STATE_HOME": "/x"}, False, "/x/stackyard"),
        ({"XDG_STATE_HOME": "/x"}, True, "/x/stackyard"),
        ({"XDG_STATE_HOME": "x", "HOME": "/h"}, False, "/h/.local/state/stackyard"),
        ({}, True, "/var/lib/stackyard"),
    ],
)
def test_where_it_lies(environment: dict[str, str], root: bool, expected: str):
    assert StateRoot.of(environment, root=root).path == Path(expected)


def test_no_home():
    with pytest.raises(StateError, match="HOME is not set") as caught:
        StateRoot.of({}, root=False)
    assert "XDG_STATE_HOME" in caught.value.hint


def test_a_project_is_private(tmp_path: Path):
    state = StateRoot(tmp_path / "root").project("p")
    state.prepare()
    state.prepare()
    assert (state.path / "sockets").stat().st_mode & 0o777 == 0o700
    assert state.path.stat().st_mode & 0o066 == 0
    assert [item.name for item in state.root.projects()] == ["p"]
    assert state.root.volumes() == []


def test_no_projects_where_nothing_was_prepared(tmp_path: Path):
    root = StateRoot(tmp_path / "root")
    assert root.projects() == []
    assert root.volumes() == []


def test_marks_of_equal_names_differ(tmp_path: Path):
    marks = {StateRoot(tmp_path / name).project("p").mark for name in "ab"}
    assert len(marks) == 2
    assert all(mark.startswith("p.") for mark in marks)


@pytest.mark.parametrize("written", ["2\n", "", "x\n"])
def test_state_of_another_version(tmp_path: Path, written: str):
    state = StateRoot(tmp_path).project("p")
    state.prepare()
    (state.path / "version").write_text(written)
    with pytest.raises(StateError, match="understands 1") as caught:
        state.prepare()
    assert "Stackyard that wrote it" in caught.value.hint


def test_a_place_that_cannot_be_written(tmp_path: Path):
    (tmp_path / "file").write_text("")
    state = StateRoot(tmp_path / "file" / "root").project("p")
    with pytest.raises(StateError, match="not a directory") as caught:
        state.prepare()
    assert "XDG_STATE_HOME" in caught.value.hint


@given(st.text(min_size=1, max_size=80))
def test_a_volume_never_leaves_its_directory(name: str):
    path = StateRoot(Path("/root")).volume(name)
    assert path.parts[:3] == ("/", "root", "volumes")
    assert len(path.parts) == 5
    assert ".." not in path.parts


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "..", ".", "", "a\0b", "-a", "ä/..", "²"]
)
def test_hostile_names_are_coded(name: str):
    assert safe_name(name) == "_" + name.encode().hex()


@pytest.mark.parametrize("name", ["p_data", "a.b-c", "0"])
def test_usual_names_stay(name: str):
    assert safe_name(name) == name


def test_volumes_are_listed_by_their_names(tmp_path: Path):
    root = StateRoot(tmp_path)
    names = ["../x", "a/b", "p_data"]
    for name in names:
        root.volume(name).mkdir(parents=True)
    assert root.volumes() == names


def test_names_of_volumes_never_meet():
    names = ["a", "_61", "/", "_2f"]
    assert len({safe_name(name) for name in names}) == len(names)


def test_a_long_hostile_name_fits_a_directory(tmp_path: Path):
    for name in ("/" * 200, "a" * 300):
        StateRoot(tmp_path).volume(name).mkdir(parents=True)


# Blocks of addresses


def test_a_project_keeps_its_block(tmp_path: Path):
    root = StateRoot(tmp_path)
    first = block_of(root.project("p"))
    second = block_of(root.project("q"))
    assert FIRST <= first <= LAST
    assert first != second
    assert block_of(root.project("p")) == first


def test_a_block_that_is_taken_is_passed_over(tmp_path: Path):
    root = StateRoot(tmp_path)
    mine = block_of(root.project("p"))
    write_json(tmp_path / "addresses.json", {"other": mine})
    assert block_of(root.project("p")) != mine


def test_no_block_left(tmp_path: Path):
    blocks = {str(number): number for number in range(FIRST, LAST + 1)}
    write_json(tmp_path / "addresses.json", blocks)
    with pytest.raises(StateError, match="blocks of loopback addresses are taken"):
        block_of(StateRoot(tmp_path).project("p"))


def test_blocks_given_at_the_same_time_differ(tmp_path: Path):
    code = (
        "import sys; from pathlib import Path;"
        "from stackyard.engine.process.blocks import block_of;"
        "from stackyard.engine.process.state import StateRoot;"
        "sys.stdin.read(1);"
        "[block_of(StateRoot(Path(sys.argv[1])).project(f'{sys.argv[2]}{n}'))"
        " for n in range(25)]"
    )
    workers = [
        subprocess.Popen(
            [sys.executable, "-P", "-c", code, str(tmp_path), name],
            stdin=subprocess.PIPE,
            env={"PATH": os.defpath},
        )
        for name in "ab"
    ]
    for worker in workers:
        worker.communicate(b"x")
        assert worker.returncode == 0
    blocks = read_json(tmp_path / "addresses.json")
    assert len(blocks) == len(set(blocks.values())) == 50
