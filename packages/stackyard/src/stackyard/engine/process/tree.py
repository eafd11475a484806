"""Everything a process has started, and whose a process is.

Linux's /proc is read; a process that vanishes meanwhile is left out.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from stackyard.engine.process.identity import ProcessIdentity, read_stat
from stackyard.engine.process.keeper.order import MARK

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARK = f"{MARK}=".encode()


def children(pid: int) -> list[int]:
    """Return the children of all threads of a process (proc(5))."""
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [child for task in tasks for child in _children_of_thread(pid, task)]


def _children_of_thread(pid: int, task: str) -> list[int]:
    try:
        with open(f"/proc/{pid}/task/{task}/children", "rb") as file:
            return [int(child) for child in file.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def descendants(pid: int) -> list[int]:
    """Return a process and all below it, parents before children."""
    found = [pid]
    for parent in found:
        found.extend(children(parent))
    return found


def mark_of(pid: int) -> str | None:
    """Return the mark in a process's environment; None if it has or shows none."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            environment = file.read()
    except OSError:
        return None
    for entry in environment.split(b"\0"):
        if entry.startswith(_MARK):
            return entry[len(_MARK) :].decode(errors="replace")
    return None


def marked(prefix: str) -> Iterator[tuple[ProcessIdentity, str]]:
    """Yield every process on the machine whose mark begins so, and the mark."""
    own = os.getpid()
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == own:
            continue
        mark = mark_of(int(name))
        if mark is not None and mark.startswith(prefix):
            identity = ProcessIdentity.of(int(name))
            if identity is not None and identity.alive:
                yield identity, mark


def session_of(pid: int) -> int:
    """Return the session of a process; 0 if it is gone."""
    stat = read_stat(pid)
    return stat.session if stat else 0
