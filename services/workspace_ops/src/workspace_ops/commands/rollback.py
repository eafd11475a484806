"""rollback."""

from __future__ import annotations

import click

from workspace_ops import rollback, settings
from workspace_ops.commands.printing import as_json, show

__all__ = ["command"]


@click.command("rollback")
@click.argument("branch", required=False)
@click.option("--dry-run", is_flag=True, help="Say what would be done")
@as_json
def command(*, branch: str | None, dry_run: bool, is_json: bool) -> None:
    """Give the default branch what BRANCH has.

    Without a name: the newest branch that a migration or a load made before it began.
    What is there now stays on a branch of its own.
    """
    done = rollback.rollback(settings.load(), branch, dry_run=dry_run)

    def as_text() -> None:
        if dry_run:
            click.echo(f"{done.branch} would be what {done.to} is.")
            return
        click.echo(f"{done.branch} is what {done.to} is, after {done.seconds:.1f} s.")
        click.echo(f"What it was just now: branch {done.preserved}")

    show(done, as_text, is_json=is_json)
