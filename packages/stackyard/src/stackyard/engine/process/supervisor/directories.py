"""What a container has on disk: what it mounts, its scratch directory, its log."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from stackyard.engine.process.durable import make_directory, sync_directory
from stackyard.engine.process.supervisor.errors import ActionError

if TYPE_CHECKING:
    from stackyard.engine.process.containers import Container
    from stackyard.engine.process.spec import ServiceSpec
    from stackyard.engine.process.state import ProjectState, StateRoot
    from stackyard.engine.process.supervisor.resolve import Resolver

_ELSEWHERE = f"/tmp/stackyard-{os.getuid()}-"  # as images.postgres.sockets does


def prepare(
    state: ProjectState, resolver: Resolver, spec: ServiceSpec, container: Container
) -> None:
    """Make the directories that a container mounts, and empty its scratch directory.

    Raises:
        ActionError: a mount's source is not there, and is not to be made, or leads out
            of its volume.
    """
    scratch = state.scratch(container.id)
    shutil.rmtree(scratch, ignore_errors=True)
    if spec.uses_scratch:
        # Open to pass through: the service's user has to reach its own directory.
        make_directory(scratch, 0o711)
        make_directory(scratch / "run", 0o711)
    for mount in spec.mounts:
        source = Path(resolver.text(mount.source, container))
        if mount.volume:
            _require_inside(source, state.root.volume(mount.volume), mount.target)
        if mount.type != "tmpfs" and source.exists():
            continue
        if not mount.create:
            raise ActionError(
                f"{mount.source} is not there, and is to be mounted at {mount.target}"
            )
        make_directory(source, 0o755)
        if spec.account is not None and mount.type != "bind":
            shutil.chown(source, spec.account.uid, spec.account.gid)


def _require_inside(source: Path, volume: Path, target: str) -> None:
    """Refuse a subpath that leads out by a link some service has left in the volume."""
    if not source.resolve().is_relative_to(volume.resolve()):
        raise ActionError(
            f"{source}, to be mounted at {target}, leads out of the volume by a link",
            hint="remove the link from the volume",
        )


def make_volume(directory: Path) -> None:
    """Make the directory of a volume."""
    make_directory(directory.parent, 0o711)
    make_directory(directory, 0o755)
    sync_directory(directory.parent.parent)


def renew_volume(root: StateRoot, name: str) -> None:
    """Make an empty volume; the old one stays, without a user, as in Docker."""
    directory = root.volume(name)
    directory.parent.rename(directory.parent.with_name(secrets.token_hex(32)))
    make_volume(directory)


def remove(state: ProjectState, identifier: str) -> None:
    """Remove a container's log and scratch files, and what a link in them leads to."""
    scratch = state.scratch(identifier)
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir(scratch / "run"):
            target = os.path.realpath(entry.path)
            if entry.is_symlink() and target.startswith(_ELSEWHERE):
                shutil.rmtree(target, ignore_errors=True)
    for path in (state.log(identifier).parent, scratch):
        shutil.rmtree(path, ignore_errors=True)
