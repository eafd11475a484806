"""The files of a data directory that no log tells of: how its server is set up."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

from branchpg.store import clone

if TYPE_CHECKING:
    from branchpg.spawn import Identity

__all__ = ["is_same", "take_over"]

_NAMES: Final = (
    "postgresql.conf",
    "postgresql.auto.conf",
    "pg_hba.conf",
    "pg_ident.conf",
    "branchpg.configured",
)


def is_same(source: str, target: str) -> bool:
    """Return whether two data directories agree in them."""
    return all(
        _content(os.path.join(source, name)) == _content(os.path.join(target, name))
        for name in _NAMES
    )


def take_over(
    source: str, target: str, *, driver: clone.Driver, owner: Identity | None
) -> None:
    """Give a data directory those of another one.

    One that follows needs them, too: as many connections as its leader has.
    """
    for name in _NAMES:
        path = os.path.join(target, name)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        with contextlib.suppress(FileNotFoundError):
            clone.clone_file(
                os.path.join(source, name), path, driver=driver, owner=owner
            )


def _content(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
