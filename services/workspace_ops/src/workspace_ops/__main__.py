"""`workspace-ops`: the command line, and how errors are told."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
import psycopg2

from branchpg.errors import BranchpgError
from workspace_ops.cli import group
from workspace_ops.errors import OperationError

if TYPE_CHECKING:
    from collections.abc import Sequence

_FAILED, _USAGE, _INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    try:
        result = group(args=arguments, prog_name="workspace-ops", standalone_mode=False)
        sys.stdout.flush()
    except (click.exceptions.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except click.UsageError as error:
        error.show()
        return _USAGE
    except click.ClickException as error:
        return _told(error.format_message(), None)
    except (OperationError, BranchpgError) as error:
        return _told(error.message, error.hint)
    except psycopg2.Error as error:
        return _told(_words(error), "yard -s workspace test says which part fails")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        where = f'"{error.filename}": ' if error.filename else ""
        return _told(f"{where}{reason}", None)
    return result if isinstance(result, int) else 0


def _words(error: psycopg2.Error) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _told(message: str, hint: str | None) -> int:
    click.echo(f"error: {message}", err=True)
    if hint:
        click.echo(f"hint: {hint}", err=True)
    return _FAILED


if __name__ == "__main__":
    raise SystemExit(main())
