"""Mounts: volumes, binds, scratch directories, secrets and configs as host paths."""

from __future__ import annotations

import hashlib
import os
import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stackyard.engine.errors import CompileError
from stackyard.engine.process.durable import PRIVATE_FILE, replace_file
from stackyard.engine.process.spec import SCRATCH, Account, Mounted, VolumeSpec

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from stackyard.compose.model import Project, Service
    from stackyard.compose.model.mounts import FileMount, Mount
    from stackyard.compose.model.resources import FileObject
    from stackyard.engine.process.compile.machine import Machine
    from stackyard.engine.process.state import ProjectState

_SECRETS = "/run/secrets"


@dataclass(frozen=True)
class NewFile:
    """A file that must be written before the service starts."""

    path: Path
    content: bytes
    account: Account | None = None


@dataclass
class Mounts:
    """What one service mounts.

    Attributes:
        mounted: everything, the volumes of the image too.
        files: secrets and configs that have no file of their own.
        volumes: volumes without a name in the file.
        content: digest of the secrets and configs.
        seals: whether those that are read-only are kept so.
    """

    mounted: list[Mounted] = field(default_factory=list)
    files: list[NewFile] = field(default_factory=list)
    volumes: list[VolumeSpec] = field(default_factory=list)
    content: str = ""
    seals: bool = False
    warnings: list[str] = field(default_factory=list)

    @property
    def paths(self) -> dict[str, str]:
        """Container paths -> host paths."""
        return {mount.target: mount.source for mount in self.mounted}


def mounts_of(
    project: Project,
    service: Service,
    machine: Machine,
    *,
    image_volumes: Iterable[str],
    account: Account | None,
) -> Mounts:
    """Return what a service mounts.

    Raises:
        CompileError: a secret or config cannot be had, or a kind of mount not be made.
    """
    state, mounts = machine.state, Mounts()
    for mount in service.volumes:
        mounts.mounted.append(
            _mounted(project, service, mount, state=state, mounts=mounts)
        )
    for entry in service.tmpfs:
        target = entry.partition(":")[0]
        mounts.mounted.append(_scratch(target))
    taken = {mount.target for mount in mounts.mounted}
    for target in image_volumes:
        if target not in taken:
            mounts.mounted.append(_anonymous(service, target, state, mounts))
    _add_files(project, service, state, mounts, account=account)
    if any(mount.is_sealed for mount in mounts.mounted):
        mounts.seals = machine.can_seal
        if not mounts.seals:
            mounts.warnings.append(
                f"service {service.name}: read-only mounts are not enforced: this "
                "machine lets you make no mount name space"
            )
    return mounts


def write_files(files: Iterable[NewFile]) -> None:
    """Write secrets and configs, readable by their service alone."""
    for file in files:
        if not file.path.exists():
            replace_file(file.path, file.content, mode=PRIVATE_FILE)
        if file.account is not None:
            os.chown(file.path, file.account.uid, file.account.gid)


def _mounted(
    project: Project,
    service: Service,
    mount: Mount,
    *,
    state: ProjectState,
    mounts: Mounts,
) -> Mounted:
    target = posixpath.normpath(mount.target)
    if mount.type == "bind":
        create = mount.bind is None or mount.bind.create_host_path
        return Mounted(
            target=target,
            source=mount.source,
            read_only=mount.read_only,
            create=create,
        )
    if mount.type == "tmpfs":
        return _scratch(target)
    if mount.type != "volume":
        raise CompileError(
            f"service {service.name}: a mount of type {mount.type} is not possible "
            "without a container engine",
            hint="use a volume or a bind mount",
        )
    if not mount.source:
        return _anonymous(service, target, state, mounts)
    name = project.volumes[mount.source].name
    source = state.root.volume(name)
    if mount.volume and mount.volume.subpath:
        source = _below(source, mount.volume.subpath, service.name)
    return Mounted(
        target=target,
        source=str(source),
        type="volume",
        volume=name,
        read_only=mount.read_only,
    )


def _below(directory: Path, subpath: str, service: str) -> Path:
    path = posixpath.normpath(subpath)
    if path == ".." or path.startswith(("/", "../")):
        raise CompileError(
            f"service {service}: volume.subpath {subpath!r} leads out of the volume",
            hint="name a directory inside it",
        )
    return directory / path


def _scratch(target: str) -> Mounted:
    name = hashlib.sha256(target.encode()).hexdigest()[:8]
    return Mounted(
        target=posixpath.normpath(target),
        source=f"{SCRATCH}/tmpfs-{name}",
        type="tmpfs",
    )


def _anonymous(
    service: Service, target: str, state: ProjectState, mounts: Mounts
) -> Mounted:
    """A volume without a name: it stays with the service, as Compose keeps it."""
    digest = hashlib.sha256(f"{state.name}/{service.name}/{target}".encode())
    name = digest.hexdigest()
    mounts.volumes.append(VolumeSpec(name=name))
    return Mounted(
        target=target, source=str(state.root.volume(name)), type="volume", volume=name
    )


def _add_files(
    project: Project,
    service: Service,
    state: ProjectState,
    mounts: Mounts,
    *,
    account: Account | None,
) -> None:
    digest = hashlib.sha256()
    kinds = (
        ("secret", service.secrets, project.secrets, _secret_target),
        ("config", service.configs, project.configs, _config_target),
    )
    for kind, wanted, known, target_of in kinds:
        for item in wanted:
            place = f"service {service.name}: {kind} {item.source}"
            source, content = _source(
                known[item.source], project, state, account=account, place=place
            )
            if source is None:
                name = hashlib.sha256(
                    content + repr((kind, item.source, account)).encode()
                ).hexdigest()
                source = state.path / "files" / f"{kind}-{name[:32]}"
                mounts.files.append(NewFile(source, content, account))
            digest.update(f"{kind}/{item.source}/{len(content)}/".encode() + content)
            mounts.mounted.append(
                Mounted(
                    target=target_of(item),
                    source=str(source),
                    type=kind,
                    read_only=True,
                    create=False,
                )
            )
    if service.secrets or service.configs:
        mounts.content = digest.hexdigest()


def _source(
    item: FileObject,
    project: Project,
    state: ProjectState,
    *,
    account: Account | None,
    place: str,
) -> tuple[Path | None, bytes]:
    """Return the file to use as it is, if there is one, and the content."""
    from pathlib import Path

    if item.environment:
        value = project.environment.get(item.environment)
        if value is None:
            raise CompileError(
                f"{place}: the variable {item.environment} is not set",
                hint=f"set {item.environment} in the environment or in .env",
            )
        return None, value.encode()
    if item.content:
        return None, item.content.encode()
    if item.external or not item.file:
        raise CompileError(
            f"{place}: an external one cannot be had without a container engine",
            hint="give it a file or a variable",
        )
    try:
        with open(item.file, "rb") as file:
            content = file.read()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CompileError(
            f"{place}: cannot read {item.file}: {reason}", hint="create the file"
        ) from error
    # Who runs as somebody else may not be able to read it where it is.
    return (None if account is not None else Path(item.file)), content


def _secret_target(mount: FileMount) -> str:
    target = mount.target or mount.source
    return posixpath.normpath(posixpath.join(_SECRETS, target))


def _config_target(mount: FileMount) -> str:
    return posixpath.normpath(posixpath.join("/", mount.target or mount.source))
