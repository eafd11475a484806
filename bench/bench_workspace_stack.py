"""The stack `workspace`: seconds until healthy, cold and warm, and memory at rest.

python bench/bench_workspace_stack.py

Written to bench/results/workspace-stack.md and .png.
"""

from __future__ import annotations

import os
import platform
import shutil
import socket
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from processes import argv, memory, prepare, tree
from yards import Yard, project

STACK = Path(__file__).parents[1] / "stacks" / "workspace"
RESULTS = Path(__file__).with_name("results")
ROUNDS = 3
REST_SECONDS = 20
GOALS = {"cold": 6.0, "warm": 3.0, "memory": 450.0}
_UP = ("up", "-d", "--wait")
_PORTS = (
    "API",
    "BOARD",
    "DB",
    "COMPUTE_HTTP",
    "PAGESERVER",
    "PAGESERVER_HTTP",
    "SAFEKEEPER",
    "SAFEKEEPER_HTTP",
)
_INTRODUCTION = """\
# The workspace stack

`bench/bench_workspace_stack.py`, on {machine}, {cores} cores, Python {python};
load of the machine before it began: {load:.1f}. Medians of {rounds} rounds after one
that is not counted.

*Cold* is `yard up -d --wait` with empty volumes: initdb, the first branch, its
endpoint, the schema, all healthy. *Warm* is the same after `yard down`, with the
volumes kept. Memory is that of all processes, those of `yard` too, {rest} s after a
request.

| | median | least and most | goal |
| --- | ---: | ---: | ---: |
"""


def main() -> None:
    """Measure, print, write the report and the picture."""
    prepare()
    load = os.getloadavg()[0]
    folder = Path(tempfile.mkdtemp(prefix="ws-", dir="/tmp"))
    folder.chmod(0o755)
    times: dict[str, list[float]] = {"cold": [], "warm": []}
    parts: dict[str, list[float]] = {}
    try:
        for number in range(ROUNDS + 1):
            measured = _round(folder, number)
            for name in times if number else ():
                times[name].append(measured[name])
        parts = _rest(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report = _report(times, parts, load)
    print(report)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "workspace-stack.md").write_text(report)
    _plot(times, parts)


def _round(folder: Path, number: int) -> dict[str, float]:
    directory, state = _copy(folder, number)
    with project(directory, state, **_ports()) as yard:
        cold = _seconds(yard)
        yard.run("down")
        return {"cold": cold, "warm": _seconds(yard)}


def _seconds(yard: Yard) -> float:
    began = time.perf_counter()
    yard.run(*_UP)
    return time.perf_counter() - began


def _rest(folder: Path) -> dict[str, list[float]]:
    """Return the memory of the parts of the stack at rest, in MiB of PSS."""
    directory, state = _copy(folder, ROUNDS + 1)
    ports = _ports()
    with project(directory, state, **ports) as yard:
        yard.run(*_UP)
        url = f"http://127.0.0.1:{ports['WORKSPACE_API_PORT']}/api/v1/items"
        with urllib.request.urlopen(url) as answer:
            answer.read()
        time.sleep(REST_SECONDS)
        return _memory(yard)


def _memory(yard: Yard) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    daemons = yard.daemons()
    for pid in {*daemons.values(), *tree(daemons["keeper"])}:
        found.setdefault(_part(pid), []).append(memory(pid))
    return found


def _part(pid: int) -> str:
    words = " ".join(argv(pid))
    for mark, name in (
        ("stackyard.engine", "yard"),
        ("branchpg.safekeeper", "safekeeper"),
        ("branchpg.pageserver", "pageserver"),
        ("branchpg.compute", "compute"),
        ("pump_process", "compute"),
        ("postgres", "PostgreSQL"),
        ("workspace-api", "API"),
        ("workspace-board", "board"),
        ("http.server", "board"),
    ):
        if mark in words:
            return name
    return "other"


def _copy(folder: Path, number: int) -> tuple[Path, Path]:
    # Without .env: whoever uses the stack keeps theirs, and it would be read.
    hidden = shutil.ignore_patterns(".env")
    directory = folder / f"stack{number}"
    shutil.copytree(STACK, directory, ignore=hidden)
    state = folder / f"state{number}"
    state.mkdir(mode=0o755)
    return directory, state


def _ports() -> dict[str, str]:
    with ExitStack() as held:
        found = {}
        for name in _PORTS:
            probe = held.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            found[f"WORKSPACE_{name}_PORT"] = str(probe.getsockname()[1])
        return found


def _report(
    times: dict[str, list[float]], parts: dict[str, list[float]], load: float
) -> str:
    lines = [
        _INTRODUCTION.format(
            machine=platform.machine(),
            cores=os.cpu_count(),
            python=platform.python_version(),
            rounds=ROUNDS,
            load=load,
            rest=REST_SECONDS,
        ).rstrip("\n")
    ]
    for name, seconds in times.items():
        least, most = min(seconds), max(seconds)
        lines.append(
            f"| {name}, s | {median(seconds):.2f} | {least:.2f}–{most:.2f} "
            f"| {GOALS[name]:.0f} |"
        )
    total = sum(map(sum, parts.values()))
    lines.append(
        f"| memory at rest, MiB (PSS) | {total:.0f} | | {GOALS['memory']:.0f} |"
    )
    lines += ["", "| memory of | processes | MiB (PSS) |", "| --- | ---: | ---: |"]
    for name, found in sorted(parts.items(), key=lambda item: -sum(item[1])):
        lines.append(f"| {name} | {len(found)} | {sum(found):.0f} |")
    return "\n".join([*lines, "", "![seconds and memory](workspace-stack.png)", ""])


def _plot(times: dict[str, list[float]], parts: dict[str, list[float]]) -> None:
    # Not imported before all is measured: see `measure.run`.
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.2))
    for name, seconds in times.items():
        left.barh([name], [median(seconds)], alpha=0.6, color="C0")
        left.plot(seconds, [name] * len(seconds), "k.", markersize=5)
        left.plot([GOALS[name]], [name], "r|", markersize=30)
    left.invert_yaxis()
    left.set(xlabel="s", title="until healthy (red: goal)")
    left.set_xlim(left=0)
    names = sorted(parts, key=lambda name: -sum(parts[name]))
    right.barh(names, [sum(parts[name]) for name in names], alpha=0.6)
    right.invert_yaxis()
    right.set(xlabel="MiB (PSS)", title="memory at rest")
    figure.tight_layout()
    figure.savefig(RESULTS / "workspace-stack.png", dpi=110)


if __name__ == "__main__":
    main()
