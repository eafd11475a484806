"""`yard rm`: remove containers that have stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from stackyard.cli.engine import chosen as chosen_containers
from stackyard.cli.engine import client_of, errors
from stackyard.cli.options import dry_run_option
from stackyard.cli.perform import check_services, confirmed, perform

if TYPE_CHECKING:
    from stackyard.cli.options import GlobalOptions
    from stackyard.engine.process.protocol import Shown

_ANONYMOUS = 64
"""Characters of the name of a volume that has none in the file: a SHA-256."""


@click.command("rm")
@click.argument("services", metavar="[SERVICE]...", nargs=-1)
@click.option("-f", "--force", is_flag=True, help="Do not ask")
@click.option("-s", "--stop", is_flag=True, help="Stop those that run, first")
@click.option("-v", "--volumes", is_flag=True, help="Remove their unnamed volumes too")
@dry_run_option
@click.pass_obj
def command(options: GlobalOptions, /, **chosen: Any) -> None:
    """Remove stopped containers."""
    from stackyard.engine.process.protocol import ServicesCommand

    services = chosen["services"]
    with errors():
        client = client_of(options)
        snapshot = client.snapshot()
        check_services(options, snapshot, services)
        present = {item.container.service for item in snapshot.containers}
        here = tuple(name for name in services if name in present)
        found = [] if services and not here else chosen_containers(snapshot, here)
        if not chosen["stop"]:
            found = [item for item in found if not item.container.up]
        if not found:
            click.echo("No stopped containers", err=True)
            return
        if not (chosen["force"] or options.dry_run or _agreed(found)):
            return
        order = ServicesCommand(
            containers=tuple(item.container.id for item in found),
            stop=chosen["stop"],
            dry_run=options.dry_run,
        )
        perform(options, client, "rm", order)
        if chosen["volumes"] and not options.dry_run:
            _remove_volumes(options, found)


def _agreed(found: list[Shown]) -> bool:
    names = ", ".join(item.container.name for item in found)
    return confirmed(f"Going to remove {names}\nContinue?")


def _remove_volumes(options: GlobalOptions, found: list[Shown]) -> None:
    """Remove the volumes without a name that nothing is left to use."""
    from stackyard.engine.process.protocol import DownCommand

    client = client_of(options)
    used = {
        mount.volume for item in client.snapshot().containers for mount in item.mounts
    }
    names = tuple(
        mount.volume
        for item in found
        for mount in item.mounts
        if len(mount.volume) == _ANONYMOUS and mount.volume not in used
    )
    if names:
        services = tuple({item.container.service for item in found})
        perform(options, client, "down", DownCommand(services=services, volumes=names))
