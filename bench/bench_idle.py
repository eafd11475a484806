"""100 idle services: processor time and memory of yard, supervisord and circus.

All three run at once, so that they meet the same noise. Writes results/idle.md and
results/idle.png.
"""

from __future__ import annotations

import os
import platform
import random
import socket
import statistics
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from processes import cpu_nanoseconds, kill, memory, prepare, sleepers, wait_until
from supervisors import install, peer
from yards import project, write_sleepers

if TYPE_CHECKING:
    from collections.abc import Iterator

RESULTS = Path(__file__).with_name("results")
SERVICES = 100
SECONDS = 20
WINDOWS = 3
PEERS = ("supervisord", "circus")
_SETTLE = 3.0

_INTRODUCTION = """\
# Idle services

Made by `bench/bench_idle.py` on {machine}, Python {python}, {cores} cores: {services}
services that `sleep`, one of them with a published port, so that yard has its edge. All
supervisors run at once. Processor time is that of all threads, as a share of one core,
the median of {windows} windows of {seconds} s. PSS shares among processes what several
of them map; RSS does not.

| process | CPU % of a core | PSS MiB | RSS MiB |
| --- | ---: | ---: | ---: |"""
_TARGETS = """\
Supervisor and edge together: {pss:.1f} MiB (PSS), {rss:.1f} MiB (RSS). The targets are
under 50 MB for these two, and under 0.5 % of a core for all three."""


@dataclass(frozen=True)
class Sample:
    """What a process used: share of a core in percent, MiB."""

    cpu: float
    pss: float
    rss: float

    def __add__(self, other: Sample) -> Sample:
        return Sample(self.cpu + other.cpu, self.pss + other.pss, self.rss + other.rss)


def main() -> None:
    """Measure, and write the table and the plot."""
    prepare()
    install()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        found = stack.enter_context(_yard(Path(folder)))
        for name in PEERS:
            found[name] = stack.enter_context(_peer(name, Path(folder)))
        time.sleep(_SETTLE)
        results = _measure(found)
    own = [name for name in results if name not in PEERS]
    results["yard together"] = sum(
        (results[name] for name in own), Sample(0.0, 0.0, 0.0)
    )
    pair = results["supervisor"] + results["edge"]
    RESULTS.mkdir(exist_ok=True)
    report = _report(results, pair)
    print(report)
    (RESULTS / "idle.md").write_text(report)
    _plot(results)


def _measure(found: dict[str, int]) -> dict[str, Sample]:
    shares: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(WINDOWS):
        begun = time.perf_counter()
        before = {name: cpu_nanoseconds(pid) for name, pid in found.items()}
        time.sleep(SECONDS)
        passed = time.perf_counter() - begun
        for name, pid in found.items():
            used = cpu_nanoseconds(pid) - before[name]
            shares[name].append(used / 1e9 / passed * 100)
    return {
        name: Sample(statistics.median(shares[name]), memory(pid), memory(pid, "Rss"))
        for name, pid in found.items()
    }


@contextmanager
def _yard(folder: Path) -> Iterator[dict[str, int]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    seconds = random.randrange(10**6, 10**8)
    directory = write_sleepers(folder / "many", SERVICES, seconds, port)
    with project(directory, folder / "state") as yard:
        yard.run("up", "-d")
        daemons = yard.daemons()
        order = ("supervisor", "keeper", "edge")
        yield {name: daemons[name] for name in order}


@contextmanager
def _peer(name: str, folder: Path) -> Iterator[int]:
    seconds = random.randrange(10**6, 10**8)
    process = peer(name, SERVICES, seconds, folder / name).start(folder)
    try:
        wait_until(lambda: len(sleepers(seconds)) == SERVICES, f"children of {name}")
        yield process.pid
    finally:
        process.kill()
        process.wait()
        kill(sleepers(seconds))


def _report(results: dict[str, Sample], pair: Sample) -> str:
    lines = [
        _INTRODUCTION.format(
            machine=platform.machine(),
            python=platform.python_version(),
            cores=os.cpu_count(),
            services=SERVICES,
            windows=WINDOWS,
            seconds=SECONDS,
        )
    ]
    lines += [
        f"| {name} | {item.cpu:.3f} | {item.pss:.1f} | {item.rss:.1f} |"
        for name, item in results.items()
    ]
    lines += [
        "",
        _TARGETS.format(pss=pair.pss, rss=pair.rss),
        "",
        "![processor time and memory](idle.png)",
        "",
    ]
    return "\n".join(lines)


def _plot(results: dict[str, Sample]) -> None:
    # Not imported before all is measured: the measuring process stays small.
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, (cpu, size) = pyplot.subplots(1, 2, figsize=(10, 3.6))
    names = list(results)
    cpu.barh(names, [item.cpu for item in results.values()])
    cpu.set(xlabel="% of a core", title=f"{SERVICES} idle services: processor time")
    size.barh(names, [item.rss for item in results.values()], label="RSS")
    size.barh(names, [item.pss for item in results.values()], label="PSS", height=0.5)
    size.set(xlabel="MiB", title=f"{SERVICES} idle services: memory")
    size.legend()
    for axes in (cpu, size):
        axes.invert_yaxis()
        axes.grid(axis="x", alpha=0.3)
    figure.tight_layout()
    figure.savefig(RESULTS / "idle.png", dpi=110)


if __name__ == "__main__":
    main()
