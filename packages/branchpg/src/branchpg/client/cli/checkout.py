"""branch checkout."""

from __future__ import annotations

import os

import click

from branchpg.client.cli.names import branch_argument
from branchpg.client.cli.options import given, shared
from branchpg.client.cli.printing import result
from branchpg.environment import working_directory
from branchpg.errors import NotFound

__all__ = ["checkout"]


@click.command("checkout")
@branch_argument()
@click.option("--create", is_flag=True, help="Make it, if there is none.")
@click.option("--parent", metavar="BRANCH[@POINT]", help="Of a branch that is made.")
@shared
def checkout(*, name: str, create: bool, parent: str | None) -> None:
    """Make a branch the current one of this directory.

    Writes .branchpg, and DATABASE_URL into .env. The URL stays the same whatever is
    checked out: connections end, and the next ones lead to the new branch.
    """
    from branchpg.client.cli.branch_create import make
    from branchpg.client.points import Source, source
    from branchpg.client.workingtree import checked_out, tracked_warning

    project = given().project()
    try:
        found = project.api.branch(name)
    except NotFound as error:
        if not create:
            hint = f"make it: branchpg branch checkout --create {name}"
            raise NotFound(error.message, hint=hint) from error
        found = make(project, name, source(parent) if parent else Source(None))
    here = working_directory()
    known = given().link(project)
    link = checked_out(project, os.path.dirname(known.path) if known else here, found)

    def as_table() -> None:
        click.echo(f"On branch {found.name}; DATABASE_URL is in {_env(link.path)}")

    warning = tracked_warning(os.path.dirname(link.path))
    if warning:
        click.echo(warning, err=True)
    result({"branch": found.name, "link": link.path, "alias": link.alias}, as_table)


def _env(path: str) -> str:
    from branchpg.client.workingtree import ENV

    env = os.path.join(os.path.dirname(path), ENV)
    return os.path.relpath(env, working_directory())
