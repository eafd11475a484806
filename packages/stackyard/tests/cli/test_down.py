"""`yard down`: what it removes, and what it leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Stack

FILE = """
    services:
      web:
        image: alpine
        command: sleep 1000000
        volumes: ["data:/data", "/cache"]
      other:
        image: alpine
        command: sleep 1000000
        volumes: ["shared:/data"]
    volumes:
      data: {}
      shared: {name: shared}
    """


@pytest.fixture
def running(stack: Stack) -> Stack:
    stack.write(FILE)
    stack.yard("up", "-d")
    return stack


def test_volumes_outlive_it(running: Stack) -> None:
    done = running.yard("down", "-t", "0")

    assert "Container demo-web-1 Removed" in done.stderr
    assert "Network demo_default Removed" in done.stderr
    assert running.processes() == []
    assert not running.state.path.exists()
    assert len(running.state.root.volumes()) == 3


def test_unless_asked(running: Stack) -> None:
    done = running.yard("down", "-t", "0", "-v")

    assert "Volume demo_data Removed" in done.stderr
    assert running.state.root.volumes() == []


def test_volumes_can_be_removed_afterwards(running: Stack) -> None:
    running.yard("down", "-t", "0")
    running.yard("down", "-v", "--yes")

    assert running.state.root.volumes() == []


def test_external_volumes_stay(running: Stack) -> None:
    external = FILE.replace("{name: shared}", "{name: shared, external: true}")
    running.write(external)
    running.yard("down", "-t", "0", "-v")

    assert running.state.root.volumes() == ["shared"]


def test_of_one_service_only_what_is_its_own(running: Stack) -> None:
    running.yard("down", "-t", "0", "-v", "web")

    assert running.states() == {"demo-other-1": "running"}
    assert running.state.root.volumes() == ["shared"]


def test_orphans_stay_and_are_told(running: Stack) -> None:
    running.write("services: {new: {image: alpine, command: sleep 1000000}}")
    running.yard("up", "-d")
    done = running.yard("down", "-t", "0")

    assert "Found orphan containers ([demo-other-1 demo-web-1])" in done.stderr
    assert sorted(running.states()) == ["demo-other-1", "demo-web-1"]


@pytest.mark.parametrize("way", ["option", "variable"])
def test_orphans_go_on_request(running: Stack, way: str) -> None:
    running.write("services: {new: {image: alpine, command: sleep 1000000}}")
    running.yard("up", "-d")
    if way == "option":
        running.yard("down", "-t", "0", "--remove-orphans")
    else:
        running.yard("down", "-t", "0", COMPOSE_REMOVE_ORPHANS="true")

    assert not running.state.path.exists()


def test_a_dry_run_removes_nothing(running: Stack) -> None:
    done = running.yard("down", "--dry-run", "-v", "web")

    assert "remove container demo-web-1" in done.stdout
    assert "remove volume demo_data" in done.stdout
    assert len(running.states()) == 2


def test_nothing_to_remove(stack: Stack) -> None:
    stack.write(FILE)

    assert "No resource found to remove" in stack.yard("down").stderr
    assert stack.processes() == []


def test_an_unknown_service(running: Stack) -> None:
    assert "no such service: nope" in running.yard("down", "nope", code=1).stderr


def test_stop_removes_all_data_only_for_the_whole_word(running: Stack) -> None:
    for typed in ("delete\n", "y\n", ""):
        refused = running.yard("stop", "--remove-volumes", code=1, stdin=typed)
        assert "nothing was changed" in refused.stderr
    assert len(running.state.root.volumes()) == 3
    assert running.processes()

    running.yard("stop", "--force", "--remove-volumes", stdin="DELETE\n")

    assert running.processes() == []
    assert running.state.root.volumes() == []


def test_stop_removes_data_of_the_whole_project_only(running: Stack) -> None:
    refused = running.yard("stop", "--remove-volumes", "web", code=1)

    assert "whole project" in refused.stderr
    assert len(running.state.root.volumes()) == 3


def test_a_dry_run_asks_for_no_word_and_removes_nothing(running: Stack) -> None:
    running.yard("stop", "--remove-volumes", "--dry-run")

    assert len(running.state.root.volumes()) == 3
