"""The table and the plot of `bench_proxy`."""

from __future__ import annotations

import os
import platform
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bench_proxy import Case, Summary

    Results = Mapping[str, Mapping[str, Summary]]

_INTRODUCTION = """\
# The proxy beside PgBouncer and HAProxy

Made by `bench/bench_proxy.py` on {machine}, Python {python}, with {pgbouncer} (session
mode, SCRAM) and {haproxy} (tcp mode, one thread). Clients reach all by TCP on the
loopback, all reach PostgreSQL by its Unix socket ("direct": by TCP). {cores} cores for
everything, pgbench and PostgreSQL included; scale 10. Medians of {rounds} runs of
{seconds} s, taken in turn and in random order; the ratio is the median of each turn's
ratio to PgBouncer. The machine is shared and noisy: ratios between 0.9 and 1.1 are
ties. Memory (PSS) before the load: {memory}; the proxy's is that of its process, which
is a part of the compute service, and of two pumps. "Pooled" are sessions of the same
proxy that ask for a process that has served others.

| load | way | rate | ratio | CPU µs |
| --- | --- | ---: | ---: | ---: |"""
_NOTES = """
CPU is the forwarder's own processor time for a transaction (for COPY: for a MB).

![ratios to PgBouncer](proxy.png)

## What was tried

Ratios to PgBouncer in the runs (each 2 to 5 rounds of 1 or 2 s) on the way here, while
others kept the two cores busy (load average 1 to 11): they say that the ways tie, and
not much more. The table above is of a machine that was at rest.

| variant | 1 client | 8 clients | 64 clients |
| --- | --- | --- | --- |
| one pump, sleeping | 0.94, 0.94 | 0.98, 0.82 | 1.00, 0.85 |
| one pump, looking 20 times, always | 0.90 | 0.94 | 0.95 |
| one pump, looking 100 times, always | 1.37 | 0.92 | 1.08 |
| one pump, looking for a lone session | 1.69 | 0.90, 0.90, 1.00 | 0.91, 0.79, 0.99 |
| two pumps, too | 1.11, 1.04, 0.73 | 0.77 to 1.13: 0.89 | 0.94 to 1.12: 1.07 |
| one pump, `sched_yield` before each wait | | 0.82 | 0.90 |
| two pumps, `sched_yield` before each wait | | 0.81 | 0.72 |

- **Looking before sleeping.** When nine events in a row were of the same session, a
  pump looks up to 100 times for the next one (about 0.1 ms, with `sched_yield` between)
  before it sleeps in `epoll_wait`; after a vain look it rests for 1, 2, ... 64 turns.
  It wins where a core is free, costs some 20 µs of processor time for a transaction,
  and wins nothing where none is.
- **Two pumps** cost 8 clients 1 to 4 µs of processor time for a transaction, since each
  finds fewer events at a time (14 to 15 µs with one; PgBouncer 13 to 17), and get more
  of it where there are many processes. On more cores they work side by side.
- **Bytes in their own process.** It imports modules in C only and runs with `-I -S`;
  the asyncio loop sees a session again when it is over. A message costs `epoll_wait`,
  `recv`, `send`; sockets are registered once, edge-triggered.
- **`SCHED_BATCH`** for the pumps: they do not interrupt whom they wake for, so more
  events are there at a time. Beside PgBouncer and a proxy without it, in turns of 2 s:
  with 8 clients 12.7 µs in place of 14.8 and 1.06 of PgBouncer in place of 0.99 (20
  turns; 1.07 and 1.02 in 12 before), with 64 clients 1.18 and 1.15 (1.14 and 1.17 in
  the 12), with one 1.54 and 1.52. One pump had 0.89 with 8 clients, and 0.99 with 64.
- **A connection each** is mostly PostgreSQL's fork and both sides' SCRAM. A plain
  session needs a new server process, as a direct connection does. PgBouncer spares
  that, and so does a pooled session (`-pooler`, `pooler=true`, decision 19). PgBouncer
  pays more for its own SCRAM: where it has the password it derives the keys anew for
  each client, in 2 ms; the proxy has the keys from PostgreSQL. The client derives them
  in any case.
- **Pooled sessions** cost more for a statement, as the heads of messages are followed:
  3.5 µs for those of a SELECT at first, and 0.54 for a row of 1 kB; 1.8 and 0.16 since
  complete messages are followed in one loop.
"""


def write(
    folder: Path,
    cases: Sequence[Case],
    results: Results,
    *,
    memory: Mapping[str, float],
    rounds: tuple[int, int],
) -> None:
    """Write proxy.md and proxy.png."""
    lines = [
        _INTRODUCTION.format(
            machine=platform.machine(),
            python=platform.python_version(),
            pgbouncer=_version("pgbouncer", "--version", word=1),
            haproxy=_version("haproxy", "-v", word=2),
            cores=os.cpu_count(),
            rounds=rounds[0],
            seconds=rounds[1],
            memory=", ".join(f"{name} {size:.1f} MiB" for name, size in memory.items()),
        )
    ]
    for case in cases:
        lines += rows(case, results[case.name])
    (folder / "proxy.md").write_text("\n".join([*lines, _NOTES]))
    _plot(folder, cases, results)


def rows(case: Case, results: Mapping[str, Summary]) -> list[str]:
    """Return the lines of one load."""
    return [
        f"| {case.name} | {name} | {sample.rate:,.0f} {case.unit} "
        f"| {sample.ratio:.2f} | {f'{sample.cpu:.1f}' if sample.cpu else ''} |"
        for name, sample in results.items()
    ]


def _version(program: str, flag: str, *, word: int) -> str:
    done = subprocess.run([program, flag], check=True, capture_output=True, text=True)
    return f"{program} {done.stdout.split()[word].split('-')[0]}"


def _plot(folder: Path, cases: Sequence[Case], results: Results) -> None:
    # Not imported before all is measured: the measuring process stays small.
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4.5))
    names = list(next(iter(results.values())))
    height = 0.85 / len(names)
    for index, name in enumerate(names):
        shift = (index - (len(names) - 1) / 2) * height
        axes.barh(
            [place + shift for place in range(len(cases))],
            [results[case.name][name].ratio for case in cases],
            height=0.9 * height,
            label=name,
        )
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set(xlabel="rate, as a ratio to PgBouncer", title="more is better")
    axes.set_yticks(range(len(cases)), [case.name for case in cases])
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(folder / "proxy.png", dpi=110)
