"""`yard volumes`: the volumes of the project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from stackyard.cli.engine import compile_native, errors, load_project, state_root
from stackyard.cli.listing import Row, shown
from stackyard.cli.options import dry_run_option

if TYPE_CHECKING:
    from stackyard.cli.options import GlobalOptions
    from stackyard.engine.process.spec import VolumeSpec
    from stackyard.engine.process.state import StateRoot

_COLUMNS: Final = {"Driver": "DRIVER", "Name": "VOLUME NAME"}


@click.command("volumes")
@click.argument("services", metavar="[SERVICE]...", nargs=-1)
@click.option(
    "--format",
    "form",
    default="table",
    metavar="FORMAT",
    help="table, json, or a template such as '{{.Name}}'",
)
@click.option("-q", "--quiet", is_flag=True, help="Show only names")
@dry_run_option
@click.pass_obj
def command(options: GlobalOptions, /, **chosen: Any) -> None:
    """List the volumes of the project that exist."""
    services = chosen["services"]
    with errors():
        project = load_project(options, services)
        desired = compile_native(project, only=()).desired
        root = state_root()
    mounted = {
        mount.volume
        for name, spec in desired.services.items()
        if not services or name in services
        for mount in spec.mounts
    }
    existing = set(root.volumes())
    found = {
        volume.name: volume
        for volume in desired.volumes
        if volume.name in existing and (not services or volume.name in mounted)
    }
    rows = [_row(found[name], project.name, root) for name in sorted(found)]
    if chosen["quiet"]:
        click.echo("".join(f"{row['Name']}\n" for row in rows), nl=False)
    else:
        click.echo(shown(chosen["form"], rows, _COLUMNS), nl=False)


def _row(volume: VolumeSpec, project: str, root: StateRoot) -> Row:
    labels = {"com.docker.compose.project": project}
    if volume.key:
        labels["com.docker.compose.volume"] = volume.key
    return {
        "Availability": "N/A",
        "Driver": "local",
        "Group": "N/A",
        "Labels": ",".join(f"{key}={value}" for key, value in labels.items()),
        "Links": "N/A",
        "Mountpoint": str(root.volume(volume.name)),
        "Name": volume.name,
        "Scope": "local",
        "Size": "N/A",
        "Status": "N/A",
        "_labels": labels,
    }
