"""`yard ps`: the containers of the project."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import click

from stackyard.cli import words
from stackyard.cli.engine import chosen as chosen_containers
from stackyard.cli.engine import client_of, errors, load_project
from stackyard.cli.listing import Row, shown
from stackyard.cli.options import dry_run_option
from stackyard.engine.process.containers import State

if TYPE_CHECKING:
    from stackyard.cli.options import GlobalOptions
    from stackyard.engine.process.protocol import Shown, Snapshot

_STATES: Final = (
    "paused",
    "restarting",
    "removing",
    "running",
    "dead",
    "created",
    "exited",
)
_SHORT_ID: Final = 12
_COMMAND: Final = 20
_COLUMNS: Final = {
    "Name": "NAME",
    "Image": "IMAGE",
    "Command": "COMMAND",
    "Service": "SERVICE",
    "RunningFor": "CREATED",
    "Status": "STATUS",
    "Ports": "PORTS",
}
_HEADINGS: Final = {
    "CreatedAt": "CREATED AT",
    "ExitCode": "EXIT CODE",
    "ID": "CONTAINER ID",
    "LocalVolumes": "LOCAL VOLUMES",
}


@click.command("ps")
@click.argument("services", metavar="[SERVICE]...", nargs=-1)
@click.option("-a", "--all", "every", is_flag=True, help="Show stopped ones too")
@click.option("--filter", "filters", multiple=True, metavar="status=STATE")
@click.option(
    "--format",
    "form",
    default="table",
    metavar="FORMAT",
    help="table, json, or a template such as '{{.Name}}'; "
    "'table TEMPLATE' adds headings",
)
@click.option("--no-trunc", is_flag=True, help="Show commands in full")
@click.option(
    "--orphans",
    default="true",
    metavar="true|false",
    is_flag=False,
    flag_value="true",
    help="Show services that are not in the file  [default: true]",
)
@click.option("-q", "--quiet", is_flag=True, help="Show only ids")
@click.option("--services", "names_only", is_flag=True, help="Show only services")
@click.option(
    "--status",
    "states",
    multiple=True,
    type=click.Choice(_STATES),
    metavar="STATE",
    help=f"Show those in a state: {', '.join(_STATES)}",
)
@dry_run_option
@click.pass_obj
def command(options: GlobalOptions, /, **chosen: Any) -> None:
    """List containers."""
    states = {*chosen["states"], *_filtered(chosen["filters"])}
    with errors():
        snapshot = client_of(options).snapshot()
        found = _found(snapshot, chosen["services"], options, oneoff=chosen["every"])
        if chosen["orphans"].lower() in {"false", "0", "f"}:
            known = load_project(options).services
            found = [item for item in found if item.container.service in known]
    if states:
        found = [item for item in found if item.container.state in states]
    elif not chosen["every"]:
        found = [item for item in found if _runs(item)]
    click.echo(_text(snapshot, found, chosen), nl=False)


def _found(
    snapshot: Snapshot,
    services: tuple[str, ...],
    options: GlobalOptions,
    *,
    oneoff: bool,
) -> list[Shown]:
    """Return containers; a name that none has may still be a service of the file."""
    present = {item.container.service for item in snapshot.containers}
    known: tuple[str, ...] = ()
    if not present.issuperset(services):
        known = tuple(load_project(options, services).services)
    return chosen_containers(snapshot, services, known=known, oneoff=oneoff)


def _runs(item: Shown) -> bool:
    return item.container.state in {State.RUNNING, State.PAUSED, State.RESTARTING}


def _filtered(filters: tuple[str, ...]) -> list[str]:
    states = []
    for text in filters:
        key, equals, value = text.partition("=")
        if not equals:
            raise click.UsageError(
                "arguments to --filter should be in form KEY=VAL",
                click.get_current_context(),
            )
        if key == "source":
            raise click.ClickException("filter on source is not supported natively")
        if key != "status":
            raise click.ClickException(f"unknown filter {key}: status is supported")
        states.append(value)
    return states


def _text(snapshot: Snapshot, found: list[Shown], chosen: dict[str, Any]) -> str:
    if chosen["quiet"]:
        return "".join(f"{item.container.id}\n" for item in found)
    if chosen["names_only"]:
        names = words.unique(item.container.service for item in found)
        return "".join(f"{name}\n" for name in names)
    now = time.time_ns()
    trim = not chosen["no_trunc"]
    rows = [row(item, snapshot, now, trim=trim) for item in found]
    return shown(chosen["form"], rows, _COLUMNS, headings=_HEADINGS)


def row(item: Shown, snapshot: Snapshot, now: int, *, trim: bool) -> Row:
    """Return what is shown of a container; the keys are Docker's, in its order."""
    container = item.container
    text = item.command
    volumes = [mount for mount in item.mounts if mount.type == "volume"]
    return {
        "Command": f'"{words.ellipsis(text, _COMMAND) if trim else text}"',
        "CreatedAt": words.moment(container.created_at),
        "Engine": "",
        "ExitCode": container.exit_code,
        "Health": str(container.health),
        "ID": container.id[:_SHORT_ID] if trim else container.id,
        "Image": item.image,
        "Labels": words.joined(labels(item, snapshot)),
        "LocalVolumes": str(len({mount.volume for mount in volumes})),
        "Mounts": ",".join(mount.volume or mount.source for mount in item.mounts),
        "Name": container.name,
        "Names": container.name,
        "Networks": ",".join(item.networks),
        "Ports": words.ports(item),
        "Project": snapshot.project,
        "Publishers": words.publishers(item),
        "RunningFor": words.ago(container.created_at, now),
        "Service": container.service,
        "Size": "0B",
        "State": str(container.state),
        "Status": words.status(container, now),
        "_labels": labels(item, snapshot),
    }


def labels(item: Shown, snapshot: Snapshot) -> dict[str, str]:
    """Return the labels of the file, and those that Compose gives a container."""
    container = item.container
    prefix = "com.docker.compose"
    return {
        **item.labels,
        f"{prefix}.config-hash": container.config_hash,
        f"{prefix}.container-number": str(container.number),
        f"{prefix}.oneoff": str(container.oneoff),
        f"{prefix}.project": snapshot.project,
        f"{prefix}.project.config_files": ",".join(snapshot.files),
        f"{prefix}.project.working_dir": snapshot.working_dir,
        f"{prefix}.service": container.service,
    }
