"""The group `git`: a hook that gives every git branch its database branch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from branchpg.client.cli.group import Lazy
from branchpg.client.cli.options import given, shared
from branchpg.environment import environment, working_directory
from branchpg.errors import BranchpgError

if TYPE_CHECKING:
    from branchpg.client.workingtree import Git

__all__ = ["follow", "git", "install_hook", "uninstall_hook"]

_HERE = "branchpg.client.cli.git"
_COMMANDS = {
    "install-hook": (f"{_HERE}:install_hook", "Follow git's branches from now on"),
    "uninstall-hook": (f"{_HERE}:uninstall_hook", "Take that back"),
    "follow": (f"{_HERE}:follow", "Check out what git has checked out"),
}


@click.command(cls=Lazy, table=_COMMANDS)
@shared
def git() -> None:
    """Give every git branch its database branch, under one DATABASE_URL."""


@click.command("install-hook")
@shared
def install_hook() -> None:
    """Add a post-checkout hook to this repository, and follow git at once.

    From then on a git branch that is checked out has a database branch of its name,
    made when it is first needed: of the current one for `git checkout -b`, else of the
    default one. DATABASE_URL in .env never changes.
    """
    from branchpg.client.workingtree import tracked_warning

    repository = _repository()
    path = repository.install_hook()
    click.echo(f"Installed {path}")
    warning = tracked_warning(repository.root)
    if warning:
        click.echo(warning, err=True)
    _follow(repository, is_new=False)


@click.command("uninstall-hook")
@shared
def uninstall_hook() -> None:
    """Take the hook out of this repository; branches and .env stay."""
    if _repository().uninstall_hook():
        click.echo("Removed the hook.")
    else:
        click.echo("There is no hook of branchpg.")


@click.command("follow")
@click.argument("before", required=False)
@click.argument("after", required=False)
@shared
def follow(*, before: str | None, after: str | None) -> None:
    """Check out the database branch of the git branch that is checked out."""
    # The same commit before and after: a branch that was just made here.
    _follow(_repository(), is_new=before is not None and before == after)


def _repository() -> Git:
    from branchpg.client.workingtree import Git

    return Git(working_directory(), environment())


def _follow(repository: Git, *, is_new: bool) -> None:
    from branchpg.client.cli.branch_create import make
    from branchpg.client.points import Source
    from branchpg.client.workingtree import (
        branch_for,
        checked_out,
        database_branch,
    )

    name = repository.current()
    if name is None:
        click.echo(
            "branchpg: no branch is checked out, so the database stays", err=True
        )
        return
    project = given().project()
    if not project.services.running:
        raise BranchpgError(
            f"{project.place.root} does not run, so the database stays",
            hint="branchpg start && branchpg git follow",
        )
    found = branch_for(name, project.api.branches())
    is_made = found is None
    if found is None:
        current = given().current(project) if is_new else None
        found = make(project, database_branch(name), Source(current))
    checked_out(project, repository.root, found)
    how = "new branch" if is_made else "branch"
    click.echo(f"branchpg: on {how} {found.name}", err=True)
