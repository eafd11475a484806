"""Which process is meant: a pid alone is reused, by strangers and after a reboot.

A process is identified by its pid, the moment it started in clock ticks since boot
(proc(5), field 22 of /proc/PID/stat) and the boot it belongs to. Signals go through a
pidfd (pidfd_open(2)) that was checked after it was opened, so they cannot reach another
process that got the same pid meanwhile.
"""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_STATE_FIELD = 0
_PARENT_FIELD = 1
_SESSION_FIELD = 3
_START_FIELD = 19
_DEAD = frozenset("ZX")
_LAST_SECONDS = 10.0


@cache
def boot_id() -> str:
    """Return the kernel's identifier of this boot."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


@dataclass(frozen=True)
class Stat:
    """What /proc/PID/stat tells of a process."""

    state: str
    parent: int
    session: int
    start_ticks: int


def read_stat(pid: int) -> Stat | None:
    """Return the state of a process, or None if there is none of that pid."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            text = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name, in parentheses, may hold spaces and parentheses itself.
    fields = text[text.rindex(b")") + 2 :].split()
    return Stat(
        state=fields[_STATE_FIELD].decode(),
        parent=int(fields[_PARENT_FIELD]),
        session=int(fields[_SESSION_FIELD]),
        start_ticks=int(fields[_START_FIELD]),
    )


def age_of(pid: int) -> float:
    """Return the seconds since a process started, whatever became of the wall clock."""
    stat = read_stat(pid)
    if stat is None:
        return 0.0
    began = stat.start_ticks / os.sysconf("SC_CLK_TCK")
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - began)


@dataclass(frozen=True)
class ProcessIdentity:
    """One process of one boot."""

    pid: int
    start_ticks: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity | None:
        """Return the identity of the process that has this pid now."""
        stat = read_stat(pid)
        if stat is None:
            return None
        return cls(pid, stat.start_ticks, boot_id())

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> ProcessIdentity:
        """Read what `to_json` wrote."""
        return cls(int(value["pid"]), int(value["start"]), str(value["boot"]))

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a journal."""
        return {"pid": self.pid, "start": self.start_ticks, "boot": self.boot}

    @property
    def alive(self) -> bool:
        """Whether this very process runs; a zombie does not."""
        if self.boot != boot_id():
            return False
        stat = read_stat(self.pid)
        return (
            stat is not None
            and stat.start_ticks == self.start_ticks
            and stat.state not in _DEAD
        )

    @contextmanager
    def opened(self) -> Iterator[int | None]:
        """Give a pidfd of this very process, or None if it is gone."""
        descriptor = self.open()
        try:
            yield descriptor
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def open(self) -> int | None:
        """Return a pidfd, which the caller closes, or None if the process is gone."""
        if self.boot != boot_id():
            return None
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return None
        stat = read_stat(self.pid)
        if stat is None or stat.start_ticks != self.start_ticks:
            os.close(descriptor)
            return None
        return descriptor

    def send(self, number: int) -> bool:
        """Send a signal; return whether the process was there to get it."""
        with self.opened() as descriptor:
            if descriptor is None:
                return False
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, number)
                return True
        return False


def wait_for(pid: int, *, limit: float = _LAST_SECONDS) -> None:
    """Wait until a process is gone, but not forever."""
    with suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        try:
            select.select([descriptor], [], [], limit)
        finally:
            os.close(descriptor)
