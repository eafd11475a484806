"""A replica that is stopped between two records, and is a copy of its leader then."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg2
import pytest

from branchpg.errors import TryLater
from branchpg.lsn import Lsn
from branchpg.postgres import cluster, local, owner, programs
from branchpg.postgres.follower import Follower
from branchpg.postgres.server import Server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from branchpg.postgres.programs import Programs

LEADER, FOLLOWER, COPY = 5001, 5002, 5003


@dataclass
class Place:
    """Directories for a leader and its follower."""

    programs: Programs
    root: str
    run: str

    def dsn(self, port: int = LEADER) -> str:
        return local.dsn(self.run, port)

    def sql(self, statement: str, port: int = LEADER) -> object:
        connection = psycopg2.connect(self.dsn(port))
        connection.autocommit = True
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute(statement)
            row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None

    def start(self, data: str, port: int) -> Server:
        settings = local.settings(self.run, port)
        path = f"{self.root}/{data}"
        return Server.start(self.programs, path, settings=settings, log=f"{path}.log")

    @contextlib.asynccontextmanager
    async def leading(self) -> AsyncIterator[Server]:
        """Run the leader, with a copy of it made for a standby."""
        server = self.start("leader", LEADER)
        await server.wait_until_ready()
        try:
            self.sql("CREATE TABLE t (n int)")
            self._copy()
            yield server
        finally:
            await server.stop(fast=False)

    def _copy(self) -> None:
        program = self.programs.path("pg_basebackup")
        command = [program, "-d", self.dsn(), "-c", "fast"]
        command += ["-D", f"{self.root}/follower"]
        subprocess.run(command, check=True, capture_output=True)
        with open(f"{self.root}/follower/standby.signal", "wb"):
            owner.give_tree(f"{self.root}/follower", self.programs.identity)

    def control(self) -> cluster.ControlData:
        """Return what the follower's control file says."""
        return cluster.control_data(self.programs, f"{self.root}/follower")

    async def follow(self) -> Follower:
        data = f"{self.root}/follower"
        return await Follower.start(
            self.programs,
            data,
            run=self.run,
            port=FOLLOWER,
            leader=self.dsn(),
            settings=local.settings(self.run, FOLLOWER),
            log=f"{data}.log",
        )


@pytest.fixture
def place() -> Iterator[Place]:
    found = programs.find(os.environ)
    root = tempfile.mkdtemp(prefix="pg-", dir="/tmp")
    os.chmod(root, 0o755)
    data = f"{root}/leader"
    os.mkdir(data, 0o700)
    owner.give(data, found.identity)
    cluster.initialise(found, data)
    with local.socket_directory(found, root) as run:
        yield Place(found, root, run)
    shutil.rmtree(root)


def test_it_stops_after_what_its_leader_had_written(place: Place) -> None:
    async def live() -> None:
        async with place.leading():
            follower = await place.follow()
            place.sql("INSERT INTO t SELECT generate_series(1, 1000)")
            written = Lsn.parse(str(place.sql("SELECT pg_current_wal_flush_lsn()")))
            stopped = await follower.settle()
            place.sql("DELETE FROM t")
            assert stopped.lsn >= written
            assert place.control().redo <= stopped.lsn
            assert not follower.runs
        # It is no replica any more: on the same PostgreSQL timeline it goes on alone.
        os.unlink(f"{place.root}/follower/standby.signal")
        server = place.start("follower", COPY)
        await server.wait_until_ready()
        try:
            assert place.sql("SELECT count(*) FROM t", COPY) == 1000
            place.sql("DELETE FROM t", COPY)
            timeline = "SELECT timeline_id FROM pg_control_checkpoint()"
            assert place.sql(timeline, COPY) == 1
        finally:
            await server.stop(fast=False)

    asyncio.run(live())


def test_what_it_leaves_needs_little_replay(place: Place) -> None:
    """Where much was written since the last checkpoint, its leader makes another."""

    async def live() -> None:
        async with place.leading():
            follower = await place.follow()
            place.sql("INSERT INTO t SELECT generate_series(1, 1200000)")
            written = Lsn.parse(str(place.sql("SELECT pg_current_wal_flush_lsn()")))
            await follower.settle()
            assert place.control().redo >= written

    asyncio.run(live())


def test_promoted_it_goes_on_after_what_its_leader_had_written(place: Place) -> None:
    """Without a start: a connection to it lasts. And wherever its directory goes."""

    async def live() -> None:
        async with place.leading():
            follower = await place.follow()
            connection = psycopg2.connect(place.dsn(FOLLOWER))
            connection.autocommit = True
            place.sql("INSERT INTO t SELECT generate_series(1, 1000)")
            written = Lsn.parse(str(place.sql("SELECT pg_current_wal_flush_lsn()")))
            promotion = await follower.promote()
            assert promotion.postgres_timeline == 2
            assert promotion.lsn >= written
            place.sql("DELETE FROM t")
            os.rename(f"{place.root}/follower", f"{place.root}/branch")
            with contextlib.closing(connection), connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM t")
                assert cursor.fetchone() == (1000,)
                cursor.execute("INSERT INTO t VALUES (0)")
                cursor.execute("ALTER SYSTEM SET work_mem = '7MB'")
            place.sql("SELECT pg_reload_conf()", FOLLOWER)
            assert place.sql("SHOW work_mem", FOLLOWER) == "7MB"
            assert place.sql("SELECT count(*) FROM t") == 0
            await follower.end()

    asyncio.run(live())


def test_it_cannot_stop_for_a_leader_that_is_gone(place: Place) -> None:
    async def live() -> None:
        async with place.leading() as leader:
            follower = await place.follow()
            await leader.stop(fast=False)
            with pytest.raises(TryLater, match="a follower or its leader fails"):
                await follower.settle()
            assert follower.runs
            await follower.end()
            assert not follower.runs

    asyncio.run(live())


def test_it_does_not_start_where_it_cannot_catch_up(place: Place) -> None:
    async def live() -> None:
        async with place.leading() as leader:
            await leader.stop(fast=False)
            with pytest.raises(TryLater):
                await place.follow()

    asyncio.run(live())
