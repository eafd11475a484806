"""The one place of this package that starts processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import IO

Child: TypeAlias = subprocess.Popen[bytes]

_PR_SET_PDEATHSIG = 1
_VERSION_SECONDS = 10


class Source(Protocol):
    """What a child's standard input is read from."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, none at the end."""


@dataclass(frozen=True)
class Identity:
    """A user to run as."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    name: str
    home: str


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """How the children of an entrypoint run.

    Attributes:
        environment: all their variables.
        identity: whom to become; None is whoever runs this.
        directory: their working directory; entered before becoming somebody else.
        kept: descriptors they inherit, such as a lock that is to live as they do.
        orphan_signal: what they get when this process dies, however it dies.
    """

    environment: Mapping[str, str]
    identity: Identity | None = None
    directory: str = "/"
    kept: tuple[int, ...] = ()
    orphan_signal: int = signal.SIGKILL


def output(argv: Sequence[str]) -> str:
    """Return what a short program writes."""
    return subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=_VERSION_SECONDS,
        check=False,
        text=True,
    ).stdout


def start(
    argv: Sequence[str],
    surroundings: Surroundings,
    *,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    stdout: int | IO[bytes] | None = None,
) -> Child:
    """Start a child that does not outlive this process."""
    become = surroundings.identity
    return subprocess.Popen(
        argv,
        env=surroundings.environment,
        cwd=surroundings.directory,
        stdin=stdin,
        stdout=stdout,
        pass_fds=surroundings.kept,
        user=become.uid if become else None,
        group=become.gid if become else None,
        extra_groups=become.groups if become else None,
        # Python runs it after the change of user, which would undo the setting.
        preexec_fn=_die_with_parent(surroundings.orphan_signal),
    )


def exit_code(child: Child, *, within: float) -> int | None:
    """Return the exit code of a child that ends within some seconds."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        return child.wait(within)
    return None


def run(
    argv: Sequence[str],
    surroundings: Surroundings,
    *,
    feed: Source | None = None,
    quiet: bool = False,
) -> int:
    """Run a child to its end, with what `feed` holds as its standard input."""
    child = start(
        argv,
        surroundings,
        stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
        stdout=subprocess.DEVNULL if quiet else None,
    )
    with child:
        if feed and child.stdin:
            _pour(feed, child.stdin)
    return child.returncode


@contextlib.contextmanager
def reading(argv: Sequence[str], surroundings: Surroundings) -> Iterator[IO[bytes]]:
    """Yield what a child writes.

    Raises:
        ChildProcessError: it has failed.
    """
    with start(argv, surroundings, stdout=subprocess.PIPE) as child:
        assert child.stdout
        yield child.stdout
    if child.returncode:
        raise ChildProcessError(f"{argv[0]} ended with exit code {child.returncode}")


def replace(
    argv: Sequence[str],
    environment: Mapping[str, str],
    *,
    identity: Identity | None = None,
    directory: str | None = None,
) -> NoReturn:
    """Become another program, as another user if one is given."""
    if directory is not None:
        os.chdir(directory)
    if identity:
        os.setgroups(identity.groups)
        os.setgid(identity.gid)
        os.setuid(identity.uid)
    sys.stdout.flush()
    os.execvpe(argv[0], list(argv), environment)


def _pour(source: Source, sink: IO[bytes]) -> None:
    # A child that has seen enough closes its end; its exit code says if that is well.
    with contextlib.suppress(BrokenPipeError):
        while chunk := source.read(1 << 16):
            sink.write(chunk)
    with contextlib.suppress(BrokenPipeError):
        sink.close()


def _die_with_parent(orphan_signal: int) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    import ctypes  # only for a start that initialises something

    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, orphan_signal, 0, 0, 0)
        if os.getppid() != parent:  # it died before the question
            os.kill(os.getpid(), signal.SIGKILL)

    return ask
