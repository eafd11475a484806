"""The entry point: global options, the table of commands, and how errors are told."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import click

from stackyard.cli.options import GlobalOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

# Commands are imported when they run: `yard version` need not know how to read YAML.
COMMANDS: Final = {
    "config": ("stackyard.cli.config", "Parse, resolve and print the Compose file"),
    "explain": ("stackyard.cli.explain", "Tell where a value or variable comes from"),
    "completion": ("stackyard.cli.completion", "Print a shell's completion script"),
    "version": ("stackyard.cli.version", "Print the version of Stackyard"),
}
_FAILED: Final = 1
_INTERRUPTED: Final = 130


class Commands(click.Group):
    """Commands that are imported on use, with suggestions for misspelt names."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        command: click.Command = import_module(module).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one may have been meant."""
        if args and self.get_command(ctx, args[0]) is None:
            _unknown_command(ctx, args[0])
        return super().resolve_command(ctx, args)

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _unknown_command(ctx: click.Context, name: str) -> None:
    from stackyard.compose.suggest import nearest

    near = nearest(name, COMMANDS)
    hint = f" Did you mean {near}?" if near else ""
    raise click.UsageError(f"unknown command {name!r}.{hint}", ctx)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    invoke_without_command=False,
)
@click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    metavar="FILE",
    help="Compose file; repeat to merge several, - reads standard input",
)
@click.option("-p", "--project-name", metavar="NAME", help="Project name")
@click.option(
    "--project-directory",
    metavar="DIR",
    help="Working directory of the project  [default: that of the first file]",
)
@click.option(
    "--env-file",
    "env_files",
    multiple=True,
    metavar="FILE",
    help="Read variables from FILE instead of .env; may be repeated",
)
@click.option(
    "--profile",
    "profiles",
    multiple=True,
    metavar="NAME",
    help='Enable a profile, or all with "*"; may be repeated',
)
@click.option(
    "--all-resources",
    is_flag=True,
    help="Include resources that no service uses",
)
@click.pass_context
def yard(ctx: click.Context, /, **options: Any) -> None:
    """Bring up a whole stack from a Compose file."""
    ctx.obj = GlobalOptions(**options)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `yard` and return its exit code."""
    try:
        result = yard.main(args=arguments, prog_name="yard", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return _FAILED
    except click.exceptions.Abort:
        return _INTERRUPTED
    except KeyboardInterrupt:
        return _INTERRUPTED
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        click.echo(f"error: cannot write the output: {reason}", err=True)
        return _FAILED
    return result if isinstance(result, int) else 0
