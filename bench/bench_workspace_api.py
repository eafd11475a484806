"""The workspace API beside Express with pg: the same routes, the same database.

Writes results/workspace-api.md and results/workspace-api.png. `--quick` only prints the
figures of a few short runs, and goes to 100,000 items instead of 1,000,000.
"""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from processes import prepare
from workspace_peers import Peer, Place, express, missing, ours, place
from workspace_report import show, write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RESULTS = Path(__file__).with_name("results")
ITEMS = 1000
_LIST = "/api/v1/items"
_POST = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"title": "A new item", "description": "Words of a description, as people \
write them, and some more of them", "category": "dashboard", "priority": "high", \
"tags": ["one", "two"]}'
"""
_ANYWHERE = """
request = function()
  return wrk.format("GET", wrk.path .. "?limit=100&offset=" .. math.random(0, 899))
end
"""
CASES = {
    "list of 100": _LIST,
    "list, each another": _LIST,
    "one": f"{_LIST}/7",
    "POST": _LIST,
}
_SCRIPTS = {"POST": _POST, "list, each another": _ANYWHERE}
READS = {
    "newest 100": f"{_LIST}?limit=100",
    "a column by position": f"{_LIST}?status=review&sort=position&limit=100",
    "a category, newest": f"{_LIST}?category=dashboard&limit=100",
    "by title": f"{_LIST}?sort=title&limit=100",
    "a tag (1 in 1,000)": f"{_LIST}?tag=owner7&limit=100",
    "a text that few have": f"{_LIST}?q=needle&limit=100",
    "a text that all have": f"{_LIST}?q=description&limit=100",
    "two letters": f"{_LIST}?q=wo&limit=100",
    "cursor in the middle": "",
    "one item": f"{_LIST}/77",
    "stats": f"{_LIST}/stats",
}


@dataclass(frozen=True)
class Sample:
    """One run: requests a second, p99 in ms, processor time of a request in µs."""

    rate: float
    p99: float
    cpu: float


def main() -> None:
    """Measure, and write the tables and the plot."""
    prepare()
    if hint := missing():
        raise SystemExit(f"the benchmark needs what is not here\nhint: {hint}")
    quick = "--quick" in sys.argv
    rounds, seconds = (2, 1) if quick else (5, 2)
    sizes = (10_000, 100_000) if quick else (10_000, 100_000, 1_000_000)
    with place() as database:
        database.fill(1, ITEMS)
        found = {n: _beside(database, n, rounds, seconds) for n in (1, 2)}
        database.restore(ITEMS)  # some of the last requests were done after their end
        many, reads = _alone(database, sizes, 2 if quick else 5)
        version = database.version
    if quick:
        print(show(found, many, reads))
        return
    write(
        RESULTS,
        found=found,
        many=many,
        reads=reads,
        postgres=version,
        rounds=(rounds, seconds),
    )


def _beside(
    database: Place, workers: int, rounds: int, seconds: int
) -> dict[str, dict[str, list[Sample]]]:
    """Return the samples of each peer and case; memory stands under `memory`."""
    peers = [ours(database, workers), express(database, workers)]
    samples: dict[str, dict[str, list[Sample]]] = {
        peer.name: {case: [] for case in CASES} for peer in peers
    }
    try:
        for peer in peers:
            for case in CASES:
                load(peer, case, connections=32, seconds=1)
        for number, case in product(range(rounds), CASES):
            # Who goes first changes: a drift of the machine meets both.
            for peer in peers[:: 1 if number % 2 else -1]:
                sample = load(peer, case, connections=32, seconds=seconds)
                samples[peer.name][case].append(sample)
                _tidy(database, case, ITEMS)
        for peer in peers:
            size = peer.memory()
            samples[peer.name]["memory"] = [Sample(size, 0, 0)]
    finally:
        for peer in peers:
            peer.close()
    return samples


def load(peer: Peer, case: str, *, connections: int, seconds: int) -> Sample:
    """Put load on a service with wrk."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    command += ["--timeout", "20s"]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_SCRIPTS.get(case, ""))
        script.flush()
        command += ["-s", script.name]
        before = peer.cpu()
        command.append(f"http://127.0.0.1:{peer.port}{CASES[case]}")
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        used = peer.cpu() - before
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise RuntimeError(f"{peer.name}, {case}: {done.stdout}")
    rate = float(re.findall(r"Requests/sec:\s+([0-9.]+)", done.stdout)[0])
    count = int(re.findall(r"([0-9]+) requests in", done.stdout)[0])
    number, unit = re.findall(r"99%\s+([0-9.]+)(us|ms|s)", done.stdout)[0]
    p99 = float(number) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]
    return Sample(rate, p99, used / count * 1e6)


def _tidy(database: Place, case: str, items: int) -> None:
    """Let every POST begin with the same table."""
    if case == "POST":
        database.restore(items)


def _alone(
    database: Place, sizes: Sequence[int], seconds: int
) -> tuple[dict[str, Sample], dict[int, dict[str, float]]]:
    """Return p99 with 50 clients at 10,000 items, and times of reads by size."""
    peer = ours(database, 1)
    reads, many, last = {}, {}, ITEMS
    try:
        for size in sizes:
            database.fill(last + 1, size)
            last = size
            if size == sizes[0]:
                many = _many(peer, database, seconds)
            reads[size] = _reads(peer, size)
    finally:
        peer.close()
    return many, reads


def _many(peer: Peer, database: Place, seconds: int) -> dict[str, Sample]:
    found = {case: load(peer, case, connections=50, seconds=seconds) for case in CASES}
    database.restore(10_000)
    return found


def _reads(peer: Peer, size: int) -> dict[str, float]:
    """Return the median time (ms) of each read by one client."""
    connection = http.client.HTTPConnection("127.0.0.1", peer.port, timeout=60)

    def ask(path: str) -> bytes:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {body!r}")
        return body

    middle = f"{_LIST}?sort=title&limit=100"
    cursor = json.loads(ask(f"{middle}&offset={size // 2}"))["next_cursor"]
    paths: Mapping[str, str] = {
        **READS,
        "cursor in the middle": f"{middle}&cursor={cursor}",
    }
    found = {}
    for name, path in paths.items():
        times = []
        for _ in range(25):
            started = time.perf_counter()
            ask(path)
            times.append((time.perf_counter() - started) * 1000)
        found[name] = median(times[5:])
    connection.close()
    return found


if __name__ == "__main__":
    main()
