"""A project's directory: what lies where, how it is made, and how it is found."""

from __future__ import annotations

import os
import secrets
import socket
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from branchpg.client import settings
from branchpg.errors import BranchpgError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from branchpg.client.settings import Settings

__all__ = ["LINK", "Link", "Place", "create", "find", "find_link", "free_ports"]

LINK: Final = ".branchpg"
"""The file in a working tree that says which project, and which branch is current."""

_USUAL: Final = "db"
_SUBDIRECTORIES: Final = ("data", "log", "run")
_TRIES: Final = 1000


@dataclass(frozen=True)
class Place:
    """Where a project is. Nothing here says that it exists."""

    root: str

    @property
    def password_file(self) -> str:
        """The password of the role."""
        return os.path.join(self.root, "password")

    @property
    def token_file(self) -> str:
        """The bearer token of the services."""
        return os.path.join(self.root, "token")

    @property
    def pgpass(self) -> str:
        """The same password, as libpq reads it."""
        return os.path.join(self.root, "pgpass")

    @property
    def image(self) -> str:
        """The file of an XFS file system, where there is one."""
        return os.path.join(self.root, "store.xfs")

    @property
    def data(self) -> str:
        """What the services keep; the mount point of the image, where there is one."""
        return os.path.join(self.root, "data")

    def service(self, name: str) -> str:
        """The directory of a service."""
        return os.path.join(self.data, name)

    def log(self, name: str) -> str:
        """What a service writes."""
        return os.path.join(self.root, "log", f"{name}.log")

    def run(self, name: str) -> str:
        """What is known of running services."""
        return os.path.join(self.root, "run", name)

    def secret(self, path: str) -> str:
        """Return what is in a file of a secret."""
        try:
            with open(path, encoding="utf-8") as file:
                return file.read().strip()
        except OSError as error:
            raise BranchpgError(
                f'cannot read "{path}": {error.strerror}',
                hint="a project belongs to who made it",
            ) from error


@dataclass(frozen=True)
class Link:
    """A `.branchpg`: where it lies, the project's directory, the current branch.

    `alias` is what the working tree's connection string names instead of a branch.
    """

    path: str
    project: str
    branch: str | None = None
    alias: str | None = None

    def text(self) -> str:
        """Return what the file says; the project's path is relative to it."""
        where = os.path.relpath(self.project, os.path.dirname(self.path))
        said = {"project": where, "branch": self.branch, "alias": self.alias}
        return "".join(f"{name} = {_quoted(v)}\n" for name, v in said.items() if v)


def find(start: str, environment: Mapping[str, str]) -> Place:
    """Find the project of a working directory.

    BRANCHPG_PROJECT names it; else in the directory, then in each one above, there is
    a `branchpg.toml`, a link `.branchpg`, or a project in `db`.

    Raises:
        BranchpgError: there is none.
    """
    named = environment.get("BRANCHPG_PROJECT")
    if named:
        return Place(os.path.join(start, named))
    for directory in _upwards(start):
        if os.path.exists(os.path.join(directory, settings.FILE)):
            return Place(directory)
        link = _read_link(os.path.join(directory, LINK))
        if link:
            return Place(link.project)
        usual = os.path.join(directory, _USUAL)
        if os.path.exists(os.path.join(usual, settings.FILE)):
            return Place(usual)
    raise BranchpgError(
        f'there is no project in "{start}" or above',
        hint="make one with branchpg init ./db, or name one with -C DIR",
    )


def find_link(start: str) -> Link | None:
    """Return the nearest link, from a directory upwards."""
    for directory in _upwards(start):
        link = _read_link(os.path.join(directory, LINK))
        if link:
            return link
    return None


def create(root: str, wanted: Settings, *, password: str | None = None) -> Place:
    """Make a project; its secrets are made up where none are given.

    Raises:
        BranchpgError: there is a project, or something else, in that directory.
    """
    place = Place(os.path.abspath(root))
    _refuse_used(place)
    # Root's servers run as another user, who has to pass, and may not look around.
    os.makedirs(place.root, exist_ok=True)
    os.chmod(place.root, 0o711 if os.geteuid() == 0 else 0o700)
    for name in _SUBDIRECTORIES:
        mode = 0o755 if name == "data" else 0o700
        os.mkdir(os.path.join(place.root, name), mode)
    password = password or secrets.token_urlsafe(18)
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    hosts = {wanted.host, "localhost", "127.0.0.1"}
    lines = (f"{host}:*:*:{wanted.role}:{escaped}\n" for host in sorted(hosts))
    _write(place.password_file, f"{password}\n", 0o600)
    _write(place.token_file, f"{secrets.token_urlsafe(24)}\n", 0o600)
    _write(place.pgpass, "".join(lines), 0o600)
    _write(os.path.join(place.root, ".gitignore"), "*\n", 0o644)
    # Last, since it is what makes the directory a project.
    _write(os.path.join(place.root, settings.FILE), settings.written(wanted), 0o644)
    return place


def free_ports(names: list[str], *, compute: int, host: str) -> dict[str, int]:
    """Return ports by name: the usual ones, or where they are taken the next free."""
    if compute == 0:
        return dict.fromkeys(names, 0)
    chosen: dict[str, int] = {}
    for name in names:
        wanted = compute if name == "compute" else settings.PORTS[name]
        taken = set(chosen.values()) | {settings.PORTS[other] for other in names}
        candidates = range(wanted, min(wanted + _TRIES, 65536))
        chosen[name] = next(
            (
                port
                for port in candidates
                if (port == wanted or port not in taken) and _is_free(host, port)
            ),
            0,
        )
    return chosen


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError:
            return False
    return True


def _refuse_used(place: Place) -> None:
    if os.path.exists(os.path.join(place.root, settings.FILE)):
        raise BranchpgError(
            f'"{place.root}" is a project already',
            hint=f"start it: branchpg start -C {place.root}",
        )
    if os.path.isdir(place.root) and os.listdir(place.root):
        raise BranchpgError(
            f'"{place.root}" is not empty', hint="name a new directory, such as ./db"
        )


def _upwards(start: str) -> Iterator[str]:
    directory = os.path.abspath(start)
    while True:
        yield directory
        above = os.path.dirname(directory)
        if above == directory:
            return
        directory = above


def _read_link(path: str) -> Link | None:
    if not os.path.isfile(path):
        return None
    try:
        with open(path, "rb") as file:
            content = tomllib.load(file)
        project = str(content["project"])
        branch, alias = content.get("branch"), content.get("alias")
    except (OSError, KeyError, tomllib.TOMLDecodeError) as error:
        raise BranchpgError(
            f'cannot read "{path}": {error}',
            hint="remove it, and run branchpg branch checkout again",
        ) from error
    directory = os.path.normpath(os.path.join(os.path.dirname(path), project))
    return Link(path, directory, branch and str(branch), alias and str(alias))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _write(path: str, text: str, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(handle, "w", encoding="utf-8") as file:
        file.write(text)
