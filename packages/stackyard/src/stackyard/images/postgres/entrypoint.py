"""What stands for docker-entrypoint.sh of the official image.

    python -P -m stackyard.images.postgres --bin DIR --version 17.10 --templates DIR
        [--wanted 17] -- postgres [option...]

It initialises the data directory at the first start, and ends by becoming the server:
signals and exit codes are the server's. A command other than `postgres` replaces it at
once. The engine hands over what a container has by itself:

    YARD_ADDRESS     the replica's address; the server listens on no other
    YARD_RUN_DIR     a private directory of the replica, for its socket and password
    YARD_MOUNTS      see stackyard.images.mounts
    YARD_TOOLS_DIR   where root may copy programs to, so that others can run them

A start takes some milliseconds because everything heavy is imported on first use.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

from stackyard.images import spawn
from stackyard.images.console import say, warn
from stackyard.images.postgres import cluster, files, owner, sockets
from stackyard.images.postgres.errors import EntrypointError, explained
from stackyard.images.postgres.variables import FIRST_WITH_VERSIONED_DATA, Variables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stackyard.images.spawn import Identity, Surroundings

__all__ = ["main"]

_INFORMATION = frozenset(
    {"-?", "--help", "--describe-config", "-V", "--version", "-C", "--single"}
)
_SKIPPED = (
    "PostgreSQL Database directory appears to contain a database; "
    "Skipping initialization"
)
_USAGE = (
    "--bin DIR --version VERSION --templates DIR [--wanted MAJOR] "
    "-- COMMAND [ARGUMENT...]"
)


@dataclass(frozen=True)
class _Call:
    directory: str
    version: str
    templates: str
    wanted: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class _Start:
    """One start of a server, with what was found out about it."""

    command: tuple[str, ...]
    version: str
    templates: str
    variables: Variables
    identity: Identity | None
    environment: Mapping[str, str]
    socket: str | None


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the command; returns only if nothing could be run."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback, and exec keeps it
    try:
        _run(_parse(arguments), environment)
    except EntrypointError as error:
        warn(str(error))
    except OSError as error:
        warn(f"error: cannot start PostgreSQL: {error}")
    return 1


def _run(call: _Call, environment: Mapping[str, str]) -> NoReturn:
    command = call.command
    if not command or command[0].startswith("-"):
        command = ("postgres", *command)
    environment = _with_path(environment, call.directory)
    if command[0] != "postgres" or _INFORMATION.intersection(command):
        spawn.replace(command, environment)
    if call.wanted and call.wanted != call.version.partition(".")[0]:
        warn(
            f"warning: postgres:{call.wanted} runs as PostgreSQL {call.version}, "
            "which is what this machine has"
        )
    _serve(_prepare(call, command, environment))


def _prepare(
    call: _Call, command: tuple[str, ...], environment: Mapping[str, str]
) -> _Start:
    variables = Variables.read(environment)
    if call.wanted and int(call.wanted) >= FIRST_WITH_VERSIONED_DATA:
        variables.require_used_volume()
    identity = owner.server_identity()
    directory = owner.reachable_install(
        call.directory,
        version=call.version,
        identity=identity,
        tools=variables.tools_directory or None,
    )
    environment = {
        **_with_path(environment, directory),
        **variables.exported(),
        **({"HOME": identity.home} if identity else {}),
    }
    socket = sockets.prepare(variables.run_directory or None, identity)
    command = files.readable(command, identity, socket)
    return _Start(
        command=command,
        version=call.version,
        templates=call.templates,
        variables=variables,
        identity=identity,
        environment=environment,
        socket=socket,
    )


def _serve(start: _Start) -> NoReturn:
    variables = start.variables
    data = variables.data
    if cluster.observe(data) is not cluster.State.COMPLETE:
        variables.require_password()
        cluster.make(data, start.identity)
        with cluster.locked(data) as lock:
            _initialise(start, lock)
    else:
        say(_SKIPPED)
        cluster.require_major(data, start.version)
        owner.give_tree(data, start.identity)
        cluster.close(data)
    sockets.write_passfile(variables.run_directory, variables.user, variables.password)
    _become_server(start)


def _initialise(start: _Start, lock: int) -> None:
    # Only now, with the lock, is the state sure: another start may have come first.
    variables, data = start.variables, start.variables.data
    state = cluster.observe(data)
    if state is cluster.State.COMPLETE:
        return
    if state is cluster.State.UNFINISHED:
        say("removing what an initialisation that was cut short has left")
        cluster.clear(data)
    from stackyard.images.postgres import server

    if variables.method == "trust":
        warn(
            "warning: POSTGRES_HOST_AUTH_METHOD=trust lets everybody on this machine "
            "in without a password"
        )
    surroundings = spawn.Surroundings(
        environment=start.environment, identity=start.identity, kept=(lock,)
    )
    wal = variables.wal_directory
    cluster.claim(data, wal_directory=wal, identity=start.identity)
    _create(cluster.staging(data), start, surroundings)
    cluster.install(data)
    _fill(start, surroundings)
    server.sync(data, surroundings)
    cluster.commit(data)
    say("\nPostgreSQL init process complete; ready for start up.\n")


def _create(data: str, start: _Start, surroundings: Surroundings) -> None:
    """Make a cluster as initdb makes it."""
    from stackyard.images.postgres import server, template

    variables = start.variables
    environment = server.initdb_environment(start.environment)
    surroundings = replace(surroundings, environment=environment)
    if not template.copy(start.templates, data, variables, surroundings):
        server.initdb(data, variables, surroundings)
    server.write_access_rules(data, variables)


def _fill(start: _Start, surroundings: Surroundings) -> None:
    """Create the service's database and run its scripts, if there is any of it."""
    from stackyard.images.postgres import scripts, server

    variables = start.variables
    found = scripts.find(variables.mounts)
    if not found and variables.database == "postgres":
        return
    with _workspace(start) as socket:
        environment = {**start.environment, "PGHOST": socket}
        environment["PGPORT"] = sockets.port(start.command, start.environment)
        environment.setdefault("PGPASSWORD", variables.password)
        surroundings = replace(surroundings, environment=environment)
        options = start.command[1:]
        with server.running(variables.data, options, surroundings, socket=socket):
            server.create_database(variables.database, surroundings)
            scripts.process(found, surroundings, workspace=socket)


@contextlib.contextmanager
def _workspace(start: _Start) -> Iterator[str]:
    """Yield a private directory that the server's user can reach, for its socket."""
    if start.socket:
        yield start.socket
        return
    path = tempfile.mkdtemp(prefix="stackyard-", dir="/tmp")
    try:
        owner.give(path, start.identity)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _become_server(start: _Start) -> NoReturn:
    directory, place = owner.data_place(start.variables.data, start.identity)
    listen = sockets.server_options(start.variables.address, start.socket)
    spawn.replace(
        (*start.command, "-D", place, *listen),
        start.environment,
        identity=start.identity,
        directory=None if directory == "/" else directory,
    )


def _with_path(environment: Mapping[str, str], directory: str) -> dict[str, str]:
    path = environment.get("PATH", os.defpath)
    return {**environment, "PATH": f"{directory}{os.pathsep}{path}"}


def _parse(arguments: Sequence[str]) -> _Call:
    # By hand: argparse takes longer to import than all else here.
    options, separator, command = _partition(arguments)
    values = dict(zip(options[::2], options[1::2], strict=False))
    needed = {"--bin", "--version", "--templates"}
    is_whole = separator and len(options) % 2 == 0
    if not is_whole or not needed <= values.keys() <= needed | {"--wanted"}:
        raise explained("cannot read the arguments", hint=f"write {_USAGE}")
    return _Call(
        directory=values["--bin"],
        version=values["--version"],
        templates=values["--templates"],
        wanted=values.get("--wanted", ""),
        command=tuple(command),
    )


def _partition(arguments: Sequence[str]) -> tuple[list[str], bool, list[str]]:
    words = list(arguments)
    if "--" not in words:
        return words, False, []
    index = words.index("--")
    return words[:index], True, words[index + 1 :]
