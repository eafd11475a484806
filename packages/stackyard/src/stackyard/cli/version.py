"""`yard version`."""

from __future__ import annotations

import click

from stackyard import __version__


@click.command("version")
@click.option("--short", is_flag=True, help="Print the number alone")
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["pretty", "json"]),
    default="pretty",
    help="Format of the output",
)
def command(*, short: bool, form: str) -> None:
    """Print the version of Stackyard."""
    if short:
        click.echo(__version__)
    elif form == "json":
        click.echo(f'{{"version":"v{__version__}"}}')
    else:
        click.echo(f"Stackyard version v{__version__}")
