"""Having a command carried out by the supervisor: progress, plans and failures."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from stackyard.cli.progress import Progress
from stackyard.engine.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stackyard.cli.options import GlobalOptions
    from stackyard.engine.process.client import Client
    from stackyard.engine.process.protocol import Command, Message, Snapshot


def perform(
    options: GlobalOptions, client: Client, name: str, order: Command
) -> list[Message]:
    """Have a command carried out and show how it goes; return its results.

    Raises:
        click.exceptions.Exit: it failed; that was told.
    """
    progress = Progress(options.progress, dry_run=options.dry_run)
    results = progress.follow(client.command(name, order))
    for message in results:
        if message.plan:
            click.echo(message.plan)
    if progress.failed:
        raise click.exceptions.Exit(1)
    return results


def check_services(
    options: GlobalOptions, snapshot: Snapshot, services: Iterable[str]
) -> None:
    """Check that services exist: that they have containers, or are in the file.

    Raises:
        CommandError: there is no such service.
    """
    present = {item.container.service for item in snapshot.containers}
    if present.issuperset(services):
        return
    # Only now is the file worth its loading: it may have a service that was never up.
    from stackyard.cli.engine import load_project

    known = present | set(load_project(options).all_services)
    for name in services:
        if name not in known:
            raise CommandError(f"no such service: {name}")


def confirmed(question: str) -> bool:
    """Ask on the terminal; without one the answer is yes, as Compose takes it."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return True
    return click.confirm(question, default=False, err=True)
