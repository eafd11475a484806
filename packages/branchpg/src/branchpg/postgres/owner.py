"""As whom servers run: PostgreSQL refuses root, so root steps down for them."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from typing import Final

from branchpg import spawn
from branchpg.errors import BranchpgError
from branchpg.spawn import Identity

__all__ = [
    "IN_PLACE",
    "data_place",
    "give",
    "give_tree",
    "may",
    "reachable_install",
    "server_identity",
]

IN_PLACE: Final = "/proc/self/cwd"
"""The -D of a server that is in its data directory, whatever that is called."""

_USERS: Final = ("postgres", "nobody")
_INSTALLS: Final = "/var/lib/branchpg"
_PARTS: Final = ("bin", "lib", "share")


def server_identity() -> Identity | None:
    """Return whom root becomes; None for who is not root, and stays who they are."""
    if os.geteuid() != 0:
        return None
    import pwd  # for root only

    for name in _USERS:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            groups = tuple(os.getgrouplist(name, entry.pw_gid))
            return Identity(entry.pw_uid, entry.pw_gid, groups, name)
    raise BranchpgError(
        "PostgreSQL does not run as root, and there is no user postgres or nobody",
        hint="make one: useradd --system postgres",
    )


def may(identity: Identity, path: str, *, read: bool = False) -> bool:
    """Return whether a user can go to a path and execute it, or search and read it.

    A process of that user tries: this one must not be somebody else for a moment, as
    all its threads would be.
    """
    script = '[ -x "$1" ] && [ -r "$1" ]' if read else '[ -x "$1" ]'
    done = spawn.result(
        ["/bin/sh", "-c", script, "sh", path],
        environment={},
        identity=identity,
        directory="/",
    )
    return done.returncode == 0


def data_place(data: str, identity: Identity | None) -> tuple[str, str]:
    """Return the working directory and the -D with which a server finds its data.

    The server's user may be kept out of a directory above the data, such as root's
    home. A process that was put into the data directory is there all the same.
    """
    if identity and not may(identity, data, read=True):
        return data, IN_PLACE
    return "/", data


def give(path: str | int, identity: Identity | None) -> None:
    """Make a file or directory the servers' user's."""
    if identity:
        os.chown(path, identity.uid, identity.gid)


def give_tree(root: str, identity: Identity | None) -> None:
    """Make everything below a directory the servers' user's."""
    if identity is None:
        return
    for directory, directories, files in os.walk(root):
        for name in (*directories, *files):
            path = os.path.join(directory, name)
            os.chown(path, identity.uid, identity.gid, follow_symlinks=False)
    give(root, identity)


def reachable_install(
    directory: str, *, version: str, identity: Identity | None
) -> str:
    """Return a directory of the same programs that the servers' user can run.

    Programs in a virtual environment below a closed directory are copied once.
    """
    if identity is None or may(identity, os.path.join(directory, "postgres")):
        return directory
    copy = os.path.join(_INSTALLS, f"postgresql-{version}")
    if not os.path.isdir(copy):
        _copy_install(os.path.dirname(directory), copy)
    programs = os.path.join(copy, "bin")
    if not may(identity, os.path.join(programs, "postgres")):
        raise BranchpgError(
            f'user {identity.name} cannot run "{programs}/postgres"',
            hint=f'let others enter "{_INSTALLS}" and what is above it (chmod o+x)',
        )
    return programs


def _copy_install(source: str, target: str) -> None:
    parent = os.path.dirname(target)
    os.makedirs(parent, mode=0o755, exist_ok=True)
    staging = tempfile.mkdtemp(prefix=".copy-", dir=parent)
    try:
        for part in _PARTS:
            origin = os.path.join(source, part)
            if os.path.isdir(origin):
                shutil.copytree(origin, os.path.join(staging, part), symlinks=True)
        _open_to_readers(staging)
        os.sync()  # the name must not outlive a power cut without the contents
        os.rename(staging, target)
    except OSError:
        shutil.rmtree(staging, ignore_errors=True)
        if not os.path.isdir(target):  # by another process, meanwhile
            raise


def _open_to_readers(root: str) -> None:
    os.chmod(root, 0o755)
    for directory, directories, files in os.walk(root):
        for name in directories:
            os.chmod(os.path.join(directory, name), 0o755)
        for name in files:
            path = os.path.join(directory, name)
            if not os.path.islink(path):
                os.chmod(path, 0o644 | (os.stat(path).st_mode & 0o111 and 0o111))
