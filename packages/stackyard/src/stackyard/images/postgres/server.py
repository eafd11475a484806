"""The programs of PostgreSQL as an initialisation runs them: initdb, a server, psql.

The server that runs during initialisation is reached by its socket only, and skips
fsync: a power cut then costs an initialisation that was not complete anyway. `sync`
writes everything to disk once, before the commit.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from stackyard.images import spawn
from stackyard.images.console import say
from stackyard.images.postgres.errors import explained
from stackyard.images.postgres.owner import data_place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stackyard.images.postgres.variables import Variables
    from stackyard.images.spawn import Surroundings

__all__ = [
    "create_database",
    "initdb",
    "initdb_environment",
    "running",
    "set_password",
    "split",
    "sync",
    "write_access_rules",
]

_READY_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.002  # a server is ready after some 40 ms
_STATUS_LINE: Final = 7  # of postmaster.pid, counted from 0
_LONGEST_PASSWORD: Final = 1024
_EXISTING: Final = frozenset({"postgres", "template0", "template1"})
_LOCALE: Final = "en_US.utf8"  # the image's
_FALLBACK_LOCALE: Final = "C.UTF-8"


def initdb(data: str, variables: Variables, surroundings: Surroundings) -> None:
    """Run initdb in an empty directory; nothing is forced to disk."""
    directory, place = data_place(data, surroundings.identity)
    surroundings = replace(surroundings, directory=directory)
    command = ["initdb", "-D", place, "--no-sync", "--no-instructions"]
    command += ["--username", variables.user]
    command += ["--auth-local", "trust", "--auth-host", "scram-sha-256"]
    if variables.wal_directory:
        command += ["--waldir", variables.wal_directory]
    with _password_file(variables.password, surroundings) as (options, kept):
        code = spawn.run(
            [*command, *options, *split(variables.initdb_arguments)],
            replace(surroundings, kept=(*surroundings.kept, *kept)),
        )
    if code:
        raise explained(
            f"initdb failed with exit code {code}",
            hint="its message is above; see POSTGRES_INITDB_ARGS",
        )


def set_password(data: str, variables: Variables, surroundings: Surroundings) -> None:
    """Give the superuser of a stopped cluster their password, as initdb would.

    By a server without a port and without the service's options, so that nothing logs
    the statement. Nothing is forced to disk.
    """
    if not variables.password:
        return
    role = variables.user.replace('"', '""')
    words = _checked(variables.password).replace("\\", "\\\\").replace("'", "''")
    directory, place = data_place(data, surroundings.identity)
    # -j: a statement ends with a semicolon and an empty line, not with each line.
    command = ["postgres", "--single", "-j", "-F", "-D", place]
    for option in ("exit_on_error=on", "log_min_error_statement=panic"):
        command += ["-c", option]
    code = spawn.run(
        [*command, "-c", "shared_buffers=1MB", "postgres"],
        replace(surroundings, directory=directory),
        feed=io.BytesIO(f"ALTER ROLE \"{role}\" PASSWORD E'{words}';\n\n".encode()),
        quiet=True,
    )
    if code:
        raise explained(
            f"setting the superuser's password failed with exit code {code}",
            hint="the message of PostgreSQL is above",
        )


def write_access_rules(data: str, variables: Variables) -> None:
    """Write pg_hba.conf in place of initdb's."""
    with open(os.path.join(data, "pg_hba.conf"), "w", encoding="utf-8") as file:
        file.write(variables.access_rules())


@contextlib.contextmanager
def running(
    data: str, options: Sequence[str], surroundings: Surroundings, *, socket: str
) -> Iterator[None]:
    """Run a server for the duration of a block, with the service's own options."""
    directory, place = data_place(data, surroundings.identity)
    own = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={socket}", "-F"]
    child = spawn.start(
        ["postgres", "-D", place, *options, *own],
        # An orphan stops at once, without a checkpoint: nothing of it will be used.
        replace(surroundings, directory=directory, orphan_signal=signal.SIGQUIT),
    )
    with child:
        try:
            _wait_until_ready(child, data)
            yield
        except BaseException:
            child.send_signal(signal.SIGQUIT)
            raise
        child.send_signal(signal.SIGINT)
    if child.returncode:
        raise explained(
            f"the server failed with exit code {child.returncode} while stopping",
            hint="its message is above",
        )


def create_database(name: str, surroundings: Surroundings) -> None:
    """Create the database a service asks for, unless each cluster has it."""
    if name in _EXISTING:
        return
    user = surroundings.environment["POSTGRES_USER"]
    command = ["psql", "-v", "ON_ERROR_STOP=1", "--no-psqlrc", "--no-password", "-q"]
    command += ["--username", user, "--dbname", "postgres", "--set", f"db={name}"]
    # Only what psql reads is expanded; what it is given by -c is not.
    statement = io.BytesIO(b'CREATE DATABASE :"db";\n')
    code = spawn.run(command, surroundings, feed=statement)
    if code:
        raise explained(
            f'creating database "{name}" failed with exit code {code}',
            hint="see POSTGRES_DB",
        )


def sync(data: str, surroundings: Surroundings) -> None:
    """Force a stopped cluster to disk."""
    from stackyard.images.postgres import disk

    kernel = os.uname()
    if disk.can_sync_whole(kernel.sysname, kernel.release):
        disk.sync_whole(data)
        return
    directory, place = data_place(data, surroundings.identity)
    command = ["initdb", "--sync-only", "-D", place]
    code = spawn.run(command, replace(surroundings, directory=directory), quiet=True)
    if code:
        raise explained(
            f'writing "{data}" to disk failed with exit code {code}',
            hint="the message of initdb is above",
        )


def initdb_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the image's locale and time zone, unless the service has its own."""
    variables = {"TZ": "Etc/UTC", **environment}
    if environment.get("LC_ALL"):
        return variables
    import locale  # for a first start only

    wanted = environment.get("LANG", "")
    if wanted in {"", "C", "POSIX"}:
        wanted = _LOCALE
    try:
        locale.setlocale(locale.LC_ALL, wanted)
    except locale.Error:
        say(f"{wanted} is not installed: text sorts as in {_FALLBACK_LOCALE}")
        wanted = _FALLBACK_LOCALE
    return {**variables, "LANG": wanted}


@contextlib.contextmanager
def _password_file(
    password: str, surroundings: Surroundings
) -> Iterator[tuple[list[str], tuple[int, ...]]]:
    """Yield options by which initdb reads the password, and the descriptor it needs.

    A pipe rather than a file: a kill leaves no password behind.
    """
    if not password:
        yield [], ()
        return
    content = _checked(password).encode() + b"\n"
    reader, writer = os.pipe()
    try:
        with open(writer, "wb") as file:
            file.write(content)
        if surroundings.identity:
            os.fchown(reader, surroundings.identity.uid, surroundings.identity.gid)
        yield ["--pwfile", f"/dev/fd/{reader}"], (reader,)
    finally:
        os.close(reader)


def _checked(password: str) -> str:
    if len(password.encode()) > _LONGEST_PASSWORD:
        raise explained(
            f"POSTGRES_PASSWORD has more than {_LONGEST_PASSWORD} bytes",
            hint="choose a shorter one",
        )
    return password.partition("\n")[0]  # initdb reads one line


def split(arguments: str) -> list[str]:
    """Return the words of POSTGRES_INITDB_ARGS.

    Raises:
        EntrypointError: a quote is not closed.
    """
    if not arguments:
        return []
    import shlex  # rarely needed

    try:
        return shlex.split(arguments)
    except ValueError as error:
        raise explained(
            f"cannot read POSTGRES_INITDB_ARGS: {error}", hint="mend its quotes"
        ) from error


def _wait_until_ready(server: spawn.Child, data: str) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not _is_ready(data):
        code = spawn.exit_code(server, within=_LOOK_SECONDS)
        if code is not None:
            raise explained(
                f"the server failed with exit code {code} while starting",
                hint="its message is above",
            )
        if time.monotonic() > deadline:
            raise explained(
                f"the server was not ready within {_READY_SECONDS:.0f} s",
                hint="its messages are above",
            )


def _is_ready(data: str) -> bool:
    try:
        with open(os.path.join(data, "postmaster.pid"), encoding="utf-8") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) > _STATUS_LINE and lines[_STATUS_LINE].strip() == "ready"
