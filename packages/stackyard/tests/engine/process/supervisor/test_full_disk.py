"""A full disk under the state: clear errors, nothing lost, and things can be ended."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from project_support import Project, errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.filterwarnings("ignore:subprocess:ResourceWarning"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount"),
]

TWO = """
services:
  web: {image: own/web, command: sleep 600}
  db: {image: own/db, command: sleep 601}
"""


@pytest.fixture
def small(project: Project) -> Iterator[Project]:
    """A project whose state lies in a file system of its own, of 512 KiB."""
    directory = project.root / "state"
    directory.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(directory)]
    subprocess.run(mount, check=True)
    try:
        yield project
    finally:
        project.close()
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


def fill(project: Project) -> Path:
    """Leave not a byte, and return the file that takes the room."""
    path = project.root / "state/filler"
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    return path


def test_what_runs_goes_on_and_the_error_says_what_to_do(small: Project):
    small.complaints = ("No space left",)
    small.up(TWO)
    before = [item.pid for item in small.containers()]
    filler = fill(small)
    told = errors(small.up(TWO, force_recreate=True))
    assert any("no space left on device" in text for text in told)
    assert [item.pid for item in small.containers()] == before
    filler.unlink()
    assert errors(small.up(TWO, force_recreate=True)) == []
    assert set(small.states().values()) == {"running"}


def test_services_can_be_stopped_and_removed(small: Project):
    small.complaints = ("No space left",)
    small.up(TWO)
    fill(small)
    assert errors(small.do("stop")) == []
    assert set(small.states().values()) == {"exited"}
    assert errors(small.down()) == []
    assert small.marked() == []
