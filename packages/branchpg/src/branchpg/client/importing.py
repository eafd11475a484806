"""Clusters and dumps from elsewhere.

A running cluster is copied with pg_basebackup, brought to its end in single-user mode,
where it gets the superuser of the services, and handed to a pageserver.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from branchpg import spawn
from branchpg.client import place as places
from branchpg.client import settings as project_settings
from branchpg.client.project import Project
from branchpg.client.settings import Settings
from branchpg.errors import BranchpgError
from branchpg.postgres import owner, programs
from branchpg.postgres.cluster import SUPERUSER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from branchpg.client.urls import Target
    from branchpg.postgres.programs import Programs

__all__ = ["Origin", "adopt", "copied", "look", "restore_dump"]

_CONFIGURATION: Final = "postgresql.conf"
_OURS: Final = re.compile(r"[0-9]+; [0-9]+ [0-9]+ [A-Z -]+ neon ")
"""An entry of an archive's list whose schema is `neon`."""

_ARCHIVE: Final = b"PGDMP"
_TAR_MAGIC_AT: Final = 257
_SCRAM: Final = "scram-sha-256"


@dataclass(frozen=True)
class Origin:
    """A running cluster.

    `variables` are libpq's: a password is never an argument of a program.
    """

    major: int
    database: str
    variables: Mapping[str, str]
    hashed: str
    password: str


def look(dsn: str, variables: Mapping[str, str]) -> Origin:
    """Connect to a cluster, and find out what its copy needs.

    Raises:
        BranchpgError: it cannot be reached, or not be copied.
    """
    import secrets

    import psycopg2

    password = secrets.token_urlsafe(18)
    try:
        connection = psycopg2.connect(dsn)
    except psycopg2.Error as error:
        raise BranchpgError(f"cannot connect: {str(error).strip()}") from error
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_tablespace WHERE oid > 16383")
            row = cursor.fetchone()
        if row and row[0]:
            raise BranchpgError(
                f"the cluster has {row[0]} tablespaces outside of its data directory",
                hint="move their tables to pg_default, or import a dump",
            )
        hashed = psycopg2.extensions.encrypt_password(
            password, Settings.role, connection, _SCRAM
        )
        return Origin(
            major=connection.server_version // 10000,
            database=connection.info.dbname,
            variables={**variables, **_libpq(psycopg2.extensions.parse_dsn(dsn))},
            hashed=hashed,
            password=password,
        )
    finally:
        connection.close()


def copied(origin: Origin, directory: str, *, port: int | None) -> tuple[Project, str]:
    """Make a project, and beside its data a copy of the cluster that was shut down.

    What was made is removed if it fails.
    """
    found = programs.find(origin.variables, major=origin.major)
    wanted = Settings(
        database=origin.database,
        pg_version=origin.major,
        ports=places.free_ports(
            project_settings.port_names(1),
            compute=project_settings.PORTS["compute"] if port is None else port,
            host=Settings.host,
        ),
    )
    place = places.create(directory, wanted, password=origin.password)
    copy = os.path.join(place.data, "import")
    try:
        _base_backup(found, origin, copy)
        _settle(found, origin, copy)
    except BaseException:
        shutil.rmtree(place.root, ignore_errors=True)
        raise
    return Project(place, origin.variables), copy


def adopt(project: Project, copy: str, tell: Callable[[str, str], None]) -> None:
    """Hand the copy to the project's pageserver, and start the rest."""
    names = [one.name for one in project.services.all if one.name != "compute"]
    project.services.start(tell, only=tuple(names), first_branch=None)
    project.api.import_cluster("main", copy)
    shutil.rmtree(copy)
    project.services.start(tell)


def restore_dump(project: Project, target: Target, path: str) -> None:
    """Restore a dump into a database, as a whole or not at all."""
    found = programs.find(project.variables, major=project.settings.pg_version)
    variables = {
        **project.variables,
        **target.environment(),
        **project.libpq(),
    }

    def run(*argv: str) -> str:
        program = os.path.join(found.directory, argv[0])
        return spawn.output([program, *argv[1:]], environment=variables)

    if not _is_archive(path):
        _restore_script(run, path)
        return
    contents = without_ours(run("pg_restore", "--list", path))
    with tempfile.NamedTemporaryFile("w", suffix=".list") as file:
        file.write(contents)
        file.flush()
        run(
            *("pg_restore", "--single-transaction", "--exit-on-error", "--no-owner"),
            *(f"--use-list={file.name}", f"--dbname={target.name}", path),
        )


def without_ours(contents: str) -> str:
    """Return the list of an archive without what every database has here already."""
    lines = contents.splitlines(True)
    return "".join(line for line in lines if not _OURS.match(line))


def _restore_script(run: Callable[..., str], path: str) -> None:
    options = ("-X", "-q", "--single-transaction", "-v", "ON_ERROR_STOP=1")
    try:
        run("psql", *options, "-o", os.devnull, "-f", path)
    except BranchpgError as error:
        hint = None
        if 'schema "neon" already exists' in error.message:
            hint = "dump again with --exclude-schema=neon, or in the format custom"
        raise BranchpgError(error.message, hint=hint) from error


def _is_archive(path: str) -> bool:
    if os.path.isdir(path):
        return True
    with open(path, "rb") as file:
        head = file.read(_TAR_MAGIC_AT + 5)
    return head.startswith(_ARCHIVE) or head[_TAR_MAGIC_AT:] == b"ustar"


def _libpq(said: Mapping[str, str]) -> dict[str, str]:
    """Return the parts of a DSN as the variables that libpq reads."""
    names = {
        "user": "PGUSER",
        "dbname": "PGDATABASE",
        "connect_timeout": "PGCONNECT_TIMEOUT",
        "channel_binding": "PGCHANNELBINDING",
    }
    return {
        names.get(name, f"PG{name.upper().replace('_', '')}"): str(value)
        for name, value in said.items()
    }


def _base_backup(found: Programs, origin: Origin, copy: str) -> None:
    argv = [os.path.join(found.directory, "pg_basebackup"), "-D", copy, "-X", "stream"]
    argv += ["--checkpoint", "fast", "--no-sync"]
    spawn.output(argv, environment=origin.variables)


def _settle(found: Programs, origin: Origin, copy: str) -> None:
    """Recover the copy, give it the superuser of the services, and shut it down.

    It gets a configuration of its own: that of its origin names libraries, files and
    sizes that may not be here. It stays beside, as postgresql.conf.imported.
    """
    path = os.path.join(copy, _CONFIGURATION)
    with contextlib.suppress(FileNotFoundError):
        os.rename(path, f"{path}.imported")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(copy, "postgresql.auto.conf"))
    with open(path, "w", encoding="utf-8") as file:
        file.write("# see postgresql.conf.imported\n")
    owner.give_tree(copy, found.identity)
    os.chmod(copy, 0o700)
    directory, data = owner.data_place(copy, found.identity)
    done = spawn.result(
        [found.path("postgres"), "--single", "-D", data, "postgres"],
        environment=found.environment,
        identity=found.identity,
        directory=directory,
        feed=(
            f"CREATE ROLE {SUPERUSER} SUPERUSER LOGIN REPLICATION\n"
            f"ALTER ROLE {SUPERUSER} SUPERUSER LOGIN REPLICATION\n"
            f"ALTER ROLE {Settings.role} PASSWORD '{origin.hashed}'\n"
        ).encode(),
    )
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip()
        raise BranchpgError(f"the copy does not start: {words[-1000:]}")
