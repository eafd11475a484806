"""The group `branch`, and what only looks: list, get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from branchpg.client.cli.group import Lazy
from branchpg.client.cli.names import branch_argument
from branchpg.client.cli.options import given, shared
from branchpg.client.cli.printing import branch_rows, result
from branchpg.client.points import written

if TYPE_CHECKING:
    from branchpg.client.answers import BranchInfo

__all__ = ["branch", "get", "listing"]

_HERE: Final = "branchpg.client.cli"
_COMMANDS: Final = {
    "list": (f"{_HERE}.branch:listing", "List them"),
    "get": (f"{_HERE}.branch:get", "Show one"),
    "create": (f"{_HERE}.branch_create:create", "Make one, now or at a point"),
    "rename": (f"{_HERE}.branch_change:rename", "Give one another name"),
    "delete": (f"{_HERE}.branch_change:delete", "Delete some"),
    "reset": (f"{_HERE}.branch_change:reset", "Give one the head of its parent"),
    "restore": (f"{_HERE}.branch_change:restore", "Give one what a branch was"),
    "set-default": (f"{_HERE}.branch_change:set_default", "Make one the default"),
    "set-expiration": (f"{_HERE}.branch_change:set_expiration", "Let one expire"),
    "protect": (f"{_HERE}.branch_change:protect", "Let none delete or reset it"),
    "unprotect": (f"{_HERE}.branch_change:unprotect", "Take that back"),
    "add-compute": (f"{_HERE}.branch_change:add_compute", "Add an endpoint"),
    "schema-diff": (f"{_HERE}.schema:schema_diff", "Compare schemas (sd)"),
    "prune": (f"{_HERE}.prune:prune", "Delete those nobody needs"),
    "checkout": (f"{_HERE}.checkout:checkout", "Make one the current one here"),
}
_ALIASES: Final = {"sd": "schema-diff", "ls": "list", "rm": "delete"}


@click.command(cls=Lazy, table=_COMMANDS, aliases=_ALIASES)
@shared
def branch() -> None:
    """Branches: each a whole cluster, at once, from any moment of another one."""


@click.command("list")
@shared
def listing() -> None:
    """List the branches."""
    project = given().project()
    branches = project.api.branches()
    current = given().current(project)
    result(branches, lambda: branch_rows(branches, current))


@click.command("get")
@branch_argument(required=False)
@shared
def get(*, name: str | None) -> None:
    """Show a branch, the current one if none is named."""
    from branchpg.client.api import branch_named

    project = given().project()
    current = given().current(project)
    branches = project.api.branches()
    found = branch_named(branches, name or current)
    result(found, lambda: _show(found, branches, current))


def _show(found: BranchInfo, branches: list[BranchInfo], current: str | None) -> None:
    branch_rows([found], current)
    endpoints = (f"{e.id} ({e.type}, {e.current_state})" for e in found.endpoints)
    children = (one.name for one in branches if one.parent_id == found.id)
    facts = {
        "Parent": _origin(found, branches),
        "Last reset": written(found.last_reset_at),
        "Timeline": found.timeline_id,
        "Endpoints": ", ".join(endpoints),
        "Children": ", ".join(children),
    }
    click.echo()
    for title, text in facts.items():
        if text:
            click.echo(f"{title + ':':<12}{text}")


def _origin(found: BranchInfo, branches: list[BranchInfo]) -> str:
    """Return from where a branch is; nothing for a root."""
    names = [one.name for one in branches if one.id == found.parent_id]
    point = f" at {found.parent_lsn}" if found.parent_lsn else ""
    time = written(found.parent_timestamp)
    asked = f" ({time})" if time else ""
    return f"{names[0]}{point}{asked}" if names else ""
