"""The tables and the plot of `bench_workspace_api`."""

from __future__ import annotations

import os
import platform
import subprocess
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bench_workspace_api import Sample

    Found = Mapping[int, Mapping[str, Mapping[str, list[Sample]]]]
    Reads = Mapping[int, Mapping[str, float]]

OURS, PEER = "workspace-api", "Express + pg"
_GOALS = {"list of 100": 2.2, "list, each another": 2.2, "one": 2.2, "POST": 1.5}

_INTRODUCTION = """\
# The workspace API beside Express

Made by `bench/bench_workspace_api.py` on {machine}, {cores} cores that the services,
PostgreSQL {postgres} (as it comes, fsync on) and wrk share. Python {python}, Node.js
{node}; Express 5 and pg with a pool of 20 connections, helmet, cors,
express-rate-limit, prom-client, the same envelope and the same tables. Logs of requests
are off on both sides, the rate limit is counted but never reached. 1,000 items, 32
connections, medians of {rounds} runs of {seconds} s, taken in turn; the ratio is the
median of the rounds' ratios. CPU is the service's own processor time for a request, the
figure that other work on the machine changes least. Memory is PSS of all processes
after the load.
"""
_NOTES = """
![rates beside Express, and times of reads by number of items](workspace-api.png)

## What was tried

- **JSON made by PostgreSQL.** Rows turned into JSON in Python cost most of a list: a
  list is one text that goes through as it is, as bytes that nobody decodes.
- **Put together with `||`** instead of `json_build_object`, which looks up the types of
  its 28 arguments again in each row: a statement for 100 items takes a backend 230
  µs instead of 460. `concat` instead of `||` takes 280. What sorts becomes text for
  the last row only. Left of it are the index (20), the escapes of texts (60), tags (30,
  as the type of an array is looked up each time) and about 50 for joining pieces.
- **JSON of what is shown only.** Beside the index scan it was made of each row that an
  offset skips, too: the lists that are all different were as slow as Express's.
- **Lists that are alike are asked once** for all who wait, as items are. "list of 100"
  is one list that all clients want, as after a change that all have seen; "each
  another" begins at 900 places by chance, where this brings nothing.
- **Processes forked from one** that has loaded the service. Two apart took 112 MiB
  beside 205; forked they share what they loaded, after `gc.freeze`, and take 90. Each
  has a listener of its own: two backlogs, no herd at one.
- **Routes before FastAPI.** FastAPI declares and documents every route, and a table of
  methods and paths leads to the endpoints before its layers: they cost a third of a
  request for one item. Checking the body is pydantic's, in compiled code, in a few µs.
- **One layer of middleware** instead of one for each concern: an `await` and a closure
  for each add up.
- **No RESET on release.** asyncpg sends `RESET ALL` when a connection goes back, a
  round trip for each request. Nothing here changes a session.
- **Asking together.** Items that are asked for while a statement is under way go
  into one `= ANY`, new ones into one INSERT with one commit. Before it, one item was
  1.4 times Express's rate and POST 1.3 to 1.4 times; after it a request for one item
  takes a third of Express's processor time. It adds nothing where nobody waits.
- **One statement under way, not two,** unless it takes more than 20 ms (a lock): with
  two processes, each with half of the clients, too few gathered beside it. One item
  went from 1.95 to 2.3 to 2.6 times Express's rate, POST from 2.8 to 3.3.
- **Two lists at a time** in each process, unless they take long: 32 backends that take
  turns on two cores gave a p99 of 99 ms where lists are all different, and 24 so.
- **No NOTIFY in the transaction.** It takes a lock that all commits with a NOTIFY wait
  for. The service announces after the commit, once for many; other writers' triggers
  still do it themselves.
- **Counts that are kept** by a trigger in eight slots instead of counted: `total` is
  part of every list, and would make it O(n).
- **Not taken:** msgspec instead of pydantic for bodies (3 µs of more than 100);
  granian (the same rate with one worker, twice the memory); a stored JSON text of each
  item: a list would take the backend 110 to 130 µs instead of 230, but each row is
  there twice, past 2 kB in another table, each write makes the text again, and to add
  it writes the whole table and its indexes anew.
"""


def show(found: Found, many: Mapping[str, Sample], reads: Reads) -> str:
    """Return the tables."""
    lines = [
        "",
        "| processes | request | service | requests/s | ratio | p99 ms | CPU µs |",
        "| ---: | --- | --- | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        _row(workers, case, name, peers)
        for workers, peers in found.items()
        for case in _GOALS
        for name in (OURS, PEER)
    ]
    lines += ["", *_memory(found), "", *_many(many), "", *_by_size(reads)]
    return "\n".join(lines)


def _row(
    workers: int, case: str, name: str, peers: Mapping[str, Mapping[str, list[Sample]]]
) -> str:
    samples = peers[name][case]
    pairs = zip(samples, peers[PEER][case], strict=True)
    ratio = median(one.rate / other.rate for one, other in pairs)
    goal = f" (goal {_GOALS[case]})" if name == OURS else ""
    return (
        f"| {workers} | {case} | {name} | {median(s.rate for s in samples):,.0f} | "
        f"{ratio:.2f}{goal} | {median(s.p99 for s in samples):.1f} | "
        f"{median(s.cpu for s in samples):.0f} |"
    )


def _memory(found: Found) -> list[str]:
    lines = [
        "| processes | workspace-api, MiB | Express + pg, MiB | ratio (goal < 0.5) |",
        "| ---: | ---: | ---: | ---: |",
    ]
    for workers, peers in found.items():
        mine, other = (peers[name]["memory"][0].rate for name in (OURS, PEER))
        lines.append(f"| {workers} | {mine:.0f} | {other:.0f} | {mine / other:.2f} |")
    return lines


def _many(many: Mapping[str, Sample]) -> list[str]:
    lines = [
        "10,000 items, 50 clients, one process (goals: 200 ms to read, 100 to POST):",
        "",
        "| request | requests/s | p99 ms |",
        "| --- | ---: | ---: |",
    ]
    for case, sample in many.items():
        lines.append(f"| {case} | {sample.rate:,.0f} | {sample.p99:.1f} |")
    return lines


def _by_size(reads: Reads) -> list[str]:
    sizes = list(reads)
    lines = [
        "One client, median of 20 requests, ms, by the number of items:",
        "",
        f"| request | {' | '.join(f'{size:,}' for size in sizes)} |",
        f"| --- |{' ---: |' * len(sizes)}",
    ]
    for name in reads[sizes[0]]:
        times = " | ".join(f"{reads[size][name]:.2f}" for size in sizes)
        lines.append(f"| {name} | {times} |")
    return lines


def write(
    folder: Path,
    *,
    found: Found,
    many: Mapping[str, Sample],
    reads: Reads,
    postgres: str,
    rounds: tuple[int, int],
) -> None:
    """Write workspace-api.md and workspace-api.png."""
    node = subprocess.run(
        ["node", "--version"], check=True, capture_output=True, text=True
    ).stdout.strip()
    introduction = _INTRODUCTION.format(
        machine=platform.machine(),
        cores=os.cpu_count(),
        postgres=postgres,
        python=platform.python_version(),
        node=node,
        rounds=rounds[0],
        seconds=rounds[1],
    )
    text = introduction + show(found, many, reads) + "\n" + _NOTES
    (folder / "workspace-api.md").write_text(text)
    _plot(folder, found, reads)


def _plot(folder: Path, found: Found, reads: Reads) -> None:
    # Not imported before all is measured: the measuring process stays small.
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, (rates, times) = pyplot.subplots(1, 2, figsize=(12, 4.5))
    for index, (workers, peers) in enumerate(found.items()):
        ratios = [
            median(
                one.rate / other.rate
                for one, other in zip(peers[OURS][case], peers[PEER][case], strict=True)
            )
            for case in _GOALS
        ]
        places = [place + (index - 0.5) * 0.38 for place in range(len(_GOALS))]
        label = f"{workers} process{'es' if workers > 1 else ''} each"
        rates.barh(places, ratios, height=0.36, label=label)
    rates.axvline(1, color="black", linewidth=0.8)
    rates.set_yticks(range(len(_GOALS)), list(_GOALS))
    rates.invert_yaxis()
    rates.set(xlabel="requests a second, as a ratio to Express", title="more is better")
    rates.legend()
    for name in next(iter(reads.values())):
        times.plot(list(reads), [by[name] for by in reads.values()], "o-", label=name)
    times.set_xscale("log")
    times.set_yscale("log")
    times.set(xlabel="items", ylabel="ms", title="time of a read: flat is better")
    times.legend(fontsize=7)
    for axes in (rates, times):
        axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(folder / "workspace-api.png", dpi=110)
