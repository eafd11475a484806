"""A first start that is killed at any step leads to a whole cluster at the next."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from waiting import until

from stackyard.images.postgres import cluster, disk
from stackyard.images.postgres.errors import EntrypointError

if TYPE_CHECKING:
    from postgres_service import Service

DYING = str(Path(__file__).parent / "dying.py")

SYSTEM = (os.uname().sysname, os.uname().release)
STEPS = [
    ("os.mkdir", 1),
    ("os.mkdir", 2),
    pytest.param("subprocess.Popen", 1, id="before initdb"),
    ("os.rename", 1),
    ("os.rename", 12),
    pytest.param("subprocess.Popen", 2, id="before the server"),
    pytest.param("subprocess.Popen", 3, id="before the database"),
    pytest.param("subprocess.Popen", 4, id="before the script"),
    # syncfs is looked up after what every child looks up; elsewhere a child syncs.
    pytest.param(
        "ctypes.dlsym" if disk.can_sync_whole(*SYSTEM) else "subprocess.Popen",
        5,
        id="before syncing",
    ),
    pytest.param("shutil.rmtree", 1, id="before the staging directory goes"),
    pytest.param("os.rmdir", 2, id="before the commit"),
]


@pytest.fixture
def shop(service: Service) -> Service:
    service.environment["POSTGRES_DB"] = "shop"
    service.write("1.sql", "CREATE TABLE one (n int); INSERT INTO one VALUES (1);")
    return service


def assert_whole(service: Service) -> None:
    service.serve()
    assert service.query("SELECT count(*) FROM one", "-d", "shop") == "1"
    assert cluster.observe(str(service.data)) is cluster.State.COMPLETE
    assert not list(service.data.glob(".stackyard*"))
    assert service.stop() == 0


@pytest.mark.parametrize(("event", "number"), STEPS)
def test_a_kill_before_the_commit(shop: Service, event: str, number: int) -> None:
    process = shop.start(driver=(DYING, event, str(number)))

    assert process.wait(30) == -signal.SIGKILL
    assert "init process complete" not in shop.text()
    assert_whole(shop)
    assert shop.text().count("init process complete") == 1


def test_a_kill_after_the_commit(shop: Service) -> None:
    process = shop.start(driver=(DYING, "os.exec", "1"))

    assert process.wait(30) == -signal.SIGKILL
    assert_whole(shop)
    assert shop.text().count("init process complete") == 1
    assert shop.text().count("Skipping initialization") == 1


def test_a_kill_while_initdb_runs(shop: Service) -> None:
    process = shop.start()
    until((shop.data / ".stackyard-init" / "data" / "PG_VERSION").exists)
    process.kill()
    process.wait()

    assert_whole(shop)


def test_a_kill_while_a_script_runs(shop: Service) -> None:
    """The server of the first start must be gone before the second removes its data."""
    reached = shop.room / "reached"
    script = shop.write(
        "2.sh", f"#!/bin/sh\n: > {reached}\nexec tail -f /dev/null\n", 0o755
    )
    shop.room.chmod(0o777)
    process = shop.start()
    until(reached.exists)
    process.kill()
    process.wait()
    script.unlink()

    assert_whole(shop)
    until(lambda: not shop.processes())


def test_a_second_kill_while_the_first_is_cleared(shop: Service) -> None:
    for event, number in (
        ("subprocess.Popen", "4"),
        ("os.remove", "9"),
        ("os.rmdir", "9"),
    ):
        process = shop.start(driver=(DYING, event, number))
        assert process.wait(30) == -signal.SIGKILL

    assert_whole(shop)


def test_a_kill_with_wal_elsewhere(shop: Service) -> None:
    wal = shop.room / "wal"
    shop.environment["POSTGRES_INITDB_WALDIR"] = str(wal)
    shop.start(driver=(DYING, "subprocess.Popen", "4")).wait(30)
    assert list(wal.iterdir())

    assert_whole(shop)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_while_a_script_runs(shop: Service, number: signal.Signals) -> None:
    reached = shop.room / "reached"
    shop.write("2.sh", f"#!/bin/sh\n: > {reached}\nexec tail -f /dev/null\n", 0o755)
    shop.room.chmod(0o777)
    process = shop.start()
    until(reached.exists)
    process.send_signal(number)

    assert process.wait(10) == -number
    assert "Traceback" not in shop.text()
    until(lambda: not shop.processes())


def test_states(tmp_path: Path) -> None:
    data = str(tmp_path)
    states = [cluster.observe(f"{data}/missing"), cluster.observe(data)]
    (tmp_path / "lost+found").mkdir()
    states.append(cluster.observe(data))
    cluster.claim(data, wal_directory="", identity=None)
    states.append(cluster.observe(data))
    (tmp_path / "PG_VERSION").write_text("17\n")
    states.append(cluster.observe(data))
    cluster.commit(data)
    states.append(cluster.observe(data))

    empty, unfinished, complete = cluster.State
    assert states == [empty, empty, empty, unfinished, unfinished, complete]
    cluster.require_major(data, "17.4")
    with pytest.raises(EntrypointError, match=r"PostgreSQL 17, and this is 18\.1"):
        cluster.require_major(data, "18.1")
