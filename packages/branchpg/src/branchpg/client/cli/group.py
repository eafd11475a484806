"""Groups of commands that are imported when they run, and found by what was meant."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Command", "Lazy", "rest"]

_REST = "branchpg.rest"


class Lazy(click.Group):
    """Commands by name: where each is, as `module:name`, and what it does."""

    def __init__(
        self,
        *arguments: Any,
        table: Mapping[str, tuple[str, str]],
        aliases: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(*arguments, **settings)
        self._table = table
        self._aliases = aliases or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        name = self._aliases.get(cmd_name, cmd_name)
        if name not in self._table:
            return None
        module, _, attribute = self._table[name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one may have been meant."""
        if args and self.get_command(ctx, args[0]) is None:
            from difflib import get_close_matches

            near = get_close_matches(args[0], [*self._table, *self._aliases], 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise click.UsageError(f'there is no command "{args[0]}"{hint}', ctx)
        return super().resolve_command(ctx, args)

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, about) for name, (_, about) in self._table.items()]
            )


class Command(click.Command):
    """A command after whose `--` there are arguments for another program."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Set the arguments after `--` aside."""
        if "--" in args:
            at = args.index("--")
            args, ctx.meta[_REST] = args[:at], tuple(args[at + 1 :])
        return super().parse_args(ctx, args)


def rest(ctx: click.Context) -> tuple[str, ...]:
    """Return the arguments after `--`."""
    found: tuple[str, ...] = ctx.meta.get(_REST, ())
    return found
