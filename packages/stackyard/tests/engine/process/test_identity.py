"""A process is never taken for another one."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from process_support import eventually

from stackyard.engine.process.identity import ProcessIdentity, boot_id, read_stat

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def identity_of(process: subprocess.Popen[bytes]) -> ProcessIdentity:
    identity = ProcessIdentity.of(process.pid)
    assert identity is not None
    return identity


def test_a_signal_reaches_the_process(sleeper: subprocess.Popen[bytes]):
    identity = identity_of(sleeper)
    assert identity.alive
    assert identity.send(signal.SIGTERM)
    assert sleeper.wait(10) == -signal.SIGTERM
    assert not identity.alive
    assert not identity.send(signal.SIGTERM)
    assert identity.open() is None
    assert ProcessIdentity.of(sleeper.pid) is None


@pytest.mark.parametrize(
    "change", [{"start_ticks": 1}, {"boot": "11111111-0000-4000-8000-000000000000"}]
)
def test_a_stranger_with_the_same_pid_is_left_alone(
    sleeper: subprocess.Popen[bytes], change: dict[str, object]
):
    stranger = replace(identity_of(sleeper), **change)  # type: ignore[arg-type]
    assert not stranger.alive
    assert stranger.open() is None
    assert not stranger.send(signal.SIGKILL)
    assert sleeper.poll() is None


def test_a_zombie_is_not_alive():
    with subprocess.Popen(["true"]) as process:
        identity = identity_of(process)
        eventually(lambda: (read_stat(process.pid) or "").state == "Z")  # type: ignore[union-attr]
        assert not identity.alive


def test_a_pidfd_tells_of_the_end(sleeper: subprocess.Popen[bytes]):
    with identity_of(sleeper).opened() as descriptor:
        assert descriptor is not None
        sleeper.kill()
        assert select.select([descriptor], [], [], 10)[0]
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_it_survives_a_journal():
    identity = ProcessIdentity(1, 2, boot_id())
    assert ProcessIdentity.from_json(identity.to_json()) == identity


def test_a_name_with_spaces_and_parentheses_is_read(tmp_path):
    program = tmp_path / ") R 1 1"
    program.symlink_to(sys.executable)
    code = "import sys; sys.stdin.read()"
    with subprocess.Popen(
        [program, "-S", "-c", code], stdin=subprocess.PIPE, start_new_session=True
    ) as process:
        comm = Path(f"/proc/{process.pid}/comm")
        eventually(lambda: comm.read_text() == ") R 1 1\n")
        stat = read_stat(process.pid)
        assert stat is not None
        assert (stat.parent, stat.session) == (os.getpid(), process.pid)
        process.communicate(b"")
