"""The data directory on disk: what state it is in, and how a new one becomes complete.

The image takes a first start that died half way for a finished one. Here a directory,
`.stackyard-init`, stands in the data directory from before the first file until all is
on disk; removing it is the one step that makes the cluster complete:

    empty --claim--> unfinished --commit--> complete
      └<---clear-------┘  the next start, whatever killed this one

It is made in an empty directory only. So what `clear` removes was never complete, and
was nobody else's.

Everyone who writes before the commit inherits a lock on the directory. A start that
finds an unfinished cluster waits for it, and thus for the orphans of the one before.
"""

from __future__ import annotations

import contextlib
import enum
import fcntl
import os
import shutil
from typing import TYPE_CHECKING, Final

from stackyard.images.console import say
from stackyard.images.postgres.errors import explained
from stackyard.images.postgres.owner import give

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stackyard.images.spawn import Identity

__all__ = [
    "State",
    "claim",
    "clear",
    "close",
    "commit",
    "install",
    "locked",
    "make",
    "observe",
    "require_major",
    "staging",
]

_MARKER: Final = ".stackyard-init"
_STAGING: Final = "data"
_WAL: Final = "wal"
_IGNORED: Final = "lost+found"  # of a volume that is a file system of its own


class State(enum.Enum):
    """What a data directory holds."""

    EMPTY = enum.auto()
    UNFINISHED = enum.auto()
    COMPLETE = enum.auto()


def observe(data: str) -> State:
    """Return the state of a directory, which may be missing.

    Raises:
        EntrypointError: it holds something else.
    """
    names = _entries(data) if os.path.isdir(data) else set()
    if _MARKER in names:
        return State.UNFINISHED
    if "PG_VERSION" in names:
        return State.COMPLETE
    if names:
        raise explained(
            f'"{data}" is not empty, and holds no PostgreSQL data',
            hint="empty it, mount another volume, or set PGDATA to a directory in it",
        )
    return State.EMPTY


def require_major(data: str, version: str) -> None:
    """Raise if a complete cluster was written by another major version."""
    with open(os.path.join(data, "PG_VERSION"), encoding="ascii") as file:
        written = file.read().strip()
    major = version.partition(".")[0]
    if written == major:
        return
    raise explained(
        f'"{data}" was written by PostgreSQL {written}, and this is {version}',
        hint=f"run it with PostgreSQL {written} (image postgres:{written}, with its "
        "programs installed or named by YARD_POSTGRES_BIN); to move the data, dump it "
        f"there with pg_dumpall and restore it into a new volume, or use pg_upgrade "
        f"from {written} to {major}",
    )


def make(data: str, identity: Identity | None) -> None:
    """Make the directory, and those above it that are missing, for the server."""
    missing = []
    path = data
    while not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    for directory in reversed(missing):
        os.mkdir(directory, 0o700)
        give(directory, identity)


def close(data: str) -> None:
    """Keep others out of a complete cluster: the server refuses to start otherwise."""
    if os.stat(data).st_mode & 0o027:
        os.chmod(data, 0o700)


@contextlib.contextmanager
def locked(data: str) -> Iterator[int]:
    """Hold the lock on a data directory; yields the descriptor children inherit."""
    descriptor = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another initialisation of the data to end")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def claim(data: str, *, wal_directory: str, identity: Identity | None) -> None:
    """Mark an empty directory as unfinished, together with an empty one for WAL."""
    if wal_directory:
        make(wal_directory, identity)
        if _entries(wal_directory):
            raise explained(
                f'POSTGRES_INITDB_WALDIR: "{wal_directory}" is not empty',
                hint="empty it, or name another directory",
            )
        give(wal_directory, identity)
    os.chmod(data, 0o700)
    give(data, identity)
    marker = os.path.join(data, _MARKER)
    os.mkdir(marker, 0o700)
    if wal_directory:
        # For `clear`. It is known to be empty only here, before initdb writes to it.
        os.symlink(wal_directory, os.path.join(marker, _WAL))
    os.mkdir(staging(data), 0o700)
    give(marker, identity)
    give(staging(data), identity)
    _sync(data)


def clear(data: str) -> None:
    """Empty an unfinished directory; the marker goes last."""
    marker = os.path.join(data, _MARKER)
    wal = os.path.join(marker, _WAL)
    if os.path.isdir(wal):
        for name in _entries(wal):
            _remove(os.path.join(wal, name))
    for name in _entries(data) - {_MARKER}:
        _remove(os.path.join(data, name))
    _remove(marker)


def staging(data: str) -> str:
    """Return the directory initdb fills: it demands an empty one."""
    return os.path.join(data, _MARKER, _STAGING)


def install(data: str) -> None:
    """Move what initdb made to its place."""
    source = staging(data)
    for name in os.listdir(source):
        os.rename(os.path.join(source, name), os.path.join(data, name))


def commit(data: str) -> None:
    """Declare the cluster complete. All of it must be on disk already."""
    marker = os.path.join(data, _MARKER)
    for name in os.listdir(marker):
        _remove(os.path.join(marker, name))
    os.rmdir(marker)
    _sync(data)


def _entries(directory: str) -> set[str]:
    return {name for name in os.listdir(directory) if name != _IGNORED}


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def _sync(directory: str) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
