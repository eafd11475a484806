"""`yard exec`: a command beside a service that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from stackyard.cli.engine import client_of, errors, one
from stackyard.cli.options import dry_run_option
from stackyard.cli.perform import check_services

if TYPE_CHECKING:
    from stackyard.cli.options import GlobalOptions


@click.command("exec", context_settings={"allow_interspersed_args": False})
@click.argument("service")
@click.argument("argv", metavar="COMMAND [ARG]...", nargs=-1, required=True)
@click.option("-d", "--detach", is_flag=True, help="Run in the background")
@click.option(
    "-e",
    "--env",
    "variables",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set a variable",
)
@click.option("--index", type=int, default=0, metavar="N", help="Beside this replica")
@click.option("-T", "--no-tty", is_flag=True, help="Accepted: your terminal is used")
@click.option("-i", "--interactive", is_flag=True, hidden=True)
@click.option("-t", "--tty", is_flag=True, hidden=True)
@click.option("--privileged", is_flag=True, help="Accepted: has no meaning natively")
@click.option("-u", "--user", default="", metavar="USER", help="Run as this user")
@click.option(
    "-w", "--workdir", default="", metavar="DIR", help="Run in this directory"
)
@dry_run_option
@click.pass_obj
def command(options: GlobalOptions, /, **chosen: Any) -> None:
    """Run a command beside a running service.

    It has the service's environment, tools and files, and your terminal.
    """
    from stackyard.cli.beside import Wishes, program, variables

    with errors():
        client = client_of(options)
        snapshot = client.snapshot()
        check_services(options, snapshot, [chosen["service"]])
        container = one(snapshot, chosen["service"], chosen["index"]).container
        context = client.context(container.id, variables(chosen["variables"]))
        wishes = Wishes(user=chosen["user"], directory=chosen["workdir"])
        found = program(context, chosen["argv"], wishes, service=container.service)
    if options.dry_run:
        click.echo(f"run {found.argv} in {found.directory}")
    elif chosen["detach"]:
        found.start()
    else:
        found.become()
