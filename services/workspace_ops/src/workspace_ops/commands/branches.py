"""branchpg: its own command line, on the stack."""

from __future__ import annotations

import sys

import click

from workspace_ops import settings, spawn

__all__ = ["command"]


@click.command(
    "branchpg",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(*, arguments: tuple[str, ...]) -> None:
    """Run a command of branchpg: branch, psql, connection-string, endpoint, lsn, ..."""
    argv = (sys.executable, "-P", "-m", "branchpg", *arguments)
    spawn.replace(argv, settings.load().branchpg())
