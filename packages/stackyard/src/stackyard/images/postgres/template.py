"""Templates: what initdb made once for some settings, of which new clusters are copies.

initdb computes for a third of a second, always to the same result; a copy of its files
takes a tenth of that. PostgreSQL's own tests do the same since 17 (INITDB_TEMPLATE).
What each cluster has for itself, its system identifier and its superuser's password,
is set in the copy. A template has no password.

    DIRECTORY/lock               held by who copies (shared) or makes (exclusive)
    DIRECTORY/DIGEST/            a template; the digest is of all that initdb looks at
    DIRECTORY/.new-XXXX/         one being made, or what a kill has left of it
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from stackyard.images import spawn
from stackyard.images.console import say
from stackyard.images.postgres import control, owner, server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stackyard.images.postgres.variables import Variables
    from stackyard.images.spawn import Surroundings

__all__ = ["copy"]

_KEPT: Final = 4
_WANTED_BYTES: Final = 1 << 30
"""With less space left on its disk, no template is made."""

_OPEN: Final = 0o711
"""For the server's user on their way to their files, where root keeps them."""

_LOOKED_AT: Final = re.compile("LANG|LANGUAGE|LC_.*|TZ")
"""Variables that change what initdb makes."""

_LOCALES: Final = ("/usr/lib/locale", "/usr/lib/locale/locale-archive")
_TOLD_BY_TEXT: Final = re.compile(
    "[^-].*|-[gk]|-[AcET].*|--(allow-group-access|(no-)?data-checksums|no-locale)"
    "|--(auth|auth-host|auth-local|encoding|locale|locale-provider|lc-[a-z]+|set"
    "|builtin-locale|icu-locale|icu-rules|text-search-config|wal-segsize)(=.*)?"
)
"""Arguments that mean the same each time; others name files and directories."""


def copy(
    directory: str, data: str, variables: Variables, surroundings: Surroundings
) -> bool:
    """Fill an empty directory with a new cluster, if that can be done by a copy.

    Templates are kept below `directory`. Where no copy can be had, `data` is as empty
    as before, and initdb has to run there.

    Raises:
        EntrypointError: initdb has failed, or what sets the password.
    """
    arguments = server.split(variables.initdb_arguments)
    if variables.wal_directory or not all(map(_TOLD_BY_TEXT.fullmatch, arguments)):
        return False
    try:
        with _template(directory, variables, surroundings) as template:
            _copy_tree(template, data)
        control.renew_identity(data)
    except (OSError, control.NotUnderstoodError) as error:
        say(f"initdb runs, for its template cannot be used: {error}")
        _empty(data)
        return False
    server.set_password(data, variables, surroundings)
    return True


@contextlib.contextmanager
def _template(
    directory: str, variables: Variables, surroundings: Surroundings
) -> Iterator[str]:
    os.makedirs(directory, mode=_OPEN, exist_ok=True)
    path = os.path.join(directory, _digest(variables, surroundings))
    with open(os.path.join(directory, "lock"), "a", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        if not os.path.isdir(path):
            fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(path):
            # With the lock, so that who comes after a kill waits for all who write.
            kept = (*surroundings.kept, lock.fileno())
            _make(path, variables, replace(surroundings, kept=kept))
            _forget_oldest(directory)
        os.utime(path)
        yield path


def _make(path: str, variables: Variables, surroundings: Surroundings) -> None:
    directory = os.path.dirname(path)
    for left in os.listdir(directory):
        if left.startswith(".new-"):
            shutil.rmtree(os.path.join(directory, left))
    if shutil.disk_usage(directory).free < _WANTED_BYTES:
        raise OSError(f'less than {_WANTED_BYTES >> 30} GiB is left for "{directory}"')
    identity = surroundings.identity
    staging = tempfile.mkdtemp(prefix=".new-", dir=directory)
    os.chmod(staging, _OPEN)
    data = os.path.join(staging, "data")
    os.mkdir(data, 0o700)
    owner.give(data, identity)
    if identity and not owner.may(identity, data):
        raise PermissionError(f'user {identity.name} cannot go to "{directory}"')
    server.initdb(data, replace(variables, password=""), surroundings)
    server.sync(data, surroundings)
    os.rename(data, path)
    os.rmdir(staging)


def _forget_oldest(directory: str) -> None:
    templates = [entry for entry in os.scandir(directory) if entry.is_dir()]
    templates.sort(key=lambda entry: entry.stat().st_mtime_ns, reverse=True)
    for entry in templates[_KEPT:]:
        shutil.rmtree(entry.path)


def _digest(variables: Variables, surroundings: Surroundings) -> str:
    """Return a name for all that initdb's result depends on."""
    environment = surroundings.environment
    programs = [
        os.path.realpath(shutil.which(name, path=environment["PATH"]) or name)
        for name in ("initdb", "postgres")
    ]
    seen = (
        [(path, _stamp(path)) for path in (*programs, *_LOCALES)],
        os.confstr("CS_GNU_LIBC_VERSION"),  # names the versions of collations
        variables.user,
        variables.initdb_arguments,
        surroundings.identity,
        sorted(pair for pair in environment.items() if _LOOKED_AT.fullmatch(pair[0])),
    )
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]


def _stamp(path: str) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


def _copy_tree(source: str, target: str) -> None:
    # By cp: it shares blocks where the file system can, and is five times as quick as
    # shutil with a thousand small files. It gives the files to whom the template's are.
    command = ["cp", "-a", f"{source}/.", target]
    code = spawn.run(command, spawn.Surroundings(environment={"PATH": os.defpath}))
    if code:
        raise OSError(f"cp failed with exit code {code}")


def _empty(directory: str) -> None:
    for entry in os.scandir(directory):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)
