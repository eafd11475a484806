"""Read-only mounts cannot be written to, by whatever runs in the service's name."""

from __future__ import annotations

import os
import pwd
from typing import TYPE_CHECKING

import pytest

from stackyard.engine.process import mountspace

if TYPE_CHECKING:
    from conftest import Stack

pytestmark = pytest.mark.skipif(
    not mountspace.is_possible(), reason="no mount name space may be made here"
)

TRY = "touch /code/x; touch /code/own/y; touch /shared/z; echo done"


@pytest.fixture
def running(stack: Stack) -> Stack:
    """`web` reads code and a volume that `writer` writes; a part of the code is its."""
    stack.write("print()", "code/main.py")
    stack.write("", "code/own/keep")
    os.chmod(stack.root / "code", 0o777)
    stack.write(
        f"""
        services:
          web:
            image: alpine
            command: sh -c "{TRY}; sleep 1000000"
            volumes: ["./code:/code:ro", "./code/own:/code/own", "shared:/shared:ro"]
            post_start: [{{command: ["sh", "-c", "touch /code/hook || true"]}}]
            healthcheck:
              test: touch /code/probe && exit 1 || test -e /shared/written
              start_period: 20s
              start_interval: 50ms
          writer:
            image: alpine
            command: sh -c "touch /shared/written; sleep 1000000"
            volumes: ["shared:/shared"]
        volumes: {{shared: }}
        """
    )
    stack.yard("up", "-d", "--wait")
    return stack


def test_the_service_its_probe_and_its_hooks_can_only_read(running: Stack) -> None:
    assert sorted(os.listdir(running.root / "code")) == ["main.py", "own"]
    assert sorted(os.listdir(running.root / "code/own")) == ["keep", "y"]
    assert os.listdir(running.state.root.volume("demo_shared")) == ["written"]
    assert running.yard("logs", "web").stdout.count("Read-only file system") == 2


def test_commands_beside_it_can_only_read(running: Stack) -> None:
    script = "echo x > /code/main.py"
    told = running.yard("exec", "-T", "web", "sh", "-c", script, code=2).stderr
    assert "Read-only file system" in told
    told = running.yard("run", "--rm", "-T", "web", "sh", "-c", script, code=2).stderr
    assert "Read-only file system" in told
    assert (running.root / "code/main.py").read_text() == "print()"
    # Yard itself may: that is how files get in.
    assert running.yard("exec", "-T", "writer", "touch", "/shared/more")


def test_nothing_of_it_outlives_the_project(running: Stack) -> None:
    running.yard("kill", "web")
    running.yard("down", "-v", "-t", "0", "-y")
    assert running.processes() == []


def test_all_of_the_machine_may_be_read_only(stack: Stack) -> None:
    """Its own volumes and scratch directories lie below, and stay writable."""
    place = os.path.join(pwd.getpwuid(os.getuid()).pw_dir, f"yard-{os.getpid()}")
    stack.write(
        f"""
        services:
          web:
            image: alpine
            command: sh -c "touch /data/a /scratch/b /dev/null && touch {place}"
            volumes: ["/:/host:ro", "data:/data"]
            tmpfs: [/scratch]
        volumes: {{data: }}
        """
    )
    told = stack.yard("up").stderr
    assert f"cannot touch '{place}': Read-only file system" in told
    assert os.listdir(stack.state.root.volume("demo_data")) == ["a"]
    assert not os.path.exists(place)
