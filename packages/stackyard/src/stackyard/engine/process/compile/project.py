"""A whole project in native terms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stackyard.engine.errors import CompileError
from stackyard.engine.process.compile.names import Names
from stackyard.engine.process.compile.service import Compiled, compile_service
from stackyard.engine.process.spec import Desired, VolumeSpec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stackyard.compose.model import Project
    from stackyard.engine.process.compile.machine import Machine
    from stackyard.engine.process.compile.mounts import NewFile


@dataclass(frozen=True)
class Native:
    """The result: what to run, files to write before, and warnings for the user."""

    desired: Desired
    files: tuple[NewFile, ...]
    warnings: tuple[str, ...]


def compile_project(
    project: Project, machine: Machine, *, only: Iterable[str] | None = None
) -> Native:
    """Return a project in native terms.

    Args:
        project: as it was loaded.
        machine: what runs it.
        only: services that are needed; one that has no native meaning is then an error
            only if it is among them.

    Raises:
        CompileError: with every service that has no native meaning.
    """
    compiled: dict[str, Compiled] = {}
    names = Names(project)
    errors = []
    needed = None if only is None else set(only)
    for service in project.services.values():
        if service.provider is not None:
            continue
        try:
            compiled[service.name] = compile_service(project, service, machine, names)
        except CompileError as error:
            if needed is None or service.name in needed:
                errors.append(error)
    if errors:
        raise _joined(errors)
    volumes = [
        VolumeSpec(name=volume.name, key=key, external=volume.external)
        for key, volume in project.volumes.items()
    ]
    for item in compiled.values():
        volumes += item.volumes
    desired = Desired(
        project=project.name,
        services={name: item.spec for name, item in compiled.items()},
        volumes=tuple(volumes),
        networks=tuple(
            network.name
            for network in project.networks.values()
            if not network.external
        ),
        working_dir=project.working_dir,
        files=project.files,
    )
    return Native(
        desired=desired,
        files=tuple(file for item in compiled.values() for file in item.files),
        warnings=tuple(text for item in compiled.values() for text in item.warnings),
    )


def _joined(errors: list[CompileError]) -> CompileError:
    if len(errors) == 1:
        return errors[0]
    message = "\nerror: ".join(str(error) for error in errors[:-1])
    last = errors[-1]
    return CompileError(f"{message}\nerror: {last.message}", hint=last.hint)
