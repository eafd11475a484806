"""`yard port`: where a port of a service is published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from stackyard.cli import words
from stackyard.cli.engine import client_of, errors, one
from stackyard.cli.options import dry_run_option
from stackyard.cli.perform import check_services

if TYPE_CHECKING:
    from stackyard.cli.options import GlobalOptions


@click.command("port")
@click.argument("service")
@click.argument("private_port", type=int)
@click.option("--index", type=int, default=0, metavar="N", help="Of this replica")
@click.option(
    "--protocol",
    type=click.Choice(["tcp", "udp"]),
    default="tcp",
    metavar="tcp|udp",
    help="Protocol  [default: tcp]",
)
@dry_run_option
@click.pass_obj
def command(options: GlobalOptions, /, **chosen: Any) -> None:
    """Print the address that a port is published on."""
    from stackyard.engine.errors import CommandError

    with errors():
        snapshot = client_of(options).snapshot()
        check_services(options, snapshot, [chosen["service"]])
        found = one(snapshot, chosen["service"], chosen["index"])
        for item in found.ports:
            wanted = (chosen["private_port"], chosen["protocol"])
            if (item.target, item.protocol) == wanted:
                click.echo(words.endpoint(item))
                return
        raise CommandError(
            f"no port {chosen['private_port']}/{chosen['protocol']} for container "
            f"{found.container.name}",
            hint=f"it has: {words.ports(found) or 'none'}",
        )
