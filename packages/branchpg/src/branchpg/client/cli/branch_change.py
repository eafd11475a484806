"""What changes branches: names, what is behind them, expiry, protection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from branchpg.client.cli.branch_create import expiry, timeout_option
from branchpg.client.cli.names import branch_argument
from branchpg.client.cli.options import given, shared
from branchpg.client.cli.printing import branch_rows, result, table
from branchpg.client.cli.progress import working
from branchpg.client.points import Point, source
from branchpg.errors import BadRequest

if TYPE_CHECKING:
    from branchpg.client.answers import BranchInfo

__all__ = [
    "add_compute",
    "delete",
    "protect",
    "rename",
    "reset",
    "restore",
    "set_default",
    "set_expiration",
    "unprotect",
]


@click.command("rename")
@branch_argument()
@click.argument("new")
@shared
def rename(*, name: str, new: str) -> None:
    """Give a branch another name; its connection string changes with it."""
    api = given().project().api
    _show(api.update(api.branch(name).id, name=new))


@click.command("delete")
@click.argument("names", metavar="BRANCH...", nargs=-1, required=True)
@shared
def delete(*, names: tuple[str, ...]) -> None:
    """Delete branches with all that only they have."""
    api = given().project().api
    found = [api.branch(name) for name in names]
    for branch in found:
        with working(f"deleting branch {branch.name}"):
            api.delete(branch.id)
    about = [{"id": branch.id, "name": branch.name} for branch in found]

    def as_table() -> None:
        for branch in found:
            click.echo(f"Deleted branch {branch.name} ({branch.id}).")

    result(about, as_table)


@click.command("reset")
@branch_argument()
@click.option("--parent", is_flag=True, help="To its parent's head, the only choice.")
@click.option("--preserve-under-name", metavar="NAME", help="Keep what it is now as.")
@shared
def reset(*, name: str, parent: bool, preserve_under_name: str | None) -> None:
    """Give a branch the head of its parent; its own changes are gone.

    Its connection string stays, its connections end.
    """
    if not parent:
        raise click.UsageError(
            "a branch is reset to its parent: add --parent",
            click.get_current_context(),
        )
    api = given().project().api
    branch = api.branch(name)
    with working(f"resetting branch {branch.name}"):
        changed = api.reset(branch.id, preserve_under=preserve_under_name)
    _show(changed, preserve_under_name)


@click.command("restore")
@branch_argument("name", metavar="TARGET")
@click.argument("origin", metavar="SOURCE[@POINT]")
@click.option("--preserve-under-name", metavar="NAME", help="Keep what it is now as.")
@shared
def restore(*, name: str, origin: str, preserve_under_name: str | None) -> None:
    """Give a branch what another one is, or it itself was.

    SOURCE is a name or id, ^self or ^parent; POINT an LSN or a time. ^self needs
    both a point and --preserve-under-name. The connection string stays.

    \b
    branchpg branch restore main ^self@0/5A3F2C8 --preserve-under-name oops
    """
    wanted = source(origin)
    if wanted.branch is None:
        raise BadRequest(f'"{origin}" names no branch', hint=f"write ^self@{origin}")
    api = given().project().api
    branch = api.branch(name)
    from_id = wanted.branch
    if from_id.startswith("^"):
        _check_relative(from_id, wanted.point, preserve_under_name)
    else:
        from_id = api.branch(from_id).id
    with working(f"restoring branch {branch.name}"):
        changed = api.restore(
            branch.id, from_id, wanted.point, preserve_under=preserve_under_name
        )
    _show(changed, preserve_under_name, did="Restored branch")


def _check_relative(relative: str, point: Point, preserve_under: str | None) -> None:
    if relative not in {"^self", "^parent"}:
        raise BadRequest(f'there is no "{relative}"', hint="write ^self or ^parent")
    if relative == "^self" and not point:
        raise BadRequest(
            "a branch is restored from itself at some point",
            hint="write ^self@LSN or ^self@TIME",
        )
    if relative == "^self" and not preserve_under:
        raise BadRequest(
            "restoring a branch from itself needs a name for what it is now",
            hint="add --preserve-under-name NAME",
        )


@click.command("set-default")
@branch_argument()
@shared
def set_default(*, name: str) -> None:
    """Make a branch the one that stands where none is named."""
    api = given().project().api
    _show(api.set_default(api.branch(name).id))


@click.command("set-expiration")
@branch_argument()
@click.option("--expires-at", metavar="TIME", help="When it is deleted by itself.")
@click.option("--ttl", metavar="DURATION", help="The same from now: 7d, 12h, 30m.")
@shared
def set_expiration(*, name: str, expires_at: str | None, ttl: str | None) -> None:
    """Let a branch be deleted at a time; with no time, never."""
    at = expiry(expires_at, ttl)
    api = given().project().api
    branch = api.branch(name)
    _show(api.update(branch.id, expires_at=at.isoformat() if at else None))


@click.command("protect")
@branch_argument()
@shared
def protect(*, name: str) -> None:
    """Let nobody delete or reset a branch."""
    api = given().project().api
    _show(api.update(api.branch(name).id, protected=True))


@click.command("unprotect")
@branch_argument()
@shared
def unprotect(*, name: str) -> None:
    """Let a branch be deleted and reset again."""
    api = given().project().api
    _show(api.update(api.branch(name).id, protected=False))


@click.command("add-compute")
@branch_argument()
@click.option(
    "--type",
    "kind",
    type=click.Choice(["read_only", "read_write"]),
    default="read_only",
    show_default=True,
    help="Only one of a branch may write.",
)
@timeout_option
@shared
def add_compute(*, name: str, kind: str, suspend_timeout: int) -> None:
    """Give a branch another endpoint."""
    api = given().project().api
    branch = api.branch(name)
    made = api.add_endpoint(branch.id, kind, suspend_timeout=suspend_timeout)

    def as_table() -> None:
        rows = [(made.id, branch.name, made.type, made.current_state)]
        table(("Id", "Branch", "Type", "Current State"), rows)

    result(made, as_table)


def _show(
    changed: BranchInfo, preserved: str | None = None, *, did: str | None = None
) -> None:
    project = given().project()

    def as_table() -> None:
        if did:
            click.echo(did)
        branch_rows([changed], given().current(project))
        if preserved:
            click.echo("\nBackup branch")
            branch_rows([project.api.branch(preserved)], None)

    about: object = changed
    if preserved and given().output != "table":
        about = {"branch": changed, "backup": project.api.branch(preserved)}
    result(about, as_table)
