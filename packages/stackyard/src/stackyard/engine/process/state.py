"""Where a project's state lies, and what is there.

ROOT/                        $XDG_STATE_HOME/stackyard, /var/lib/stackyard as root
├── addresses.json           the loopback block of every project
├── volumes/NAME/_data       volumes; they outlive projects, as in Docker
├── tools/                   programs copied where an unprivileged user may run them
└── projects/NAME/           one project
    ├── version              of this layout
    ├── sockets/             of supervisor, keeper and edge
    ├── keeper.journal       which processes were started, and how they ended
    ├── containers.json      all containers
    ├── desired.json         the project as it was last brought up
    ├── goal.json            a command that is not finished yet
    ├── specs/DIGEST.json    specifications that containers were made from
    ├── files/               secrets and configs that have no file of their own
    ├── scratch/ID/          tmpfs mounts and run directories
    └── logs/ID/             output
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from stackyard.engine.errors import StateError
from stackyard.engine.process.durable import make_directory, replace_file

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 1
_TRAVERSABLE = 0o711
"""A service that runs as another user reaches its volume, and can list nothing."""
_LONGEST_NAME = 255
_SAFE = re.compile(rf"[a-zA-Z0-9][a-zA-Z0-9_.-]{{0,{_LONGEST_NAME - 1}}}")


@dataclass(frozen=True)
class StateRoot:
    """All that Stackyard keeps for one user."""

    path: Path

    @classmethod
    def of(cls, environment: Mapping[str, str], *, root: bool) -> StateRoot:
        """Return where it lies (XDG Base Directory Specification).

        Raises:
            StateError: there is no home to put it in.
        """
        base = environment.get("XDG_STATE_HOME", "")
        if base.startswith("/"):
            return cls(Path(base) / "stackyard")
        if root:
            return cls(Path("/var/lib/stackyard"))
        home = environment.get("HOME", "")
        if not home.startswith("/"):
            raise StateError(
                "cannot find a place for the state: HOME is not set",
                hint="set HOME or XDG_STATE_HOME to a directory you can write to",
            )
        return cls(Path(home) / ".local/state/stackyard")

    def project(self, name: str) -> ProjectState:
        """Return the state of one project, which may not exist yet."""
        return ProjectState(self, name)

    def projects(self) -> list[ProjectState]:
        """Return the projects that have state, by name."""
        try:
            names = sorted(os.listdir(self.path / "projects"))
        except FileNotFoundError:
            return []
        # A name that begins with a dot is being removed.
        return [self.project(name) for name in names if not name.startswith(".")]

    def volume(self, name: str) -> Path:
        """Return the directory a volume's files are in."""
        return self.path / "volumes" / safe_name(name) / "_data"

    def volumes(self) -> list[str]:
        """Return the names of all volumes."""
        try:
            return sorted(map(_name_of, os.listdir(self.path / "volumes")))
        except FileNotFoundError:
            return []

    def prepare(self) -> None:
        """Create the directories that all projects share.

        Raises:
            StateError: that is not possible.
        """
        try:
            mode = _TRAVERSABLE if os.geteuid() == 0 else 0o700
            for part in ("", "volumes", "projects", "tools"):
                # Who looked for programs before may have made it, with another mode.
                make_directory(self.path / part, mode).chmod(mode)
        except OSError as error:
            raise unwritable(self.path, error) from error


@dataclass(frozen=True)
class ProjectState:
    """The state directory of one project."""

    root: StateRoot
    name: str

    @cached_property
    def path(self) -> Path:
        """The directory itself."""
        return self.root.path / "projects" / self.name

    @property
    def mark(self) -> str:
        """What the marks of the project's processes begin with.

        It names the directory too: a project of the same name under another state root
        is another project.
        """
        digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]
        return f"{self.name}.{digest}/"

    def socket(self, name: str) -> Path:
        """Return where the `supervisor`, `keeper` or `edge` answers."""
        return self.path / "sockets" / name

    def log(self, container: str) -> Path:
        """Return the log file of a container."""
        return self.path / "logs" / container / "log"

    def scratch(self, container: str) -> Path:
        """Return the directory of what a container need not keep."""
        return self.path / "scratch" / container[:12]

    def prepare(self) -> None:
        """Create the directories, or check that they are ours to use.

        Raises:
            StateError: they cannot be written, or a newer Stackyard has.
        """
        self.root.prepare()
        try:
            mode = _TRAVERSABLE if os.geteuid() == 0 else 0o700
            make_directory(self.path, mode)
            for part in ("sockets", "specs", "files", "scratch", "logs"):
                reached = part in {"scratch", "files"}
                make_directory(self.path / part, mode if reached else 0o700)
            self._check_version()
        except OSError as error:
            raise unwritable(self.path, error) from error

    def _check_version(self) -> None:
        path = self.path / "version"
        try:
            version = int(path.read_text())
        except FileNotFoundError:
            replace_file(path, b"%d\n" % VERSION)
            return
        except ValueError:
            version = -1
        if version != VERSION:
            raise StateError(
                f"the state in {self.path} has version {version}, "
                f"and this Stackyard understands {VERSION}",
                hint="use the Stackyard that wrote it, or take the directory away "
                "after a yard down with that version",
            )


def safe_name(name: str) -> str:
    """Return a volume's name as a file name; other characters than Docker's are coded.

    Docker allows `[a-zA-Z0-9][a-zA-Z0-9_.-]*`; anything else could leave the directory.
    """
    if _SAFE.fullmatch(name):
        return name
    coded = "_" + os.fsencode(name).hex()
    if len(coded) <= _LONGEST_NAME:
        return coded
    return "__" + hashlib.sha256(os.fsencode(name)).hexdigest()


def _name_of(directory: str) -> str:
    """Return the name that `safe_name` made a directory's of, where it can be told."""
    if directory.startswith("_") and not directory.startswith("__"):
        return os.fsdecode(bytes.fromhex(directory[1:]))
    return directory


def unwritable(path: Path, error: OSError) -> StateError:
    """Return what is told where the state cannot be written."""
    reason = (error.strerror or str(error)).lower()
    return StateError(
        f"cannot write the state in {path}: {reason}",
        hint="make it writable, or set XDG_STATE_HOME to another directory",
    )
