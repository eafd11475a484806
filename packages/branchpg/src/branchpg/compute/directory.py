"""The data directory of an endpoint: a cache, which can always be made anew.

It is written without fsync: what must last is at the safekeepers and in the pageserver.
So after a crash of the machine it is worth nothing, and the boot id tells.
"""

from __future__ import annotations

import os
import secrets
import shutil
from typing import TYPE_CHECKING, Final

import msgspec

from branchpg.errors import BadRequest
from branchpg.http import codec
from branchpg.store.durable import boot_id

if TYPE_CHECKING:
    from branchpg.postgres.programs import Programs

__all__ = [
    "Held",
    "held",
    "is_configured",
    "make_root",
    "mark_configured",
    "set_aside",
    "write_held",
]

_CONFIGURED: Final = "branchpg.configured"
_NAME: Final = "branchpg.json"


_GONE: Final = ".gone"


def make_root(workdir: str) -> None:
    """Make the place of all endpoints; remove what a crash left of those set aside."""
    root = os.path.join(workdir, "endpoints")
    os.makedirs(root, exist_ok=True)
    for name in os.listdir(root):
        if name.endswith(_GONE):
            shutil.rmtree(os.path.join(root, name), ignore_errors=True)


def set_aside(place: str) -> str | None:
    """Give an endpoint's directory another name, to be removed at leisure."""
    gone = f"{place}.{secrets.token_hex(4)}{_GONE}"
    try:
        os.rename(place, gone)
    except FileNotFoundError:
        return None
    return gone


class Held(msgspec.Struct, frozen=True):
    """What a data directory is of."""

    timeline_id: str
    generation: int
    boot_id: str


def held(pgdata: str, timeline_id: str) -> int | None:
    """Return the generation that a directory is good for, None if it is not."""
    try:
        with open(os.path.join(pgdata, _NAME), "rb") as file:
            about = codec.decode(file.read(), Held)
    except (OSError, BadRequest):
        return None
    if about.timeline_id != timeline_id or about.boot_id != boot_id():
        return None
    return about.generation


def write_held(pgdata: str, about: Held) -> None:
    """Note what a directory is of, before a server changes it."""
    path = os.path.join(pgdata, _NAME)
    with open(f"{path}.new", "wb") as file:
        file.write(codec.encode(about))
    os.replace(f"{path}.new", path)


def is_configured(pgdata: str) -> bool:
    """Return whether roles, databases and functions were made in it or its origin."""
    return os.path.exists(os.path.join(pgdata, _CONFIGURED))


def mark_configured(pgdata: str, programs: Programs) -> None:
    """Note that its roles, databases and functions were made; branches inherit it."""
    path = os.path.join(pgdata, _CONFIGURED)
    with open(path, "wb"):
        if programs.identity:
            os.chown(path, programs.identity.uid, programs.identity.gid)
