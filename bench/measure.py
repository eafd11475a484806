"""Running commands in turn, and what the kernel says each of them cost."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Run:
    """One finished process: wall and CPU seconds, peak resident set in MiB."""

    wall: float
    cpu: float
    memory: float


@dataclass(frozen=True)
class Command:
    """A named command line and where it runs; without an environment, in ours."""

    name: str
    arguments: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str] | None = None


def run(command: Command) -> Run:
    """Run a command to its end; its output is thrown away, a failure is an error.

    A process's peak memory includes what it had of its parent before its own program
    began: whoever measures must be small, and imports nothing large before.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        command.arguments,
        cwd=command.directory,
        env=command.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command.name}: exit code {process.returncode}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def in_turn(commands: Sequence[Command], *, rounds: int) -> dict[str, list[Run]]:
    """Run the commands one after the other, `rounds` times.

    A first round is not counted where there are several.
    """
    for command in commands if rounds > 1 else ():
        run(command)
    results: dict[str, list[Run]] = {command.name: [] for command in commands}
    for _ in range(rounds):
        for command in commands:
            results[command.name].append(run(command))
    return results


def median(runs: Sequence[Run]) -> Run:
    """Return the median of each figure."""
    return Run(
        statistics.median(item.wall for item in runs),
        statistics.median(item.cpu for item in runs),
        statistics.median(item.memory for item in runs),
    )
