"""The table, the notes and the plot of `bench_branch`."""

from __future__ import annotations

import os
import platform
import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from bench_branch import Case, Mode

_INTRODUCTION = """\
# Branches

Made by `bench/bench_branch.py` on {machine}, Python {python}, {cores} cores, PostgreSQL
{postgres}: medians of {rounds} rounds, while pgbench with {clients} clients writes to the
parent as fast as it can. *First row* is from the request for the branch to the answer of
a query on it; *flush* is the part of it that writing out dirty pages takes (by the
checkpoint of the parent, where one is needed), and *rest* is what is left without it.
*The first* is the first row of the first branch of such a parent: where files are
copied, no copy is ready for it. *Restore* is in place, to an LSN, up to the first row.

| file system | size | create s | first row s | flush s | rest s | the first s | restore s | wake ms | suspend ms |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"""  # noqa: E501
_PARENT = """
What the parent has of its speed: *during* a branch, from the request to the first row;
while *psql alone* asks the parent itself, without a branch; in the *second* that begins
with the request, which is the time that a branch may take; and *over all*, while branches
are made one after the other. With a branch every 5 s this is relative to the {calm} s
before the first of them, of which a snapshot may fall into some. With one every 15 s it
is relative to the {before} s before each, the median of {rare} branches, and *without*
is a second {apart} s before each, of the same load without a branch. Branches stay
awake; where files are copied, they are deleted after 2 s, and a minute of history is
kept, for want of space. *Half speed* is by `pgbench --rate`. All share the cores.

| file system | size | a branch | first row s | during | psql alone | second | without | over all |
| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |
"""  # noqa: E501
_NOTES = """\
*Over all* is also the time in which the next copy to follow the parent is made, of the
last snapshot: 15 to 20 µs for each of its extents, which random writes make many, then
replay, and the kernel writes the pages of both out. Rounds that come before it is done
wait for it; they are the slow ones.

A branch at a time ten minutes back, after as many minutes of this load, took 3.49 s to
the first row (0.2 GB on XFS, in a run of its own: `--minutes 10`).

The goal is that a parent at full load keeps 0.85 of its speed while a branch is made,
which may take a second. In that second it has 0.85 to 1.02 on XFS with a branch every
5 s, and 1.01 to 1.21 with one every 15 s, where a second without has 0.96 to 1.01. In
the fraction of it in which the branch is really made it has 0.41 to 0.68; but so it
has, 0.41 to 0.61, while a psql starts, logs in and asks the parent itself, with no
branch made: that is what a client costs on two busy cores. In three longer runs (16
branches 15 s apart) the second had 1.05, 0.96 and 0.95, and one without 1.03, 0.94 and
0.91. Before branches were promoted (decision 18) it was 0.65, 0.74 and 0.81 every 5 s.

Where files are copied, the first branch of a busy parent copies (*the first*), and from
then on a copy is kept ahead while such branches are made. The copying takes its time:
with a branch every 5 s one of two came before the next copy was there (1.1 and 1.2 s),
and over all the parent had 0.56 of its speed at 1.5 GB and 0.28 at 6 GB, in the second
0.97 and 0.64, which misses the goal. With one every 15 s the copy was always there. The
seconds before a branch, to which the others are compared, are there often those of such
a copy: hence 1.31 and 1.61 without.


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


def write(
    cases: Sequence[Case],
    modes: Sequence[Mode],
    given: argparse.Namespace,
    **facts: object,
) -> str:
    """Return the report."""
    facts |= {
        "machine": platform.machine(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "rounds": given.rounds,
        "rare": given.rounds * max(mode.times for mode in modes),
    }
    lines = _INTRODUCTION.format(**facts).splitlines()
    for case in cases:
        lines.append(
            f"| {case.place} | {case.size} | {_middle(case.create)} | "
            f"{_middle(case.first)} | {_middle(case.flush)} | {_middle(case.rest)} | "
            f"{case.cold:.2f} | {_middle(case.restore)} | "
            f"{_middle(case.wake, 'ms')} | {_middle(case.suspend, 'ms')} |"
        )
    lines += _PARENT.format(**facts).splitlines()
    for case in cases:
        for mode, one in zip(modes, case.parent, strict=True):
            lines.append(
                f"| {case.place} | {case.size} | {mode.name} | {_middle(one.first)} | "
                f"{_middle(one.during)} | {_middle(one.asked)} | "
                f"{_middle(one.second)} | {_middle(one.without)} | {one.over_all:.2f} |"
            )
    lines += _peers(cases)
    backs = [case for case in cases if case.past]
    if backs:
        lines += ["", f"A branch at a time {given.minutes:g} minutes back, up to the"]
        lines += ["first row, after as many minutes of pgbench:"]
        lines += [
            f"{_middle(case.past)} s on {case.place} ({case.size})." for case in backs
        ]
    return "\n".join([*lines, "", _NOTES, "![seconds](branch.png)", ""])


def _peers(cases: Sequence[Case]) -> list[str]:
    names = " | ".join(name.replace("|", "\\|") for name in cases[0].peers)
    lines = [
        "",
        "The same copy by the means of PostgreSQL, once each, in seconds, on a server",
        "of its own that nobody else uses, as `createdb -T` asks for:",
        "",
        f"| file system | size | branch | {names} |",
        "| --- | --- | ---: |" + " ---: |" * len(cases[0].peers),
    ]
    return lines + [
        f"| {case.place} | {case.size} | {_middle(case.first)} | "
        + " | ".join(f"{seconds:.2f}" for seconds in case.peers.values())
        + " |"
        for case in cases
    ]


def _middle(values: list[float], unit: str = "s") -> str:
    """Return a median for the table."""
    if not values:
        return ""
    value = statistics.median(values)
    return f"{value * 1000:.0f}" if unit == "ms" else f"{value:.2f}"


def plot(path: Path, cases: Sequence[Case]) -> None:
    """Draw the seconds to the first row beside those of others."""
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
    figure.savefig(path, dpi=110)
