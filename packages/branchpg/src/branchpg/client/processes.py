"""Processes that outlive who started them, and are known again later.

A process is its id and when it started: an id that was given to somebody else since is
not mistaken for it, and never signalled.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Final

import msgspec

from branchpg import spawn
from branchpg.errors import BranchpgError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Process", "begin", "of", "recall", "remember", "until"]

_LOOK_SECONDS: Final = 0.005
_START, _STATE = 19, 0  # fields of /proc/PID/stat after the name, counted from 0
_ENDED: Final = frozenset({"Z", "X"})
_LONGEST_LOG: Final = 8 * 1024 * 1024


class Process(msgspec.Struct, frozen=True):
    """A process: its id, and what tells it from a later one of the same id."""

    pid: int
    started: str

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return _started(self.pid) == self.started

    def signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.runs:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def wait(self, within: float) -> bool:
        """Wait until it has ended; return whether it has."""
        return until(lambda: not self.runs, within)

    def end(self, within: float) -> bool:
        """Ask it to end, and make it after some seconds; return whether it did."""
        self.signal(signal.SIGTERM)
        if self.wait(within):
            return True
        self.signal(signal.SIGKILL)
        self.wait(within)
        return False


def until(condition: Callable[[], object], within: float) -> bool:
    """Wait until something is true; return whether it is, after some seconds."""
    deadline = time.monotonic() + within
    nothing = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            return False
        nothing.wait(_LOOK_SECONDS)
    return True


def begin(argv: Sequence[str], *, environment: Mapping[str, str], log: str) -> Process:
    """Start a program in a session of its own; what it writes goes to a file."""
    with contextlib.suppress(FileNotFoundError):
        if os.stat(log).st_size > _LONGEST_LOG:
            os.replace(log, f"{log}.1")
    pid = spawn.detached(argv, environment=environment, log=log)
    return Process(pid, _started(pid) or "ended")


def of(pid: int) -> Process | None:
    """Return the process that has an id now."""
    started = _started(pid)
    return Process(pid, started) if started else None


def remember(path: str, process: Process) -> None:
    """Write a process down."""
    with open(f"{path}.new", "wb") as file:
        file.write(msgspec.json.encode(process))
    os.replace(f"{path}.new", path)


def recall(path: str) -> Process | None:
    """Return the process that was written down, if it still runs."""
    try:
        with open(path, "rb") as file:
            process = msgspec.json.decode(file.read(), type=Process)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    except OSError as error:
        raise BranchpgError(f'cannot read "{path}": {error.strerror}') from error
    return process if process.runs else None


def _started(pid: int) -> str | None:
    """Return when a process started, as a text that no later one of its id has."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None if os.path.isdir("/proc/self") else _started_by_ps(pid)
    if fields[_STATE] in _ENDED:
        return None
    return f"{_boot()} {fields[_START]}"


def _boot() -> str:
    with contextlib.suppress(OSError):
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    return ""


def _started_by_ps(pid: int) -> str | None:
    """Ask ps, where there is no /proc."""
    argv = ("ps", "-o", "stat=,lstart=", "-p", str(pid))
    told = spawn.result(argv, environment={"PATH": "/bin:/usr/bin", "LC_ALL": "C"})
    state, _, started = told.stdout.decode().strip().partition(" ")
    return started.strip() if state and state[0] not in _ENDED else None
