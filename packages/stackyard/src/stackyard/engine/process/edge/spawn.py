"""Start the edge process."""

from __future__ import annotations

import os
import select
import signal
import sys
from pathlib import Path

_PACKAGES = Path(__file__).parents[4]  # where this very package is imported from

_PATIENCE = 20.0  # seconds; it takes a twentieth of one


class SpawnError(Exception):
    """The edge did not start; the message says why."""


def spawn_edge(socket_path: Path, *, mark: str, log: Path) -> int:
    """Start an edge in a session of its own and return its pid once it serves.

    It outlives its parent, which must reap it where it lives longer. `mark` is its
    YARD_MARK, by which it is found again; beside it only what Python needs is in its
    environment.
    """
    reading, writing = os.pipe()
    log_fd = os.open(
        log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, mode=0o600
    )
    begin = os.fstat(log_fd).st_size
    try:
        pid = _start(socket_path, mark=mark, log_fd=log_fd, ready=writing)
    except OSError as error:
        os.close(reading)
        raise SpawnError(f"cannot start the edge: {error}") from error
    finally:
        os.close(writing)
        os.close(log_fd)
    with open(reading, "rb") as pipe:
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        # It writes a line, or ends.
        if poll.poll(_PATIENCE * 1000) and pipe.read():
            return pid
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    with log.open("rb") as lines:
        lines.seek(begin)
        reason = lines.read().decode(errors="replace").strip()
    raise SpawnError(reason or "the edge ended before it served")


def _start(socket_path: Path, *, mark: str, log_fd: int, ready: int) -> int:
    # -S: nothing but the standard library is used, and a third of the start is saved.
    arguments = [
        *(sys.executable, "-S", "-P", "-m", "stackyard.engine.process.edge"),
        *("--socket", str(socket_path), "--ready", "3"),
    ]
    return os.posix_spawn(
        sys.executable,
        arguments,
        {"YARD_MARK": mark, "PYTHONPATH": str(_PACKAGES)},
        # The copies stay open in the child; the originals close as it starts. `ready`
        # comes last: the log may itself have the number 3.
        file_actions=[
            (os.POSIX_SPAWN_DUP2, log_fd, 2),
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0),
            (os.POSIX_SPAWN_DUP2, 0, 1),
            (os.POSIX_SPAWN_DUP2, ready, 3),
        ],
        setsid=True,
        setsigmask=(),
    )
