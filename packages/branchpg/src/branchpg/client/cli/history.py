"""What a branch's history holds: LSNs and times, and garbage collection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from branchpg.client.cli.names import branch_argument
from branchpg.client.cli.options import given, shared
from branchpg.client.cli.printing import result, table
from branchpg.client.cli.progress import working
from branchpg.client.points import moment
from branchpg.errors import Unsatisfiable
from branchpg.lsn import Lsn

if TYPE_CHECKING:
    from branchpg.client.answers import GcInfo

__all__ = ["gc", "lsn", "time"]


@click.command("lsn")
@branch_argument()
@click.argument("at", metavar="TIME")
@shared
def lsn(*, name: str, at: str) -> None:
    """Print the LSN that a branch had at a time."""
    api = given().project().api
    found, kind = api.lsn_of(api.branch(name), moment(at))
    if kind == "past":
        raise Unsatisfiable(
            f"{at} is before the history that is kept, which begins at {found}"
        )
    result({"lsn": found, "kind": kind}, lambda: click.echo(str(found)))


@click.command("time")
@branch_argument()
@click.argument("at", metavar="LSN")
@shared
def time(*, name: str, at: str) -> None:
    """Print the time of the last commit of a branch before an LSN."""
    api = given().project().api
    found = api.time_of(api.branch(name), Lsn.parse(at))
    result({"time": found}, lambda: click.echo(found))


@click.command("gc")
@branch_argument(required=False)
@click.option("--dry-run", is_flag=True, help="Say what would go, and what stays why.")
@shared
def gc(*, name: str | None, dry_run: bool) -> None:
    """Remove history that nothing needs: of a branch, or of all."""
    api = given().project().api
    branches = [api.branch(name)] if name else api.branches()
    found = {}
    for branch in branches:
        with working(f"collecting {branch.name}"):
            found[branch.name] = api.collect(branch, dry_run=dry_run)

    result(found, lambda: _show_plan(found) if dry_run else _show_done(found))


def _show_plan(found: dict[str, GcInfo]) -> None:
    rows = [
        (branch, one.what, "stays" if one.keep else "goes", one.reason)
        for branch, about in found.items()
        for one in about.decisions
    ]
    table(("Branch", "What", "Then", "Reason"), rows)


def _show_done(found: dict[str, GcInfo]) -> None:
    rows = [
        (branch, str(about.layers_removed), str(about.layers_total))
        for branch, about in found.items()
    ]
    table(("Branch", "Removed", "Of"), rows)
