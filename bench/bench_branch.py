"""Branches beside what stock PostgreSQL offers: createdb -T, pg_basebackup, pg_dump.

On an XFS with reflink (a loop-mounted image) and on the file system of --directory,
databases of several sizes, the parent under pgbench. Writes results/branch.md and .png.
Needs root, for the mount, and mkfs.xfs.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bench_safekeeper import primary
from branch_load import (
    APART,
    BEFORE,
    CALM,
    CLIENTS,
    MODES,
    PROGRAMS,
    Load,
    Mode,
    Parent,
    calm_before,
    told,
)
from branch_report import plot, write

from branchpg.client import Project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from branch_load import Span

    from branchpg.client.project import Branch
    from branchpg.http.client import HttpClient

RESULTS = Path(__file__).with_name("results")
SCALES = {"0.2 GB": 13, "1.5 GB": 100, "6 GB": 400}
SHORT_HISTORY = {"pitr_interval": "1 min", "gc_period": "30 s"}
SETTLED = 12  # seconds after which a branch has made its own checkpoint
SPARE_SECONDS = 180  # until a copy that follows is there
ASKED = 20  # queries of the parent itself
IMAGE = 40  # GB
NUMBERS = itertools.count()  # of branches


@dataclass
class Case:
    """One database on one file system: seconds, and the parent's part of its speed.

    `cold` is the first branch of a busy parent; where files are copied, none is ready.
    """

    place: str
    size: str
    shares: bool
    cold: float = 0.0
    create: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    flush: list[float] = field(default_factory=list)
    rest: list[float] = field(default_factory=list)
    restore: list[float] = field(default_factory=list)
    past: list[float] = field(default_factory=list)
    wake: list[float] = field(default_factory=list)
    suspend: list[float] = field(default_factory=list)
    parent: list[Parent] = field(default_factory=list)
    peers: dict[str, float] = field(default_factory=dict)


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that something takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def run(*command: str, **variables: str) -> str:
    """Run a program of PostgreSQL, and return what it writes."""
    path = PROGRAMS.path(command[0])
    done = subprocess.run(
        [path, *command[1:]],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stderr}")
    return done.stdout + done.stderr


@contextlib.contextmanager
def project_in(folder: Path, scale: int, *, shares: bool) -> Iterator[Project]:
    """Run a project with a filled database."""
    root = folder / "p"
    project = Project.create(
        str(root), database="bench", port=0, suspend_timeout=-1, safekeepers=1
    )
    with project:
        if not shares:  # the disk has no room for seven days of copies
            content = {"tenant_id": tenant(project)} | SHORT_HISTORY
            pageserver(project).send("PATCH", "/v1/tenant/config", content, dict)
        run("pgbench", "-i", "-q", "-s", str(scale), project.get().url())
        try:
            yield project
        finally:
            project.stop()
    shutil.rmtree(root)


def measure(case: Case, project: Project, rounds: int) -> None:
    """Measure branches of a parent that is written to, one mode after the other."""
    first_branch(case, project)
    rate = None
    for mode in MODES:
        is_first = mode is MODES[0]
        made = case if is_first else Case(case.place, case.size, case.shares)
        with loaded(project, rate if mode.half else None) as load:
            spans = branch_off(made, project, rounds * mode.times, mode)
            asked = ask(project)
            for _ in range(rounds if is_first else 0):
                one_round(case, project)
        case.parent.append(told(load, mode, spans, asked, first=made.first))
        rate = rate or load.rate(calm_before(spans)) / 2


def first_branch(case: Case, project: Project) -> None:
    """Make the first branch under load, and wait until one is ready for the next."""
    load = Load(project, 3600)
    time.sleep(20)  # until the pageserver knows
    started = time.perf_counter()
    with project.branch("first") as branch:
        query(branch.url())
        case.cold = time.perf_counter() - started
    wait_for_spare(project)
    load.end()


def pageserver(project: Project) -> HttpClient:
    """Return the interface of a project's pageserver."""
    token = project.place.secret(project.place.token_file)
    return project.services.running_client("pageserver", token=token)


def tenant(project: Project) -> str:
    """Return the id of a project's tenant."""
    return str(json.loads(pageserver(project).raw("GET", "/v1/tenant"))[0]["id"])


def wait_for_spare(project: Project) -> None:
    """Wait until a copy that follows the parent is ready."""
    deadline = time.monotonic() + SPARE_SECONDS
    while time.monotonic() < deadline:
        metrics = pageserver(project).raw("GET", "/metrics").decode()
        if re.search(r"^pageserver_spares{.*} [1-9]", metrics, re.M):
            return
        time.sleep(0.5)
    raise RuntimeError("no copy that follows was made")


def ask(project: Project) -> list[Span]:
    """Ask the parent itself what branches are asked; return when each was."""
    spans: list[Span] = []
    for _ in range(ASKED):
        started = time.time()
        query(project.get().url())
        spans.append((started, time.time()))
        time.sleep(0.5)
    return spans


@contextlib.contextmanager
def loaded(project: Project, rate: float | None = None) -> Iterator[Load]:
    """Write to the parent during a block, which begins when that is steady."""
    load = Load(project, 3600, rate)
    try:
        time.sleep(1)
        wait_for_spare(project)
        time.sleep(CALM)
        yield load
    finally:
        load.end()


def branch_off(case: Case, project: Project, many: int, mode: Mode) -> list[Span]:
    """Make branches, one after the other; return when each was made."""
    spans: list[Span] = []
    for _ in range(many):
        started = time.time()
        branch = start_branch(case, project)
        spans.append((started, time.time()))
        time.sleep(2)
        if not case.shares:  # the disk has no room for all of them
            branch.delete()
        time.sleep(mode.every - 2)
    return spans


def start_branch(case: Case, project: Project) -> Branch:
    """Create a branch and read from it; it stays awake."""
    before = flushes(project)
    started = time.perf_counter()
    branch = project.branch(f"b{next(NUMBERS)}")
    case.create.append(time.perf_counter() - started)
    # One of its own at most: the branch may be made of a snapshot and WAL.
    case.flush.append(sum(flushes(project)[len(before) :]))
    query(branch.url())
    case.first.append(time.perf_counter() - started)
    case.rest.append(case.first[-1] - case.flush[-1])
    return branch


def one_round(case: Case, project: Project) -> None:
    """Let a branch sleep and wake it; take it back in time."""
    name = f"b{next(NUMBERS)}"
    branch = project.branch(name)
    query(branch.url())
    time.sleep(SETTLED)
    endpoint = branch.info.endpoints[0].id
    lsn = query(branch.url(), "SELECT pg_current_wal_flush_lsn()")
    case.suspend.append(timed(lambda: project.api.suspend(endpoint)))
    case.wake.append(timed(lambda: query(branch.url())))
    query(branch.url(), "DELETE FROM pgbench_tellers")
    started = time.perf_counter()
    branch.restore("^self", at=lsn, preserve_under=f"{name}-old")
    query(branch.url())
    case.restore.append(time.perf_counter() - started)
    if not case.shares:
        branch.delete()
        project.get(f"{name}-old").delete()


def query(url: str, statement: str = "SELECT count(*) FROM pgbench_branches") -> str:
    """Run a statement with psql."""
    return run("psql", "-XAtqc", statement, url).strip()


def flushes(project: Project) -> list[float]:
    """Return the seconds in which copies wrote pages out, from the log."""
    log = Path(project.place.log("pageserver")).read_text()
    found = re.findall(r"(?:flush ([0-9.]+) s, )?checkpoint ([0-9.]+) s", log)
    return [float(flush or 0) + float(checkpoint) for flush, checkpoint in found]


def past(case: Case, project: Project, minutes: float) -> None:
    """Branch at a time some minutes back, with writes all the while."""
    if not minutes:
        return
    load = Load(project, round(minutes * 60) + 60)
    at = query(project.get().url(), "SELECT clock_timestamp()")
    time.sleep(minutes * 60)
    for number in range(3):
        started = time.perf_counter()
        branch = project.branch(f"past{number}", at=at.replace(" ", "T"))
        query(branch.url())
        case.past.append(time.perf_counter() - started)
    load.end()


def peers(case: Case, folder: Path) -> None:
    """Measure what stock PostgreSQL offers, on a server of its own that is at rest."""
    root = folder / "stock"
    root.mkdir(mode=0o755)
    with primary(root, SCALES[case.size]) as server:
        server.sql("CHECKPOINT")
        for strategy in ("wal_log", "file_copy"):
            create = f"CREATE DATABASE copy TEMPLATE postgres STRATEGY {strategy}"
            name = f"createdb -T ({strategy})"
            other = f"host={server.directory} user=cloud_admin dbname=template1"
            case.peers[name] = timed(
                lambda o=other, c=create: run("psql", "-Xqc", c, o)
            )
            run("psql", "-Xqc", "DROP DATABASE copy", other)
        target = root / "basebackup"
        case.peers["pg_basebackup"] = timed(
            lambda: run(
                "pg_basebackup",
                "-h",
                server.directory,
                "-U",
                "cloud_admin",
                "-c",
                "fast",
                "-X",
                "stream",
                "-D",
                str(target),
            )
        )
        shutil.rmtree(target)
        server.sql("CREATE DATABASE copy TEMPLATE template0")
        dump, psql = PROGRAMS.path("pg_dump"), PROGRAMS.path("psql")
        copy = server.dsn.replace("dbname=postgres", "dbname=copy")
        command = f"'{dump}' '{server.dsn}' | '{psql}' -Xq '{copy}' > /dev/null"
        case.peers["pg_dump | psql"] = timed(
            lambda: subprocess.run(command, shell=True, check=True)
        )
    shutil.rmtree(root)


@contextlib.contextmanager
def xfs(folder: Path, gigabytes: int) -> Iterator[Path]:
    """Mount an image of XFS, with reflink, for a while.

    The image has all of its blocks: else each write of a new one would also be one of
    the other file system's metadata, which the next commit's flush waits for.
    """
    image, mount = folder / "xfs.img", folder / "xfs"
    fill = ["dd", "if=/dev/zero", f"of={image}", "bs=64M", f"count={gigabytes * 16}"]
    subprocess.run([*fill, "oflag=direct", "status=none"], check=True)
    mount.mkdir()
    subprocess.run(["mkfs.xfs", "-qK", "-m", "reflink=1", str(image)], check=True)
    attach = ["losetup", "--find", "--show", "--direct-io=on", str(image)]
    device = subprocess.run(attach, check=True, capture_output=True, text=True)
    subprocess.run(["mount", device.stdout.strip(), str(mount)], check=True)
    try:
        mount.chmod(0o755)
        yield mount
    finally:
        subprocess.run(["umount", str(mount)], check=True)
        subprocess.run(["losetup", "-d", device.stdout.strip()], check=True)
        image.unlink()


def measured(kind: str, folder: Path, given: argparse.Namespace) -> Iterator[Case]:
    """Measure all sizes on one file system; going back in time on the first only."""
    shares = kind == "xfs"
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(xfs(folder, IMAGE)) if shares else folder
        for size in given.sizes:
            case = Case("XFS, reflink" if shares else "ext4", size, shares)
            is_first = (kind, size) == (given.places[0], given.sizes[0])
            with project_in(place, SCALES[size], shares=shares) as project:
                measure(case, project, given.rounds)
                past(case, project, given.minutes if is_first else 0)
            peers(case, place)
            print(case, flush=True)
            yield case


def main() -> None:
    """Measure, and write the table and the plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", default="/var/tmp", help="on ext4, say")
    parser.add_argument("--sizes", nargs="*", default=list(SCALES), choices=SCALES)
    parser.add_argument("--places", nargs="*", default=["xfs", "here"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=0, help="of going back")
    parser.add_argument("--print", action="store_true", help="write no results")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bbr", dir=given.directory))
    folder.chmod(0o755)
    try:
        cases = [
            case for kind in given.places for case in measured(kind, folder, given)
        ]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report = write(
        cases,
        MODES,
        given,
        postgres=PROGRAMS.version,
        clients=CLIENTS,
        calm=CALM,
        before=BEFORE,
        apart=APART,
    )
    print(report)
    if not given.print:
        (RESULTS / "branch.md").write_text(report)
        plot(RESULTS / "branch.png", cases)


if __name__ == "__main__":
    main()
