"""The group `branch`, and what only looks: list, get."""

from __future__ import annotations

from typing import Final

import click

from branchpg.client.cli.group import Lazy
from branchpg.client.cli.names import branch_argument
from branchpg.client.cli.options import given, shared
from branchpg.client.cli.printing import branch_rows, result
from branchpg.client.points import written

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
    project = given().project()
    current = given().current(project)
    branches = project.api.branches()
    from branchpg.client.api import branch_named

    found = branch_named(branches, name or current)
    names = {one.id: one.name for one in branches}

    def as_table() -> None:
        branch_rows([found], current)
        parent = names.get(found.parent_id or "")
        point = f" at {found.parent_lsn}" if found.parent_lsn else ""
        time = written(found.parent_timestamp)
        facts = {
            "Parent": f"{parent}{point}{f' ({time})' if time else ''}"
            if parent
            else "",
            "Last reset": written(found.last_reset_at),
            "Timeline": found.timeline_id,
            "Endpoints": ", ".join(
                f"{one.id} ({one.type}, {one.current_state})" for one in found.endpoints
            ),
            "Children": ", ".join(
                one.name for one in branches if one.parent_id == found.id
            ),
        }
        click.echo()
        for title, text in facts.items():
            if text:
                click.echo(f"{title + ':':<12}{text}")

    result(found, as_table)
