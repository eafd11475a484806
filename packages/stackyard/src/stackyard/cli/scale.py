"""`yard create` and `yard scale`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from stackyard.cli.engine import client_of, errors
from stackyard.cli.options import dry_run_option, switched_on
from stackyard.cli.perform import perform

if TYPE_CHECKING:
    from stackyard.cli.options import GlobalOptions


@click.command("create")
@click.argument("services", metavar="[SERVICE]...", nargs=-1)
@click.option("--force-recreate", is_flag=True, help="Replace even what is up to date")
@click.option("--no-recreate", is_flag=True, help="Replace nothing")
@click.option("--remove-orphans", is_flag=True, help="Remove services not in the file")
@click.option(
    "--scale",
    "scales",
    multiple=True,
    metavar="SERVICE=N",
    help="Number of replicas; overrides the file",
)
@click.option("-y", "--yes", is_flag=True, help="Answer yes to all questions")
@click.option("--build", is_flag=True, hidden=True)
@click.option("--no-build", is_flag=True, hidden=True)
@click.option("--quiet-pull", is_flag=True, hidden=True)
@click.option("--pull", hidden=True)
@dry_run_option
@click.pass_obj
def create(options: GlobalOptions, /, **chosen: Any) -> None:
    """Create containers without starting them."""
    from stackyard.cli.up import check_creation

    check_creation(chosen)
    _carry_out(options, {**chosen, "no_start": True})


@click.command("scale")
@click.argument("scales", metavar="SERVICE=N...", nargs=-1, required=True)
@click.option("--no-deps", is_flag=True, help="Leave dependencies alone")
@dry_run_option
@click.pass_obj
def scale(options: GlobalOptions, /, **chosen: Any) -> None:
    """Set the number of replicas of services."""
    for text in chosen["scales"]:
        if "=" not in text:
            raise click.ClickException(
                f"invalid scale specifier {text!r}: give SERVICE=N"
            )
    services = tuple(text.partition("=")[0] for text in chosen["scales"])
    _carry_out(options, {**chosen, "services": services, "no_recreate": True})


def _carry_out(options: GlobalOptions, chosen: dict[str, Any]) -> None:
    from stackyard.cli.ordering import meaningless, order_of

    meaningless(chosen)
    with errors():
        ignored = switched_on("COMPOSE_IGNORE_ORPHANS")
        order = order_of(options, chosen, ignore_orphans=ignored)
        perform(options, client_of(options), "up", order)
