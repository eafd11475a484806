"""Supervisor and keeper are killed at any moment; nothing is lost or left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from process_support import eventually
from project_support import SERVER, ask, errors, gone

from stackyard.engine.errors import SupervisorError
from stackyard.engine.process.durable import Journal, read_journal
from stackyard.engine.process.identity import ProcessIdentity
from stackyard.engine.process.keeper import records
from stackyard.engine.process.lock import take_lock
from stackyard.engine.process.protocol import DownCommand, ServicesCommand

if TYPE_CHECKING:
    from project_support import Project

    from stackyard.engine.process.protocol import Command

pytestmark = pytest.mark.filterwarnings("ignore:subprocess:ResourceWarning")

TWO = """
services:
  web: {image: own/web, command: sleep 600, depends_on: [db]}
  db: {image: own/db, command: sleep 601}
"""
RUNNING = {"web-1": "running", "db-1": "running"}
TEN = (
    (
        """
services:
  web:
    image: o
    entrypoint: [PYTHON, -S, -c, SERVER]
    command: [hello]
    ports: ["8000"]
  sick:
    image: o
    command: sleep 600
    healthcheck: {test: test -e well, interval: 50ms, retries: 1}
  ends: {image: o, command: sh -c "while test ! -e end; do sleep 0.02; done; exit 7"}
"""
        + "".join(f"  s{n}: {{image: o, command: sleep 600}}\n" for n in range(7))
    )
    .replace("PYTHON", sys.executable)
    .replace("SERVER", json.dumps(SERVER))
)


def pids(project: Project) -> dict[str, int]:
    return {item.service: item.pid for item in project.containers() if item.up}


def test_services_outlive_the_supervisor(project: Project):
    project.up(TEN)
    eventually(lambda: project.one("sick").health == "unhealthy")
    port = project.published("web")
    before = pids(project)
    assert len(before) == 10
    assert eventually(lambda: ask(port)) == "hello"
    project.kill_supervisor()
    assert not any(gone(pid) for pid in before.values())
    assert ask(port) == "hello"
    (project.directory / "end").touch()
    (project.directory / "well").touch()
    eventually(lambda: gone(before["ends"]))
    after = pids(project)  # of another supervisor
    assert after == {key: pid for key, pid in before.items() if key != "ends"}
    ended = project.one("ends")
    assert (ended.state, ended.exit_code, ended.code_known) == ("exited", 7, True)
    eventually(lambda: project.one("sick").health == "healthy")
    assert project.published("web") == port
    assert ask(port) == "hello"


def test_services_outlive_the_keeper(project: Project):
    project.up(TEN)
    port = project.published("web")
    before = pids(project)
    keeper = project.pid_of("keeper")
    project.kill_keeper()
    assert eventually(lambda: project.client.snapshot().keeper_pid) != keeper
    assert pids(project) == before
    assert ask(port) == "hello"
    (project.directory / "end").touch()
    eventually(lambda: project.one("ends").state == "exited")
    assert not project.one("ends").code_known
    assert errors(project.do("restart", "s0")) == []
    assert pids(project)["s0"] != before["s0"]


def test_services_outlive_both(project: Project):
    project.up(TWO)
    before = pids(project)
    project.kill_supervisor()
    project.kill_keeper()
    assert pids(project) == before


def test_an_edge_that_died_comes_back(project: Project):
    project.up(TEN)
    port = project.published("web")
    assert eventually(lambda: ask(port)) == "hello"
    project._kill("edge")
    assert eventually(lambda: ask(port)) == "hello"


def test_a_policy_goes_on_after_the_supervisor(project: Project):
    project.up("services: {a: {image: o, command: sleep 600, restart: always}}")
    pid = project.one("a").pid
    project.kill_supervisor()
    identity = ProcessIdentity.of(pid)
    assert identity is not None
    identity.send(9)
    eventually(lambda: gone(pid))
    eventually(lambda: project.one("a").pid not in {0, pid})
    item = project.one("a")
    assert (item.state, item.restarts) == ("running", 1)


def prepared(project: Project, name: str) -> Command:
    """What is interrupted: a command, on what it acts on."""
    if name == "up":
        return project.order(TWO)
    project.up(TWO)
    if name == "down":
        return DownCommand(remove_orphans=True, grace=5.0)
    if name == "restart":
        return ServicesCommand(grace=5.0)
    return project.order(TWO.replace("sleep 6", "sleep 7"))


@pytest.mark.timeout(120)
@pytest.mark.parametrize("first", range(2))
@pytest.mark.parametrize("name", ["up", "replace", "restart", "down"])
def test_a_supervisor_killed_at_any_step(project: Project, name: str, first: int):
    """The next one finishes the command; here, after every second message."""
    for after in range(first, 100, 2):
        command = prepared(project, name)
        kind = "up" if name == "replace" else name
        killed = project.interrupt(kind, command, after=after)
        if name == "down":
            eventually(lambda: not project.client.has_state or project.settled())
            eventually(lambda: not project.state.path.exists())
        else:
            eventually(project.settled)
            assert project.states() == RUNNING
            assert len(sleepers(project)) == 2
            wanted = {"7"} if name == "replace" else {"6"}
            assert {word[0] for word in sleepers(project)} == wanted
            project.down()
        eventually(lambda: not project.marked())
        assert not project.state.path.exists()
        if not killed:
            return
    raise AssertionError("the command never came to its end")


def sleepers(project: Project) -> list[str]:
    found = []
    for command in project.commands().values():
        words = command.split(b"\0")
        if words[0] == b"sleep":
            found.append(words[1].decode())
    return found


@pytest.mark.timeout(120)
def test_a_rolling_replacement_killed_at_any_step(project: Project):
    text = """
services:
  a:
    image: o
    command: sleep 6N
    deploy: {replicas: 2, update_config: {order: start-first}}
"""
    project.up(text.replace("N", "0"))
    for after in range(100):
        seconds = f"6{after + 1}"
        command = project.order(text.replace("6N", seconds))
        killed = project.interrupt("up", command, after=after)
        eventually(project.settled)
        assert project.states() == {"a-1": "running", "a-2": "running"}
        assert sleepers(project) == [seconds, seconds]
        if not killed:
            return
    raise AssertionError("the replacement never came to its end")


def test_both_killed_in_the_middle_of_up(project: Project):
    messages = project.client.command("up", project.order(TWO))
    for message in messages:
        if message.text == "Starting":
            break
    project.kill_supervisor()
    project.kill_keeper()
    eventually(project.settled)
    assert project.states() == RUNNING
    assert len(sleepers(project)) == 2


def test_after_a_reboot_strangers_are_left_alone(project: Project):
    """Pids of before the reboot belong to others now."""
    project.up(TWO)
    before = list(pids(project).values())
    with subprocess.Popen(["sleep", "600"]) as stranger:
        project.kill_supervisor()
        project.kill_keeper()
        reboot(project, stranger.pid)
        for pid in before:
            identity = ProcessIdentity.of(pid)
            assert identity is not None
            identity.send(9)
            eventually(lambda pid=pid: gone(pid))
        assert project.states() == {"web-1": "exited", "db-1": "exited"}
        project.do("kill")
        project.do("stop")
        assert errors(project.up(TWO)) == []
        assert project.states() == RUNNING
        project.down()
        assert stranger.poll() is None
        stranger.kill()


def reboot(project: Project, stranger: int) -> None:
    """Make the state look as after a reboot: everything was, the pids are others'."""
    identity = ProcessIdentity.of(stranger)
    assert identity is not None
    other = replace(identity, boot="11111111-0000-4000-8000-000000000000")
    path = project.state.path / "keeper.journal"
    known = records.replay(read_journal(path))
    journal = Journal(path)
    journal.rewrite(
        records.started(replace(record, identity=other)) for record in known.values()
    )
    journal.close()
    path = project.state.path / "containers.json"
    saved = json.loads(path.read_text())
    for item in saved["containers"]:
        item["pid"] = stranger
    path.write_text(json.dumps(saved))


def test_up_follows_down_at_once(project: Project):
    """The old supervisor may still be at it when the new one begins."""
    for _ in range(4):
        assert errors(project.up(TWO)) == []
        list(project.client.command("down", DownCommand(remove_orphans=True)))


def test_many_commands_at_once(project: Project):
    """Each in a process of its own, as users are."""
    project.up(TWO)
    order = project.order(TWO)
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: project.told("up", order), range(8)))
    assert [errors(messages) for messages in done] == [[]] * 8
    assert project.states() == RUNNING


def test_a_supervisor_that_begins_slowly_is_waited_for(project: Project):
    """As one does on a busy machine, that begins anew since its keeper has died."""
    project.up(TWO)
    project.kill_supervisor()
    held = eventually(lambda: take_lock(project.state.path / "supervisor.lock"))
    release = threading.Timer(2.0, os.close, [held])
    release.start()

    assert project.states() == RUNNING
    release.join()


def test_a_supervisor_that_cannot_begin_is_not(project: Project):
    project.complaints = ("",)
    project.up(TWO)
    project.kill_supervisor()
    containers = project.state.path / "containers.json"
    content = containers.read_bytes()
    containers.write_text("{")

    with pytest.raises(SupervisorError, match="cannot start the supervisor"):
        project.client.snapshot()
    containers.write_bytes(content)


def test_two_supervisors_are_impossible(project: Project):
    project.up(TWO)
    first = project.pid_of("supervisor")
    (project.state.path / "sockets" / "supervisor").rename(
        project.state.path / "sockets" / "hidden"
    )
    with pytest.raises(SupervisorError, match="has not answered for 1 s"):
        replace(project.client, patience=1.0).snapshot()
    (project.state.path / "sockets" / "hidden").rename(
        project.state.path / "sockets" / "supervisor"
    )
    assert project.pid_of("supervisor") == first
