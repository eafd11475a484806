"""Where the server listens: the replica's address, and a socket of its own.

The socket lies in `YARD_RUN_DIR/postgres`. A socket's path has at most 107 bytes, and
root's state directory is closed to the server's user: in either case that name is a
symbolic link to a short directory, which is why clients resolve it. The directory is
the server's user's with mode 0700, which is what lets pg_hba.conf trust the socket.
"""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING

from stackyard.images.postgres.errors import explained
from stackyard.images.postgres.owner import may

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stackyard.images.spawn import Identity

__all__ = ["client_environment", "port", "prepare", "server_options", "write_passfile"]

_DEFAULT_PORT = "5432"
_SOCKETS = "postgres"
_PASSFILE = "pgpass"
_MOST_BYTES = 107 - len("/.s.PGSQL.65535")
_PORT_OPTION = re.compile(r"(?:-p|-c\s*port=|--port=)\s*(\d+)")


def port(argv: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return the port `postgres ARGV` listens on: the last option, PGPORT, 5432."""
    # Options and their values may be one argument or two: -p 5433, -c port=5433.
    found = None
    for index, argument in enumerate(argv):
        following = argv[index + 1] if index + 1 < len(argv) else ""
        text = argument if argument not in {"-p", "-c"} else f"{argument}{following}"
        match = _PORT_OPTION.fullmatch(text)
        found = match[1] if match else found
    return found or environment.get("PGPORT") or _DEFAULT_PORT


def prepare(run: str | None, identity: Identity | None) -> str | None:
    """Return the directory for the socket, made and empty of strangers.

    None without a run directory: then the server has no socket.
    """
    if not run:
        return None
    os.makedirs(run, mode=0o700, exist_ok=True)
    name = _name(run)
    if len(os.fsencode(name)) <= _MOST_BYTES and (not identity or may(identity, run)):
        if os.path.islink(name):
            os.unlink(name)
        _make_private(name, identity)
        return name
    short = _short_directory(run)
    _make_private(short, identity)
    _link(short, name)
    return short


def server_options(address: str, socket: str | None) -> list[str]:
    """Return the options that come last and therefore count."""
    return [
        *("-c", f"listen_addresses={address}"),
        *("-c", f"unix_socket_directories={socket or ''}"),
    ]


def client_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return PGHOST and PGPASSFILE for a replica's environment.

    Where PGHOST is a symbolic link, clients need what it points to.
    """
    run = environment.get("YARD_RUN_DIR")
    if not run:
        address = environment.get("YARD_ADDRESS", "127.0.0.1")
        password = environment.get("POSTGRES_PASSWORD", "")
        return {"PGHOST": address, **({"PGPASSWORD": password} if password else {})}
    # Not looked up: the server may start later, and `run` be a text to be filled in.
    return {"PGHOST": f"{run}/{_SOCKETS}", "PGPASSFILE": f"{run}/{_PASSFILE}"}


def write_passfile(run: str | None, user: str, password: str) -> None:
    """Leave the password for clients that come by TCP; without one, leave none."""
    if not run:
        return
    path = _passfile(run)
    if not password:
        if os.path.exists(path):
            os.unlink(path)
        return
    staging = _staging(path)
    descriptor = os.open(staging, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(f"*:*:*:{_escaped(user)}:{_escaped(password)}\n")
    os.rename(staging, path)


def _name(run: str) -> str:
    return os.path.join(os.path.abspath(run), _SOCKETS)


def _passfile(run: str) -> str:
    return os.path.join(os.path.abspath(run), _PASSFILE)


def _staging(path: str) -> str:
    """Return a free name to write to first; a killed start may have left it taken."""
    staging = f"{path}.{os.getpid()}"
    if os.path.lexists(staging):
        os.unlink(staging)
    return staging


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(":", "\\:")


def _short_directory(run: str) -> str:
    import hashlib  # for this rare case only

    digest = hashlib.sha256(os.fsencode(os.path.abspath(run))).hexdigest()[:16]
    return f"/tmp/stackyard-{os.getuid()}-{digest}"


def _make_private(path: str, identity: Identity | None) -> None:
    """Make a directory of the server's user, or take it if it is just that."""
    try:
        os.mkdir(path, 0o700)
        if identity:
            os.chown(path, identity.uid, identity.gid)
    except FileExistsError:
        status = os.lstat(path)
        owner = identity.uid if identity else os.getuid()
        # Anybody may have made a name in the shared directory before us.
        is_private = stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o077
        if not is_private or status.st_uid not in {owner, os.getuid()}:
            raise explained(
                f'the directory for the socket, "{path}", is not private',
                hint="remove it",
            ) from None
        if identity:
            os.chown(path, identity.uid, identity.gid)


def _link(target: str, name: str) -> None:
    if os.path.islink(name) and os.readlink(name) == target:
        return
    staging = _staging(name)
    os.symlink(target, staging)
    os.rename(staging, name)
