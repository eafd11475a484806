"""What the command lines of the services share."""

from __future__ import annotations

import functools
from typing import IO, TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

from branchpg.errors import BranchpgError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["read_token", "report"]

P = ParamSpec("P")
R = TypeVar("R")


def read_token(path: str | None) -> str | None:
    """Return the token in a file; None where no file is named."""
    if path is None:
        return None
    try:
        with open(path, encoding="ascii") as file:
            token = file.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BranchpgError(
            f'cannot read the token in "{path}": {error}', hint="see branchpg init"
        ) from error
    if not token:
        raise BranchpgError(f'"{path}" holds no token')
    return token


def report(command: Callable[P, R]) -> Callable[P, R]:
    """Let a command end with what is wrong and how to mend it, and no traceback."""

    @functools.wraps(command)
    def reporting(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except BranchpgError as error:
            raise _Told(error) from error

    return reporting


class _Told(click.ClickException):
    def __init__(self, error: BranchpgError) -> None:
        super().__init__(error.message)
        self._hint = error.hint

    def show(self, file: IO[Any] | None = None) -> None:
        """Say what is wrong and how to mend it."""
        click.echo(f"error: {self.message}", file=file, err=file is None)
        if self._hint:
            click.echo(f"hint: {self._hint}", file=file, err=file is None)
