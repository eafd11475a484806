"""Processes that are known again, and never mistaken for others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from branchpg.client import processes
from branchpg.client.processes import Process

DEAF = ("/bin/sh", "-c", "trap '' TERM; echo up; while :; do sleep 1; done")
LONG = (sys.executable, "-c", "import signal; print('up', flush=True); signal.pause()")


def test_a_process_outlives_who_started_it_and_is_known_again(tmp_path):
    path, log = str(tmp_path / "x.json"), str(tmp_path / "log")
    started = processes.begin(LONG, environment={}, log=log)
    processes.remember(path, started)
    assert os.getsid(started.pid) != os.getsid(0)
    assert processes.until(lambda: (tmp_path / "log").read_text() == "up\n", 10)
    found = processes.recall(path)
    assert found == started
    assert found.end(10)
    assert processes.recall(path) is None


def test_a_recycled_id_is_not_mistaken_for_the_process(tmp_path):
    path = str(tmp_path / "x.json")
    with subprocess.Popen(LONG, stdout=subprocess.DEVNULL) as other:
        processes.remember(path, Process(other.pid, "an earlier time"))
        assert processes.recall(path) is None
        Process(other.pid, "an earlier time").signal(signal.SIGKILL)
        assert other.poll() is None
        other.kill()


def test_a_zombie_has_ended():
    child = subprocess.Popen(("true",))
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert processes.of(child.pid) is None
    child.wait()


def test_who_does_not_listen_is_killed(tmp_path):
    log = tmp_path / "log"
    started = processes.begin(DEAF, environment={}, log=str(log))
    assert processes.until(lambda: log.read_text() == "up\n", 10)
    assert not started.end(0.1)
    assert not started.runs


def test_nonsense_in_a_file_is_no_process(tmp_path):
    (tmp_path / "x.json").write_text("{")
    assert processes.recall(str(tmp_path / "x.json")) is None
