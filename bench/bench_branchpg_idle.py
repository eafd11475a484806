"""Memory of branchpg's three services, idle: without PostgreSQL, which sleeps.

Writes results/branchpg-idle.md and results/branchpg-idle.png.
"""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
import time
from pathlib import Path

from bench_branch import PROGRAMS, query
from processes import argv, cpu_seconds, memory, prepare, tree

from branchpg.client import Project

RESULTS = Path(__file__).with_name("results")
SERVICES = ("safekeeper", "pageserver", "compute")
BRANCHES = 10
SETTLE = 5.0
SECONDS = 20
TARGET = 150

_INTRODUCTION = """\
# branchpg, idle

Made by `bench/bench_branchpg_idle.py` on {machine}, Python {python}, PostgreSQL
{postgres}: memory of the three services (PSS, MiB) with the processes they have beside
them (the compute's two pumps), without PostgreSQL. *Fresh* is after the first start;
*used* after {branches} branches were made, each written to and put to sleep; *awake*
with all of these running. CPU is that of all threads while asleep, as a share of a
core, over {seconds} s.

| process | fresh | used | awake | CPU % of a core |
| --- | ---: | ---: | ---: | ---: |"""


def services(project: Project) -> dict[str, list[int]]:
    """Return the processes of each service, but for PostgreSQL's."""
    found = {}
    for service in project.services.running:
        process = project.services.process(service)
        assert process
        below = [pid for pid in tree(process.pid) if _is_python(pid)]
        found[service.name.split("_")[0]] = below
    return found


def _is_python(pid: int) -> bool:
    return bool(argv(pid)) and "python" in os.path.basename(argv(pid)[0])


def sample(project: Project) -> dict[str, float]:
    """Return the memory of each service, in MiB."""
    time.sleep(SETTLE)
    return {name: sum(map(memory, pids)) for name, pids in services(project).items()}


def use(project: Project) -> list[str]:
    """Make branches, write to each of them; return their addresses."""
    urls = []
    for number in range(BRANCHES):
        branch = project.branch(f"b{number}")
        query(branch.url(), "CREATE TABLE t AS SELECT generate_series(1, 1000) n")
        urls.append(branch.url())
    return urls


def sleep(project: Project) -> None:
    """Put all endpoints to sleep."""
    for branch in project.branches():
        for endpoint in branch.info.endpoints:
            project.api.suspend(endpoint.id)


def cpu(project: Project) -> dict[str, float]:
    """Return the share of a core that each service takes, in percent."""
    found = services(project)
    before = {n: sum(map(cpu_seconds, pids)) for n, pids in found.items()}
    time.sleep(SECONDS)
    return {
        name: (sum(map(cpu_seconds, pids)) - before[name]) / SECONDS * 100
        for name, pids in found.items()
    }


def main() -> None:
    """Measure, and write the table and the plot."""
    prepare()
    folder = Path(tempfile.mkdtemp(prefix="bbi", dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        project = Project.create(
            str(folder / "p"), database="bench", port=0, suspend_timeout=-1
        )
        with project:
            try:
                stages = measure(project)
            finally:
                project.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report = write(stages)
    print(report)
    (RESULTS / "branchpg-idle.md").write_text(report)
    _plot(stages)


def measure(project: Project) -> dict[str, dict[str, float]]:
    """Return each stage's figures by service."""
    query(project.get().url(), "SELECT 1")
    sleep(project)
    stages = {"fresh": sample(project)}
    urls = use(project)
    sleep(project)
    stages["used"] = sample(project)
    stages["cpu"] = cpu(project)
    for url in urls:
        query(url, "SELECT 1")
    stages["awake"] = sample(project)
    return stages


def write(stages: dict[str, dict[str, float]]) -> str:
    """Return the report."""
    lines = _INTRODUCTION.format(
        machine=platform.machine(),
        python=platform.python_version(),
        postgres=PROGRAMS.version,
        branches=BRANCHES,
        seconds=SECONDS,
    ).splitlines()
    columns = ("fresh", "used", "awake")
    for name in SERVICES:
        cells = " | ".join(f"{stages[stage][name]:.1f}" for stage in columns)
        lines.append(f"| {name} | {cells} | {stages['cpu'][name]:.2f} |")
    sums = " | ".join(f"{sum(stages[stage].values()):.1f}" for stage in columns)
    lines.append(f"| together | {sums} | {sum(stages['cpu'].values()):.2f} |")
    picture = "![memory](branchpg-idle.png)"
    goal = f"The target is under {TARGET} MB together."
    return "\n".join([*lines, "", goal, "", picture, ""])


def _plot(stages: dict[str, dict[str, float]]) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 2.6))
    columns = ("fresh", "used", "awake")
    left = [0.0] * len(columns)
    for name in SERVICES:
        widths = [stages[stage][name] for stage in columns]
        axes.barh(columns, widths, left=left, label=name, alpha=0.7)
        left = [a + b for a, b in zip(left, widths, strict=True)]
    axes.axvline(TARGET, color="k", linestyle=":")
    axes.invert_yaxis()
    axes.set(xlabel="MiB (PSS)", title="branchpg's three services")
    axes.legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(RESULTS / "branchpg-idle.png", dpi=110)


if __name__ == "__main__":
    main()
