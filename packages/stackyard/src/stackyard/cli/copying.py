"""Copying files and directories; either end may be a tar stream.

Nothing is written outside the directory that was opened: every step on the way down is
taken by a descriptor and refuses symbolic links, also such as appear meanwhile.
"""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

from stackyard.engine.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file, directory or link; `path` is empty for what was asked for itself."""

    path: tuple[str, ...]
    mode: int
    uid: int = 0
    gid: int = 0
    modified: float = 0.0
    link: str = ""
    data: IO[bytes] | None = None
    size: int = 0

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return stat.S_ISDIR(self.mode)


def entries_of(path: str, *, follow: bool = False) -> Iterator[Entry]:
    """Yield a file, or a directory and all below it, parents first.

    Args:
        path: of it.
        follow: whether it itself may be a link to it; links below stay links.
    """
    if follow:
        path = os.path.realpath(path)
    yield from _entries(path, ())


def _entries(path: str, names: tuple[str, ...]) -> Iterator[Entry]:
    info = os.lstat(path)
    kind = stat.S_IFMT(info.st_mode)
    common = {
        "path": names,
        "mode": info.st_mode,
        "uid": info.st_uid,
        "gid": info.st_gid,
        "modified": info.st_mtime,
    }
    if kind == stat.S_IFLNK:
        yield Entry(**common, link=os.readlink(path))  # type: ignore[arg-type]
    elif kind == stat.S_IFREG:
        with open(os.open(path, _READ), "rb") as file:
            yield Entry(**common, data=file, size=info.st_size)  # type: ignore[arg-type]
    elif kind == stat.S_IFDIR:
        yield Entry(**common)  # type: ignore[arg-type]
        for name in sorted(os.listdir(path)):
            yield from _entries(os.path.join(path, name), (*names, name))


def write_tree(
    root: str,
    below: tuple[str, ...],
    entries: Iterable[Entry],
    *,
    owners: bool,
) -> None:
    """Write entries at a place below a directory.

    Args:
        root: the directory that nothing is written outside of.
        below: names on the way from it to where the entries belong; all but the last
            exist.
        entries: what is written.
        owners: whether files keep their owners.

    Raises:
        CommandError: something would lie outside, or is in the way.
    """
    for entry in entries:
        path = (*below, *entry.path)
        if ".." in path:
            raise CommandError(f"refusing to write {'/'.join(path)}: it leads outside")
        try:
            _write(root, path, entry, owners=owners)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise CommandError(f"cannot write {'/'.join(path)}: {reason}") from error


def _write(root: str, path: tuple[str, ...], entry: Entry, *, owners: bool) -> None:
    if not path:
        return  # the root itself is there
    with _opened(root, path[:-1]) as parent:
        name = path[-1]
        if entry.link:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=parent)
            os.symlink(entry.link, name, dir_fd=parent)
            return
        descriptor = _made(parent, name, entry)
        try:
            _give(descriptor, entry, owners=owners)
        finally:
            os.close(descriptor)


def _made(parent: int, name: str, entry: Entry) -> int:
    """Make a directory, or a file with its content, and return it open."""
    if entry.is_directory:
        with suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=parent)
        return os.open(name, _DIRECTORY, dir_fd=parent)
    descriptor = os.open(name, _NEW_FILE, 0o600, dir_fd=parent)
    with open(descriptor, "wb", closefd=False) as file:
        file.truncate()
        if entry.data is not None:
            shutil.copyfileobj(entry.data, file)
    return descriptor


def _give(descriptor: int, entry: Entry, *, owners: bool) -> None:
    if owners and os.geteuid() == 0:
        os.fchown(descriptor, entry.uid, entry.gid)
    os.fchmod(descriptor, stat.S_IMODE(entry.mode))
    os.utime(descriptor, (entry.modified, entry.modified))


@contextmanager
def _opened(root: str, names: tuple[str, ...]) -> Iterator[int]:
    """Open a directory, and no link on the way to it."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in names:
            following = os.open(name, _DIRECTORY, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = following
        yield descriptor
    finally:
        os.close(descriptor)


# Tar streams


def from_tar(stream: IO[bytes]) -> Iterator[Entry]:
    """Yield the entries of a tar stream; what is neither file nor link is left out.

    Raises:
        CommandError: it is not one.
    """
    try:
        with tarfile.open(fileobj=stream, mode="r|*") as archive:
            yield from filter(None, (_member(archive, item) for item in archive))
    except tarfile.TarError as error:
        raise CommandError(f"standard input is not a tar archive: {error}") from error


def _member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Entry | None:
    names = tuple(name for name in member.name.split("/") if name not in {"", "."})
    kind = _KINDS.get(member.type)
    if kind is None or (not names and kind != stat.S_IFDIR):
        return None
    return Entry(
        path=names,
        mode=kind | stat.S_IMODE(member.mode),
        uid=member.uid,
        gid=member.gid,
        modified=float(member.mtime),
        link=member.linkname if kind == stat.S_IFLNK else "",
        data=archive.extractfile(member) if member.isreg() else None,
        size=member.size,
    )


_KINDS: Final = {
    tarfile.REGTYPE: stat.S_IFREG,
    tarfile.AREGTYPE: stat.S_IFREG,
    tarfile.DIRTYPE: stat.S_IFDIR,
    tarfile.SYMTYPE: stat.S_IFLNK,
}


def to_tar(stream: IO[bytes], name: str, entries: Iterable[Entry]) -> None:
    """Write entries as a tar stream; they lie below a name in it."""
    with tarfile.open(fileobj=stream, mode="w|") as archive:
        for entry in entries:
            member = tarfile.TarInfo("/".join((name, *entry.path)))
            member.mode = stat.S_IMODE(entry.mode)
            member.uid, member.gid = entry.uid, entry.gid
            member.mtime = entry.modified
            member.size = entry.size
            member.linkname = entry.link
            if entry.is_directory:
                member.type = tarfile.DIRTYPE
            elif entry.link:
                member.type = tarfile.SYMTYPE
            archive.addfile(member, entry.data)
