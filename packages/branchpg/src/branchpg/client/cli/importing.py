"""`branchpg import`: a running cluster into a new project, a dump into a branch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from branchpg.client.cli.options import given, shared
from branchpg.client.cli.progress import Steps, working

if TYPE_CHECKING:
    from branchpg.client.project import Project

__all__ = ["command"]


@click.command("import")
@click.argument("target", metavar="DIR|BRANCH", required=False)
@click.option("--from", "dsn", metavar="DSN", help="Of a running cluster.")
@click.option(
    "--dump",
    metavar="FILE",
    type=click.Path(exists=True),
    help="Of pg_dump, in any of its formats.",
)
@click.option("--database-name", metavar="NAME", help="Where a dump goes.")
@click.option("--port", type=click.IntRange(0, 65535), help="Of the new project.")
@shared
def command(
    *,
    target: str | None,
    dsn: str | None,
    dump: str | None,
    database_name: str | None,
    port: int | None,
) -> None:
    """Take over a cluster as a new project, or a dump into a branch.

    \b
    branchpg import --from 'host=db user=postgres' ./copy
    branchpg import --dump app.dump preview

    The cluster goes on running meanwhile: it is copied by pg_basebackup, and needs a
    role that may replicate. A dump is taken over as a whole or not at all.
    """
    if (dsn is None) == (dump is None):
        raise click.UsageError(
            "give either --from or --dump", click.get_current_context()
        )
    if dsn is not None:
        if target is None:
            raise click.UsageError(
                "name the new project's directory", click.get_current_context()
            )
        _cluster(dsn, target, port)
    elif dump is not None:
        _dump(given().project(), dump, target, database_name)


def _cluster(dsn: str, directory: str, port: int | None) -> None:
    from branchpg.client import importing
    from branchpg.environment import environment

    origin = importing.look(dsn, environment())
    with working(f"copying {origin.database}"):
        project, copy = importing.copied(origin, directory, port=port)
    click.echo(f"Made a project in {project.place.root}", err=True)
    importing.adopt(project, copy, Steps().tell)
    click.echo(f"PostgreSQL is at {project.target().url()}", err=True)


def _dump(
    project: Project, path: str, branch: str | None, database: str | None
) -> None:
    from branchpg.client import importing

    found = project.get(branch or given().current(project))
    target = project.target(found.name)
    if database:
        target = target.of(database)
    with working(f"restoring {path}"):
        importing.restore_dump(project, target, path)
    click.echo(f"Imported {path} into {target.name}.")
