"""Real servers: PostgreSQL as a compute runs it, and safekeepers as processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import msgspec
import psycopg2
import pytest

from branchpg.http.client import Address, HttpClient
from branchpg.lsn import Lsn, Segment
from branchpg.postgres import owner, programs
from branchpg.postgres.cluster import control_data, initialise
from branchpg.postgres.server import Server

TENANT, TIMELINE = "a" * 32, "b" * 32
PATH = f"/v1/tenant/{TENANT}/timeline/{TIMELINE}"
HBA = "local all all trust\nlocal replication all trust\n"
SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "16MB",
    "max_wal_senders": "12",
    "max_replication_slots": "12",
    "wal_sender_timeout": "5s",
    "autovacuum": "off",
}


def until(check, within=30.0):
    """Wait for a condition, and return what it returned."""
    deadline = time.monotonic() + within
    event = threading.Event()
    while not (found := check()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{check} within {within} s")
        event.wait(0.01)
    return found


class Primary:
    """A PostgreSQL of one generation, on a copy of the base."""

    def __init__(self, installed, base, directory):
        self.programs, self.directory = installed, str(directory)
        self.data = os.path.join(self.directory, "data")
        self.server = None
        os.mkdir(self.directory)
        owner.give(self.directory, installed.identity)
        shutil.copytree(base, self.data)
        owner.give_tree(self.data, installed.identity)
        self.dsn = f"host={self.directory} user=cloud_admin dbname=postgres"

    def start(self, **settings):
        settings = SETTINGS | {"unix_socket_directories": self.directory} | settings
        log = os.path.join(self.directory, "log")
        self.server = Server.start(self.programs, self.data, settings=settings, log=log)
        asyncio.run(self.server.wait_until_ready(30))
        return self

    def stop(self, *, fast=True):
        asyncio.run(self.server.stop(fast=fast))

    def connect(self):
        connection = psycopg2.connect(self.dsn)
        connection.autocommit = True
        return connection

    def sql(self, statement, *values):
        with contextlib.closing(self.connect()) as connection:
            with connection.cursor() as cursor:
                cursor.execute(statement, values)
                return cursor.fetchall() if cursor.description else None

    def value(self, statement, *values):
        return self.sql(statement, *values)[0][0]

    def fill(self, segments):
        """Write that many segments of WAL, each with a row."""
        for _ in range(segments):
            self.sql("create table if not exists t (x int)")
            self.sql("insert into t values (1)")
            self.sql("select pg_switch_wal()")

    def lsn(self):
        return Lsn.parse(self.value("select pg_current_wal_flush_lsn()::text"))

    def synchronous(self, names):
        self.sql("alter system set synchronous_standby_names = %s", names)
        self.sql("select pg_reload_conf()")


class Keeper:
    """A safekeeper process."""

    def __init__(self, number, directory):
        self.number, self.directory = number, str(directory)
        self.process = None
        self.log = f"{self.directory}.log"

    def start(self, *arguments):
        ports = Path(self.directory, "ports.json")
        ports.unlink(missing_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "branchpg.safekeeper"),
                    *("-D", self.directory, "--id", str(self.number)),
                    *("--listen-pg", "127.0.0.1:0", "--listen-http", "127.0.0.1:0"),
                    *arguments,
                ],
                stderr=log,
            )
        until(lambda: ports.exists() or self.process.poll() is not None)
        assert self.process.poll() is None, Path(self.log).read_text()
        found = msgspec.json.decode(ports.read_bytes())
        self.http_port, self.pg_port = found["http"], found["pg"]
        self.client = HttpClient(Address("127.0.0.1", self.http_port))
        return self

    def kill(self, number=signal.SIGKILL):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(10)

    def post(self, what, **content):
        return self.client.send("POST", f"{PATH}/{what}", content, dict)

    def fence(self, generation, start_lsn):
        return self.post("fence", generation=generation, start_lsn=str(start_lsn))

    def receive(self, primary, generation, history, start_lsn, peers=()):
        entries = [{"generation": g, "lsn": str(lsn)} for g, lsn in history]
        return self.post(
            "receive",
            generation=generation,
            dsn=primary.dsn,
            start_lsn=str(start_lsn),
            history=entries,
            slot=f"safekeeper_{self.number}",
            peers=[f"http://127.0.0.1:{peer.http_port}" for peer in peers],
        )

    def wait(self, lsn, timeout=20):
        return self.post("wait", lsn=str(lsn), timeout=timeout)

    def forget(self, lsn):
        content = {"remote_consistent_lsn": str(lsn)}
        return self.client.send("PATCH", f"{PATH}/control_file", content, dict)

    def digest(self, start, until):
        asked = f"{PATH}/digest?from_lsn={start}&until_lsn={until}"
        return self.client.get(asked, dict)["sha256"]

    def lose(self):
        """Lose all of the timeline."""
        shutil.rmtree(Path(self.directory, TENANT))

    def status(self):
        return self.client.get(PATH, dict)

    def flush_lsn(self):
        return Lsn.parse(self.status()["flush_lsn"])

    def segments(self):
        directory = Path(self.directory, TENANT, TIMELINE)
        return sorted(p for p in directory.iterdir() if len(p.name) == 24)

    def libpq(self):
        return (
            f"host=127.0.0.1 port={self.pg_port} user=x "
            f"options='-c tenant_id={TENANT} timeline_id={TIMELINE}'"
        )


class Stage:
    """What a test plays on: its directory, and whatever it started."""

    def __init__(self, installed, base, directory):
        self.programs, self.base, self.directory = installed, base, directory
        self.start_lsn = control_data(installed, base).checkpoint
        self.primaries, self.keepers = [], []

    def primary(self, base=None, **settings):
        place = self.directory / f"p{len(self.primaries)}"
        primary = Primary(self.programs, base or self.base, place)
        self.primaries.append(primary)
        return primary.start(**settings)

    def keeper(self, *arguments, number=None, directory=None):
        number = number or len(self.keepers) + 1
        place = directory or self.directory / f"s{len(self.keepers)}"
        keeper = Keeper(number, place)
        self.keepers.append(keeper)
        return keeper.start(*arguments)

    def follow(self, primary, keepers, quorum, generation=1, history=None):
        """Let safekeepers pull, and make the primary wait for a quorum of them."""
        history = history or [(generation, self.start_lsn)]
        for keeper in keepers:
            keeper.fence(generation, self.start_lsn)
            keeper.receive(primary, generation, history, self.start_lsn)
        names = ", ".join(f"safekeeper_{keeper.number}" for keeper in keepers)
        primary.synchronous(f"ANY {quorum} ({names})")
        count = "select count(*) from pg_stat_replication where state = 'streaming'"
        until(lambda: primary.value(count) >= len(keepers))

    def recovered(self, keeper, upto):
        """Return a server that recovered from the base and a safekeeper's WAL alone."""
        place = self.directory / f"r{len(self.primaries)}"
        primary = Primary(self.programs, self.base, place)
        self.primaries.append(primary)
        wal = Path(primary.data, "pg_wal")
        for path in wal.glob("0*"):
            path.unlink()
        segment = Segment.at(self.start_lsn)
        while segment.start < upto:
            content = keeper.client.raw("GET", f"{PATH}/wal/{segment.name}")
            (wal / segment.name).write_bytes(content)
            segment = segment.next()
        found = control_data(self.programs, primary.data)
        Path(primary.data, "backup_label").write_text(
            f"START WAL LOCATION: {found.redo} (file {Segment.at(found.redo).name})\n"
            f"CHECKPOINT LOCATION: {found.checkpoint}\n"
            "BACKUP FROM: primary\nSTART TIME: 2026-01-01 00:00:00 UTC\n"
            f"LABEL: test\nSTART TIMELINE: {found.postgres_timeline}\n"
        )
        owner.give_tree(primary.data, self.programs.identity)
        return primary.start()

    def close(self):
        for keeper in self.keepers:
            keeper.kill()
        for primary in self.primaries:
            if primary.server and primary.server.runs:
                primary.stop(fast=False)


@pytest.fixture(scope="session")
def installed():
    return programs.find(os.environ)


@pytest.fixture(scope="session")
def base(installed):
    """A cluster that was made and never started."""
    directory = tempfile.mkdtemp(prefix="skb", dir="/tmp")
    os.chmod(directory, 0o755)
    data = os.path.join(directory, "base")
    os.mkdir(data, 0o700)
    owner.give(data, installed.identity)
    initialise(installed, data)
    Path(data, "pg_hba.conf").write_text(HBA)
    yield data
    shutil.rmtree(directory)


@pytest.fixture
def stage(installed, base):
    directory = Path(tempfile.mkdtemp(prefix="sk", dir="/tmp"))
    directory.chmod(0o755)
    stage = Stage(installed, base, directory)
    yield stage
    stage.close()
    shutil.rmtree(directory)


@pytest.fixture
def keeper(stage):
    return stage.keeper()


@pytest.fixture(name="until")
def _until():
    return until
