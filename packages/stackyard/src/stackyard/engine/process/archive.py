"""Archives of volumes: a compressed tar with a manifest, checked before it is believed.

    volumes/NAME/...   the files, with owners, modes, times and links
    manifest.json      the last member: the volumes, and the SHA-256 of every file

An archive is written beside its final name, read back against its manifest, and
renamed. A volume is restored into a directory beside it, which then takes its place.
"""

from __future__ import annotations

import copy
import gzip
import hashlib
import io
import json
import os
import shutil
import stat
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from stackyard.engine.errors import EngineError
from stackyard.engine.process.durable import sync_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

FORMAT = 1
_MANIFEST = "manifest.json"
_CHUNK = 1024 * 1024
# Python has filters from 3.11.4 on; what they refuse is refused here, too.
_FILTER: Final[dict[str, Any]] = (
    {"filter": "tar"} if hasattr(tarfile, "tar_filter") else {}
)
_LEVEL = 1  # most of what compression saves, at several times the speed of level 9


class ArchiveError(EngineError):
    """An archive cannot be written, is damaged, or does not hold what is wanted."""


@dataclass(frozen=True)
class Manifest:
    """What an archive holds: the volumes, and the files' checksums by member name."""

    project: str
    created_at: str
    volumes: tuple[str, ...]
    files: Mapping[str, str]


def write_archive(
    path: Path, manifest: Manifest, volumes: Mapping[str, Path]
) -> Manifest:
    """Write the volumes to a new file, verify it, and return its manifest.

    Raises:
        ArchiveError: it cannot be written, or what was written cannot be read back.
    """
    staging = path.with_name(f".{path.name}.{os.getpid()}.new")
    files: dict[str, str] = {}
    try:
        written = Manifest(manifest.project, manifest.created_at, tuple(volumes), files)
        descriptor = os.open(staging, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w+b") as file:
            _write(file, written, volumes, files)
            file.flush()
            os.fsync(file.fileno())
        read_archive(staging)
        staging.rename(path)
        sync_directory(path.parent)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ArchiveError(
            f"cannot write {path}: {reason}", hint="make room, or write elsewhere"
        ) from error
    finally:
        staging.unlink(missing_ok=True)
    return written


def read_archive(path: Path) -> Manifest:
    """Return the manifest of an archive after every file was checked against it.

    Raises:
        ArchiveError: it is damaged, or not an archive of ours.
    """
    found: dict[str, str] = {}

    def check(tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        if member.isreg():
            source = tar.extractfile(member)
            assert source is not None
            found[member.name] = _digest(source)

    manifest = _read(path, check)
    if found != dict(manifest.files):
        wrong = sorted(found.items() ^ dict(manifest.files).items())[0][0]
        raise _damaged(path, f"{wrong} is not what was stored")
    return manifest


def extract(path: Path, volume: str, directory: Path) -> None:
    """Put a volume of a checked archive in place of a directory, all of it or nothing.

    Raises:
        ArchiveError: that is not possible.
    """
    staging = directory.with_name(f".{directory.name}.restore")
    before = directory.with_name(f".{directory.name}.before")
    prefix = f"volumes/{volume}"
    shutil.rmtree(staging, ignore_errors=True)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        staging = staging.parent.resolve() / staging.name
        staging.mkdir(mode=0o755)
        _read(path, lambda tar, member: _take(tar, member, prefix, staging))
        if before.exists():
            shutil.rmtree(before)
        if directory.exists():
            directory.rename(before)
        staging.rename(directory)
        sync_directory(directory.parent)
    except (OSError, tarfile.TarError) as error:
        if not directory.exists() and before.exists():
            before.rename(directory)
        raise ArchiveError(f"cannot restore volume {volume}: {error}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    shutil.rmtree(before, ignore_errors=True)


def holds_files(directory: Path, *, besides: Collection[str] = ()) -> bool:
    """Return whether a volume has anything in it."""
    try:
        return any(name not in besides for name in os.listdir(directory))
    except FileNotFoundError:
        return False


def _write(
    file: IO[bytes],
    manifest: Manifest,
    volumes: Mapping[str, Path],
    files: dict[str, str],
) -> None:
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=_LEVEL) as tar:
        for name, directory in volumes.items():
            _add(tar, directory, f"volumes/{name}", files)
        _add_manifest(tar, manifest)


def _add(
    tar: tarfile.TarFile, directory: Path, name: str, files: dict[str, str]
) -> None:
    tar.add(directory, name, recursive=False)
    for entry in sorted(os.scandir(directory), key=lambda item: item.name):
        path, member = Path(entry.path), f"{name}/{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            _add(tar, path, member, files)
        elif entry.is_file(follow_symlinks=False):
            files[member] = _add_file(tar, path, member)
        elif not stat.S_ISSOCK(entry.stat(follow_symlinks=False).st_mode):
            tar.add(path, member, recursive=False)


def _add_file(tar: tarfile.TarFile, path: Path, member: str) -> str:
    """Add a file and return its digest; hard links become files of their own."""
    with path.open("rb") as file:
        info = tar.gettarinfo(arcname=member, fileobj=file)
        info.type, info.linkname = tarfile.REGTYPE, ""
        info.size = os.fstat(file.fileno()).st_size
        source = _Digesting(file)
        tar.addfile(info, source)
    return source.digest.hexdigest()


class _Digesting(io.RawIOBase):
    """Reads from a file and digests what was read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        return data


def _add_manifest(tar: tarfile.TarFile, manifest: Manifest) -> None:
    value = {
        "format": FORMAT,
        "project": manifest.project,
        "created_at": manifest.created_at,
        "volumes": list(manifest.volumes),
        "files": dict(manifest.files),
    }
    data = json.dumps(value).encode()
    info = tarfile.TarInfo(_MANIFEST)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def _read(
    path: Path, visit: Callable[[tarfile.TarFile, tarfile.TarInfo], None]
) -> Manifest:
    """Visit every member but the manifest, and return that."""
    try:
        with gzip.open(path) as stream, tarfile.open(fileobj=stream) as tar:
            manifest = _walk(tar, visit)
            # The checksum of the whole stands at its very end.
            while stream.read(_CHUNK):
                pass
    except FileNotFoundError as error:
        raise ArchiveError(f"there is no archive {path}") from error
    except (tarfile.TarError, zlib.error, EOFError, ValueError, OSError) as error:
        raise _damaged(path, str(error)) from error
    if manifest.get("format") != FORMAT:
        raise _damaged(path, "its manifest is missing, or of another format")
    return Manifest(
        project=str(manifest["project"]),
        created_at=str(manifest["created_at"]),
        volumes=tuple(manifest["volumes"]),
        files=manifest["files"],
    )


def _walk(
    tar: tarfile.TarFile, visit: Callable[[tarfile.TarFile, tarfile.TarInfo], None]
) -> dict[str, Any]:
    manifest: dict[str, Any] = {}
    for member in tar:
        if member.name == _MANIFEST:
            manifest = _manifest_in(tar, member)
        else:
            visit(tar, member)
    return manifest


def _manifest_in(tar: tarfile.TarFile, member: tarfile.TarInfo) -> dict[str, Any]:
    source = tar.extractfile(member)
    assert source is not None
    value = json.load(source)
    return value if isinstance(value, dict) else {}


def _take(
    tar: tarfile.TarFile, member: tarfile.TarInfo, prefix: str, directory: Path
) -> None:
    """Extract a member of one volume, nowhere but below the directory.

    Raises:
        ArchiveError: it would land elsewhere, also by way of a link before it.
    """
    if member.name != prefix and not member.name.startswith(f"{prefix}/"):
        return
    inside = copy.copy(member)
    inside.name = member.name.removeprefix(prefix).lstrip("/") or "."
    parent = (directory / inside.name).parent if inside.name != "." else directory
    if ".." in Path(inside.name).parts or parent.resolve() != parent:
        raise ArchiveError(f"{member.name} would be put outside its volume")
    tar.extract(inside, directory, numeric_owner=True, **_FILTER)


def _digest(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while data := file.read(_CHUNK):
        digest.update(data)
    return digest.hexdigest()


def _damaged(path: Path, reason: str) -> ArchiveError:
    return ArchiveError(
        f"{path} is damaged, or not an archive of volumes: {reason}",
        hint="use another backup; nothing was changed",
    )
