"""The group `store`: what branches take on disk; a file system of their own."""

from __future__ import annotations

import click

from branchpg.client.cli.group import Lazy
from branchpg.client.cli.options import given, shared
from branchpg.client.cli.printing import result, size, table
from branchpg.client.cli.progress import working
from branchpg.errors import PreconditionFailed

__all__ = ["make", "status", "store"]

_HERE = "branchpg.client.cli.store"
_COMMANDS = {
    "status": (f"{_HERE}:status", "Show how large branches are, and what they share"),
    "init": (f"{_HERE}:make", "Make a file system that shares blocks (root only)"),
}
_DRIVERS = {
    "reflink": "shares blocks: a branch takes no space of its own at first",
    "copy": "copies in full: the file system cannot share blocks",
}


@click.command(cls=Lazy, table=_COMMANDS)
@shared
def store() -> None:
    """What branches take on disk."""


@click.command("status")
@shared
def status() -> None:
    """Show the sizes of branches.

    Logical is what PostgreSQL sees; physical what its snapshots and history take on
    disk; shared is the part of that which others have, too.
    """
    project = given().project()
    api = project.api
    with working("looking at files"):
        about = api.store()
        sizes = {one.timeline_id: one for one in api.sizes(about.id)}
    branches = api.branches()
    rows = [
        {
            "branch": branch.name,
            "lsn": sizes[branch.timeline_id].last_record_lsn,
            "logical": sizes[branch.timeline_id].current_logical_size,
            "physical": sizes[branch.timeline_id].current_physical_size,
            "shared": sizes[branch.timeline_id].shared_physical_size,
            "history": sizes[branch.timeline_id].pitr_history_size,
        }
        for branch in branches
        if branch.timeline_id in sizes
    ]

    def as_table() -> None:
        click.echo(f"Driver {about.driver}: {_DRIVERS.get(about.driver, '')}")
        kept = about.history_retention_seconds / 86400
        click.echo(f"History is kept for {kept:.3g} days")
        click.echo()
        table(
            ("Branch", "LSN", "Logical", "Physical", "Shared", "History"),
            (
                (
                    str(row["branch"]),
                    str(row["lsn"]),
                    *(size(float(str(row[name]))) for name in _SIZES),
                )
                for row in rows
            ),
        )

    result({"store": about, "branches": rows}, as_table)


_SIZES = ("logical", "physical", "shared", "history")


@click.command("init")
@click.option("--xfs-image", metavar="SIZE", required=True, help="Such as 20G.")
@shared
def make(*, xfs_image: str) -> None:
    """Move a project's data into a file system that shares blocks.

    It is a file in the project, as large as what is in it; SIZE is its limit. Only
    root may mount it. Branches are then made at once, whatever their size.
    """
    from branchpg.client import storage

    project = given().project()
    wanted = storage.parse_size(xfs_image)
    if project.services.running:
        raise PreconditionFailed("the project runs", hint="branchpg stop")
    with working("moving the data"):
        storage.make_image(project.place, wanted, project.variables)
    click.echo(f"The data is in {project.place.image} now. Start it: branchpg start")
