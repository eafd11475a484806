"""rehearse."""

from __future__ import annotations

import click

from workspace_ops import rehearse, settings
from workspace_ops.commands.printing import as_json, show

__all__ = ["command"]


@click.command("rehearse")
@click.argument("revision")
@click.option("--keep", is_flag=True, help="Do not delete the branch")
@as_json
def command(*, revision: str, keep: bool, is_json: bool) -> int:
    """Run a schema migration on a branch, and show what it does there.

    REVISION is one of Alembic's, such as head. The exit code is 1 where it fails, loses
    rows, or a connection test fails afterwards.
    """
    done = rehearse.rehearse(settings.load(), revision, keep=keep)

    def as_text() -> None:
        click.echo(f"Branch {done.branch}, made in {done.branch_seconds:.1f} s")
        ended = "failed after" if done.error else "took"
        click.echo(f"{done.before} to {done.revision} {ended} {done.seconds:.1f} s")
        if done.error:
            click.echo(f"error: {done.error}")
        for table in done.lost:
            click.echo(f"error: {table} has lost rows")
        for one in done.checks:
            click.echo(
                f"{'ok    ' if one.passed else 'FAILED'} {one.name}: {one.detail}"
            )
        click.echo(done.schema_diff or "The schema is the same.")
        click.echo("Branch kept." if done.kept else "Branch deleted.")

    show(done, as_text, is_json=is_json)
    return 0 if done.is_well else 1
