"""branch prune."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from branchpg.client.cli.options import given, shared
from branchpg.client.cli.printing import result, table
from branchpg.client.cli.progress import working
from branchpg.client.points import duration
from branchpg.environment import working_directory
from branchpg.errors import BranchpgError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from branchpg.client.project import Project
    from branchpg.client.pruning import Choice, Filters

__all__ = ["prune"]


@click.command("prune")
@click.option("--older-than", metavar="DURATION", help="Made, and reset, before: 7d.")
@click.option("--pattern", metavar="PATTERN", help="Of this name, such as 'pr-*'.")
@click.option("--git", "by_git", is_flag=True, help="Without a git branch of its name.")
@click.option("--merged", is_flag=True, help="Whose git branch is merged.")
@click.option("--dry-run", is_flag=True, help="Say what would go, and what stays why.")
@click.option("-y", "--yes", is_flag=True, help="Without a question.")
@shared
def prune(*, dry_run: bool, yes: bool, **wanted: str | bool | None) -> None:
    """Delete the branches that all of the filters find.

    Never the default branch, protected ones, parents of those that stay, the one that
    is checked out, or one that somebody is connected to.
    """
    filters = _filters(wanted)
    project = given().project()
    choices = _choices(project, filters)
    doomed = [one for one in choices if one.delete]
    if doomed and not dry_run and not yes:
        _ask(choices, len(doomed))
    if not dry_run:
        for one in doomed:
            with working(f"deleting branch {one.branch.name}"):
                project.api.delete(one.branch.id)
    about = [
        {"name": one.branch.name, "delete": one.delete, "reason": one.reason}
        for one in choices
    ]
    result(about, lambda: _show(choices, is_done=not dry_run))


def _filters(wanted: dict[str, str | bool | None]) -> Filters:
    from branchpg.client.pruning import Filters
    from branchpg.client.workingtree import Git, database_branch
    from branchpg.environment import environment

    if not any(wanted.values()):
        raise click.UsageError(
            "say which: --older-than, --pattern, --git or --merged",
            click.get_current_context(),
        )
    live = merged = None
    if wanted["by_git"] or wanted["merged"]:
        git = Git(working_directory(), environment())
        live = {database_branch(one) for one in git.branches()}
        merged = {database_branch(one) for one in git.merged()}
    older_than, pattern = wanted["older_than"], wanted["pattern"]
    return Filters(
        older_than=duration(str(older_than)) if older_than else None,
        pattern=str(pattern) if pattern else None,
        live=live if wanted["by_git"] else None,
        merged=merged if wanted["merged"] else None,
    )


def _choices(project: Project, filters: Filters) -> list[Choice]:
    from branchpg.client.pruning import choose

    api = project.api
    in_use = {one.branch for one in api.endpoints() if one.sessions}
    in_use |= set(api.aliases().values())
    return choose(api.branches(), filters, now=datetime.now(UTC), in_use=in_use)


def _ask(choices: Sequence[Choice], count: int) -> None:
    if not sys.stdin.isatty():
        raise BranchpgError(
            f"{_branches(count)} would be deleted", hint="see --dry-run; then add --yes"
        )
    _show(choices, is_done=False)
    if not click.confirm(f"Delete {_branches(count)}?", err=True):
        raise click.Abort


def _branches(count: int) -> str:
    return "1 branch" if count == 1 else f"{count} branches"


def _show(choices: Sequence[Choice], *, is_done: bool) -> None:
    if not choices:
        click.echo("No branch is to be deleted.")
        return
    goes = "deleted" if is_done else "goes"
    rows = [
        (one.branch.name, goes if one.delete else "stays", one.reason)
        for one in choices
    ]
    table(("Branch", "Then", "Reason"), rows)
