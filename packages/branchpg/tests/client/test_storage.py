"""A file system of its own for a project: made, mounted, unmounted."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from branchpg_harness.command_line import Cli

from branchpg.client.storage import parse_size
from branchpg.errors import BadRequest

if TYPE_CHECKING:
    from pathlib import Path

# Where there is no XFS, another file system shows the same, but that it shares blocks.
STAND_IN = """#!/bin/sh
for last; do :; done
exec mkfs.ext4 -q -F "$last"
"""


@pytest.mark.parametrize(
    ("text", "size"), [("1G", 2**30), ("300MiB", 300 * 2**20), ("2 tb", 2**41)]
)
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "G", "1.5G", "299M", "-1G", "1X"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(BadRequest):
        parse_size(text)


def test_who_may_not_mount_gets_no_half_project(place):
    if os.geteuid() == 0 and shutil.which("mkfs.xfs"):
        pytest.skip("here one may")
    error = Cli(place).error("init", "db", "--xfs-image", "1G")
    assert "mkfs.xfs" in error or "only root" in error
    assert not (place / "db").exists()


@pytest.fixture
def able(place):
    """The command line where an image can be made."""
    if os.geteuid() != 0 or not shutil.which("losetup"):
        pytest.skip("only root may mount")
    os.chmod(place, 0o755)
    cli = Cli(place)
    if not shutil.which("mkfs.xfs"):
        (place / "bin").mkdir()
        program = place / "bin/mkfs.xfs"
        program.write_text(STAND_IN)
        program.chmod(0o755)
        cli.variables["PATH"] = f"{place}/bin:{cli.variables['PATH']}"
    if subprocess.run(("losetup", "--find"), capture_output=True).returncode:
        pytest.skip("there are no loop devices here")
    yield cli
    subprocess.run(("umount", str(place / "db/data")), capture_output=True)


def test_data_moves_into_the_image_and_stays_there(able, place):
    able("init", "db", "--port", "0")
    able("start")
    able.sql("main", "create table kept as select 7 as a")
    able("stop")
    able("store", "init", "--xfs-image", "600M")
    data = str(place / "db/data")
    assert os.stat(place / "db/store.xfs").st_mode & 0o777 == 0o600
    assert "exists already" in able.error("store", "init", "--xfs-image", "600M")
    able("stop")
    for _ in range(2):
        able("start")
        assert os.path.ismount(data)
        assert past_the_page_cache(place / "db/store.xfs") == ["1"]
        assert able.sql("main", "select a from kept") == "7"
        if not (place / "bin").exists():
            assert able.json("store", "status")["store"]["driver"] == "reflink"
        able("stop")
        assert not os.path.ismount(data)
        assert past_the_page_cache(place / "db/store.xfs") == []


def past_the_page_cache(image: Path) -> list[str]:
    """Return whether each loop device of an image does without it."""
    argv = ("losetup", "--noheadings", "--output", "DIO", "--associated", str(image))
    return subprocess.run(
        argv, check=True, capture_output=True, text=True
    ).stdout.split()
