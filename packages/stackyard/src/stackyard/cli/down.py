"""`yard down`: stop and remove what `up` created."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from stackyard.cli.engine import client_of, compile_native, errors, load_project
from stackyard.cli.options import dry_run_option, switched_on
from stackyard.cli.perform import check_services, confirmed, perform

if TYPE_CHECKING:
    from stackyard.cli.options import GlobalOptions
    from stackyard.engine.process.client import Client
    from stackyard.engine.process.protocol import DownCommand


@click.command("down")
@click.argument("services", metavar="[SERVICE]...", nargs=-1)
@click.option("--remove-orphans", is_flag=True, help="Remove services not in the file")
@click.option(
    "--rmi",
    type=click.Choice(["local", "all"]),
    metavar="local|all",
    expose_value=False,
    help="Accepted: natively there are no images",
)
@click.option("-t", "--timeout", type=int, metavar="SECONDS", help="Grace of a stop")
@click.option(
    "-v", "--volumes", is_flag=True, help="Remove volumes, but not external ones"
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask before -v")
@dry_run_option
@click.pass_obj
def command(options: GlobalOptions, /, **chosen: Any) -> None:
    """Stop and remove what up created."""
    with errors():
        client = client_of(options)
        if chosen["services"]:
            check_services(options, client.snapshot(), chosen["services"])
        order = _order(options, client, chosen)
        if not (chosen["yes"] or options.dry_run or _agreed(order)):
            return
        if not (client.has_state or client.running or order.volumes):
            click.echo("warning: No resource found to remove", err=True)
            return
        perform(options, client, "down", order)
        if not (options.dry_run or chosen["services"]):
            _tell_left(client)


def _tell_left(client: Client) -> None:
    """Tell what keeps the project from being down."""
    left = client.snapshot().containers if client.running else ()
    if left:
        names = " ".join(sorted(item.container.name for item in left))
        click.echo(
            f"warning: Found orphan containers ([{names}]) for this project. If you "
            "removed or renamed this service in your compose file, you can run this "
            "command with the --remove-orphans flag to clean it up.",
            err=True,
        )


def _order(
    options: GlobalOptions, client: Client, chosen: dict[str, Any]
) -> DownCommand:
    """Return what is to be done; the file is loaded only for its volumes."""
    from stackyard.engine.process.protocol import DownCommand

    volumes: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    if chosen["volumes"]:
        known, volumes = _volumes(options, client, chosen["services"])
    return DownCommand(
        services=chosen["services"],
        known=known,
        remove_orphans=chosen["remove_orphans"]
        or switched_on("COMPOSE_REMOVE_ORPHANS"),
        volumes=volumes,
        grace=chosen["timeout"],
        dry_run=options.dry_run,
    )


def _volumes(
    options: GlobalOptions, client: Client, services: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the services of the file, and the volumes that are removed with them.

    Of a part of the services only volumes go that no other service has mounted.
    """
    project = load_project(options)
    native = compile_native(project, only=())
    specs = native.desired.services
    mounts = {name: {item.volume for item in specs[name].mounts} for name in specs}
    kept = {volume.name for volume in native.desired.volumes if volume.external}
    for name, volumes in mounts.items():
        if services and name not in services:
            kept |= volumes
    if services:
        names = set().union(*(mounts.get(name, set()) for name in services))
    else:
        names = {volume.name for volume in native.desired.volumes}
    present = client.state.root.volumes()
    found = tuple(name for name in present if name in names - kept)
    return tuple(project.all_services), found


def _agreed(order: DownCommand) -> bool:
    if not order.volumes:
        return True
    names = "\n  ".join(order.volumes)
    return confirmed(
        f"These volumes and all they hold will be removed:\n  {names}\nContinue?"
    )
