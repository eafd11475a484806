"""`yard doctor`: what this machine lacks, and what would help."""

from __future__ import annotations

import click

from stackyard.cli.engine import errors, state_root
from stackyard.cli.environment import process_environment

_MARKS = {"ok": ("✔", "green"), "warning": ("!", "yellow"), "error": ("✘", "red")}


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print findings as JSON lines")
def command(*, as_json: bool) -> None:
    """Check what running projects natively needs; exit 1 if something is missing."""
    from stackyard.engine.process.checks import Verdict, run_checks

    bad = False
    with errors():
        for finding in run_checks(state_root(), process_environment()):
            bad = bad or finding.verdict is Verdict.BAD
            if as_json:
                _print_json(vars(finding))
                continue
            mark, colour = _MARKS[finding.verdict]
            shown = click.style(mark, fg=colour)
            click.echo(f"{shown} {finding.name:<11} {finding.told}")
            if finding.remedy:
                click.echo(f"              hint: {finding.remedy}")
    if bad:
        raise click.exceptions.Exit(1)


def _print_json(value: dict[str, str]) -> None:
    import json

    click.echo(json.dumps({key: str(item) for key, item in value.items()}))
