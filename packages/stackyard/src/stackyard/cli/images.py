"""`yard images`: what the containers were made from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import click

from stackyard.cli import words
from stackyard.cli.engine import chosen as chosen_containers
from stackyard.cli.engine import client_of, errors
from stackyard.cli.listing import Row, json, shown
from stackyard.cli.options import dry_run_option
from stackyard.cli.perform import check_services

if TYPE_CHECKING:
    from stackyard.cli.options import GlobalOptions
    from stackyard.engine.process.protocol import Shown

_COLUMNS: Final = {
    "ContainerName": "CONTAINER",
    "Repository": "REPOSITORY",
    "Tag": "TAG",
    "Platform": "PLATFORM",
    "ID": "IMAGE ID",
    "Size": "SIZE",
    "Created": "CREATED",
}
_SHOWN: Final = 12  # digits of an id
_MACHINES: Final = {"x86_64": "amd64", "aarch64": "arm64"}


@click.command("images")
@click.argument("services", metavar="[SERVICE]...", nargs=-1)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    metavar="table|json",
    help="Format  [default: table]",
)
@click.option("-q", "--quiet", is_flag=True, help="Show only ids")
@dry_run_option
@click.pass_obj
def command(options: GlobalOptions, /, **chosen: Any) -> None:
    """List the images of containers.

    Natively an image is a name: it has an id only where that holds a digest, and no
    size. With -q the names are shown.
    """
    with errors():
        snapshot = client_of(options).snapshot()
        check_services(options, snapshot, chosen["services"])
        present = {item.container.service for item in snapshot.containers}
        here = [name for name in chosen["services"] if name in present]
        found = chosen_containers(snapshot, here)
        if chosen["services"] and not here:
            found = []
    rows = [_row(item) for item in found]
    if chosen["quiet"]:
        names = words.unique(item.image for item in found)
        click.echo("".join(f"{name}\n" for name in names), nl=False)
    elif chosen["form"] == "json":
        click.echo(json(rows))
    else:
        short = [{**row, "ID": _short(str(row["ID"]))} for row in rows]
        click.echo(shown("table", short, _COLUMNS), nl=False)


def _short(digest: str) -> str:
    return digest.partition(":")[2][:_SHOWN] or "N/A"


def _row(item: Shown) -> Row:
    name, _, digest = item.image.partition("@")
    repository, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        repository, tag = name, "latest"
    system = os.uname()
    machine = _MACHINES.get(system.machine, system.machine)
    return {
        "ID": digest,
        "ContainerName": item.container.name,
        "Repository": repository,
        "Tag": tag,
        "Platform": f"{system.sysname.lower()}/{machine}",
        "Size": "0B",
        "Created": "N/A",
        "LastTagTime": "0001-01-01T00:00:00Z",
    }
