"""Files that options of the command name, where the server's user cannot read them.

A container's configuration is often a file of the checkout, which may lie below root's
home. Such a file is copied next to the socket at every start, as the server's user's
own with mode 0600, which is also what PostgreSQL demands of a key. What a copied file
includes by a relative path is not copied with it.
"""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING, Final

from stackyard.images.postgres.owner import give, may

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stackyard.images.spawn import Identity

__all__ = ["readable"]

_OPTION: Final = re.compile(r"((?:-c\s*|--)?\w+[_-]file=)(/.+)", re.ASCII)


def readable(
    command: Iterable[str], identity: Identity | None, directory: str | None
) -> tuple[str, ...]:
    """Return the command with the names of copies for what the user cannot read."""
    if identity is None or directory is None:
        return tuple(command)
    copies = os.path.join(directory, "files")
    shutil.rmtree(copies, ignore_errors=True)
    words = []
    for number, word in enumerate(command):
        match = _OPTION.fullmatch(word)
        if match and os.path.isfile(match[2]) and not may(identity, match[2], os.R_OK):
            copy = os.path.join(copies, str(number), os.path.basename(match[2]))
            _copy(match[2], copy, identity)
            word = match[1] + copy
        words.append(word)
    return tuple(words)


def _copy(source: str, target: str, identity: Identity) -> None:
    os.makedirs(os.path.dirname(target), mode=0o755)
    shutil.copyfile(source, target)
    os.chmod(target, 0o600)
    give(target, identity)
