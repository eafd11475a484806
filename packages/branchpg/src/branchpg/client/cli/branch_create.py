"""branch create."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from branchpg.client.cli.group import Command, rest
from branchpg.client.cli.names import BRANCH
from branchpg.client.cli.options import given, shared
from branchpg.client.cli.printing import branch_rows, result
from branchpg.client.cli.progress import working
from branchpg.client.points import Source, duration, moment, past, point, source
from branchpg.errors import BadRequest

if TYPE_CHECKING:
    from branchpg.client.answers import BranchInfo
    from branchpg.client.project import Project

__all__ = ["create", "expiry", "make", "timeout_option"]

timeout_option = click.option(
    "--suspend-timeout",
    type=click.IntRange(-1, 604800),
    default=0,
    metavar="SECONDS",
    help="Until it is suspended when idle; 0 is as usual, -1 never.",
)


@click.command("create", cls=Command)
@click.argument("name", required=False)
@click.option("--name", "named", hidden=True)
@click.option(
    "--parent",
    metavar="BRANCH[@POINT]",
    type=BRANCH,
    help="Name or id, with an LSN or a time; or just that, of the default branch.",
)
@click.option("--lsn", metavar="LSN", help="A point of the parent, apart.")
@click.option("--timestamp", metavar="TIME", help="The same as a time.")
@click.option("--expires-at", metavar="TIME", help="When it is deleted by itself.")
@click.option("--ttl", metavar="DURATION", help="The same from now: 7d, 12h, 30m.")
@click.option("--protected", is_flag=True, help="Let none delete or reset it.")
@click.option("--no-compute", is_flag=True, help="Without an endpoint.")
@click.option(
    "--type",
    "kind",
    type=click.Choice(["read_write", "read_only"]),
    default="read_write",
    show_default=True,
    help="Of its endpoint.",
)
@timeout_option
@click.option("--psql", is_flag=True, help="Run psql on it, with what follows --.")
@shared
@click.pass_context
def create(ctx: click.Context, /, **options: Any) -> int:
    """Make a branch of another one, as it is now or was at a point."""
    project = given().project()
    wanted = _source(options)
    made = make(
        project,
        options["name"] or options["named"],
        wanted,
        expires_at=expiry(options["expires_at"], options["ttl"]),
        protected=options["protected"],
        compute=None if options["no_compute"] else options["kind"],
        suspend_timeout=options["suspend_timeout"],
    )
    _show(project, made)
    if options["psql"]:
        from branchpg.client.cli.connect import run_psql

        return run_psql(project, project.target(made.name), rest(ctx))
    return 0


def make(
    project: Project, name: str | None, wanted: Source, **details: Any
) -> BranchInfo:
    """Make a branch of a source, and return it."""
    from branchpg.client.api import NewBranch
    from branchpg.client.project import made_up_name

    name = name or made_up_name()
    with working(f"creating branch {name}"):
        api = project.api
        parent = api.branch(wanted.branch) if wanted.branch else None
        return api.create(
            NewBranch(
                name=name,
                parent_id=parent.id if parent else None,
                point=wanted.point,
                **details,
            )
        )


def expiry(at: str | None, ttl: str | None) -> datetime | None:
    """Return when something expires, by either option."""
    if at and ttl:
        raise BadRequest("--expires-at and --ttl exclude each other")
    if ttl:
        return datetime.now(UTC) + duration(ttl)
    return moment(at) if at else None


def _source(options: dict[str, Any]) -> Source:
    found = source(options["parent"]) if options["parent"] else Source(None)
    given_points = [options["lsn"], options["timestamp"], found.point or None]
    if sum(1 for one in given_points if one) > 1:
        raise BadRequest("a branch begins at one point", hint="give one of them")
    if options["lsn"]:
        return Source(found.branch, point(options["lsn"]))
    if options["timestamp"]:
        from branchpg.client.points import Point

        return Source(found.branch, Point(time=past(moment(options["timestamp"]))))
    return found


def _show(project: Project, made: BranchInfo) -> None:
    url = project.target(made.name).url(project.password)
    about = {
        "branch": made,
        "endpoints": made.endpoints,
        "connection_uris": [{"connection_uri": url}] if made.endpoints else [],
    }

    def as_table() -> None:
        branch_rows([made], None)
        if made.endpoints:
            click.echo(f"\n{url}")

    result(about, as_table)
