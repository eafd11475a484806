"""The one place of this package that starts processes."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from branchpg.errors import BranchpgError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import IO

__all__ = [
    "Child",
    "Done",
    "Identity",
    "detached",
    "output",
    "result",
    "run",
    "start",
]

Child: TypeAlias = subprocess.Popen[bytes]
Done: TypeAlias = subprocess.CompletedProcess[bytes]

_PR_SET_PDEATHSIG = 1
_IN_BACKGROUND = 'exec 3>&1 1>&2; "$@" 3>&- & echo $! >&3'


@dataclass(frozen=True)
class Identity:
    """A user to run as."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    name: str


def start(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    identity: Identity | None = None,
    directory: str | None = None,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
    kept: Sequence[int] = (),
    orphan_signal: int | None = None,
    session: bool = False,
) -> Child:
    """Start a program, as another user if one is given.

    `orphan_signal` is what it gets when the thread that started it ends, which is to be
    the main thread: it dies with the process, however that dies.
    """
    return subprocess.Popen(
        argv,
        env=dict(environment),
        cwd=directory,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        pass_fds=tuple(kept),
        start_new_session=session,
        user=identity.uid if identity else None,
        group=identity.gid if identity else None,
        extra_groups=identity.groups if identity else None,
        # Python runs it after the change of user, which would undo the setting.
        preexec_fn=_die_with_parent(orphan_signal) if orphan_signal else None,
    )


def result(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    identity: Identity | None = None,
    directory: str | None = None,
    feed: bytes | None = None,
    kept: Sequence[int] = (),
    within: float | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end, and return its output and exit code."""
    return subprocess.run(
        argv,
        env=dict(environment),
        cwd=directory,
        input=feed,
        stdin=subprocess.DEVNULL if feed is None else None,
        capture_output=True,
        check=False,
        timeout=within,
        pass_fds=tuple(kept),
        user=identity.uid if identity else None,
        group=identity.gid if identity else None,
        extra_groups=identity.groups if identity else None,
    )


def output(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    identity: Identity | None = None,
    directory: str | None = None,
) -> str:
    """Return what a program writes; raise BranchpgError with its words if it fails."""
    done = result(argv, environment=environment, identity=identity, directory=directory)
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip()
        name = os.path.basename(argv[0])
        raise BranchpgError(f"{name} failed with exit code {done.returncode}: {words}")
    return done.stdout.decode(errors="replace")


def run(argv: Sequence[str], *, environment: Mapping[str, str]) -> int:
    """Run a program on this terminal, and return its exit code."""
    return subprocess.run(argv, env=dict(environment), check=False).returncode


def detached(argv: Sequence[str], *, environment: Mapping[str, str], log: str) -> int:
    """Start a program that is no child of this process, and return its id.

    It is in a session of its own, reads nothing, and writes to the end of a file. A
    shell starts it and ends, so that nobody here has to wait for it.

    Raises:
        BranchpgError: it cannot be started.
    """
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        done = subprocess.run(
            ("/bin/sh", "-c", _IN_BACKGROUND, "sh", *argv),
            env=dict(environment),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=handle,
            start_new_session=True,
            check=False,
        )
    finally:
        os.close(handle)
    if done.returncode or not done.stdout.strip().isdigit():
        raise BranchpgError(f"cannot start {argv[0]}", hint=f"see {log}")
    return int(done.stdout)


def _die_with_parent(orphan_signal: int) -> Callable[[], None]:
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    number = int(signal.Signals(orphan_signal))

    def arrange() -> None:
        prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)

    return arrange
