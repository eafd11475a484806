"""`yard stats`: what the services use."""

from __future__ import annotations

import os
import select
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from stackyard.cli import words
from stackyard.cli.engine import chosen as chosen_containers
from stackyard.cli.engine import client_of, errors
from stackyard.cli.listing import Row, shown
from stackyard.cli.options import dry_run_option

if TYPE_CHECKING:
    from stackyard.cli.options import GlobalOptions
    from stackyard.engine.process.client import Client
    from stackyard.engine.process.protocol import Shown

_COLUMNS: Final = {
    "ID": "CONTAINER ID",
    "Name": "NAME",
    "CPUPerc": "CPU %",
    "MemUsage": "MEM USAGE / LIMIT",
    "MemPerc": "MEM %",
    "NetIO": "NET I/O",
    "BlockIO": "BLOCK I/O",
    "PIDs": "PIDS",
}
_FIRST: Final = 0.25
"""Seconds between the first two samples."""
_INTERVAL: Final = 1.0


@dataclass(frozen=True)
class Sample:
    """What the processes of a container have used until a moment; bytes, seconds."""

    at: float
    cpu: float = 0.0
    memory: int = 0
    read: int = 0
    written: int = 0
    pids: int = 0


@click.command("stats")
@click.argument("services", metavar="[SERVICE]...", nargs=-1)
@click.option("-a", "--all", "every", is_flag=True, help="Show stopped ones too")
@click.option(
    "--format",
    "form",
    default="table",
    metavar="FORMAT",
    help="table, json, or a template such as '{{.Name}}'",
)
@click.option("--no-stream", is_flag=True, help="Show it once")
@click.option("--no-trunc", is_flag=True, help="Show ids in full")
@dry_run_option
@click.pass_obj
def command(options: GlobalOptions, /, **chosen: Any) -> None:
    """Show what services use: CPU, memory, disk.

    Network traffic cannot be told apart natively: it is shown as 0.
    """
    redrawn = sys.stdout.isatty() and not chosen["no_stream"]
    with errors():
        client = client_of(options)
        found = _found(client, chosen)
        before = _samples(client, found)
        _pause(_FIRST)
        while True:
            samples = _samples(client, found)
            rows = [
                _row(item, before, samples, trim=not chosen["no_trunc"])
                for item in found
            ]
            text = shown(chosen["form"], rows, _COLUMNS)
            if redrawn:
                text = f"\x1b[H\x1b[J{text}"
            click.echo(text, nl=False, color=True if redrawn else None)
            if chosen["no_stream"]:
                return
            _pause(_INTERVAL)
            before, found = samples, _found(client, chosen)


def _pause(seconds: float) -> None:
    select.select([], [], [], seconds)


def _found(client: Client, chosen: dict[str, Any]) -> list[Shown]:
    found = chosen_containers(client.snapshot(), chosen["services"], oneoff=True)
    return [item for item in found if chosen["every"] or item.container.up]


def _samples(client: Client, found: list[Shown]) -> dict[str, Sample]:
    return {
        item.container.id: sample(client.members(item.container.id))
        for item in found
        if item.container.up
    }


def sample(pids: list[int]) -> Sample:
    """Return what processes have used; those that are gone are left out."""
    total = Sample(at=time.monotonic())
    cpu, memory, read, written, count = 0.0, 0, 0, 0, 0
    ticks = os.sysconf("SC_CLK_TCK")
    for pid in pids:
        with suppress(OSError):
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
            memory += proportional_memory(pid)
            # With the children that have ended, as control groups count them too.
            cpu += sum(int(field) for field in fields[11:15]) / ticks
            count += int(fields[17])
            disk = _disk(pid)
            read += disk[0]
            written += disk[1]
    return Sample(total.at, cpu, memory, read, written, count)


def proportional_memory(pid: int) -> int:
    """Return a process's memory, of what it shares its share (PSS), else all (RSS)."""
    with suppress(PermissionError), open(f"/proc/{pid}/smaps_rollup", "rb") as file:
        found = (line.split()[1] for line in file if line.startswith(b"Pss:"))
        return int(next(found, b"0")) * 1024
    with open(f"/proc/{pid}/statm", "rb") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _disk(pid: int) -> tuple[int, int]:
    try:
        with open(f"/proc/{pid}/io", "rb") as file:
            counts = dict(line.split(b": ") for line in file.read().splitlines())
    except OSError:
        return 0, 0
    return int(counts[b"read_bytes"]), int(counts[b"write_bytes"])


def _row(
    item: Shown, before: dict[str, Sample], now: dict[str, Sample], *, trim: bool
) -> Row:
    identifier = item.container.id
    short = identifier[:12] if trim else identifier
    name = item.container.name
    last = now.get(identifier, Sample(at=1.0))
    first = before.get(identifier, Sample(at=0.0, cpu=last.cpu))
    spent = max(0.0, last.cpu - first.cpu) / max(0.001, last.at - first.at)
    limit = item.memory or _memory_of_machine()
    used = words.size(last.memory, binary=True)
    return {
        "BlockIO": f"{words.size(last.read)} / {words.size(last.written)}",
        "CPUPerc": f"{spent * 100:.2f}%",
        "Container": short,
        "ID": short,
        "MemPerc": f"{last.memory * 100 / limit:.2f}%",
        "MemUsage": f"{used} / {words.size(limit, binary=True)}",
        "Name": name,
        "NetIO": "0B / 0B",
        "PIDs": str(last.pids),
    }


def _memory_of_machine() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
