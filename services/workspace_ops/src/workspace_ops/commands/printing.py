"""What a command prints: a text, or with `--json` one value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["as_json", "show"]

F = TypeVar("F", bound="Callable[..., Any]")


def as_json(command: F) -> F:
    """Let a command take `--json`."""
    return click.option("--json", "is_json", is_flag=True, help="Print JSON")(command)


def show(about: object, as_text: Callable[[], None], *, is_json: bool) -> None:
    """Print a value."""
    if is_json:
        click.echo(msgspec.json.format(msgspec.json.encode(about), indent=2))
    else:
        as_text()
