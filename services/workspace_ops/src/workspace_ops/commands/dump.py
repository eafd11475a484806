"""dump and load: logical backups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workspace_ops import logical, safety, settings
from workspace_ops.commands.printing import as_json, show

if TYPE_CHECKING:
    from workspace_ops.tables import Table

__all__ = ["dump", "load"]

_branch = click.option(
    "--branch", metavar="NAME", help="Of the database  [default: the default]"
)


@click.command("dump")
@click.argument("file", required=False, type=click.Path(dir_okay=False))
@_branch
@as_json
def dump(*, file: str | None, branch: str | None, is_json: bool) -> None:
    """Write a logical backup: FILE, and FILE.json, which says what it holds.

    It is of one moment, while the API goes on. `yard backup` makes a physical one.
    """
    path = file or f"workspace-{safety.stamp()}.dump"
    made = logical.dump(settings.load(), path, branch)

    def as_text() -> None:
        click.echo(f"{made.file}: {made.bytes} bytes, verified")
        _tell(made.tables)

    show(made, as_text, is_json=is_json)


@click.command("load")
@click.argument("file", type=click.Path(dir_okay=False))
@_branch
@click.option("--force", is_flag=True, help="Replace items that are there")
@as_json
def load(*, file: str, branch: str | None, force: bool, is_json: bool) -> None:
    """Restore a logical backup, as a whole or not at all, and verify it.

    What was there before stays on a branch.
    """
    done = logical.load(settings.load(), file, branch, force=force)

    def as_text() -> None:
        click.echo(f"Restored {file} to branch {done.branch}, verified.")
        _tell(done.tables)
        click.echo(f"Before: branch {done.before}")

    show(done, as_text, is_json=is_json)


def _tell(tables: dict[str, Table]) -> None:
    for name, table in tables.items():
        click.echo(f"  {name:<24} {table.count:>9} rows")
