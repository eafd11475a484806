"""migrate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workspace_ops import settings
from workspace_ops.commands.printing import as_json, show
from workspace_ops.migration import run

if TYPE_CHECKING:
    from workspace_ops.migration.run import Report

__all__ = ["command"]

_SHOWN = 10


@click.command("migrate")
@click.option(
    "--from",
    "dsn",
    metavar="DSN",
    required=True,
    envvar="WORKSPACE_OLD_DSN",
    help="The old database, as libpq has it (or WORKSPACE_OLD_DSN)",
)
@click.option("--dry-run", is_flag=True, help="Find out what would be; write nothing")
@click.option("--backup", is_flag=True, help="Dump the old tables to a file first")
@click.option("--force", is_flag=True, help="Copy beside items of other origin")
@click.option(
    "--directory",
    default=".",
    type=click.Path(file_okay=False, exists=True),
    help="Where report and backup go  [default: here]",
)
@as_json
def command(*, is_json: bool, **given: object) -> int:
    """Copy items and categories of an old workspace database.

    In one transaction, verified before it is committed. Run again, it copies what has
    come since. What the stack holds now stays on a branch: yard -s workspace rollback.
    """
    wishes = run.Wishes(**given)  # type: ignore[arg-type]
    report = run.migrate(settings.load(), wishes)
    show(report, lambda: _tell(report), is_json=is_json)
    return 0 if report.is_well else 1


def _tell(report: Report) -> None:
    click.echo(f"From {report.source} ({report.shape}), {report.seconds:.1f} s")
    for name, table in report.tables.items():
        click.echo(
            f"  {name:<22} {table.source:>7} there {table.before:>7} copied before"
            f" {table.copied:>7} copied  {table.source_checksum}"
        )
    for text in report.mended[:_SHOWN]:
        click.echo(f"mended: {text}")
    for one in report.problems[:_SHOWN]:
        click.echo(
            f"error: {one.table} {one.row}: {one.field}: {one.message}", err=True
        )
    if report.problems:
        click.echo(
            f"error: {len(report.problems)} problems, so nothing was changed\n"
            "hint: mend these rows in the old database, then run it again",
            err=True,
        )
    elif report.dry_run:
        click.echo("Nothing was written: this was a dry run.")
    else:
        for title, text in {
            "Report": report.file,
            "Backup": report.backup,
            "Before": f"branch {report.before}",
        }.items():
            if text:
                click.echo(f"{title}: {text}")
