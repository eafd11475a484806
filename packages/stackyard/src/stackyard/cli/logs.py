"""`yard logs`: the output of the services, in the order it was written."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import click

from stackyard.cli.console import Console
from stackyard.cli.engine import chosen as chosen_containers
from stackyard.cli.engine import client_of, errors
from stackyard.cli.moments import stamp
from stackyard.cli.options import dry_run_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from stackyard.cli.options import GlobalOptions
    from stackyard.engine.process.client import Client
    from stackyard.engine.process.logview import Record, Window
    from stackyard.engine.process.protocol import Shown


@click.command("logs")
@click.argument("services", metavar="[SERVICE]...", nargs=-1)
@click.option("-f", "--follow", is_flag=True, help="Go on with new output")
@click.option("--index", type=int, default=0, metavar="N", help="Only this replica")
@click.option("--grep", metavar="REGEX", help="Only lines that match")
@click.option("--no-color", is_flag=True, help="Without colours")
@click.option("--no-log-prefix", is_flag=True, help="Without names before lines")
@click.option("--since", metavar="TIME", help="From a time, or 42m for 42 minutes ago")
@click.option("--until", metavar="TIME", help="Up to a time")
@click.option(
    "-n",
    "--tail",
    default="all",
    metavar="N",
    help="Last lines of each container  [default: all]",
)
@click.option("-t", "--timestamps", is_flag=True, help="With times")
@dry_run_option
@click.pass_obj
def command(options: GlobalOptions, /, **chosen: Any) -> None:
    """Show the output of services."""
    from stackyard.engine.process.logview import Window

    matches = _matcher(chosen["grep"])
    window = Window(
        since=stamp(chosen["since"]),
        until=stamp(chosen["until"]),
        tail=_count(chosen["tail"]),
    )
    console = Console(
        coloured=options.coloured(sys.stdout) and not chosen["no_color"],
        prefixed=not chosen["no_log_prefix"],
        stamped=chosen["timestamps"],
    )
    with errors():
        client = client_of(options)
        found = chosen_containers(client.snapshot(), chosen["services"])
        if chosen["follow"]:
            wanted = _wanted(chosen["services"], chosen["index"])
            _follow(client, wanted, window, console=console, matches=matches)
            return
    _print(
        [item for item in found if chosen["index"] in {0, item.container.number}],
        window,
        project=client.state.name,
        console=console,
        matches=matches,
    )


def _count(text: str) -> int | None:
    """Return how many lines `--tail` asks for; Docker takes anything odd for all."""
    return int(text) if text.isdigit() else None


def _matcher(pattern: str | None) -> Callable[[Record], object] | None:
    if pattern is None:
        return None
    try:
        search = re.compile(pattern.encode()).search
    except re.error as error:
        raise click.ClickException(f"--grep {pattern!r}: {error}") from error
    return lambda record: search(record.text)


def _wanted(services: tuple[str, ...], index: int) -> Callable[[Shown], bool]:
    def wanted(item: Shown) -> bool:
        container = item.container
        return (
            not container.oneoff
            and (not services or container.service in services)
            and index in {0, container.number}
        )

    return wanted


def _print(
    found: list[Shown],
    window: Window,
    *,
    project: str,
    console: Console,
    matches: Callable[[Record], object] | None,
) -> None:
    from stackyard.engine.process.logview import LogReader, merged

    containers = {item.container.id: item for item in found}
    for item in found:
        console.add(item, project)
    readers = {key: LogReader(item.log, window) for key, item in containers.items()}
    records = merged((key, reader.history()) for key, reader in readers.items())
    for key, record in records:
        if matches is None or matches(record):
            console.output(containers[key], record)
    console.flush()


def _follow(
    client: Client,
    wanted: Callable[[Shown], bool],
    window: Window,
    *,
    console: Console,
    matches: Callable[[Record], object] | None,
) -> None:
    from stackyard.engine.process.logfollow import Follower, Found, Idle, Output

    project = client.state.name
    for item in Follower(client, wanted, window).items():
        if isinstance(item, Output):
            if matches is None or matches(item.record):
                console.output(item.container, item.record)
        elif isinstance(item, Found):
            console.add(item.container, project)
        elif isinstance(item, Idle):
            console.flush()
            if not item.living:
                return
