"""Commits that wait for a safekeeper, beside pg_receivewal --synchronous and nobody.

pgbench -N on one PostgreSQL, with 1 and 8 clients: nobody to wait for, one standby
(ANY 1) and two of three (ANY 2), each kind in turn. Writes results/safekeeper.md and
results/safekeeper.png.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
from processes import memory, wait_until

from branchpg.http.client import Address, HttpClient
from branchpg.postgres import owner, programs
from branchpg.postgres.cluster import control_data, initialise
from branchpg.postgres.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from branchpg.lsn import Lsn
    from branchpg.postgres.programs import Programs

RESULTS = Path(__file__).with_name("results")
CLIENTS = (1, 8)
SCALE = 10
TENANT, TIMELINE = "a" * 32, "b" * 32
PATH = f"/v1/tenant/{TENANT}/timeline/{TIMELINE}"
HBA = "local all all trust\nlocal replication all trust\n"
TPS = re.compile(r"tps = ([0-9.]+)")
LATENCY = re.compile(r"latency average = ([0-9.]+)")

_INTRODUCTION = """\
# Commits through safekeepers

Made by `bench/bench_safekeeper.py` on {machine}, Python {python}, {cores} cores,
PostgreSQL {postgres}: `pgbench -N`, scale {scale}, {seconds} s, medians of {rounds}
rounds, the kinds in turn within each; the share of pg_receivewal is the median of the
rounds' shares. All processes share one disk and the cores, and the machine had other
work. Goal: at least 0.85.

| who is waited for | clients | commits/s | ms | of pg_receivewal |
| --- | ---: | ---: | ---: | ---: |"""


@dataclass(frozen=True)
class Kind:
    """Who receives: `count` of them, `quorum` of which a commit waits for."""

    name: str
    program: str
    count: int
    quorum: int
    peer: str | None = None


KINDS = (
    Kind("nobody", "", 0, 0),
    Kind("pg_receivewal, ANY 1 of 1", "pg_receivewal", 1, 1),
    Kind("safekeeper, ANY 1 of 1", "safekeeper", 1, 1, "pg_receivewal, ANY 1 of 1"),
    Kind("pg_receivewal, ANY 2 of 3", "pg_receivewal", 3, 2),
    Kind("safekeeper, ANY 2 of 3", "safekeeper", 3, 2, "pg_receivewal, ANY 2 of 3"),
)


@dataclass(frozen=True)
class Results:
    """By kind and clients: commits/s and ms, the median share of the peer's commits/s.

    And the MiB of an idle safekeeper, and PostgreSQL's version.
    """

    medians: dict[tuple[str, int], tuple[float, float]]
    shares: dict[tuple[str, int], float]
    idle: float
    version: str


@dataclass(frozen=True)
class Primary:
    """A running PostgreSQL; where its socket is."""

    programs: Programs
    directory: str
    start_lsn: Lsn

    @property
    def dsn(self) -> str:
        """How to reach it."""
        return f"host={self.directory} user=cloud_admin dbname=postgres"

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        """Run a statement."""
        with closing(psycopg2.connect(self.dsn)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []

    def wait_for(self, names: list[str], quorum: int) -> None:
        """Let commits wait for a quorum of standbys, which stream already."""
        listed = f"ANY {quorum} ({', '.join(names)})" if names else ""
        self.sql(f"alter system set synchronous_standby_names = '{listed}'")
        self.sql("select pg_reload_conf()")
        if names:
            count = "select count(*) from pg_stat_replication where state = 'streaming'"
            wait_until(lambda: self.sql(count) == [(len(names),)], "the standbys")

    def pgbench(self, clients: int, seconds: int) -> tuple[float, float]:
        """Return commits per second, and their mean milliseconds."""
        arguments = ("-n", "-N", "-c", str(clients), "-j", "1", "-T", str(seconds))
        program = f"{self.programs.directory}/pgbench"
        done = subprocess.run(
            [
                program,
                *arguments,
                "-h",
                self.directory,
                "-U",
                "cloud_admin",
                "postgres",
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        return float(TPS.search(done.stdout)[1]), float(LATENCY.search(done.stdout)[1])


@contextmanager
def primary(folder: Path, scale: int = SCALE) -> Iterator[Primary]:
    """Run a PostgreSQL with pgbench's tables."""
    found = programs.find(os.environ)
    directory, data = str(folder / "p"), str(folder / "p" / "data")
    os.makedirs(data, 0o700)
    os.chmod(directory, 0o755)
    owner.give_tree(directory, found.identity)
    initialise(found, data)
    Path(data, "pg_hba.conf").write_text(HBA)
    start = control_data(found, data).checkpoint
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": directory,
        "shared_buffers": "128MB",
        "max_wal_size": "4GB",
        "autovacuum": "off",
    }
    server = Server.start(found, data, settings=settings, log=f"{directory}/log")
    asyncio.run(server.wait_until_ready())
    try:
        made = Primary(found, directory, start)
        subprocess.run(
            [
                *(f"{found.directory}/pgbench", "-i", "-q", "-s", str(scale)),
                *("-h", directory, "-U", "cloud_admin", "postgres"),
            ],
            check=True,
            capture_output=True,
        )
        yield made
    finally:
        asyncio.run(server.stop())


@contextmanager
def pg_receivewal(server: Primary, number: int, folder: Path) -> Iterator[None]:
    """Run a pg_receivewal under the name of a safekeeper."""
    target = folder / f"r{number}"
    target.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [
            *(f"{server.programs.directory}/pg_receivewal", "-D", str(target)),
            *("-d", f"{server.dsn} application_name=safekeeper_{number}"),
            "--synchronous",
        ],
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        shutil.rmtree(target)


class Safekeeper:
    """A safekeeper's process."""

    def __init__(self, number: int, folder: Path) -> None:
        self.number = number
        self.directory = folder / f"s{number}"
        self.directory.mkdir()
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "branchpg.safekeeper"),
                *("-D", str(self.directory), "--id", str(number)),
                *("--listen-pg", "127.0.0.1:0", "--listen-http", "127.0.0.1:0"),
            ],
            stderr=subprocess.DEVNULL,
        )
        ports = self.directory / "ports.json"
        wait_until(ports.exists, "a safekeeper's ports")
        port = json.loads(ports.read_bytes())["http"]
        self.client = HttpClient(Address("127.0.0.1", port))

    def receive(self, server: Primary) -> None:
        """Pull from a PostgreSQL."""
        lsn = str(server.start_lsn)
        promise = {"generation": 1, "start_lsn": lsn}
        self.client.send("POST", f"{PATH}/fence", promise, dict)
        history = [{"generation": 1, "lsn": lsn}]
        order = promise | {
            "dsn": server.dsn,
            "history": history,
            "slot": f"safekeeper_{self.number}",
        }
        self.client.send("POST", f"{PATH}/receive", order, dict)

    def stop(self) -> None:
        """Pull no more."""
        self.client.send("DELETE", f"{PATH}/receive", {"generation": 1}, dict)


@contextmanager
def receiving(
    kind: Kind, server: Primary, keepers: list[Safekeeper], folder: Path
) -> Iterator[None]:
    """Run the standbys of a kind, and let commits wait for them."""
    with ExitStack() as stack:
        numbers = range(1, kind.count + 1)
        for number in numbers:
            if kind.program == "pg_receivewal":
                stack.enter_context(pg_receivewal(server, number, folder))
            else:
                keepers[number - 1].receive(server)
                stack.callback(keepers[number - 1].stop)
        try:
            server.wait_for([f"safekeeper_{n}" for n in numbers], kind.quorum)
            yield
        finally:
            server.wait_for([], 0)


@contextmanager
def started(folder: Path) -> Iterator[list[Safekeeper]]:
    """Run three safekeepers."""
    keepers = [Safekeeper(number, folder) for number in (1, 2, 3)]
    try:
        yield keepers
    finally:
        for keeper in keepers:
            keeper.process.terminate()
            keeper.process.wait(20)


def one_round(
    server: Primary, keepers: list[Safekeeper], folder: Path, seconds: int
) -> dict[tuple[str, int], tuple[float, float]]:
    """Measure each kind once."""
    results = {}
    for kind in KINDS:
        with receiving(kind, server, keepers, folder):
            for clients in CLIENTS:
                results[kind.name, clients] = server.pgbench(clients, seconds)
    return results


def measure(folder: Path, rounds: int, seconds: int) -> Results:
    """Measure all kinds in turn, `rounds` times."""
    found: dict[tuple[str, int], list[tuple[float, float]]] = {}
    with started(folder) as keepers, primary(folder) as server:
        idle = statistics.median(memory(keeper.process.pid) for keeper in keepers)
        one_round(server, keepers, folder, 1)  # warms all up
        for _ in range(rounds):
            results = one_round(server, keepers, folder, seconds)
            for key, result in results.items():
                found.setdefault(key, []).append(result)
        version = server.programs.version
    medians = {
        key: (
            statistics.median(tps for tps, _ in values),
            statistics.median(ms for _, ms in values),
        )
        for key, values in found.items()
    }
    shares = {
        (kind.name, clients): statistics.median(
            ours / theirs
            for (ours, _), (theirs, _) in zip(
                found[kind.name, clients], found[kind.peer, clients], strict=True
            )
        )
        for kind in KINDS
        for clients in CLIENTS
        if kind.peer
    }
    return Results(medians, shares, idle, version)


def main() -> None:
    """Measure, and write the table and the plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--print", action="store_true", help="write no results")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bsk"))
    folder.chmod(0o755)
    try:
        found = measure(folder, given.rounds, given.seconds)
    finally:
        shutil.rmtree(folder)
    lines = [
        _INTRODUCTION.format(
            machine=platform.machine(),
            python=platform.python_version(),
            cores=os.cpu_count(),
            postgres=found.version,
            scale=SCALE,
            seconds=given.seconds,
            rounds=given.rounds,
        )
    ]
    for kind in KINDS:
        for clients in CLIENTS:
            tps, ms = found.medians[kind.name, clients]
            share = f"{found.shares[kind.name, clients]:.2f}" if kind.peer else ""
            lines.append(
                f"| {kind.name} | {clients} | {tps:.0f} | {ms:.2f} | {share} |"
            )
    lines += [
        "",
        f"An idle safekeeper has {found.idle:.1f} MiB (PSS); the goal is under 45 MB.",
        "",
        "![commits per second](safekeeper.png)",
        "",
    ]
    report = "\n".join(lines)
    print(report)
    if not given.print:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "safekeeper.md").write_text(report)
        _plot(found.medians)


def _plot(medians: dict[tuple[str, int], tuple[float, float]]) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, panes = pyplot.subplots(1, len(CLIENTS), figsize=(11, 3.4), sharey=True)
    names = [kind.name for kind in KINDS]
    for axes, clients in zip(panes, CLIENTS, strict=True):
        axes.barh(names, [medians[name, clients][0] for name in names])
        axes.set(xlabel="commits/s", title=f"pgbench -N, {clients} client(s)")
        axes.grid(axis="x", alpha=0.3)
    panes[0].invert_yaxis()
    figure.tight_layout()
    figure.savefig(RESULTS / "safekeeper.png", dpi=110)


if __name__ == "__main__":
    main()
