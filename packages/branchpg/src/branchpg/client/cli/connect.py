"""psql and connection-string."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from branchpg.client.cli.group import Command, rest
from branchpg.client.cli.names import branch_argument
from branchpg.client.cli.options import given, shared
from branchpg.client.cli.printing import result
from branchpg.errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from branchpg.client.project import Project
    from branchpg.client.urls import Target

__all__ = ["connection_string", "psql", "run_psql", "target_of"]


def _target_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--database-name", metavar="NAME", help="Another database."),
        click.option("--role-name", metavar="NAME", help="Another role."),
        click.option(
            "--endpoint-type",
            type=click.Choice(["read_write", "read_only"]),
            help="Which of the branch's endpoints.",
        ),
        click.option("--pooled", is_flag=True, help="Sessions that begin sooner."),
        click.option(
            "--ssl",
            type=click.Choice(["disable", "prefer", "require", "verify-full"]),
            help="As sslmode of libpq.",
        ),
    ):
        command = option(command)
    return command


@click.command("psql", cls=Command, options_metavar="[OPTIONS]")
@branch_argument("name", metavar="BRANCH[@POINT]", required=False)
@_target_options
@shared
@click.pass_context
def psql(ctx: click.Context, /, *, name: str | None, **options: Any) -> int:
    """Run psql on a branch, the current one if none is named.

    POINT is an LSN or a time of the branch's history, to be read only. What follows
    -- goes to psql.

    \b
    branchpg psql preview -- -Atc 'select 1'
    branchpg psql main@2026-11-21T10:15:00Z
    """
    project = given().project()
    project.check_running("compute")
    return run_psql(project, target_of(project, name, options), rest(ctx))


@click.command("connection-string", cls=Command)
@branch_argument("name", metavar="BRANCH[@POINT]", required=False)
@_target_options
@click.option("--psql", "run", is_flag=True, help="Run psql instead, -- its arguments.")
@shared
@click.pass_context
def connection_string(
    ctx: click.Context, /, *, name: str | None, run: bool, **options: Any
) -> int:
    """Print the connection string of a branch, the current one if none is named."""
    project = given().project()
    if run:
        project.check_running("compute")
    target = target_of(project, name, options)
    if run:
        return run_psql(project, target, rest(ctx))
    is_ours = target.role == project.settings.role
    url = target.url(project.password if is_ours else None)
    about = {
        "connection_uri": url,
        "host": target.host,
        "port": target.port,
        "database": target.name,
        "role": target.role,
    }
    result(about, lambda: click.echo(url))
    return 0


def target_of(project: Project, name: str | None, options: dict[str, Any]) -> Target:
    """Return what `BRANCH[@POINT]` and the options name."""
    from dataclasses import replace

    from branchpg.client.points import Point, source

    wanted = source(name) if name else None
    branch = wanted.branch if wanted else given().current(project)
    if branch and branch.startswith("^"):
        raise BadRequest(f'"{branch}" is for restore only', hint="name the branch")
    if branch:
        branch = project.get(branch).name
    target = project.target(branch)
    return replace(
        target,
        database=options["database_name"] or target.database,
        role=options["role_name"] or target.role,
        point=wanted.point if wanted else Point(),
        read_only=options["endpoint_type"] == "read_only",
        pooled=options["pooled"],
        ssl=options["ssl"],
    )


def run_psql(project: Project, target: Target, arguments: tuple[str, ...]) -> int:
    """Run psql on a target, and return its exit code."""
    from branchpg import spawn
    from branchpg.postgres import programs

    found = programs.find(project.variables, major=project.settings.pg_version)
    variables = {**project.variables, **target.environment()}
    if target.role == project.settings.role:
        variables.pop("PGPASSWORD", None)
        variables |= project.libpq()
    return spawn.run([f"{found.directory}/psql", *arguments], environment=variables)
