"""What differs between the schemas of two branches."""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from branchpg import spawn
from branchpg.errors import BranchpgError, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from branchpg.client.project import Project
    from branchpg.client.urls import Target
    from branchpg.postgres.programs import Programs

__all__ = ["Side", "databases", "difference", "dump", "unified"]

_RANDOM: Final = re.compile(r"^\\(?:un)?restrict .*\n\n?", re.MULTILINE)
_VERSIONS: Final = re.compile(r"^-- Dumped (?:from|by) .*\n", re.MULTILINE)
_DATABASES: Final = (
    "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate "
    "ORDER BY datname"
)


@dataclass(frozen=True)
class Side:
    """A branch at a point: where it is connected to, and what a header says of it."""

    target: Target
    label: str


def databases(project: Project, side: Side) -> list[str]:
    """Return the databases of a branch."""
    import psycopg2

    try:
        connection = psycopg2.connect(side.target.of("postgres").url(project.password))
    except psycopg2.OperationalError as error:
        raise BranchpgError(f"{side.label}: {str(error).strip()}") from error
    try:
        with connection.cursor() as cursor:
            cursor.execute(_DATABASES)
            return [name for (name,) in cursor.fetchall()]
    finally:
        connection.close()


def dump(project: Project, found: Programs, side: Side, database: str) -> str:
    """Return the schema of a database, the same each time for the same schema."""
    variables = {
        **project.variables,
        **side.target.of(database).environment(),
        **project.libpq(),
    }
    done = spawn.result(
        (os.path.join(found.directory, "pg_dump"), "--schema-only"),
        environment=variables,
    )
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip()
        kind = NotFound if "does not exist" in words else BranchpgError
        raise kind(f"{side.label}: {words}")
    return cleaned(done.stdout.decode())


def cleaned(text: str) -> str:
    """Return a dump without what is random in it, or says who made it."""
    return _VERSIONS.sub("", _RANDOM.sub("", text))


def difference(
    project: Project, base: Side, compared: Side, names: Sequence[str] | None
) -> str:
    """Return the unified diff of databases: of those that are named, or all.

    A database that one side lacks differs in all of its schema.
    """
    from branchpg.postgres import programs

    found = programs.find(project.variables, major=project.settings.pg_version)
    sides = (base, compared)
    present = [set(databases(project, side)) for side in sides]
    wanted = names or sorted(present[0] | present[1])
    for name in names or ():
        if name not in present[0] | present[1]:
            raise NotFound(f'neither branch has a database "{name}"')
    texts = []
    for name in wanted:
        old, new = (
            dump(project, found, side, name) if name in there else ""
            for side, there in zip(sides, present, strict=True)
        )
        texts.append(
            "".join(unified(name, old, new, labels=(base.label, compared.label)))
        )
    return "".join(texts)


def unified(
    database: str, old: str, new: str, *, labels: tuple[str, str]
) -> Iterator[str]:
    """Yield the lines of the diff of two dumps; none if they are equal."""
    yield from difflib.unified_diff(
        old.splitlines(True),
        new.splitlines(True),
        f"a/{database}",
        f"b/{database}",
        f"({labels[0]})",
        f"({labels[1]})",
    )
