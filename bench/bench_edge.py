"""The edge beside HAProxy (tcp mode, one thread): requests, connections, bulk.

Writes results/edge.md and results/edge.png. `--quick` only prints the figures of a few
runs.
"""

from __future__ import annotations

import random
import re
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median as _median

from edge_peers import BULK, Way, missing, paths
from edge_report import rows, write
from processes import cpu_seconds, memory

RESULTS = Path(__file__).with_name("results")
ROUNDS = 7
SECONDS = 1


@dataclass(frozen=True)
class Case:
    """One kind of load: what wrk is told, or nothing for bulk."""

    name: str
    unit: str
    load: tuple[str, ...] = ()
    path: str = ""


@dataclass(frozen=True)
class Sample:
    """One run: work per second, latency in µs, processor time for a unit of work."""

    rate: float
    p50: float = 0.0
    p99: float = 0.0
    cpu: float = 0.0


@dataclass(frozen=True)
class Summary:
    """The medians of all runs; `ratio` is the median of the rounds' ratios of rates."""

    rate: float
    ratio: float
    p50: float
    p99: float
    cpu: float


CASES = (
    Case("64 B, 1 connection", "requests/s", ("-c1",), "/64"),
    Case("64 B, 64 connections", "requests/s", ("-c64",), "/64"),
    Case("1 KiB, 1 connection", "requests/s", ("-c1",), "/1024"),
    Case("1 KiB, 64 connections", "requests/s", ("-c64",), "/1024"),
    Case(
        "a connection per request", "requests/s", ("-c16", "-HConnection: close"), "/64"
    ),
    Case("bulk, 1 connection", "GB/s"),
)


def main() -> None:
    """Measure, and write the table and the plot."""
    if packages := missing():
        raise SystemExit(
            "the benchmark needs peers that are not here\n"
            f"hint: apt-get install {' '.join(packages)}"
        )
    quick = "--quick" in sys.argv
    with tempfile.TemporaryDirectory() as folder, paths(Path(folder)) as ways:
        idle = {way.name: memory(way.pid) for way in ways if way.pid}
        runs = _rounds(ways, rounds=3 if quick else ROUNDS)
    results = {name: _summarise(samples) for name, samples in runs.items()}
    for case in CASES:
        print(*rows(case, results[case.name]), sep="\n")
    if not quick:
        RESULTS.mkdir(exist_ok=True)
        write(RESULTS, CASES, results, memory=idle, rounds=(ROUNDS, SECONDS))


def _rounds(ways: list[Way], *, rounds: int) -> dict[str, dict[str, list[Sample]]]:
    runs: dict[str, dict[str, list[Sample]]] = {
        case.name: {way.name: [] for way in ways} for case in CASES
    }
    for _ in range(rounds):
        for case in CASES:
            for way in random.sample(ways, len(ways)):  # no place is the best
                runs[case.name][way.name].append(_measure(case, way))
    return runs


def _measure(case: Case, way: Way) -> Sample:
    before = cpu_seconds(way.pid) if way.pid else 0.0
    sample, work = _requests(case, way) if case.load else _bulk(way)
    used = cpu_seconds(way.pid) - before if way.pid else 0.0
    return Sample(sample.rate, sample.p50, sample.p99, used / work)


def _requests(case: Case, way: Way) -> tuple[Sample, float]:
    url = f"http://{way.host}{case.path}"
    command = ["wrk", "-t1", f"-d{SECONDS}s", "--latency", *case.load, url]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Socket errors" in output or "Non-2xx" in output:
        raise RuntimeError(f"{way.name}: {output}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", output)
    done = re.search(r"(\d+) requests in", output)
    assert found
    assert done
    return (
        Sample(float(found[1]), _latency(output, 50), _latency(output, 99)),
        int(done[1]),
    )


def _latency(output: str, percent: int) -> float:
    found = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s)$", output, re.MULTILINE)
    assert found
    return float(found[1]) * {"us": 1, "ms": 1e3, "s": 1e6}[found[2]]


def _bulk(way: Way) -> tuple[Sample, float]:
    buffer = bytearray(BULK)
    count = 0
    with socket.create_connection((way.host, 81)) as sock:
        sock.recv_into(buffer)
        start = time.perf_counter()
        while (now := time.perf_counter()) < start + SECONDS:
            count += sock.recv_into(buffer)
    return Sample(count / (now - start) / 1e9), count / 1e9


def _summarise(runs: dict[str, list[Sample]]) -> dict[str, Summary]:
    peer = runs["haproxy"]
    return {
        name: Summary(
            _median([sample.rate for sample in samples]),
            # Within a round both met the same noise; the medians of each did not.
            _median([a.rate / b.rate for a, b in zip(samples, peer, strict=True)]),
            _median([sample.p50 for sample in samples]),
            _median([sample.p99 for sample in samples]),
            _median([sample.cpu for sample in samples]),
        )
        for name, samples in runs.items()
    }


if __name__ == "__main__":
    main()
