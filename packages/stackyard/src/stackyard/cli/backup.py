"""`yard backup` and `yard restore`: volumes to an archive, and back."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stackyard.cli.engine import client_of, errors, state_root
from stackyard.cli.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from stackyard.cli.options import GlobalOptions
    from stackyard.engine.process.client import Client
    from stackyard.engine.process.protocol import Shown


@click.command("backup")
@click.argument("volumes", metavar="[VOLUME]...", nargs=-1)
@click.option("-o", "--output", metavar="FILE", help="Write to FILE")
@click.pass_obj
def backup(options: GlobalOptions, /, volumes: tuple[str, ...], output: str) -> None:
    """Write volumes to an archive: all of the project, or those named.

    Services that use them are paused while they are copied, so that the archive is
    what a crash would have left: databases recover from it. It is read back before it
    counts.
    """
    from stackyard.engine.process.archive import Manifest, write_archive

    with errors():
        client = client_of(options)
        project = client.state.name
        found = _chosen(project, volumes)
        stamp = time.strftime("%Y-%m-%dT%H-%M-%SZ", time.gmtime())
        path = Path(output or f"{project}-{stamp}.tar.gz").absolute()
        _refuse_existing(path)
        running = [item for item in _users(client, found) if _state(item) == "running"]
        _each(client, "pause", running, options)
        try:
            manifest = write_archive(
                path,
                Manifest(project, stamp, (), {}),
                {name: state_root().volume(name) for name in found},
            )
        finally:
            _each(client, "unpause", running, options)
    click.echo(
        f"{path}: {len(manifest.volumes)} volumes, {len(manifest.files)} files, "
        f"{path.stat().st_size} bytes, verified"
    )


@click.command("restore")
@click.argument("archive", metavar="FILE")
@click.argument("volumes", metavar="[VOLUME]...", nargs=-1)
@click.option("--force", is_flag=True, help="Replace volumes that hold files")
@click.pass_obj
def restore(
    options: GlobalOptions, /, archive: str, volumes: tuple[str, ...], *, force: bool
) -> None:
    """Put volumes of an archive back: all of them, or those named.

    Services that use them are stopped meanwhile. What a volume holds is replaced only
    with --force, and only once all of the archive was found to be intact.
    """
    from stackyard.engine.errors import CommandError
    from stackyard.engine.process import archive as archives

    with errors():
        client = client_of(options)
        path = Path(archive).absolute()
        manifest = archives.read_archive(path)
        names = [_within(name, manifest.volumes, path) for name in volumes]
        names = names or list(manifest.volumes)
        root = state_root()
        root.prepare()
        full = [name for name in names if archives.holds_files(root.volume(name))]
        if full and not force:
            raise CommandError(
                f"volume {full[0]} holds files already; nothing was changed",
                hint="--force replaces them by those of the archive",
            )
        users = [item for item in _users(client, names) if item.container.up]
        _each(client, "stop", users, options)
        try:
            for name in names:
                directory = root.volume(name)
                directory.parent.mkdir(parents=True, exist_ok=True, mode=0o711)
                archives.extract(path, name, directory)
                click.echo(f"restored {name}")
        finally:
            _each(client, "start", users, options)


def _chosen(project: str, named: Iterable[str]) -> list[str]:
    """Return full names of volumes; `data` stands for `PROJECT_data`."""
    from stackyard.engine.errors import CommandError

    known = state_root().volumes()
    mine = [name for name in known if name.startswith(f"{project}_")]
    found = []
    for name in named:
        full = name if name in known else f"{project}_{name}"
        if full not in known:
            hint = f"volumes of this project: {', '.join(mine) or 'none'}"
            raise CommandError(f"no such volume: {name}", hint=hint)
        found.append(full)
    if not (found or mine):
        raise CommandError(
            f"project {project} has no volumes", hint="bring it up first: yard up -d"
        )
    return found or mine


def _within(name: str, volumes: Collection[str], path: Path) -> str:
    from stackyard.engine.errors import CommandError

    for full in volumes:
        if full == name or full.endswith(f"_{name}"):
            return full
    raise CommandError(
        f"{path} holds no volume {name}", hint=f"it holds: {', '.join(volumes)}"
    )


def _refuse_existing(path: Path) -> None:
    from stackyard.engine.errors import CommandError

    if path.exists():
        raise CommandError(f"{path} is there already", hint="name another file with -o")


def _users(client: Client, volumes: Collection[str]) -> list[Shown]:
    return [
        item
        for item in client.snapshot().containers
        if any(mount.volume in volumes for mount in item.mounts if mount.volume)
    ]


def _state(item: Shown) -> str:
    return str(item.container.state)


def _each(
    client: Client, name: str, items: Collection[Shown], options: GlobalOptions
) -> None:
    """Have something done to the containers that use the volumes.

    Raises:
        CommandError: it failed.
    """
    from stackyard.engine.errors import CommandError
    from stackyard.engine.process.protocol import ServicesCommand

    if not items:
        return
    order = ServicesCommand(
        containers=tuple(item.container.id for item in items), deps=False
    )
    progress = Progress(options.progress)
    progress.follow(client.command(name, order))
    if progress.failed:
        raise CommandError(f"cannot {name} the services that use the volumes")
