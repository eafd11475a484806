"""Copies of files and clusters, sharing their blocks where the file system can.

What can be done is found out in the very directory: a file system may be mounted
without it, and a container may forbid it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
import tempfile
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from typing import TYPE_CHECKING, Final

from branchpg.errors import BranchpgError
from branchpg.store import durable, extents
from branchpg.store.ease import AT_ONCE, Ease

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from branchpg.spawn import Identity

__all__ = [
    "Driver",
    "clone_cluster",
    "clone_file",
    "clone_tree",
    "probe",
    "write_out_cluster",
]

_FICLONERANGE: Final = 0x4020940D  # _IOW(0x94, 13, 32 bytes), linux/fs.h
_RANGE: Final = struct.Struct("=qQQQ")  # descriptor, offset, length, offset there
_SHARED_PIECE: Final = 32 * 1024 * 1024
"""The source can be written to between two; a clone of all of it is a long stop."""

_PIECE: Final = 64 * 1024 * 1024
_THREADS: Final = 4

_NO_CONTENT: Final = frozenset(
    {
        "pg_wal",
        "pg_replslot",
        "pg_dynshmem",
        "pg_notify",
        "pg_serial",
        "pg_snapshots",
        "pg_stat_tmp",
        "pg_subtrans",
    }
)
"""Directories that a backup has empty: PostgreSQL documentation, chapter 25.3.4.4."""

_LEFT_OUT: Final = frozenset(
    {
        "postmaster.pid",
        "postmaster.opts",
        "backup_label",
        "backup_label.old",
        "tablespace_map",
        "tablespace_map.old",
        "backup_manifest",
        "current_logfiles",
        "postgresql.auto.conf.tmp",
        "current_logfiles.tmp",
        "branchpg.json",
        "branchpg.dsn",
    }
)
_LEFT_OUT_PREFIXES: Final = ("pgsql_tmp", "pg_internal.init")


class Driver(Enum):
    """How files are copied: sharing their blocks, or in full."""

    REFLINK = "reflink"
    COPY = "copy"

    @property
    def shares(self) -> bool:
        """Whether a copy takes neither time nor space for its contents."""
        return self is Driver.REFLINK


def probe(directory: str) -> Driver:
    """Find out how files in a directory can be copied."""
    with (
        tempfile.TemporaryFile(dir=directory) as source,
        tempfile.TemporaryFile(dir=directory) as target,
    ):
        source.write(b"x" * 4096)
        source.flush()
        try:
            _share(target.fileno(), source.fileno(), 4096, AT_ONCE)
        except OSError:
            return Driver.COPY
    return Driver.REFLINK


def clone_file(
    source: str,
    target: str,
    *,
    driver: Driver,
    owner: Identity | None = None,
    ease: Ease = AT_ONCE,
) -> None:
    """Copy one file to a name that is new; its mode stays."""
    with open(source, "rb", buffering=0) as origin:
        about = os.fstat(origin.fileno())
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        copy = os.open(target, flags, about.st_mode & 0o777)
        try:
            _fill(copy, origin.fileno(), about.st_size, driver=driver, ease=ease)
            if owner:
                os.fchown(copy, owner.uid, owner.gid)
        finally:
            os.close(copy)


def clone_tree(
    source: str,
    target: str,
    *,
    driver: Driver,
    owner: Identity | None = None,
    ease: Ease = AT_ONCE,
) -> None:
    """Copy a directory that nobody writes in, to a name that is new."""
    _clone(source, target, _all, driver=driver, owner=owner, ease=ease)


def clone_cluster(
    source: str, target: str, *, driver: Driver, owner: Identity | None = None
) -> None:
    """Copy a data directory, without WAL, as `pg_basebackup` would.

    A server may run on it, between `pg_backup_start` and `pg_backup_stop`. Files that
    vanish meanwhile are left out: replay makes or removes them.

    Raises:
        BranchpgError: it has tablespaces, which lie outside of it.
    """
    _refuse_tablespaces(source)
    _clone(source, target, _belongs, driver=driver, owner=owner, ease=AT_ONCE)
    for name in ("archive_status", "summaries"):
        path = os.path.join(target, "pg_wal", name)
        os.mkdir(path, 0o700)
        if owner:
            os.chown(path, owner.uid, owner.gid)


def write_out_cluster(source: str) -> None:
    """Write the pages of a data directory to disk that are only in memory.

    A clone would do so file by file. The data is not made to last by this: neither
    metadata nor the cache of the disk are flushed.
    """

    def write_out(relative: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            with open(os.path.join(source, relative), "rb", buffering=0) as file:
                # Where it is not supported, the clone does it.
                durable.write_out(file.fileno())

    names = [path for path, directory in _walk(source, "", _belongs) if not directory]
    with ThreadPoolExecutor(_THREADS, "write-out") as pool:
        for _ in pool.map(write_out, names):
            pass


def _all(_path: str, _name: str) -> bool:
    return True


def _belongs(path: str, name: str) -> bool:
    if name in _LEFT_OUT or name.startswith(_LEFT_OUT_PREFIXES):
        return False
    return os.path.dirname(path) not in _NO_CONTENT


def _clone(
    source: str,
    target: str,
    belongs: Callable[[str, str], bool],
    *,
    driver: Driver,
    owner: Identity | None,
    ease: Ease,
) -> None:
    def copy(relative: str) -> None:
        # A table may have been dropped since its name was read.
        with contextlib.suppress(FileNotFoundError):
            clone_file(
                os.path.join(source, relative),
                os.path.join(target, relative),
                driver=driver,
                owner=owner,
                ease=ease,
            )

    _make(source, target, owner)
    if driver.shares:
        extents.set_aside_little(target)
    found = list(_walk(source, "", belongs))
    for relative, is_directory in found:
        if is_directory:
            path = os.path.join(target, relative)
            _make(os.path.join(source, relative), path, owner)
    with ThreadPoolExecutor(_THREADS, "clone") as pool:
        for _ in pool.map(copy, (path for path, directory in found if not directory)):
            pass


def _walk(
    root: str, relative: str, belongs: Callable[[str, str], bool]
) -> Iterator[tuple[str, bool]]:
    with os.scandir(os.path.join(root, relative)) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        path = os.path.join(relative, entry.name)
        if not belongs(path, entry.name):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield path, True
            yield from _walk(root, path, belongs)
        elif entry.is_file(follow_symlinks=False):
            yield path, False


def _make(source: str, target: str, owner: Identity | None) -> None:
    with contextlib.suppress(FileExistsError):
        os.mkdir(target, os.stat(source).st_mode & 0o777)
    if owner:
        os.chown(target, owner.uid, owner.gid)


def _fill(copy: int, origin: int, size: int, *, driver: Driver, ease: Ease) -> None:
    if driver.shares and size:
        with contextlib.suppress(OSError):
            _share(copy, origin, size, ease)
            return
    left = size
    while left > 0:
        with ease.piece():
            done = _some(copy, origin, min(left, _PIECE))
        if done == 0:  # it became shorter meanwhile
            break
        left -= done


def _share(copy: int, origin: int, size: int, ease: Ease) -> None:
    """Make a file of another's blocks, which may grow meanwhile."""
    last = max(0, size - 1) // _SHARED_PIECE * _SHARED_PIECE
    for offset in range(0, last, _SHARED_PIECE):
        piece = _RANGE.pack(origin, offset, _SHARED_PIECE, offset)
        with ease.piece():
            fcntl.ioctl(copy, _FICLONERANGE, piece)
    rest = 0  # stands for all up to the end
    with ease.piece():
        fcntl.ioctl(copy, _FICLONERANGE, _RANGE.pack(origin, last, rest, last))


def _some(copy: int, origin: int, size: int) -> int:
    try:
        return os.copy_file_range(origin, copy, size)
    except OSError as error:
        if error.errno not in {errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP}:
            raise
    data = os.read(origin, 1024 * 1024)
    os.write(copy, data)
    return len(data)


def _refuse_tablespaces(source: str) -> None:
    root = os.path.join(source, "pg_tblspc")
    links = [name for name in os.listdir(root) if os.path.islink(f"{root}/{name}")]
    if links:
        raise BranchpgError(
            f"the cluster has {len(links)} tablespaces outside of its data directory",
            hint="move their tables with ALTER TABLE … SET TABLESPACE pg_default, and "
            "drop them: a branch is a copy of one directory",
        )
