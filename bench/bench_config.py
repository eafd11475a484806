"""`yard config` beside the real `docker compose config`: time and memory.

Writes results/config.md and results/config.png.
"""

from __future__ import annotations

import platform
import sys
import tempfile
from pathlib import Path

import compose
from measure import Command, Run, in_turn, median
from projects import write_project

RESULTS = Path(__file__).with_name("results")
YARD = str(Path(sys.executable).with_name("yard"))
DOCKER = str(Path(compose.__file__).with_name("docker-compose"))
SIZES = (10, 100, 500, 1000, 2000, 5000)
ROUNDS = {10: 15, 100: 7, 500: 5, 1000: 5, 2000: 3, 5000: 1}

_INTRODUCTION = """\
# `yard config` beside `docker compose config`

Made by `bench/bench_config.py` on {}, Python {}, with Docker Compose v2.40.3.
Medians of runs in turn (5,000 services: one run); wall time includes the start of the
command. The machine is shared and noisy: the ratios say more than the times.

| command | wall ms | CPU ms | memory MiB |
| --- | ---: | ---: | ---: |"""
_GROWTH = """
`config -q` of projects with env files, `extends`, anchors, variables and a chain of
dependencies:

| services | yard wall ms | CPU ms | MiB | docker wall ms | CPU ms | MiB | wall ratio |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"""


def main() -> None:
    """Measure everything and write the table and the plot."""
    with tempfile.TemporaryDirectory() as folder:
        start = _start(Path(folder))
        growth = {size: _config(Path(folder), size) for size in SIZES}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "config.md").write_text(_report(start, growth))
    _plot(growth)


def _start(folder: Path) -> dict[str, Run]:
    commands = [
        Command("python -c pass", (sys.executable, "-c", "pass"), folder),
        Command("yard version", (YARD, "version"), folder),
        Command("docker compose version", (DOCKER, "version"), folder),
    ]
    return {n: median(runs) for n, runs in in_turn(commands, rounds=15).items()}


def _config(folder: Path, size: int) -> tuple[Run, Run]:
    directory = write_project(folder / f"p{size}", size)
    commands = [
        Command("yard", (YARD, "config", "-q"), directory),
        Command("docker", (DOCKER, "config", "-q"), directory),
    ]
    results = in_turn(commands, rounds=ROUNDS[size])
    return median(results["yard"]), median(results["docker"])


def _report(start: dict[str, Run], growth: dict[int, tuple[Run, Run]]) -> str:
    lines = [_INTRODUCTION.format(platform.machine(), platform.python_version())]
    for name, run in start.items():
        lines.append(f"| `{name}` | {_ms(run)} | {run.memory:.0f} |")
    lines.append(_GROWTH)
    for size, (yard, docker) in growth.items():
        lines.append(
            f"| {size:,} | {_ms(yard)} | {yard.memory:.0f} "
            f"| {_ms(docker)} | {docker.memory:.0f} | {yard.wall / docker.wall:.2f} |"
        )
    return "\n".join([*lines, "", "![time and memory by project size](config.png)", ""])


def _ms(run: Run) -> str:
    return f"{run.wall * 1000:.0f} | {run.cpu * 1000:.0f}"


def _plot(growth: dict[int, tuple[Run, Run]]) -> None:
    # Not imported before all is measured: see `measure.run`.
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, (time_axes, memory_axes) = pyplot.subplots(1, 2, figsize=(10, 4))
    for index, name in enumerate(("yard", "docker compose")):
        runs = [pair[index] for pair in growth.values()]
        time_axes.plot(SIZES, [item.wall for item in runs], marker="o", label=name)
        memory_axes.plot(SIZES, [item.memory for item in runs], marker="o", label=name)
    time_axes.set(xlabel="services", ylabel="wall time, s", title="config -q")
    memory_axes.set(xlabel="services", ylabel="peak memory, MiB", title="config -q")
    for axes in (time_axes, memory_axes):
        axes.legend()
        axes.grid(alpha=0.3)
        axes.set_ylim(bottom=0)
    figure.tight_layout()
    figure.savefig(RESULTS / "config.png", dpi=110)


if __name__ == "__main__":
    main()
