"""test."""

from __future__ import annotations

import click

from workspace_ops import checks, settings
from workspace_ops.commands.printing import as_json, show

__all__ = ["command"]


@click.command("test")
@click.option(
    "--branch", metavar="NAME", help="Of the database  [default: the default]"
)
@as_json
def command(*, branch: str | None, is_json: bool) -> int:
    """Run the ten connection tests. The exit code is 1 if one failed."""
    results = checks.run(checks.Subject(settings.load(), branch))
    failed = sum(not one.passed for one in results)
    summary = {"total": len(results), "passed": len(results) - failed, "failed": failed}

    def as_text() -> None:
        for one in results:
            mark = click.style("ok    ", fg="green")
            mark = mark if one.passed else click.style("FAILED", fg="red")
            click.echo(f"{one.number:>2} {mark} {one.name:<20} {one.detail}")
            if one.hint:
                click.echo(f"{'':30} hint: {one.hint}")
        words = (f"{name.capitalize()}: {count}" for name, count in summary.items())
        click.echo("  ".join(words))

    show({"tests": results, "summary": summary}, as_text, is_json=is_json)
    return 1 if failed else 0
