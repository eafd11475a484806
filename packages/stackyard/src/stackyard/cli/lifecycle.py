"""`yard start`, `stop`, `restart`, `kill`, `pause`, `unpause`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from stackyard.cli.engine import client_of, errors
from stackyard.cli.options import dry_run_option
from stackyard.cli.perform import check_services, perform

if TYPE_CHECKING:
    from collections.abc import Callable

    from stackyard.cli.options import GlobalOptions
    from stackyard.engine.process.client import Client

_timeout = click.option(
    "-t", "--timeout", type=int, metavar="SECONDS", help="Grace of a stop"
)


def _command(name: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a command with the arguments that all of these share."""

    def made(function: Callable[..., Any]) -> click.Command:
        services = click.argument("services", metavar="[SERVICE]...", nargs=-1)
        return click.command(name)(services(dry_run_option(function)))

    return made


@_command("start")
@click.option("--wait", is_flag=True, help="Wait until healthy")
@click.option("--wait-timeout", type=int, metavar="SECONDS", help="Limit of --wait")
@click.pass_obj
def start(options: GlobalOptions, /, **chosen: Any) -> None:
    """Start services that were stopped."""
    limit = chosen["wait_timeout"]
    if limit is not None and limit < 0:
        raise click.ClickException("--wait-timeout must be a non-negative integer")
    _carry_out(
        options,
        "start",
        chosen["services"],
        wait=chosen["wait"] or limit is not None,
        wait_limit=limit or None,
        needed=True,
    )


@_command("stop")
@_timeout
@click.option("--force", is_flag=True, help="Kill at once: no grace")
@click.option(
    "--remove-volumes",
    is_flag=True,
    help="Remove everything and all its data; asks for the word DELETE",
)
@click.pass_context
def stop(context: click.Context, /, **chosen: Any) -> None:
    """Stop services without removing them."""
    options: GlobalOptions = context.obj
    grace = 0 if chosen["force"] else chosen["timeout"]
    if not chosen["remove_volumes"]:
        _carry_out(options, "stop", chosen["services"], grace=grace)
        return
    if chosen["services"]:
        raise click.UsageError("--remove-volumes is for the whole project")
    if not options.dry_run:
        _check_word("DELETE", "This removes the project and all data of its volumes.")
    from stackyard.cli.down import command as down

    context.invoke(
        down, services=(), remove_orphans=False, timeout=grace, volumes=True, yes=True
    )


def _check_word(word: str, consequence: str) -> None:
    """Go on only once a word was typed out.

    Raises:
        click.ClickException: something else was.
    """
    click.echo(f"{consequence}\nType {word} to go on: ", err=True, nl=False)
    typed = sys.stdin.readline()
    if typed.strip() != word:
        raise click.ClickException(f"{word} was not typed: nothing was changed")


@_command("restart")
@click.option("--no-deps", is_flag=True, help="Leave alone what depends on them")
@_timeout
@click.pass_obj
def restart(options: GlobalOptions, /, **chosen: Any) -> None:
    """Stop services and start them again."""
    _carry_out(
        options,
        "restart",
        chosen["services"],
        grace=chosen["timeout"],
        deps=not chosen["no_deps"],
        needed=True,
    )


@_command("kill")
@click.option(
    "-s",
    "--signal",
    "signal_name",
    default="SIGKILL",
    metavar="SIGNAL",
    help="Signal to send  [default: SIGKILL]",
)
@click.option("--remove-orphans", is_flag=True, help="Remove services not in the file")
@click.pass_obj
def kill(options: GlobalOptions, /, **chosen: Any) -> None:
    """Send a signal to services.

    Without names to those of the file, with what `run` started for them.
    """
    number = signal_number(chosen["signal_name"])
    services = chosen["services"]
    with errors():
        client = client_of(options)
        snapshot = client.snapshot()
        check_services(options, snapshot, services)
        known = set(services) or None
        if not services and not chosen["remove_orphans"]:
            known = _of_the_file(options)
        targets = [
            item.container
            for item in snapshot.containers
            if known is None or item.container.service in known
        ]
    if not services and not any(item.up for item in targets):
        raise click.ClickException("no container to kill")
    if targets:
        ids = tuple(item.id for item in targets)
        _send(options, client, "kill", containers=ids, signal=number)
    if chosen["remove_orphans"]:
        _remove_orphans(options)


def _of_the_file(options: GlobalOptions) -> set[str] | None:
    """Return the services of the file; None where that cannot be had."""
    from stackyard.cli.engine import load_project
    from stackyard.compose.errors import ComposeError

    try:
        return set(load_project(options).all_services)
    except ComposeError:  # what runs can be ended all the same
        return None


@_command("pause")
@click.pass_obj
def pause(options: GlobalOptions, /, **chosen: Any) -> None:
    """Let services rest: nothing of them runs until unpause."""
    _carry_out(options, "pause", chosen["services"])


@_command("unpause")
@click.pass_obj
def unpause(options: GlobalOptions, /, **chosen: Any) -> None:
    """Let services that were paused go on."""
    _carry_out(options, "unpause", chosen["services"])


def _carry_out(
    options: GlobalOptions,
    name: str,
    services: tuple[str, ...],
    *,
    needed: bool = False,
    **values: Any,
) -> None:
    """Have a command on services carried out.

    Args:
        options: of the command line.
        name: of the command.
        services: whose containers; empty is all.
        needed: whether it is an error that a service has no container.
        values: of `ServicesCommand`.
    """
    from stackyard.engine.errors import CommandError

    with errors():
        client = client_of(options)
        snapshot = client.snapshot()
        check_services(options, snapshot, services)
        present = {item.container.service for item in snapshot.containers}
        missing = [service for service in services if service not in present]
        if needed and missing:
            raise CommandError(
                f'service "{missing[0]}" has no container to {name}',
                hint=f"create it: yard up -d {missing[0]}",
            )
        here = tuple(service for service in services if service in present)
        if not client.has_state or (services and not here):
            return
        _send(options, client, name, services=here, **values)


def _send(options: GlobalOptions, client: Client, name: str, **values: Any) -> None:
    from stackyard.engine.process.protocol import ServicesCommand

    with errors():
        order = ServicesCommand(dry_run=options.dry_run, **values)
        perform(options, client, name, order)


def _remove_orphans(options: GlobalOptions) -> None:
    from stackyard.cli.engine import load_project
    from stackyard.engine.process.protocol import ServicesCommand

    with errors():
        client = client_of(options)
        known = load_project(options).all_services
        orphans = tuple(
            item.container.id
            for item in client.snapshot().containers
            if item.container.service not in known
        )
        if orphans:
            perform(options, client, "rm", ServicesCommand(containers=orphans))


def signal_number(name: str) -> int:
    """Return the number of a signal: `SIGHUP`, `hup` and `1` are the same.

    Raises:
        click.ClickException: there is no such signal.
    """
    import signal

    if name.isdigit() and int(name) in {int(item) for item in signal.Signals}:
        return int(name)
    wanted = name.upper().removeprefix("SIG")
    for item in signal.Signals:
        if item.name == f"SIG{wanted}":
            return int(item)
    raise click.ClickException(f"invalid signal: {name}")
