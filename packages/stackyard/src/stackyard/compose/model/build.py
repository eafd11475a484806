"""How an image is built: Compose Build Specification."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stackyard.compose.model.codec import Model, attribute
from stackyard.compose.model.codecs import (
    BOOLEAN,
    EXTRA_HOSTS,
    MAPPING,
    NULLABLE_MAPPING,
    SIZE,
    SSH_KEYS,
    STRING,
    STRINGS,
    list_of,
    map_of,
    nested,
)
from stackyard.compose.model.mounts import FileMount
from stackyard.compose.model.ulimit import ULIMIT, Ulimit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stackyard.compose.grammar.size import ByteSize


class Build(Model):
    """`services.*.build` (Compose Build Specification)."""

    context: str = attribute(STRING)
    """Directory with the sources, or the URL of a remote context."""
    dockerfile: str = attribute(STRING)
    """Path of the Dockerfile, relative to the context."""
    dockerfile_inline: str = attribute(STRING)
    """Text of the Dockerfile; excludes `dockerfile`."""
    entitlements: tuple[str, ...] = attribute(STRINGS)
    """Privileges the build may use, such as `network.host`."""
    args: Mapping[str, str | None] = attribute(NULLABLE_MAPPING)
    """Build arguments; None was to come from the environment and was not there."""
    provenance: str = attribute(STRING)
    """Provenance attestation: a boolean, or parameters such as `mode=max`."""
    sbom: str = attribute(STRING)
    """SBOM attestation: a boolean, or parameters of a generator."""
    ssh: Mapping[str, str | None] = attribute(SSH_KEYS)
    """SSH agents or keys the build may use, by id; `default` has no path."""
    labels: Mapping[str, str] = attribute(MAPPING)
    """Labels of the image."""
    cache_from: tuple[str, ...] = attribute(STRINGS)
    """Where cached layers come from."""
    cache_to: tuple[str, ...] = attribute(STRINGS)
    """Where layers are cached for others."""
    no_cache: bool = attribute(BOOLEAN)
    """Whether every layer is built anew."""
    additional_contexts: Mapping[str, str] = attribute(MAPPING)
    """Named contexts besides the main one: a path, URL, image, or `service:NAME`."""
    pull: bool = attribute(BOOLEAN)
    """Whether base images are pulled even when present."""
    extra_hosts: Mapping[str, tuple[str, ...]] = attribute(EXTRA_HOSTS)
    """Host names and their addresses, known during the build."""
    isolation: str = attribute(STRING)
    """Isolation technology of the build containers."""
    network: str = attribute(STRING)
    """Network of `RUN` instructions."""
    target: str = attribute(STRING)
    """The stage to build of a multi-stage Dockerfile."""
    secrets: tuple[FileMount, ...] = attribute(list_of(nested(FileMount)))
    """Secrets readable during the build."""
    shm_size: ByteSize = attribute(SIZE)
    """Size of /dev/shm during the build, in bytes."""
    tags: tuple[str, ...] = attribute(STRINGS)
    """Further names of the image."""
    ulimits: Mapping[str, Ulimit] = attribute(map_of(ULIMIT))
    """Resource limits of the build containers."""
    platforms: tuple[str, ...] = attribute(STRINGS)
    """Platforms to build for, as `os[/arch[/variant]]`."""
    privileged: bool = attribute(BOOLEAN)
    """Whether the build has elevated privileges."""
