"""`yard ps` and `yard up -d` of a project that runs, beside other supervisors' lists.

Writes results/ps.md and results/ps.png.
"""

from __future__ import annotations

import os
import platform
import random
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from measure import Command, Run, in_turn, median
from processes import kill, prepare, sleepers, wait_until
from supervisors import install, peer
from yards import project, write_sleepers

if TYPE_CHECKING:
    from collections.abc import Iterator

RESULTS = Path(__file__).with_name("results")
ROUNDS = {10: 15, 100: 9, 500: 7}
TARGETS = {(10, "yard ps"): 120, (500, "yard ps"): 500}
LISTINGS = {"supervisord": "supervisorctl status", "circus": "circusctl status"}
COMMANDS = ("yard ps", "yard up -d", *LISTINGS.values())

_INTRODUCTION = """\
# Looking at what runs

Made by `bench/bench_ps.py` on {machine}, Python {python}, {cores} cores. A project of
services that `sleep` runs, and the same ones under supervisord and circus; medians of
runs in turn, the start of the command included. `yard up -d` finds nothing changed.

| services | command | wall ms | CPU ms | ratio to yard ps | target ms |
| ---: | --- | ---: | ---: | ---: | ---: |"""

Results = dict[int, dict[str, Run]]


def main() -> None:
    """Measure, and write the table and the plot."""
    prepare()
    install()
    results = {size: _measure(size) for size in ROUNDS}
    report = _report(results)
    print(report)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "ps.md").write_text(report)
    _plot(results)


def _measure(size: int) -> dict[str, Run]:
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        commands = stack.enter_context(_yard(size, folder))
        for other in LISTINGS:
            commands.append(stack.enter_context(_peer(other, size, folder)))
        runs = in_turn(commands, rounds=ROUNDS[size])
        return {name: median(each) for name, each in runs.items()}


@contextmanager
def _yard(size: int, folder: Path) -> Iterator[list[Command]]:
    seconds = random.randrange(10**6, 10**8)
    directory = write_sleepers(folder / "many", size, seconds)
    with project(directory, folder / "state") as yard:
        yard.run("up", "-d")
        before = sorted(sleepers(seconds))
        yield [yard.command("yard ps", "ps"), yard.command("yard up -d", "up", "-d")]
        if before != sorted(sleepers(seconds)):
            raise RuntimeError("up -d of an unchanged project has changed what runs")


@contextmanager
def _peer(name: str, size: int, folder: Path) -> Iterator[Command]:
    seconds = random.randrange(10**6, 10**8)
    found = peer(name, size, seconds, folder / name)
    process = found.start(folder)
    try:
        wait_until(lambda: len(sleepers(seconds)) == size, f"children of {name}")
        yield Command(LISTINGS[name], found.listing, folder)
    finally:
        process.kill()
        process.wait()
        kill(sleepers(seconds))


def _report(results: Results) -> str:
    lines = [
        _INTRODUCTION.format(
            machine=platform.machine(),
            python=platform.python_version(),
            cores=os.cpu_count(),
        )
    ]
    for size, runs in results.items():
        for name, run in runs.items():
            ratio = run.wall / runs["yard ps"].wall
            lines.append(
                f"| {size} | `{name}` | {run.wall * 1000:.0f} | {run.cpu * 1000:.0f} "
                f"| {ratio:.2f} | {TARGETS.get((size, name), '')} |"
            )
    return "\n".join([*lines, "", "![time by number of services](ps.png)", ""])


def _plot(results: Results) -> None:
    # Not imported before all is measured: see `measure.run`.
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4))
    for name in COMMANDS:
        times = [runs[name].wall * 1000 for runs in results.values()]
        axes.plot(list(results), times, marker="o", label=name)
    axes.set(xlabel="services", ylabel="wall time, ms", title="a project that runs")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(RESULTS / "ps.png", dpi=110)


if __name__ == "__main__":
    main()
