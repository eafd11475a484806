"""What is acknowledged is on disk, and garbage after it goes."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from pathlib import Path

import psycopg2
import pytest

from branchpg.lsn import SEGMENT

TENANT, TIMELINE = "a" * 32, "b" * 32


def waits(primary):
    return primary.sql("select 1 from pg_stat_activity where wait_event = 'SyncRep'")


@pytest.mark.parametrize("garbage", [b"\xff" * 4096, b"\0" * 8 + b"torn" * 100])
def test_garbage_after_the_end_is_cut_at_a_start(stage, keeper, garbage):
    primary = stage.primary()
    stage.follow(primary, [keeper], 1)
    primary.sql("create table t as select generate_series(1, 1000) as x")
    end = primary.lsn()
    keeper.kill()
    with open(keeper.segments()[0], "r+b") as file:
        file.seek(end % SEGMENT)
        file.write(garbage)

    keeper.start()

    assert keeper.flush_lsn() == end
    content = keeper.segments()[0].read_bytes()
    assert not any(content[end % SEGMENT :])


def test_a_torn_record_is_cut_and_received_again(stage, keeper):
    primary = stage.primary()
    stage.follow(primary, [keeper], 1)
    primary.sql("create table t as select generate_series(1, 1000) as x")
    end = primary.lsn()
    keeper.kill()
    with open(keeper.segments()[0], "r+b") as file:
        file.truncate(end % SEGMENT - 30)
        file.truncate(SEGMENT)

    keeper.start()
    assert keeper.flush_lsn() < end
    keeper.receive(primary, 1, [(1, stage.start_lsn)], stage.start_lsn)
    keeper.wait(end)

    recovered = stage.recovered(keeper, end)
    assert recovered.value("select count(*) from t") == 1000


@pytest.fixture
def small_disk(stage):
    """A file system of 40 MB: room for two segments."""
    place = stage.directory / "small"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    mount = ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_acknowledges_nothing(stage, small_disk, until):
    keeper = stage.keeper(directory=small_disk / "s")
    primary = stage.primary()
    stage.follow(primary, [keeper], 1)
    primary.sql("create table t (x int)")
    filled = []

    def fill():
        with contextlib.suppress(psycopg2.Error):
            for number in range(10):
                primary.sql("insert into t select generate_series(1, 100000)")
                filled.append(number)

    writing = threading.Thread(target=fill, daemon=True)
    writing.start()
    until(lambda: "No space left" in Path(keeper.log).read_text())
    until(lambda: waits(primary))
    count = len(filled)
    assert not threading.Event().wait(1)
    assert len(filled) == count < 10
    assert keeper.flush_lsn() < primary.lsn()

    subprocess.run(["mount", "-o", "remount,size=400m", str(small_disk)], check=True)
    writing.join(30)
    assert len(filled) == 10
    assert keeper.flush_lsn() >= primary.lsn()
    keeper.kill()
