"""Which services a command is about: by profile and by name."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final, TypeVar

from stackyard.compose import graph
from stackyard.compose.errors import SelectionError
from stackyard.compose.model.frozen import FrozenDict
from stackyard.compose.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stackyard.compose.model import Project, Service

R = TypeVar("R")
_NO_SERVICE: Final = "no such service: "


def with_profiles(project: Project, profiles: Iterable[str]) -> Project:
    """Return the project with the services of these profiles enabled; "*" is all."""
    active = tuple(dict.fromkeys(profiles))
    services = project.all_services.values()
    enabled = [item for item in services if is_enabled(item, active)]
    disabled = [item for item in services if not is_enabled(item, active)]
    result = project.with_services(enabled, disabled)
    return dataclasses.replace(result, profiles=active)


def is_enabled(service: Service, profiles: Iterable[str]) -> bool:
    """Return whether a service runs when these profiles are active."""
    if not service.profiles:
        return True
    active = set(profiles)
    return "*" in active or not active.isdisjoint(service.profiles)


def with_named_enabled(project: Project, names: Iterable[str]) -> Project:
    """Return the project with the profiles of the named services active too.

    Raises:
        SelectionError: a service does not exist.
    """
    profiles = list(project.profiles)
    for name in names:
        service = project.all_services.get(name)
        if service is None:
            hint = did_you_mean(name, project.all_services)
            message = _NO_SERVICE + name
            raise SelectionError(f"{message}, {hint}" if hint else message)
        if not is_enabled(service, profiles):
            profiles += service.profiles
    return with_profiles(project, profiles)


def with_selected(project: Project, names: Iterable[str]) -> Project:
    """Return the project reduced to the named services and what they depend on."""
    wanted = list(names)
    if not wanted:
        return project
    for name in wanted:
        if name not in project.services:
            raise SelectionError(_NO_SERVICE + name)
    edges = graph.dependencies(project)
    kept = graph.reachable(edges, wanted)
    _check_dependencies(project, kept)
    services = project.services.values()
    return project.with_services(
        [item for item in services if item.name in kept],
        [
            *(item for item in services if item.name not in kept),
            *project.disabled_services.values(),
        ],
    )


def _check_dependencies(project: Project, names: Iterable[str]) -> None:
    for name in names:
        for needed, dependency in project.services[name].depends_on.items():
            if dependency.required and needed not in project.services:
                raise SelectionError(
                    f"no such service: {needed} is not enabled, and {name} needs it"
                )


def without_unused(project: Project) -> Project:
    """Return the project without resources that no enabled service uses."""
    networks: set[str] = set()
    volumes: set[str] = set()
    secrets: set[str] = set()
    configs: set[str] = set()
    models: set[str] = set()
    for service in project.services.values():
        networks |= service.networks.keys()
        volumes |= {m.source for m in service.volumes if m.type == "volume"}
        secrets |= {item.source for item in service.secrets}
        configs |= {item.source for item in service.configs}
        models |= service.models.keys()
        if service.build is not None:
            secrets |= {item.source for item in service.build.secrets}
    return dataclasses.replace(
        project,
        networks=_only(project.networks, networks),
        volumes=_only(project.volumes, volumes),
        secrets=_only(project.secrets, secrets),
        configs=_only(project.configs, configs),
        models=_only(project.models, models),
    )


def _only(resources: Mapping[str, R], names: set[str]) -> Mapping[str, R]:
    return FrozenDict({key: resources[key] for key in resources if key in names})
