"""`yard cp`: files between a service and here.

Natively a service has no file system of its own: its paths are those of its mounts.
"""

from __future__ import annotations

import os
import posixpath
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from stackyard.cli.engine import chosen as chosen_containers
from stackyard.cli.engine import client_of, errors
from stackyard.cli.options import dry_run_option
from stackyard.cli.perform import check_services
from stackyard.engine.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stackyard.cli.copying import Entry
    from stackyard.cli.options import GlobalOptions
    from stackyard.engine.process.client import Client
    from stackyard.engine.process.protocol import Shown

_STREAM = "-"


@dataclass(frozen=True)
class Place:
    """A path of this machine, and the directory it must not lead out of."""

    root: str
    path: str
    shown: str

    @property
    def names(self) -> tuple[str, ...]:
        """The names on the way from the root to it."""
        relative = os.path.relpath(self.path, self.root)
        return () if relative == "." else tuple(relative.split("/"))


@click.command("cp")
@click.argument("source", metavar="SERVICE:SOURCE|SOURCE|-")
@click.argument("target", metavar="SERVICE:TARGET|TARGET|-")
@click.option("--all", "every", is_flag=True, help="Containers of yard run, too")
@click.option("-a", "--archive", is_flag=True, help="Keep owners")
@click.option("-L", "--follow-link", is_flag=True, help="Follow SOURCE if it is a link")
@click.option("--index", type=int, default=0, metavar="N", help="Of this replica")
@dry_run_option
@click.pass_obj
def command(options: GlobalOptions, /, **chosen: Any) -> None:
    """Copy files between a service and here; - is a tar stream."""
    from_service, source = _parsed(chosen["source"])
    to_service, target = _parsed(chosen["target"])
    if bool(from_service) == bool(to_service):
        raise click.ClickException(
            "copying between services is not supported"
            if from_service
            else "unknown copy direction: one of the two must be SERVICE:PATH"
        )
    service = from_service or to_service
    with errors():
        client = client_of(options)
        containers = _containers(options, client, service, chosen)
        if options.dry_run:
            click.echo(f"copy {chosen['source']} to {chosen['target']}")
        elif from_service:
            _copy_out(_place(client, containers[0], source), target, chosen)
        else:
            _copy_in(client, containers, source, target=target, chosen=chosen)


def _parsed(text: str) -> tuple[str, str]:
    """Return service and path; no service where it is a path of this machine."""
    service, colon, path = text.partition(":")
    if not colon or "/" in service or service.startswith("."):
        return "", text
    return service, path


def _containers(
    options: GlobalOptions, client: Client, service: str, chosen: dict[str, Any]
) -> list[Shown]:
    snapshot = client.snapshot()
    check_services(options, snapshot, [service])
    present = {item.container.service for item in snapshot.containers}
    found = []
    if service in present:
        found = [
            item
            for item in chosen_containers(snapshot, [service], oneoff=chosen["every"])
            if chosen["index"] in {0, item.container.number}
        ]
    if not found:
        raise CommandError(
            f"no container found for service {service!r}",
            hint=f"create it: yard up -d {service}",
        )
    return found


def _place(client: Client, item: Shown, path: str) -> Place:
    """Return where a path of a container lies on this machine.

    Raises:
        CommandError: it lies below no mount, or a link leads out of the mount.
    """
    wanted = posixpath.normpath(posixpath.join("/", path))
    mounts = client.context(item.container.id, {}).mounts
    fitting = [
        mount
        for mount in mounts
        if wanted == mount.target or wanted.startswith(f"{mount.target.rstrip('/')}/")
    ]
    if not fitting:
        targets = ", ".join(sorted(mount.target for mount in mounts))
        raise CommandError(
            f"{item.container.name}:{wanted} lies below no mount: natively a service "
            "has no file system of its own",
            hint=f"its mounts are: {targets}" if targets else "it has no mounts",
        )
    mount = max(fitting, key=lambda mount: len(mount.target))
    root = os.path.realpath(mount.source)
    below = wanted[len(mount.target.rstrip("/")) :].strip("/")
    inner = os.path.join(root, below) if below else root
    # The last name may be a link that is copied as one, or replaced.
    parent = os.path.realpath(os.path.dirname(inner)) if below else root
    found = os.path.join(parent, os.path.basename(inner)) if below else root
    if os.path.commonpath([root, parent]) != root:
        raise CommandError(
            f"{item.container.name}:{wanted} leads out of the mount {mount.target}"
        )
    return Place(root, found, f"{item.container.name}:{path}")


def _copy_out(place: Place, target: str, chosen: dict[str, Any]) -> None:
    from stackyard.cli.copying import entries_of, to_tar, write_tree

    path = _inside(place, follow=chosen["follow_link"])
    if target == _STREAM:
        name = os.path.basename(path.rstrip("/")) or "."
        to_tar(sys.stdout.buffer, name, entries_of(path))
        return
    names = _landing(path, target, contents=place.shown.endswith("/."))
    root = os.path.dirname(names) or "."
    below = (os.path.basename(names),)
    write_tree(root, below, entries_of(path), owners=chosen["archive"])


def _inside(place: Place, *, follow: bool) -> str:
    """Return the path that is read."""
    if not os.path.lexists(place.path):
        raise CommandError(f"could not find the file {place.shown}")
    if not (follow and os.path.islink(place.path)):
        return place.path
    real = os.path.realpath(place.path)
    if os.path.commonpath([place.root, real]) != place.root:
        raise CommandError(f"{place.shown} leads out of its mount")
    return real


def _landing(source: str, target: str, *, contents: bool) -> str:
    """Return what the copy is called, by the rules of `docker cp`.

    Raises:
        CommandError: it cannot be there.
    """
    into = os.path.isdir(target)
    if into and not contents:
        return os.path.join(target, os.path.basename(source.rstrip("/")))
    if target.endswith("/") and not into and not os.path.isdir(source):
        raise CommandError(f"destination directory {target} must exist")
    if os.path.isdir(source) and os.path.lexists(target) and not into:
        raise CommandError(f"cannot copy a directory to {target}: it is a file")
    parent = os.path.dirname(target.rstrip("/")) or "."
    if not os.path.isdir(parent):
        raise CommandError(f"invalid output path: directory {parent} does not exist")
    return os.path.normpath(target)


def _copy_in(
    client: Client,
    containers: list[Shown],
    source: str,
    *,
    target: str,
    chosen: dict[str, Any],
) -> None:
    from stackyard.cli.copying import write_tree

    places: dict[str, Place] = {}
    for item in containers:
        place = _place(client, item, target)
        places.setdefault(place.path, place)
    if source == _STREAM and len(places) > 1:
        raise CommandError(
            "standard input can be copied to one replica only", hint="give --index"
        )
    for place in places.values():
        below = place.names
        if source != _STREAM:
            landing = _landing(source, _target(place), contents=source.endswith("/."))
            below = Place(place.root, landing, "").names
        elif not os.path.isdir(place.path):
            raise CommandError(f"{place.shown} is not a directory")
        write_tree(place.root, below, _read(source, chosen), owners=chosen["archive"])
        click.echo(f" {place.shown} Copied ", err=True)


def _target(place: Place) -> str:
    """Return a place's path; a slash at its end says that it is to be a directory."""
    return f"{place.path}/" if place.shown.endswith("/") else place.path


def _read(source: str, chosen: dict[str, Any]) -> Iterator[Entry]:
    from stackyard.cli.copying import entries_of, from_tar

    if source == _STREAM:
        return from_tar(sys.stdin.buffer)
    if not os.path.lexists(source):
        raise CommandError(f"no such file or directory: {source}")
    return entries_of(source.removesuffix("/."), follow=chosen["follow_link"])
