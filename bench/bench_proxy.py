"""The proxy of branchpg beside PgBouncer and HAProxy, and a direct connection.

.venv/bin/python bench/bench_proxy.py            # about eight minutes; writes results/
.venv/bin/python bench/bench_proxy.py --quick    # only prints
"""

from __future__ import annotations

import os
import random
import re
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from processes import cpu_nanoseconds, memory, prepare
from proxy_peers import Way, Yard, missing, yard
from proxy_report import rows, write

RESULTS = Path(__file__).parent / "results"
ROUNDS = 9
SECONDS = 2


@dataclass(frozen=True)
class Case:
    """A load: of pgbench, or a COPY."""

    name: str
    unit: str
    pgbench: tuple[str, ...] = ()
    copy: str = ""


@dataclass(frozen=True)
class Sample:
    """One run: its rate in the case's unit, processor µs per transaction or MB."""

    rate: float
    cpu: float


@dataclass(frozen=True)
class Summary:
    """Medians; the ratio is the median of each round's ratio to PgBouncer."""

    rate: float
    ratio: float
    cpu: float


CASES = (
    Case("SELECT, 1 client", "tps", ("-c1", "-j1")),
    Case("SELECT, 8 clients", "tps", ("-c8", "-j2")),
    Case("SELECT, 64 clients", "tps", ("-c64", "-j2")),
    Case("a connection each, 8 clients", "tps", ("-C", "-c8", "-j2")),
    Case("COPY out, 200 MB", "MB/s", copy="COPY bulk TO STDOUT"),
    Case("COPY in, 200 MB", "MB/s", copy="COPY sink FROM STDIN"),
)


def main() -> None:
    """Measure, and write the table and the plot."""
    prepare()
    if packages := missing():
        raise SystemExit(
            "the benchmark needs peers that are not here\n"
            f"hint: apt-get install {' '.join(packages)}"
        )
    quick = "--quick" in sys.argv
    with yard(pumps=2) as place:
        idle = {
            way.name: sum(memory(pid) for pid in way.pids)
            for way in place.ways
            if way.pids and not way.options
        }
        runs = _rounds(place, rounds=2 if quick else ROUNDS)
    results = {name: _summarise(samples) for name, samples in runs.items()}
    for case in CASES:
        print(*rows(case, results[case.name]), sep="\n")
    if not quick:
        RESULTS.mkdir(exist_ok=True)
        write(RESULTS, CASES, results, memory=idle, rounds=(ROUNDS, SECONDS))


def _rounds(place: Yard, *, rounds: int) -> dict[str, dict[str, list[Sample]]]:
    runs: dict[str, dict[str, list[Sample]]] = {
        case.name: {way.name: [] for way in place.ways} for case in CASES
    }
    for _ in range(rounds):
        for case in CASES:
            for way in random.sample(place.ways, len(place.ways)):
                runs[case.name][way.name].append(_measure(place, case, way))
    return runs


def _measure(place: Yard, case: Case, way: Way) -> Sample:
    before = _cpu(way)
    rate, work = (_copy if case.copy else _pgbench)(place, case, way)
    return Sample(rate, (_cpu(way) - before) / work / 1000)


def _cpu(way: Way) -> int:
    return sum(cpu_nanoseconds(pid) for pid in way.pids)


def _pgbench(place: Yard, case: Case, way: Way) -> tuple[float, float]:
    program = os.path.join(place.programs.directory, "pgbench")
    command = [program, "-n", "-S", f"-T{SECONDS}", *case.pgbench]
    done = subprocess.run(
        command, env=place.environment(way), capture_output=True, text=True, check=True
    )
    # With -C the time to connect belongs to the transactions.
    rate = re.search(r"tps = ([\d.]+)", done.stdout)
    count = re.search(r"processed: (\d+)", done.stdout)
    if rate is None or count is None:
        raise RuntimeError(done.stdout + done.stderr)
    return float(rate[1]), int(count[1])


def _copy(place: Yard, case: Case, way: Way) -> tuple[float, float]:
    program = os.path.join(place.programs.directory, "psql")
    command = [program, "-q", "-c", "TRUNCATE sink", "-c", case.copy]
    with open(place.bulk, "rb") as source:
        begun = time.perf_counter()
        subprocess.run(
            command,
            env=place.environment(way),
            stdin=source,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        seconds = time.perf_counter() - begun
    megabytes = os.path.getsize(place.bulk) / 1e6
    return megabytes / seconds, megabytes


def _summarise(runs: dict[str, list[Sample]]) -> dict[str, Summary]:
    peer = runs["pgbouncer"]
    return {
        name: Summary(
            statistics.median(sample.rate for sample in samples),
            # Within a round both met the same noise; the medians of each did not.
            statistics.median(
                a.rate / b.rate for a, b in zip(samples, peer, strict=True)
            ),
            statistics.median(sample.cpu for sample in samples),
        )
        for name, samples in runs.items()
    }


if __name__ == "__main__":
    main()
