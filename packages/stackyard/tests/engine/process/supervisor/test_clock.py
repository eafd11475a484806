"""A wall clock that jumps: health, back-off and grace go by another one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from process_support import eventually

from stackyard.engine.process.keeper.order import MARK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from project_support import Project

pytestmark = pytest.mark.filterwarnings("ignore:subprocess:ResourceWarning")
_JUMPING = Path(__file__).with_name("jumping.py")


def begin(project: Project) -> None:
    """Start a supervisor that has a clock of its own."""
    project.state.prepare()
    reader, writer = os.pipe()
    subprocess.Popen(
        [
            *(sys.executable, "-P", _JUMPING, "stackyard.engine.process.supervisor"),
            *(project.state.root.path, project.name, str(writer)),
        ],
        pass_fds=(writer,),
        env={MARK: project.state.mark, "PATH": os.defpath},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(writer)
    with open(reader, "rb") as ready:
        assert ready.read(1)


@pytest.fixture
def jumping(project: Project) -> Iterator[Project]:
    begin(project)
    yield project
    project.down()


def test_the_back_off_goes_on_growing(jumping: Project):
    began = time.monotonic()
    jumping.up("services: {web: {image: own/web, command: 'false', restart: always}}")
    eventually(lambda: jumping.one("web").restarts >= 4)

    assert time.monotonic() - began >= 0.1 + 0.2 + 0.4


def test_a_grace_is_as_long_as_it_is(jumping: Project):
    jumping.up("services: {web: {image: own/web, command: sleep 600}}")
    (stubborn,) = [jumping.one("web").pid]
    os.kill(stubborn, signal.SIGSTOP)  # it cannot answer SIGTERM
    eventually(lambda: b") T " in Path(f"/proc/{stubborn}/stat").read_bytes())
    began = time.monotonic()
    jumping.do("stop", "web", grace=0.3)

    assert 0.3 <= time.monotonic() - began < 5
    assert jumping.one("web").exit_code == 137


START_PERIOD = """
services:
  web:
    image: own/web
    command: sleep 600
    healthcheck:
      test: "echo x >> {probes}; exit 1"
      interval: 20ms
      start_interval: 20ms
      start_period: 1h
      retries: 1
"""


def test_a_start_period_lasts_for_another_supervisor_too(jumping: Project):
    probes = jumping.directory / "probes"
    jumping.up(START_PERIOD.format(probes=probes))
    eventually(lambda: probes.exists() and probes.stat().st_size > 6)
    jumping.kill_supervisor()
    begin(jumping)
    seen = probes.stat().st_size
    eventually(lambda: probes.stat().st_size > seen + 6)

    assert jumping.one("web").health == "starting"


def test_waiting_for_health_ends(jumping: Project):
    text = START_PERIOD.format(probes="/dev/null").replace("exit 1", "exit 0")
    messages = jumping.up(text, wait=True)

    assert not [item for item in messages if item.error]
    assert jumping.one("web").health == "healthy"
