"""The table of commands; each is imported when it runs."""

from __future__ import annotations

from typing import Final

import click

from branchpg.client.cli.group import Lazy

__all__ = ["COMMANDS", "group"]

_HERE: Final = "workspace_ops.commands"
COMMANDS: Final = {
    "test": (f"{_HERE}.test:command", "Run the ten connection tests"),
    "init": (f"{_HERE}.init:command", "Make the schema and what it begins with"),
    "dump": (f"{_HERE}.dump:dump", "Write a logical backup, verified"),
    "load": (f"{_HERE}.dump:load", "Restore a logical backup, verified"),
    "migrate": (f"{_HERE}.migrate:command", "Copy an old workspace database"),
    "rollback": (f"{_HERE}.rollback:command", "Go back to before a migration"),
    "rehearse": (f"{_HERE}.rehearse:command", "Try a schema migration on a branch"),
    "branchpg": (f"{_HERE}.branches:command", "Run branchpg on the stack's branches"),
}
"""Name -> where the command is, and what it does."""


@click.command(
    cls=Lazy,
    table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
def group() -> None:
    """Operations of the workspace stack.

    Run them as commands of the stack: yard -s workspace test
    """
