"""The project: everything its Compose files describe."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, TypeVar

from stackyard.compose.model.codec import (
    DecodeError,
    Form,
    Model,
    Sorted,
    attribute,
    decode,
    encode,
)
from stackyard.compose.model.codecs import STRING, map_of, nested
from stackyard.compose.model.frozen import FrozenDict
from stackyard.compose.model.resources import AiModel, FileObject, Network, Volume
from stackyard.compose.model.service import Service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

P = TypeVar("P", bound="Project")


class Project(Model, extensible_in_json=True):
    """A Compose project. All mappings are by the key in the files.

    `disabled_services` are those whose profiles are not active; they are not printed.
    """

    name: str = attribute(STRING)
    """Name of the project."""
    services: Mapping[str, Service] = attribute(map_of(nested(Service)), always=True)
    """Enabled services."""
    networks: Mapping[str, Network] = attribute(map_of(nested(Network)))
    """Networks."""
    volumes: Mapping[str, Volume] = attribute(map_of(nested(Volume)))
    """Named volumes."""
    secrets: Mapping[str, FileObject] = attribute(map_of(nested(FileObject)))
    """Secrets."""
    configs: Mapping[str, FileObject] = attribute(map_of(nested(FileObject)))
    """Configs."""
    models: Mapping[str, AiModel] = attribute(map_of(nested(AiModel)), in_json=False)
    """AI models."""
    disabled_services: Mapping[str, Service] = FrozenDict({})
    """Services whose profiles are not active."""
    profiles: tuple[str, ...] = ()
    """Active profiles."""
    environment: Mapping[str, str] = FrozenDict({})
    """Variables the files were interpolated with."""
    working_dir: str = ""
    """Absolute path that relative paths are relative to."""
    files: tuple[str, ...] = ()
    """Compose files, in the order they were merged."""

    @property
    def all_services(self) -> Mapping[str, Service]:
        """Enabled and disabled services."""
        return {**self.services, **self.disabled_services}

    def with_services(
        self, services: Iterable[Service], disabled: Iterable[Service]
    ) -> Project:
        """Return the project with these services, others as they were."""
        return dataclasses.replace(
            self,
            services=FrozenDict({item.name: item for item in services}),
            disabled_services=FrozenDict({item.name: item for item in disabled}),
        )


def project_from_document(
    document: dict[str, Any], report: Callable[[DecodeError], None]
) -> Project:
    """Return the project of a canonical document; what does not fit is reported."""
    project = decode(Project, document, (), report)
    named = (
        dataclasses.replace(service, name=name)
        for name, service in project.services.items()
    )
    return project.with_services(named, ())


def project_to_document(project: Project, form: Form) -> dict[str, Any]:
    """Return the canonical document, as `docker compose config` shows it."""
    document = encode(project, form)
    return Sorted(document) if form is Form.JSON else document
