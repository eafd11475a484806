"""What a safekeeper was started with."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from branchpg.environment import environment
from branchpg.errors import BranchpgError
from branchpg.postgres import programs
from branchpg.store.durable import replace_file

if TYPE_CHECKING:
    from branchpg.http.client import Address

__all__ = ["Settings", "identify", "installed_programs"]

_ID: str = "safekeeper.id"


@dataclass(frozen=True)
class Settings:
    """One safekeeper. `token` is asked for on both ports."""

    directory: str
    number: int
    listen_pg: Address
    listen_http: Address
    sync: bool = True
    token: str | None = field(default=None, repr=False)
    startup_seconds: float = 10.0
    ignored: tuple[str, ...] = ()


def installed_programs() -> programs.Programs:
    """Return PostgreSQL's programs, by this process's environment."""
    return programs.find(environment())


def identify(directory: str, number: int | None) -> int:
    """Return the number of the safekeeper of a directory, which never changes."""
    path = os.path.join(directory, _ID)
    known = None
    if os.path.exists(path):
        with open(path, encoding="ascii", errors="replace") as file:
            known = file.read().strip()
        if not known.isdecimal():
            raise BranchpgError(f'"{path}" holds no number')
    if known and number is not None and number != int(known):
        raise BranchpgError(
            f'"{directory}" is of safekeeper {known}, not {number}',
            hint=f"leave out --id, or say --id {known}",
        )
    if known is None:
        replace_file(path, f"{1 if number is None else number}\n".encode())
        return identify(directory, number)
    return int(known)
