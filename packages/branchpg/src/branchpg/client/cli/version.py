"""`branchpg version`."""

from __future__ import annotations

import click

from branchpg.client.cli.options import shared
from branchpg.client.cli.printing import result
from branchpg.errors import BranchpgError

__all__ = ["command"]


@click.command("version")
@shared
def command() -> None:
    """Print the version, and which PostgreSQL is found."""
    from importlib.metadata import version

    from branchpg.environment import environment
    from branchpg.postgres import programs

    ours = version("branchpg")
    about = {"branchpg": ours, "postgresql": "", "programs": ""}
    try:
        found = programs.find(environment())
        about |= {"postgresql": found.version, "programs": found.directory}
    except BranchpgError as error:
        about["programs"] = str(error)

    def as_table() -> None:
        click.echo(f"branchpg {ours}")
        click.echo(f"PostgreSQL {about['postgresql'] or 'not found'}")

    result(about, as_table)
