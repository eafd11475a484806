"""The table and the plot of `bench_edge`."""

from __future__ import annotations

import os
import platform
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bench_edge import Case, Summary

    Results = Mapping[str, Mapping[str, Summary]]

_INTRODUCTION = """\
# The edge beside HAProxy

Made by `bench/bench_edge.py` on {machine}, Python {python}, with {haproxy}
(tcp mode, nbthread 1), wrk and nginx, all on the loopback of {cores} cores. Medians of
{rounds} runs of {seconds} s, taken in turn; the ratio is the median of each turn's
ratio to HAProxy without `option splice-auto`. The machine is shared and noisy: for
requests both HAProxy rows run the same code, so what differs between them is noise.
Latencies are wrk's; "added" is beyond a direct connection's. Memory (PSS) before the
load: {memory}.

| load | way | rate | ratio | p50 µs | p99 µs | added p50 | CPU µs |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"""
_NOTES = """
CPU is the forwarder's own processor time for a request (for bulk: for a MB).

![ratios and added latency](edge.png)

## What was tried

Ratios to HAProxy of the same run, medians of 7 runs (5 for bulk), on a quieter machine.
Differences below about 0.05 are noise here.

| variant | 64 B, 1 conn. | 64 B, 64 conn. | conn. per request |
| --- | ---: | ---: | ---: |
| as it is: `recv_into` one buffer, `send` of a slice | 1.01 | 1.01 | 1.01 |
| `recv` into a new `bytes` | 1.00 | 1.03 | 0.98 |
| `send` inlined into the read loop | 1.05 | 0.98 | 1.00 |
| both | 1.05 | 0.99 | 1.04 |
| uvloop 0.23 with `Protocol` | 1.07 | 1.00 | 0.79 |

All within noise, but for uvloop's connections (91 µs of CPU for each instead of 70);
the plain loop stays, which needs no package and less memory.

Bulk, a bare relay of one way with blocking sockets:

| variant | GB/s | CPU s/GB |
| --- | ---: | ---: |
| copy, 64 KiB | 1.10 | 0.54 |
| copy, 128 KiB | 1.24 | 0.47 |
| copy, 256 KiB | 1.28 | 0.38 |
| copy, 1 MiB | 1.34 | 0.27 |
| `os.splice`, pipe of 64 KiB | 1.24 | 0.37 |
| `os.splice`, pipe of 256 KiB | 1.26 | 0.37 |
| `os.splice`, pipe of 1 MiB | 1.54 | 0.22 |

256 KiB is what one slow reader may cost. Splicing pays only with large pipes, of which
an unprivileged user has 64; copying is faster than HAProxy already, so it stays.

Not asking for `EPOLLOUT` before a socket first blocks spares each connection two
events: 68 µs of CPU instead of 71, 0.97 instead of 0.95 of HAProxy's connections.

Where the processor's time goes (64 B, 64 connections, µs for a request): the edge 2.0
of its own and 10.8 in the kernel, HAProxy 0.9 and 9.7; for a connection 13 and 67,
HAProxy 5 and 54. Where the machine has time this is hidden by wrk and nginx; the ratio
is about 1. In runs with other work on both cores it was 0.9 to 0.95.

What makes Python fast enough, by the system calls of a connection: both sockets are
registered once and edge-triggered (no `epoll_ctl` later), a second `connect` finds out
at once that the first succeeded (no turn of the loop), `TCP_NODELAY` is inherited from
the listener, a short read is taken for the last (no `recv` that fails), and a message
costs `epoll_wait`, `recvfrom`, `sendto` and nothing else.
"""


def write(
    folder: Path,
    cases: Sequence[Case],
    results: Results,
    *,
    memory: Mapping[str, float],
    rounds: tuple[int, int],
) -> None:
    """Write edge.md and edge.png."""
    version = subprocess.run(
        ["haproxy", "-v"], check=True, capture_output=True, text=True
    ).stdout.split()
    lines = [
        _INTRODUCTION.format(
            machine=platform.machine(),
            python=platform.python_version(),
            haproxy=f"HAProxy {version[2].split('-')[0]}",
            cores=os.cpu_count(),
            rounds=rounds[0],
            seconds=rounds[1],
            memory=", ".join(f"{name} {size:.1f} MiB" for name, size in memory.items()),
        )
    ]
    for case in cases:
        lines += rows(case, results[case.name])
    (folder / "edge.md").write_text("\n".join([*lines, _NOTES]))
    _plot(folder, cases, results)


def rows(case: Case, results: Mapping[str, Summary]) -> list[str]:
    """Return the lines of one load."""
    direct = results["direct"]
    lines = []
    for name, sample in results.items():
        rate = f"{sample.rate:,.0f}" if case.load else f"{sample.rate:.2f} GB"
        latency = "| | |"
        if case.load:
            latency = f"{sample.p50:.0f} | {sample.p99:.0f} | "
            latency += f"{sample.p50 - direct.p50:.0f} |"
        cpu = sample.cpu * (1e6 if case.load else 1e3)
        lines.append(
            f"| {case.name} | {name} | {rate}/s | {sample.ratio:.2f} "
            f"| {latency} {f'{cpu:.0f}' if cpu else ''} |"
        )
    return lines


def _plot(folder: Path, cases: Sequence[Case], results: Results) -> None:
    # Not imported before all is measured: the measuring process stays small.
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, (rates, delays) = pyplot.subplots(1, 2, figsize=(12, 4.5))
    names = [name for name in next(iter(results.values())) if name != "direct"]
    requests = [case for case in cases if case.load]
    for index, name in enumerate(names):
        shift = (index - 1) * 0.27
        rates.barh(
            [place + shift for place in range(len(cases))],
            [results[case.name][name].ratio for case in cases],
            height=0.25,
            label=name,
        )
        delays.barh(
            [place + shift for place in range(len(requests))],
            [
                results[case.name][name].p50 - results[case.name]["direct"].p50
                for case in requests
            ],
            height=0.25,
            label=name,
        )
    rates.axvline(1, color="black", linewidth=0.8)
    rates.set(xlabel="rate, as a ratio to HAProxy", title="more is better")
    delays.set(xlabel="added latency p50, µs", title="less is better")
    rates.set_yticks(range(len(cases)), [case.name for case in cases])
    delays.set_yticks(range(len(requests)), [case.name for case in requests])
    rates.set_xlim(right=2.2)  # room for the legend
    for axes in (rates, delays):
        axes.invert_yaxis()
        axes.grid(axis="x", alpha=0.3)
        axes.legend()
    figure.tight_layout()
    figure.savefig(folder / "edge.png", dpi=110)
