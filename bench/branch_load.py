"""The load on the parents of `bench_branch`, and what it says of their speed."""

from __future__ import annotations

import bisect
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from branchpg.environment import environment
from branchpg.postgres import programs

if TYPE_CHECKING:
    from typing import TypeAlias

    from branchpg.client import Project

    Span: TypeAlias = tuple[float, float]

CLIENTS = 4
LOG_FIELDS = 6  # client, number, microseconds, script, seconds and microseconds
CALM = 20  # seconds over which the parent's throughput is taken before
BEFORE = 8  # seconds the same before each branch, where others are some time ago
APART = 4  # seconds between a second with a branch and one without
PROGRAMS = programs.find(environment())


@dataclass(frozen=True)
class Mode:
    """A way to make branches one after the other.

    Attributes:
        every: seconds between them.
        times: as many of them as rounds, or several times as many.
        half: whether the parent is written to at half of its full speed.
    """

    name: str
    every: float
    times: int = 1
    half: bool = False

    @property
    def is_rare(self) -> bool:
        """Whether the seconds before each tell what the parent does without."""
        return self.every > BEFORE + APART


MODES = (
    Mode("every 5 s", 5),
    Mode("every 15 s", 15, times=3),
    Mode("every 5 s, half speed", 5, half=True),
)


@dataclass(frozen=True)
class Parent:
    """A parent of which branches are made one after the other.

    Attributes:
        first: seconds to the first row of each.
        during: its part of its speed from the request to that.
        asked: the same while it answers a query itself.
        second: the same in the second that begins with the request.
        without: the same in a second some time before, without a branch.
        over_all: its part of its speed from the first branch to the last.
    """

    first: list[float]
    during: list[float]
    asked: list[float]
    second: list[float]
    without: list[float]
    over_all: float


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
                str(CLIENTS),
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


def calm_before(spans: list[Span]) -> Span:
    """Return the time before branches are made, to which their time is compared."""
    return spans[0][0] - CALM, spans[0][0]


def told(
    load: Load, mode: Mode, spans: list[Span], asked: list[Span], *, first: list[float]
) -> Parent:
    """Return what a load says of the time in which branches were made."""
    whole = spans[0][0], spans[-1][1] + mode.every
    calm = load.rate(calm_before(spans))

    def part(span: Span) -> float:
        before = load.rate((span[0] - BEFORE, span[0])) if mode.is_rare else calm
        return load.rate(span) / before

    return Parent(
        first,
        during=[part(span) for span in spans],
        asked=[load.rate(span) / calm for span in asked],
        second=[part((begun, begun + 1)) for begun, _ in spans],
        without=[
            part((begun - APART, begun - APART + 1))
            for begun, _ in spans
            if mode.is_rare
        ],
        over_all=load.rate(whole) / calm,
    )
