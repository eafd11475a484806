"""Limits by control groups, where the process may make them (cgroups(7)).

Version 1 is used as root where its hierarchies are mounted; version 2 where a directory
was delegated to us. Elsewhere there is none, and rlimits and CPU affinity stand in;
what that means for a service is said in its `notes`.
"""

from __future__ import annotations

import contextlib
import math
import os
import resource
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stackyard.engine.process.spec import Limits

_ROOT = Path("/sys/fs/cgroup")
_PERIOD = 100_000
_PARENT = "stackyard"


@dataclass(frozen=True)
class _Setting:
    controller: str
    file: str
    value: str


@dataclass(frozen=True)
class Enforced:
    """How limits are enforced.

    Attributes:
        joins: `cgroup.procs` files that a process joins before it runs.
        rlimits, cpus: what stands in for control groups that may not be made.
        notes: what is limited otherwise than the file means it.
    """

    joins: tuple[str, ...] = ()
    rlimits: dict[int, tuple[int, int]] = field(default_factory=dict)
    cpus: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


class Cgroups:
    """The control groups of one project; one directory per container."""

    def __init__(self, mark: str) -> None:
        self._project = mark.rstrip("/")

    @cached_property
    def version(self) -> int:
        """1 or 2; 0 if we may make none."""
        if os.geteuid() != 0:
            return 0
        if (_ROOT / "memory").is_dir():
            return 1
        return 2 if (_ROOT / "cgroup.controllers").is_file() else 0

    def create(self, identifier: str, limits: Limits) -> Enforced:
        """Make the groups of a container, and say what limits it otherwise."""
        joins: dict[str, None] = {}
        enforced: set[str] = set()
        for setting in _settings(limits, self.version) if self.version else []:
            path = self._path(setting.controller, identifier)
            with contextlib.suppress(OSError):
                path.mkdir(parents=True, exist_ok=True)
                self._delegate(setting.controller, path)
                (path / setting.file).write_text(setting.value)
                joins[str(path / "cgroup.procs")] = None
                enforced.add(setting.controller)
        return _enforced(limits, tuple(joins), enforced)

    def joined(self, identifier: str, limits: Limits) -> tuple[str, ...]:
        """Return the `cgroup.procs` files of the groups that a container has."""
        settings = _settings(limits, self.version) if self.version else []
        found = (self._path(item.controller, identifier) for item in settings)
        files = (str(path / "cgroup.procs") for path in found if path.is_dir())
        return tuple(dict.fromkeys(files))

    def _delegate(self, controller: str, path: Path) -> None:
        """Have the parents hand a controller down (cgroups(7), version 2)."""
        if self.version != 2:
            return
        for parent in (_ROOT, _ROOT / _PARENT, path.parent):
            (parent / "cgroup.subtree_control").write_text(f"+{controller}")

    def out_of_memory(self, identifier: str) -> bool:
        """Return whether the kernel has killed something of a container for memory."""
        name = "memory.oom_control" if self.version == 1 else "memory.events"
        try:
            text = (self._path("memory", identifier) / name).read_text()
        except OSError:
            return False
        counts = dict(line.split() for line in text.splitlines())
        return counts.get("oom_kill", "0") != "0"

    def remove(self, identifier: str) -> None:
        """Remove the groups of a container that has ended."""
        if not self.version:
            return
        for controller in ("memory", "cpu", "pids"):
            path = self._path(controller, identifier)
            for directory in (path, path.parent):
                with contextlib.suppress(OSError):
                    directory.rmdir()

    def _path(self, controller: str, identifier: str) -> Path:
        base = _ROOT / controller if self.version == 1 else _ROOT
        return base / _PARENT / self._project / identifier


def notes_without_groups(limits: Limits) -> tuple[str, ...]:
    """Return what is limited otherwise than the file means it, on this machine."""
    if Cgroups("").version:
        return ()
    return _enforced(limits, (), set()).notes


def _settings(limits: Limits, version: int) -> list[_Setting]:
    found = []
    if limits.memory:
        name = "memory.limit_in_bytes" if version == 1 else "memory.max"
        found.append(_Setting("memory", name, str(limits.memory)))
    if limits.cpus:
        quota = int(limits.cpus * _PERIOD)
        if version == 1:
            found.append(_Setting("cpu", "cpu.cfs_quota_us", str(quota)))
        else:
            found.append(_Setting("cpu", "cpu.max", f"{quota} {_PERIOD}"))
    if limits.pids > 0:
        found.append(_Setting("pids", "pids.max", str(limits.pids)))
    return found


def _enforced(limits: Limits, joins: tuple[str, ...], enforced: set[str]) -> Enforced:
    rlimits: dict[int, tuple[int, int]] = {}
    cpus: tuple[int, ...] = ()
    notes = []
    if limits.memory and "memory" not in enforced:
        rlimits[resource.RLIMIT_DATA] = (limits.memory, limits.memory)
        notes.append("memory is limited for each process by itself (RLIMIT_DATA)")
    if limits.cpus and "cpu" not in enforced:
        usable = sorted(os.sched_getaffinity(0))
        cpus = tuple(usable[: max(1, math.ceil(limits.cpus))])
        notes.append(f"CPUs are limited to {len(cpus)} whole ones (affinity)")
    if limits.pids and "pids" not in enforced:
        notes.append("the number of processes is not limited")
    return Enforced(joins, rlimits, cpus, tuple(notes))
