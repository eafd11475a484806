"""`yard wait`: until services have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from stackyard.cli.engine import chosen as chosen_containers
from stackyard.cli.engine import client_of, errors
from stackyard.cli.options import dry_run_option
from stackyard.cli.perform import check_services, perform

if TYPE_CHECKING:
    from stackyard.cli.options import GlobalOptions


@click.command("wait")
@click.argument("services", metavar="SERVICE...", nargs=-1, required=True)
@click.option("--down-project", is_flag=True, help="Then stop and remove the project")
@dry_run_option
@click.pass_obj
def command(options: GlobalOptions, /, **chosen: Any) -> None:
    """Wait until services have ended, and exit with the last one's code."""
    from stackyard.engine.process.protocol import DownCommand, ServicesCommand

    code = 0
    with errors():
        client = client_of(options)
        snapshot = client.snapshot()
        check_services(options, snapshot, chosen["services"])
        present = {item.container.service for item in snapshot.containers}
        here = [name for name in chosen["services"] if name in present]
        if not here:
            raise click.ClickException(
                f"no containers for project {client.state.name!r}"
            )
        identifiers = tuple(
            item.container.id for item in chosen_containers(snapshot, here)
        )
        for message in client.command("wait", ServicesCommand(containers=identifiers)):
            if message.container:
                code = message.code
                click.echo(
                    f'container "{message.container}" exited with status code {code}'
                )
        if chosen["down_project"]:
            perform(options, client, "down", DownCommand(remove_orphans=True))
    if code:
        raise click.exceptions.Exit(code)
