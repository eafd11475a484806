"""The entry point: global options, the table of commands, and how errors are told."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from stackyard.cli.environment import process_environment
from stackyard.cli.options import GlobalOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

# Commands are imported when they run: `yard version` need not know how to read YAML.
COMMANDS: Final = {
    "up": ("up", "command"),
    "create": ("scale", "create"),
    "scale": ("scale", "scale"),
    "run": ("run", "command"),
    "exec": ("exec", "command"),
    "start": ("lifecycle", "start"),
    "stop": ("lifecycle", "stop"),
    "restart": ("lifecycle", "restart"),
    "kill": ("lifecycle", "kill"),
    "pause": ("lifecycle", "pause"),
    "unpause": ("lifecycle", "unpause"),
    "rm": ("rm", "command"),
    "down": ("down", "command"),
    "ps": ("ps", "command"),
    "logs": ("logs", "command"),
    "attach": ("attach", "command"),
    "top": ("top", "command"),
    "stats": ("stats", "command"),
    "events": ("events", "command"),
    "wait": ("wait", "command"),
    "port": ("port", "command"),
    "cp": ("cp", "command"),
    "images": ("images", "command"),
    "volumes": ("volumes", "command"),
    "ls": ("ls", "command"),
    "status": ("status", "command"),
    "backup": ("backup", "backup"),
    "restore": ("backup", "restore"),
    "doctor": ("doctor", "command"),
    "config": ("config", "command"),
    "explain": ("explain", "command"),
    "completion": ("completion", "command"),
    "version": ("version", "command"),
}
"""Name -> module of this package, and the command's name there."""
GROUPS: Final = {
    "Run": {
        "up": "Create and start services",
        "create, scale": "Create without starting; set the number of replicas",
        "run, exec": "Run a one-off command; run one in a running service",
        "start, stop, restart": "Start, stop or restart services",
        "kill, pause, unpause": "Signal services; let them rest and go on",
        "rm": "Remove stopped containers",
        "down": "Stop and remove what up created",
    },
    "Look": {
        "ps, ls": "List containers of this project; list projects",
        "status": "Show containers and the addresses to reach them at",
        "logs, attach": "Show output; follow it and type into a service",
        "top, stats": "Show processes; show what they use",
        "events, wait": "Show what happens; wait until services end",
        "port, cp": "Show a published port; copy files",
        "images, volumes": "List images and volumes of the project",
        "backup, restore": "Write volumes to an archive; put them back",
    },
    "Understand": {
        "config": "Parse, resolve and print the Compose file",
        "explain": "Tell where a value or variable comes from",
        "doctor": "Check what this machine lacks",
        "completion": "Print a shell's completion script",
        "version": "Print the version of Stackyard",
    },
}
"""The commands as `yard --help` shows them."""
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
        module, name = COMMANDS[cmd_name]
        found = import_module(f"stackyard.cli.{module}")
        command: click.Command = getattr(found, name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one may have been meant."""
        if args and args[0] not in COMMANDS:
            return args[0], self._from_file(ctx, args[0]), args[1:]
        return super().resolve_command(ctx, args)

    def _from_file(self, ctx: click.Context, name: str) -> click.Command:
        """Return a command that the Compose file adds under `x-yard.commands`."""
        from stackyard.cli.stacks import command_of

        found = command_of(self, _options(ctx.params), name)
        if found is None:
            _unknown_command(ctx, name)
        return found

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """List the commands without importing them."""
        for title, rows in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl(list(rows.items()))


def _options(given: dict[str, Any]) -> GlobalOptions:
    return GlobalOptions.of(given, process_environment())


def _unknown_command(ctx: click.Context, name: str) -> NoReturn:
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
@click.option(
    "-s",
    "--stack",
    metavar="NAME",
    help="The stack of that name: stacks/NAME/compose.yaml, here or above",
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
@click.option(
    "--progress",
    type=click.Choice(["auto", "tty", "plain", "json", "quiet"]),
    metavar="MODE",
    help="How progress is shown: auto, tty, plain, json, quiet",
)
@click.option(
    "--ansi",
    type=click.Choice(["never", "always", "auto"]),
    metavar="MODE",
    help="Whether colours are used: never, always, auto",
)
@click.option("--dry-run", is_flag=True, help="Print the plan, do nothing")
@click.option("--parallel", type=int, hidden=True, expose_value=False)
@click.option("--compatibility", is_flag=True, hidden=True, expose_value=False)
@click.option("-D", "--debug", is_flag=True, hidden=True, expose_value=False)
@click.option("--verbose", is_flag=True, hidden=True, expose_value=False)
@click.pass_context
def yard(ctx: click.Context, /, **options: Any) -> None:
    """Bring up a whole stack from a Compose file."""
    ctx.obj = _options(options)


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
