"""What the kernel tells about processes, and ending those a benchmark has started."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LOOK = 0.005
_FILES = 1 << 14


def prepare() -> None:
    """Let SIGTERM end the script as Ctrl+C does, and let it have many files open."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    soft = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def cpu_seconds(pid: int) -> float:
    """Return the processor time a process has used, in whole ticks."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_nanoseconds(pid: int) -> int:
    """Return the processor time that the threads of a process have used."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with suppress(OSError), open(f"/proc/{pid}/task/{thread}/schedstat") as file:
            total += int(file.read().split()[0])
    return total


def memory(pid: int, figure: str = "Pss") -> float:
    """Return a process's memory in MiB: its proportional share (PSS), or `Rss`."""
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        line = next(line for line in rollup if line.startswith(f"{figure}:"))
    return int(line.split()[1]) / 1024


def pids() -> list[int]:
    """Return all processes there are."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def argv(pid: int) -> list[str]:
    """Return a process's command line; nothing if it has ended."""
    with suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
        return os.fsdecode(file.read()).split("\0")[:-1]
    return []


def sleepers(seconds: int) -> list[int]:
    """Return the processes that run `sleep SECONDS`."""
    return [pid for pid in pids() if _sleeps(pid, seconds)]


class Arrivals:
    """Counts the processes that run `sleep SECONDS` as they come, at little cost."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._others = set(pids())
        self._found: set[int] = set()

    def count(self) -> int:
        """Look again; what was found before is not looked at twice."""
        new = set(pids()) - self._others - self._found
        self._found.update(pid for pid in new if _sleeps(pid, self._seconds))
        return len(self._found)


def wait_until(
    condition: Callable[[], bool], what: str, *, within: float = 120.0
) -> None:
    """Look every few milliseconds until it holds.

    Where a look takes long, with many processes, the looks come less often: they may
    not take from what they watch more than a fifth of a core.

    Raises:
        TimeoutError: it did not.
    """
    begun = time.monotonic()
    before = begun
    while not condition():
        after = time.monotonic()
        if after > begun + within:
            raise TimeoutError(f"not within {within:.0f} s: {what}")
        time.sleep(max(_LOOK, 4 * (after - before)))
        before = time.monotonic()


def tree(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    return [pid, *(below for child in children(pid) for below in tree(child))]


def children(pid: int) -> Iterator[int]:
    """Yield the children of a process's main thread."""
    with suppress(OSError), open(f"/proc/{pid}/task/{pid}/children") as file:
        yield from map(int, file.read().split())


def kill(doomed: list[int]) -> None:
    """End processes at once."""
    for pid in doomed:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _sleeps(pid: int, seconds: int) -> bool:
    words = argv(pid)
    return len(words) == 2 and words[0].endswith("sleep") and words[1] == str(seconds)
