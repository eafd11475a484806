"""What lies in /docker-entrypoint-initdb.d, and how each kind of file is run."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stackyard.images import spawn
from stackyard.images.console import say
from stackyard.images.postgres.errors import explained
from stackyard.images.postgres.owner import give, may

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stackyard.images.mounts import Mounts
    from stackyard.images.postgres.errors import EntrypointError
    from stackyard.images.spawn import Source, Surroundings

__all__ = ["Script", "find", "process"]

_DIRECTORY: Final = "/docker-entrypoint-initdb.d"

# What the image's entrypoint offers to a script that it sources.
_PRELUDE: Final = """\
psql=( psql -v ON_ERROR_STOP=1 --no-psqlrc --no-password )
docker_process_sql() {
    "${psql[@]}" --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" "$@"
}
. "$1"
"""


@dataclass(frozen=True)
class Script:
    """One file: its name in the container's directory, and where it lies."""

    name: str
    path: str


def find(mounts: Mounts) -> list[Script]:
    """Return the files in the order of their names, as the image takes them.

    The directory may be mounted, or files in it one by one, or both.
    """
    directory = mounts.host_path(_DIRECTORY)
    files = {}
    if directory and os.path.isdir(directory):
        files = {name: os.path.join(directory, name) for name in os.listdir(directory)}
    files |= mounts.below(_DIRECTORY)
    return [Script(name, files[name]) for name in sorted(files) if _is_shown(name)]


def process(
    scripts: Iterable[Script], surroundings: Surroundings, *, workspace: str
) -> None:
    """Run every file, as the server's user.

    Raises:
        EntrypointError: one has failed; those after it were not run.
    """
    copies = _Copies(workspace, surroundings)
    try:
        for script in scripts:
            _announce(script)
            code = _run(script, copies.readable(script.path), surroundings)
            if code:
                raise explained(
                    f"{_DIRECTORY}/{script.name} failed with exit code {code}",
                    hint="mend it; the next start initialises the data anew",
                )
    finally:
        copies.remove()


class _Copies:
    """Copies of what only root may read, for the server's user.

    A script finds its neighbours by its own path: the whole directory is copied.
    """

    def __init__(self, workspace: str, surroundings: Surroundings) -> None:
        self._root = os.path.join(workspace, "initdb.d")
        self._identity = surroundings.identity
        self.remove()  # what a killed start has left

    def readable(self, path: str) -> str:
        if self._identity is None or may(self._identity, path, os.R_OK):
            return path
        source = os.path.dirname(path)
        copy = os.path.join(self._root, source.lstrip("/"))
        if not os.path.isdir(copy):
            shutil.copytree(source, copy, ignore_dangling_symlinks=True)
            self._give_all()
        return os.path.join(copy, os.path.basename(path))

    def remove(self) -> None:
        shutil.rmtree(self._root, ignore_errors=True)

    def _give_all(self) -> None:
        give(self._root, self._identity)
        for directory, directories, files in os.walk(self._root):
            for name in (*directories, *files):
                give(os.path.join(directory, name), self._identity)


def _is_shown(name: str) -> bool:
    return not name.startswith(".")  # as a shell's * has it


def _announce(script: Script) -> None:
    known = script.name.endswith((".sh", ".sql", *_UNPACKERS))
    verb = "running" if known else "ignoring"
    say(f"\ndocker-entrypoint.sh: {verb} {_DIRECTORY}/{script.name}")


def _run(script: Script, path: str, surroundings: Surroundings) -> int:
    if script.name.endswith(".sh"):
        return spawn.run(_shell_command(script.path, path), surroundings)
    if script.name.endswith(".sql"):
        return spawn.run((*_psql(surroundings), "-f", path), surroundings)
    for suffix, unpack in _UNPACKERS.items():
        if script.name.endswith(suffix):
            with unpack(path, surroundings) as sql:
                return spawn.run(_psql(surroundings), surroundings, feed=sql)
    return 0


def _shell_command(original: str, path: str) -> tuple[str, ...]:
    if os.stat(original).st_mode & 0o111:
        return (path,)
    shell = shutil.which("bash")
    if shell is None:
        raise explained(
            f'cannot source "{original}" without bash',
            hint="install bash, or make the script executable (chmod +x)",
        )
    return (shell, "-Eeo", "pipefail", "-c", _PRELUDE, "docker-entrypoint.sh", path)


def _psql(surroundings: Surroundings) -> tuple[str, ...]:
    environment = surroundings.environment
    options = ("-v", "ON_ERROR_STOP=1", "--no-psqlrc", "--no-password")
    user = ("--username", environment["POSTGRES_USER"])
    return ("psql", *options, *user, "--dbname", environment["POSTGRES_DB"])


@contextlib.contextmanager
def _gzip(path: str, surroundings: Surroundings) -> Iterator[Source]:
    import gzip
    import zlib

    try:
        with gzip.open(path) as file:
            yield file
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise _damaged(path, error) from error


@contextlib.contextmanager
def _xz(path: str, surroundings: Surroundings) -> Iterator[Source]:
    import lzma

    try:
        with lzma.open(path) as file:
            yield file
    except (lzma.LZMAError, EOFError) as error:
        raise _damaged(path, error) from error


@contextlib.contextmanager
def _zstd(path: str, surroundings: Surroundings) -> Iterator[Source]:
    program = shutil.which("zstd")
    if program is None:
        raise explained(
            f'cannot unpack "{path}" without zstd',
            hint="install zstd, or pack the file with gzip or xz",
        )
    try:
        with spawn.reading((program, "-dcq", path), surroundings) as sql:
            yield sql
    except ChildProcessError as error:
        raise _damaged(path, error) from error


def _damaged(path: str, error: Exception) -> EntrypointError:
    return explained(f'cannot unpack "{path}": {error}', hint="pack it anew")


_UNPACKERS: Final = {".sql.gz": _gzip, ".sql.xz": _xz, ".sql.zst": _zstd}
