"""`yard up -d` of services that sleep, beside supervisord, circus, honcho and a sketch.

From the start of the command, with no supervisor running, until all children exist, and
back to none. Writes results/start.md and results/start.png. `--quick` only prints the
figures of 100 services, of few runs.
"""

from __future__ import annotations

import os
import platform
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from processes import Arrivals, kill, prepare, sleepers, tree, wait_until
from supervisors import NAMES, install, peer
from yards import project, write_sleepers

RESULTS = Path(__file__).with_name("results")
WAYS = ("yard", *NAMES)
MAIN = 100
ROUNDS = {10: 5, MAIN: 7, 300: 3, 1000: 3}
TARGET = 0.8
TRIAL = {"supervisord": 1.5, "circus": 0.87, "honcho": 0.62, "sketch": 0.27}
_GRACE = 60.0

_INTRODUCTION = """\
# Starting many services

Made by `bench/bench_start.py` on {machine}, Python {python}, {cores} cores. Services
that `sleep`, from the start of the command, with no supervisor running, until all
children exist, and until all are gone again; seen in /proc, every 5 ms or, where a look
takes long, as often as a fifth of a core allows. Medians of runs in turn
({rounds}).
The machine is shared and noisy: the ratios, which are medians of each turn's ratio to
yard, say more than the times.

What a supervisor does for it differs. supervisord and the sketch read the children's
output through pipes; yard writes it to log files, and the state of each service to disk
before it starts; honcho has a Python process for each child; circus leaves the output
alone.

| {main} services | up s | ratio to yard | command returns s | down s |
| --- | ---: | ---: | ---: | ---: |"""
_GROWTH = """
Seconds until all children exist, then until they are gone:

| services | {ways} |
| ---: | {rules} |"""


@dataclass(frozen=True)
class Sample:
    """Seconds until all children exist, until the command ends, until all are gone."""

    up: float
    returned: float
    down: float


Results = dict[int, dict[str, list[Sample]]]


def main() -> None:
    """Measure, and write the table and the plot."""
    prepare()
    install()
    quick = "--quick" in sys.argv
    results = {
        size: _rounds(size, rounds=rounds)
        for size, rounds in ({MAIN: 3} if quick else ROUNDS).items()
    }
    print(*_rows(results[MAIN]), sep="\n")
    if not quick:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "start.md").write_text(_report(results))
        _plot(results)


def _rounds(size: int, *, rounds: int) -> dict[str, list[Sample]]:
    runs: dict[str, list[Sample]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way in random.sample(WAYS, len(WAYS)):  # no place is the best
            with tempfile.TemporaryDirectory() as folder:
                measure = _yard if way == "yard" else _peer
                runs[way].append(measure(way, size, Path(folder)))
            time.sleep(0.2)  # what is left of the last one is none of the next
    return runs


def _yard(_way: str, size: int, folder: Path) -> Sample:
    seconds = random.randrange(10**6, 10**8)
    directory = write_sleepers(folder / "many", size, seconds)
    arrivals = Arrivals(seconds)
    with project(directory, folder / "state") as yard:
        start = time.perf_counter()
        process = yard.start("up", "-d")
        wait_until(lambda: arrivals.count() == size, "all children of yard")
        up = time.perf_counter() - start
        _, told = process.communicate()
        returned = time.perf_counter() - start
        if process.returncode:
            raise RuntimeError(told.decode())
        start = time.perf_counter()
        yard.run("down")
        down = time.perf_counter() - start
    if left := sleepers(seconds):
        kill(left)
        raise RuntimeError("yard down left something running")
    return Sample(up, returned, down)


def _peer(way: str, size: int, folder: Path) -> Sample:
    seconds = random.randrange(10**6, 10**8)
    found = peer(way, size, seconds, folder / "peer")
    arrivals = Arrivals(seconds)
    start = time.perf_counter()
    process = found.start(folder)
    try:
        wait_until(lambda: arrivals.count() == size, f"all children of {way}")
        up = time.perf_counter() - start
        time.sleep(1.2)  # supervisord takes a second to call a child running
        start = time.perf_counter()
        process.terminate()
        process.wait(_GRACE)
        wait_until(lambda: not sleepers(seconds), f"the end of {way}")
        down = time.perf_counter() - start
    finally:
        kill([*(tree(process.pid) if process.poll() is None else ())])
        kill(sleepers(seconds))
        process.wait()
    return Sample(up, 0.0, down)


def _report(results: Results) -> str:
    rounds = ", ".join(f"{n} of {size:,} services" for size, n in ROUNDS.items())
    lines = [
        _INTRODUCTION.format(
            machine=platform.machine(),
            python=platform.python_version(),
            cores=os.cpu_count(),
            rounds=rounds,
            main=MAIN,
        ),
        *_rows(results[MAIN]),
        "",
        f"The target is {TARGET} s. First trials on such a machine:",
        ", ".join(f"{way} {seconds} s" for way, seconds in TRIAL.items()) + ".",
        _GROWTH.format(ways=" | ".join(WAYS), rules=" | ".join(["---:"] * len(WAYS))),
    ]
    for size, runs in results.items():
        cells = (
            f"{median(s.up for s in runs[way]):.2f}, "
            f"{median(s.down for s in runs[way]):.2f}"
            for way in WAYS
        )
        lines.append(f"| {size:,} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", "![seconds by number of services](start.png)", ""])


def _rows(runs: dict[str, list[Sample]]) -> list[str]:
    lines = []
    for way, samples in runs.items():
        pairs = zip(samples, runs["yard"], strict=True)
        ratio = median(sample.up / yard.up for sample, yard in pairs)
        returned = median(sample.returned for sample in samples)
        lines.append(
            f"| {way} | {median(s.up for s in samples):.2f} | {ratio:.2f} "
            f"| {f'{returned:.2f}' if returned else ''} "
            f"| {median(s.down for s in samples):.2f} |"
        )
    return lines


def _plot(results: Results) -> None:
    # Not imported before all is measured: the measuring process stays small.
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 2, figsize=(11, 4.2))
    for axes, figure_of in zip(panels, ("up", "down"), strict=True):
        for way in WAYS:
            values = [
                median(getattr(sample, figure_of) for sample in runs[way])
                for runs in results.values()
            ]
            axes.plot(list(results), values, marker="o", label=way)
        axes.set(xscale="log", yscale="log", xlabel="services", ylabel="s")
        axes.set_title(f"{figure_of}: until all children {_END[figure_of]}")
        axes.set_xticks(list(results), [f"{size:,}" for size in results])
        axes.grid(alpha=0.3)
        axes.legend()
    figure.tight_layout()
    figure.savefig(RESULTS / "start.png", dpi=110)


_END = {"up": "exist", "down": "are gone"}


if __name__ == "__main__":
    main()
