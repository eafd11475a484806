"""The entry point: the table of commands, and how errors are told."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

import click

from branchpg.client.cli.group import Lazy
from branchpg.client.cli.options import shared
from branchpg.errors import BranchpgError

if TYPE_CHECKING:
    from collections.abc import Sequence

_HERE: Final = "branchpg.client.cli"
COMMANDS: Final = {
    "init": (f"{_HERE}.services:init", "Make a project in a directory"),
    "start": (f"{_HERE}.services:start", "Start its services"),
    "stop": (f"{_HERE}.services:stop", "Stop them"),
    "restart": (f"{_HERE}.services:restart", "Stop and start them"),
    "status": (f"{_HERE}.services:status", "Show what runs, and where"),
    "psql": (f"{_HERE}.connect:psql", "Run psql on a branch, now or at a point"),
    "connection-string": (f"{_HERE}.connect:connection_string", "Print one (cs)"),
    "branch": (f"{_HERE}.branch:branch", "Create, list, reset, restore, compare, ..."),
    "endpoint": (f"{_HERE}.endpoint:endpoint", "List, start and suspend endpoints"),
    "lsn": (f"{_HERE}.history:lsn", "Print the LSN of a time"),
    "time": (f"{_HERE}.history:time", "Print the time of an LSN"),
    "gc": (f"{_HERE}.history:gc", "Remove history that nothing needs, or say what"),
    "store": (f"{_HERE}.store:store", "Show what branches take; make a file system"),
    "import": (f"{_HERE}.importing:command", "Take over a cluster, or a dump"),
    "git": (f"{_HERE}.git:git", "Give every git branch its database branch"),
    "completion": (f"{_HERE}.completion:command", "Print a shell's completion script"),
    "version": (f"{_HERE}.version:command", "Print the version"),
}
"""Name -> where the command is, and what it does."""
ALIASES: Final = {
    "branches": "branch",
    "cs": "connection-string",
    "endpoints": "endpoint",
}

_FAILED, _USAGE, _INTERRUPTED, _CLOSED = 1, 2, 130, 141


@click.command(
    cls=Lazy,
    table=COMMANDS,
    aliases=ALIASES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
@shared
def branchpg() -> None:
    """Stock PostgreSQL that branches like Git.

    \b
    branchpg init ./db && branchpg start
    branchpg branch create preview
    branchpg psql preview
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `branchpg` and return its exit code."""
    try:
        result = branchpg.main(
            args=arguments, prog_name="branchpg", standalone_mode=False
        )
        sys.stdout.flush()
    except (click.exceptions.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except BrokenPipeError:
        _silence()
        return _CLOSED
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return _USAGE
    except SystemExit as end:  # of click, when nobody reads its output any more
        return end.code if isinstance(end.code, int) else _FAILED
    except (click.ClickException, BranchpgError, OSError) as error:
        return _told(error)
    return result if isinstance(result, int) else 0


def _told(error: click.ClickException | BranchpgError | OSError) -> int:
    code, hint = _FAILED, None
    if isinstance(error, click.UsageError):
        code, message = _USAGE, _sentence(error.format_message())
        if error.ctx:
            hint = f"{error.ctx.command_path} --help"
    elif isinstance(error, BranchpgError):
        message, hint = error.message, error.hint
    elif isinstance(error, click.ClickException):
        message = _sentence(error.format_message())
    else:
        reason = (error.strerror or str(error)).lower()
        message = f"{reason}: {error.filename}" if error.filename else reason
    click.echo(f"error: {message}", err=True)
    if hint:
        click.echo(f"hint: {hint}", err=True)
    return code


def _sentence(text: str) -> str:
    """Return a message of click's as ours are: in lower case, without a period."""
    head = text[:1].lower() if text[1:2].islower() else text[:1]
    return f"{head}{text[1:]}".removesuffix(".")


def _silence() -> None:
    """Let nothing more be written to an output that nobody reads."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
