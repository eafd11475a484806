"""Branches beside what stock PostgreSQL offers: createdb -T, pg_basebackup, pg_dump.

On an XFS with reflink (a loop-mounted image) and on the file system of --directory,
databases of several sizes, the parent under pgbench. Writes results/branch.md and .png.
Needs root, for the mount, and mkfs.xfs.
"""

from __future__ import annotations

import argparse
import bisect
import contextlib
import os
import platform
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bench_safekeeper import primary

from branchpg.client import Project
from branchpg.environment import environment
from branchpg.postgres import programs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    Span: TypeAlias = tuple[float, float]

RESULTS = Path(__file__).with_name("results")
SCALES = {"0.2 GB": 13, "1.5 GB": 100, "6 GB": 400}
LOAD_CLIENTS = 4
LOG_FIELDS = 6  # client, number, microseconds, script, seconds and microseconds
CALM = 20  # seconds over which the parent's throughput is taken before
OFTEN, RARELY = 5, 20  # seconds between branches
ASKED = 20  # queries of the parent itself
IMAGE = 40  # GB
PROGRAMS = programs.find(environment())
INTRODUCTION = """\
# Branches

Made by `bench/bench_branch.py` on {machine}, Python {python}, {cores} cores, PostgreSQL
{postgres}: medians of {rounds} rounds, while pgbench with {clients} clients writes to the
parent as fast as it can. *First row* is from the request for the branch to the answer of
a query on it; *flush* is the part of it that writing out dirty pages takes (by the
checkpoint of the parent, where one is needed), and *rest* is what is left without it. *Restore* is in place, to an LSN, up to the first row. *During* is the
parent's throughput from the request to the first row, *psql alone* the same while that
client asks the parent itself, *second* that of the second which begins with the request,
and *over all* while a branch is made every {often} s and stays awake, all relative to the
{calm} s before; all share the cores. *Rarely* is one every {rarely} s, and *half* again
one every {often} s, of a parent that is written to at half of its full speed
(`pgbench --rate`).

| file system | size | create s | first row s | flush s | rest s | restore s | wake ms | suspend ms |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"""  # noqa: E501
PARENT = """
| file system | size | first row s | during | psql alone | second | over all | rarely: first row s | during | psql alone | second | over all | half: first row s | during | psql alone | second | over all |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"""  # noqa: E501


@dataclass(frozen=True)
class Parent:
    """A parent of which branches are made one after the other.

    Attributes:
        first: seconds to the first row of each.
        during: its part of its speed from the request to that.
        asked: the same while it answers a query itself.
        second: the same in the second that begins with the request.
        over_all: its part of its speed from the first branch to the last.
    """

    first: list[float]
    during: list[float]
    asked: list[float]
    second: list[float]
    over_all: float


@dataclass
class Case:
    """One database on one file system: seconds, and the parent's part of its speed."""

    place: str
    size: str
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


NOTES = """\
*Over all* is also the time in which the next copy to follow the parent is made, of the
last snapshot: 15 to 20 µs for each of its extents, which random writes make many, then
replay, and the kernel writes the pages of both out. Rounds that come before it is done
wait for it; they are the slow ones. In the 20 s before, a snapshot may fall.

A branch at a time ten minutes back, after as many minutes of this load, took 3.49 s to
the first row (0.2 GB on XFS, in a run of its own: `--minutes 10`).

One goal is missed: a parent at full load should have 0.85 of its speed while a branch
is made. Where files share their blocks, that is a tenth to three tenths of a second
now, and in so short a time the client counts, too: a psql that starts, logs in and
asks the parent itself, with no branch made, leaves it what *psql alone* says, 0.41 to
0.83. The second from the request tells more, though the next copy begins to be made
in it. Before branches were promoted (decision 18), the day before, the parent had
0.65, 0.74 and 0.81 in that second, rarely 0.92, 0.96 and 1.00, with first rows after
0.46, 0.48 and 0.52 s. On ext4 the copy of all files is what takes the time.

A branch takes about 75 ms of processor time, where it took 0.2 s (`perf`, 0.2 GB, ten
branches of 0.19 s): the pageserver 23 ms, the compute 15, the safekeeper 12, psql 11,
the rest PostgreSQL. In a later run each cost the parent what it does in 50 ms (12
branches).

What made it quicker:

- a copy that follows a busy parent and becomes the branch (decision 16): a copy of the
  running parent took 4.07 s at 1.5 GB on the same day, and 8.15 s at 6 GB before;
- that copy promoted, in place of two checkpoints, the end of its server and the start
  of another one (decision 18): 0.19 s to the first row at 0.2 GB in place of 0.46,
  and 0.12 as endpoints take clients when their safekeepers pull, and computes are
  told only of changes that they act on;
- no syncfs, which waited for everybody's writes (create 1.23 s to 0.49 s at 0.2 GB);
- snapshots that last a little later; segments fetched up to the point only;
- the next copy in pieces with pauses, unless somebody waits or branches follow each
  other: restores took 13 s at 1.5 GB before, wakes 267 ms, and the parent had 0.60 of
  its speed;
- whole pages in the log compressed with lz4 (decision 17), a third of the log. With a
  branch every five or six seconds the parent made 948 and 1,019 transactions a second
  at 1.5 GB before, and 1,073 to 1,133 in four runs with it; 1,465 at 0.2 GB, and 1,504
  to 1,557 in three.

What takes less space: XFS sets 128 kB aside around each page of 8 kB that is written to
a shared file, for up to five minutes (its `cowextsize`), and 16 kB where a data
directory asks for it, as all do now. At 6 GB under this load, without branches, 40 GB
were in use after 90 s with 128 kB, 28 with 32, 23 with 16 and 22 with 8, one run each,
at 1,006, 1,037, 1,027 and 1,041 transactions a second and with as many extents, within
a tenth. With 128 kB an image of 36 GB was full after a minute, and the parent stood
still.

What did not help:

- a snapshot after 1 GB of WAL instead of 256 MB while copies follow: the replay of each
  new copy cost the parent more than the snapshots (0.41 of its speed), and the second
  branch after a while waited 3 to 5 s;
- snapshots as copies of the follower while it is paused, and pauses three times as long
  as the work: see decision 16;
- that compression while snapshots came by bytes of log alone, after many more changes
  for the next copy to replay: with branches the parent had 0.49 of its speed over all
  at 1.5 GB, where it had 0.85 without (one run each);
- no checkpoint of the parent where its last is within 64 MB of such a log, in place of
  16: the replay took longer, first rows 0.55 to 1.0 s in place of 0.3 to 0.4 at 0.2 GB
  (one run each);
- a first segment at the safekeeper of which the space is only set aside: the parent
  lost no less (one run);
- standing back. Where the kernel groups processes by session (`sched_autogroup`), a
  server counts as much as any other with all of its processes, and `nice` counts inside
  of a server only. With the groups of the pageserver, of the copy and of the starting
  branch at 15, 10 and 19, and the parent's checkpointer at 10, the parent had 0.72 in
  place of 0.6 (0.2 GB); with 10, 5 and 10 no more than without. Where other programs
  keep the machine busy, a branch would wait for them instead. With shorter time slices
  for them, too (`sched_setattr`), it had 0.82 and 0.71 in two runs, which tells
  nothing;
- an image that is read and written through the page cache of the other file system:
  each commit's flush writes out what all others wrote. The parent had 0.46 of its speed
  so, and 0.62 where that is bypassed, as `branchpg init --xfs-image` does now: 1,623
  and 1,531 transactions a second in place of 1,374 and 1,391, at 0.2 GB on a sparse
  image. Without blocks of its own, each write of a new one is also one of the other
  file system's metadata.
"""


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


class Load:
    """pgbench on the parent, which logs when each of its transactions ended."""

    def __init__(
        self, project: Project, seconds: int, rate: float | None = None
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="bbr-log")
        self._process = subprocess.Popen(
            [
                PROGRAMS.path("pgbench"),
                "-n",
                "-T",
                str(seconds),
                "-c",
                str(LOAD_CLIENTS),
                "-l",
                "--log-prefix=transactions",
                *([f"--rate={rate:.0f}"] if rate else []),
                project.get().url(),
            ],
            cwd=self._folder.name,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._ends: list[float] = []

    def end(self) -> None:
        """Stop the load, and read its log."""
        self._process.terminate()
        self._process.wait()
        for path in Path(self._folder.name).iterdir():
            for line in path.read_text().splitlines():
                fields = line.split()
                if len(fields) >= LOG_FIELDS:  # the last line may be cut off
                    self._ends.append(int(fields[4]) + int(fields[5]) / 1e6)
        self._ends.sort()
        self._folder.cleanup()

    def rate(self, span: Span) -> float:
        """Return the transactions per second between two times of the clock."""
        first, last = (bisect.bisect(self._ends, at) for at in span)
        return (last - first) / (span[1] - span[0])


@contextlib.contextmanager
def project_in(folder: Path, scale: int) -> Iterator[Project]:
    """Run a project with a filled database."""
    root = folder / "p"
    project = Project.create(
        str(root), database="bench", port=0, suspend_timeout=-1, safekeepers=1
    )
    with project:
        run("pgbench", "-i", "-q", "-s", str(scale), project.get().url())
        try:
            yield project
        finally:
            project.stop()
    shutil.rmtree(root)


def measure(case: Case, project: Project, rounds: int) -> None:
    """Measure branches of a parent that is written to at full speed, then at half."""
    with loaded(project) as load:
        times = branch_off(case, project, range(rounds), OFTEN)
        asked = ask(project)
        for number in range(rounds):
            one_round(case, project, number)
    case.parent.append(parent(load, case.first, times, asked))
    half = load.rate(calm_before(times[1])) / 2
    for kind, (rate, every) in enumerate(((None, RARELY), (half, OFTEN)), 1):
        other = Case(case.place, case.size)
        numbers = range(kind * rounds, (kind + 1) * rounds)
        with loaded(project, rate) as load:
            times = branch_off(other, project, numbers, every)
            asked = ask(project)
        case.parent.append(parent(load, other.first, times, asked))


def calm_before(whole: Span) -> Span:
    """Return the time before branches are made, to which their time is compared."""
    return whole[0] - CALM, whole[0]


def parent(
    load: Load, first: list[float], times: tuple[list[Span], Span], asked: list[Span]
) -> Parent:
    """Return what a load says of the time in which branches were made."""
    spans, whole = times
    calm = load.rate(calm_before(whole))
    during = [load.rate(span) / calm for span in spans]
    alone = [load.rate(span) / calm for span in asked]
    second = [load.rate((begun, begun + 1)) / calm for begun, _ in spans]
    return Parent(first, during, alone, second, load.rate(whole) / calm)


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
        time.sleep(20 + CALM)  # until the pageserver knows; then what is `calm`
        yield load
    finally:
        load.end()


def branch_off(
    case: Case, project: Project, numbers: range, every: float
) -> tuple[list[Span], Span]:
    """Make branches, one after the other; return when each was made, and all."""
    spans: list[Span] = []
    began = time.time()
    for number in numbers:
        started = time.time()
        start_branch(case, project, number)
        spans.append((started, time.time()))
        time.sleep(every)
    return spans, (began, time.time())


def start_branch(case: Case, project: Project, number: int) -> None:
    """Create a branch and read from it; then it sleeps, as it would in use."""
    before = flushes(project)
    started = time.perf_counter()
    branch = project.branch(f"b{number}")
    case.create.append(time.perf_counter() - started)
    # One of its own at most: the branch may be made of a snapshot and WAL.
    case.flush.append(sum(flushes(project)[len(before) :]))
    query(branch.url())
    case.first.append(time.perf_counter() - started)
    case.rest.append(case.first[-1] - case.flush[-1])


def one_round(case: Case, project: Project, number: int) -> None:
    """Wake a branch and let it sleep; take it back in time."""
    name = f"b{number}"
    branch = project.get(name)
    endpoint = branch.info.endpoints[0].id
    lsn = query(branch.url(), "SELECT pg_current_wal_flush_lsn()")
    case.suspend.append(timed(lambda: project.api.suspend(endpoint)))
    case.wake.append(timed(lambda: query(branch.url())))
    query(branch.url(), "DELETE FROM pgbench_tellers")
    started = time.perf_counter()
    branch.restore("^self", at=lsn, preserve_under=f"{name}-old")
    query(branch.url())
    case.restore.append(time.perf_counter() - started)


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
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(xfs(folder, IMAGE)) if kind == "xfs" else folder
        # Full copies of the largest would fill the disk.
        for size in given.sizes if kind == "xfs" else given.sizes[:2]:
            case = Case("XFS, reflink" if kind == "xfs" else "ext4", size)
            is_first = (kind, size) == (given.places[0], given.sizes[0])
            with project_in(place, SCALES[size]) as project:
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
    report = write(cases, given)
    print(report)
    if not given.print:
        (RESULTS / "branch.md").write_text(report)
        _plot(cases)


def middle(values: list[float], unit: str = "s") -> str:
    """Return a median for the table."""
    if not values:
        return ""
    value = statistics.median(values)
    return f"{value * 1000:.0f}" if unit == "ms" else f"{value:.2f}"


def write(cases: list[Case], given: argparse.Namespace) -> str:
    """Return the report."""
    lines = INTRODUCTION.format(
        machine=platform.machine(),
        python=platform.python_version(),
        cores=os.cpu_count(),
        postgres=PROGRAMS.version,
        rounds=given.rounds,
        clients=LOAD_CLIENTS,
        often=OFTEN,
        rarely=RARELY,
        calm=CALM,
    ).splitlines()
    for case in cases:
        lines.append(
            f"| {case.place} | {case.size} | {middle(case.create)} | "
            f"{middle(case.first)} | {middle(case.flush)} | {middle(case.rest)} | "
            f"{middle(case.restore)} | {middle(case.wake, 'ms')} | "
            f"{middle(case.suspend, 'ms')} |"
        )
    lines += PARENT.splitlines()
    for case in cases:
        cells = " | ".join(
            f"{middle(one.first)} | {middle(one.during)} | {middle(one.asked)} | "
            f"{middle(one.second)} | {one.over_all:.2f}"
            for one in case.parent
        )
        lines.append(f"| {case.place} | {case.size} | {cells} |")
    names = " | ".join(name.replace("|", "\\|") for name in cases[0].peers)
    lines += [
        "",
        "The same copy by the means of PostgreSQL, once each, in seconds, on a server",
        "of its own that nobody else uses, as `createdb -T` asks for:",
        "",
        f"| file system | size | branch | {names} |",
        "| --- | --- | ---: |" + " ---: |" * len(cases[0].peers),
    ]
    lines += [
        f"| {case.place} | {case.size} | {middle(case.first)} | "
        + " | ".join(f"{seconds:.2f}" for seconds in case.peers.values())
        + " |"
        for case in cases
    ]
    backs = [case for case in cases if case.past]
    if backs:
        lines += ["", f"A branch at a time {given.minutes:g} minutes back, up to the"]
        lines += ["first row, after as many minutes of pgbench:"]
        lines += [
            f"{middle(case.past)} s on {case.place} ({case.size})." for case in backs
        ]
    return "\n".join([*lines, "", NOTES, "![seconds](branch.png)", ""])


def _plot(cases: list[Case]) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    places = list(dict.fromkeys(case.place for case in cases))
    figure, panes = pyplot.subplots(
        1, len(places), figsize=(11, 3.6), sharey=True, squeeze=False
    )
    for axes, place in zip(panes[0], places, strict=True):
        own = [case for case in cases if case.place == place]
        sizes = [case.size for case in own]
        medians = [statistics.median(case.first) for case in own]
        axes.plot(sizes, medians, marker="o", linewidth=3, label="branch")
        for name in own[0].peers:
            axes.plot(sizes, [case.peers[name] for case in own], marker=".", label=name)
        axes.set(title=place, yscale="log", ylabel="seconds to the first row")
        axes.grid(alpha=0.3)
    panes[0][0].legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(RESULTS / "branch.png", dpi=110)


if __name__ == "__main__":
    main()
