"""The file of a project, `branchpg.toml`: what runs, and on which ports."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field
from typing import Any, Final

from branchpg.errors import BranchpgError

__all__ = ["FILE", "PORTS", "Settings", "load", "port_names", "written"]

FILE: Final = "branchpg.toml"
PORTS: Final = {
    "compute": 5433,
    "compute_http": 3080,
    "pageserver": 6400,
    "pageserver_http": 9898,
    "safekeeper_1": 5454,
    "safekeeper_1_http": 7676,
    "safekeeper_2": 5455,
    "safekeeper_2_http": 7677,
    "safekeeper_3": 5456,
    "safekeeper_3_http": 7678,
}
"""The ports of a project where they are free."""

_SAFEKEEPERS: Final = (1, 3)
_HIGHEST_PORT: Final = 65535
_HEAD: Final = """\
# A project of branchpg; changes take effect with `branchpg restart`.
# Secrets are in the files `password` and `token` beside this one.
"""
_PORTS_HEAD: Final = """\

# compute is PostgreSQL's. 0 is a free port, chosen at the first start and then kept.
[ports]
"""


DEFAULT_DATABASE: Final = "workspace"
"""The database of a project that names none."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A project.

    Attributes:
        database: of the first branch, and where a connection names none.
        role: who owns it, and logs in.
        safekeepers: one, or three of which two make a commit last.
        suspend_timeout: seconds until an idle endpoint is suspended; -1 is never.
        pg_version: the major version of PostgreSQL; None takes what is found.
        host: where the services listen.
        ports: by name; see PORTS.
    """

    database: str = DEFAULT_DATABASE
    role: str = "postgres"
    safekeepers: int = 1
    suspend_timeout: int = 300
    pg_version: int | None = None
    host: str = "127.0.0.1"
    ports: dict[str, int] = field(default_factory=dict)


def port_names(safekeepers: int) -> list[str]:
    """Return the names of the ports that a project has."""
    return list(PORTS)[: 4 + 2 * safekeepers]


def written(settings: Settings) -> str:
    """Return the file's text."""
    plain = ("database", "role", "safekeepers", "suspend_timeout", "host")
    lines = [_HEAD, *(f"{name} = {_toml(getattr(settings, name))}\n" for name in plain)]
    if settings.pg_version:
        lines.append(f"pg_version = {settings.pg_version}\n")
    lines.append(_PORTS_HEAD)
    lines += [f"{name} = {port}\n" for name, port in settings.ports.items()]
    return "".join(lines)


def load(directory: str) -> Settings:
    """Read the file of a project.

    Raises:
        BranchpgError: it is not there, or says something that makes no sense.
    """
    path = os.path.join(directory, FILE)
    try:
        with open(path, "rb") as file:
            content = tomllib.load(file)
    except FileNotFoundError as error:
        raise BranchpgError(
            f'"{directory}" is no project of branchpg',
            hint=f"branchpg init {directory}",
        ) from error
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise BranchpgError(f'cannot read "{path}": {error}') from error
    return _checked(content, path)


def _checked(content: dict[str, Any], path: str) -> Settings:
    for name, value in content.items():
        wanted = _TYPES.get(name)
        if wanted is None:
            raise BranchpgError(
                f'"{path}": there is no setting "{name}"',
                hint=f"there are {', '.join(_TYPES)}",
            )
        if type(value) is not wanted:
            raise BranchpgError(f'"{path}": {name} is no {wanted.__name__}: {value!r}')
    found = Settings(**content)
    if found.safekeepers not in _SAFEKEEPERS:
        raise BranchpgError(f'"{path}": safekeepers is 1 or 3, not {found.safekeepers}')
    names = port_names(found.safekeepers)
    ports = {name: found.ports.get(name, PORTS[name]) for name in names}
    for name, port in ports.items():
        if type(port) is not int or not 0 <= port <= _HIGHEST_PORT:
            raise BranchpgError(f'"{path}": {name} is no port: {port!r}')
    return Settings(**{**content, "ports": ports})


_TYPES: Final[dict[str, type]] = {
    "database": str,
    "role": str,
    "safekeepers": int,
    "suspend_timeout": int,
    "pg_version": int,
    "host": str,
    "ports": dict,
}


def _toml(value: object) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return str(value)
