"""The services of a project: start, crash, stop, and two commands at once."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from branchpg_harness.command_line import COMMAND, Cli

from branchpg.client import Project, processes, settings
from branchpg.errors import BranchpgError, TryLater


def quiet(_name, _state):
    pass


def pids(project):
    services = project.services
    return {one.name: services.process(one).pid for one in services.running}


def value(project, statement, branch=None):
    connection = project.get(branch).connect()
    with connection, connection.cursor() as cursor:
        cursor.execute(statement)
        found = cursor.fetchone() if cursor.description else None
    connection.close()
    return found[0] if found else None


def test_start_is_idempotent_and_starts_just_what_crashed(own):
    own.start()
    value(own, "create table kept as select 7 as a")
    before = pids(own)
    assert own.services.start(quiet) == []
    for name in ("pageserver", "compute", "safekeeper_1"):
        victim = own.services.process(_named(own, name))
        victim.signal(signal.SIGKILL)
        assert victim.wait(10)
        assert [one.name for one in own.services.start(quiet)] == [name]
        assert value(own, "select a from kept") == 7
    after = pids(own)
    assert all(before[name] != after[name] for name in before)


def test_stop_ends_the_compute_first_and_leaves_nothing(own):
    own.start()
    value(own, "select 1")
    running = [processes.of(pid) for pid in pids(own).values()]
    names = [one.name for one in own.services.stop(quiet)]
    assert names == ["compute", "pageserver", "safekeeper_1"]
    assert not any(process.runs for process in running)
    assert own.services.stop(quiet) == []
    assert not list(Path(own.place.data).rglob("postmaster.pid"))


def test_an_idle_project_stops_at_once(own):
    own.start()
    began = os.times().elapsed
    own.stop()
    assert os.times().elapsed - began < 10  # not after a long poll of twenty


def test_two_starts_at_once_start_everything_once(own):
    argv = [*COMMAND, "start", "-C", own.place.root]
    started = [
        subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    told = [one.communicate(timeout=50)[1] for one in started]
    assert [one.returncode for one in started] == [0, 0], told
    assert value(own, "select 1") == 1


def test_an_interrupt_while_a_service_begins_leaves_none(own, monkeypatch):
    begun, begin = [], processes.begin

    def begin_and_interrupt(*arguments, **options):
        begun.append(begin(*arguments, **options))
        if len(begun) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return begun[-1]

    monkeypatch.setattr(processes, "begin", begin_and_interrupt)
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            own.start()
    finally:
        signal.signal(signal.SIGINT, handler)
        left = [one.pid for one in begun if one.runs]
        for one in begun:
            one.signal(signal.SIGKILL)
    assert len(begun) == 2
    assert left == []


def test_a_service_that_was_not_written_down_is_found_by_its_lock(own):
    own.start()
    before = pids(own)
    os.unlink(own.place.run("compute.json"))
    assert own.services.start(quiet) == []
    assert pids(own) == before


def test_a_port_that_is_taken_is_told_with_the_remedy(own):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = own.settings.ports | {"pageserver_http": taken.getsockname()[1]}
        text = settings.written(replace(own.settings, ports=ports))
        Path(own.place.root, settings.FILE).write_text(text)
        with pytest.raises(BranchpgError, match="pageserver does not start.*listen on"):
            Project.open(own.place.root).start()
    assert own.services.running == []


def test_ports_that_were_chosen_are_kept(own):
    own.start()
    port = own.services.port("compute")
    own.stop()
    own.start()
    assert own.services.port("compute") == port


def test_what_does_not_run_says_so(own):
    with pytest.raises(TryLater, match="does not run") as caught:
        own.branches()
    assert caught.value.hint == "branchpg start"


def test_the_context_stops_only_what_it_started(own):
    own.start()
    with Project.open(own.place.root) as second:
        assert value(second, "select 1") == 1
    assert len(own.services.running) == 3
    own.stop()
    with Project.open(own.place.root):
        pass
    assert own.services.running == []


def test_in_the_foreground_it_shows_logs_until_it_is_interrupted(own):
    argv = [*COMMAND, "-C", own.place.root, "start", "--foreground"]
    child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert processes.until(lambda: len(own.services.running) == 3, 30)
    for line in child.stderr:
        if b"PostgreSQL is at" in line:
            break
    assert value(own, "select 1") == 1
    assert b"|" in child.stdout.readline()
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=30)
    assert child.returncode == 0
    assert own.services.running == []


def test_in_the_foreground_a_crash_ends_it(own):
    argv = [*COMMAND, "-C", own.place.root, "start", "--foreground"]
    child = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    for line in child.stderr:
        if b"PostgreSQL is at" in line:
            break
    own.services.process(_named(own, "pageserver")).signal(signal.SIGKILL)
    told = child.communicate(timeout=40)[1]
    assert child.returncode == 1
    assert b"pageserver has ended by itself" in told
    assert own.services.running == []


def test_three_safekeepers_do_with_two(place):
    os.chmod(place, 0o755)
    cli = Cli(place)
    cli("init", "db", "--port", "0", "--safekeepers", "3")
    try:
        cli("start")
        project = Project.open(str(place / "db"))
        victim = project.services.process(_named(project, "safekeeper_2"))
        victim.signal(signal.SIGKILL)
        assert cli.sql("main", "create table t(a int); select 1") == "1"
        assert cli("status", code=3).stdout.count("running") == 4
    finally:
        cli("stop")


def _named(project, name):
    return next(one for one in project.services.all if one.name == name)
