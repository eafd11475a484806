"""What a service mounts: volumes, secrets and configs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stackyard.compose.model.codec import Model, attribute
from stackyard.compose.model.codecs import (
    BOOLEAN,
    FILE_MODE,
    MAPPING,
    SIZE,
    STRING,
    UNQUOTED,
    nested,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stackyard.compose.grammar.size import ByteSize


class FileMount(Model):
    """A secret or config in a service, or a secret of a build."""

    source: str = attribute(STRING)
    """Key of the secret or config in the project."""
    target: str = attribute(STRING)
    """Path in the container; empty: `/<source>` for a config."""
    uid: str = attribute(STRING)
    """Owner of the file in the container."""
    gid: str = attribute(STRING)
    """Group of the file in the container."""
    mode: int | None = attribute(FILE_MODE, optional=True)
    """Permission bits; None is 0444."""


class BindOptions(Model):
    """`services.*.volumes.*.bind`."""

    selinux: str = attribute(STRING)
    """SELinux relabelling: `z` shared, `Z` private."""
    propagation: str = attribute(STRING)
    """Mount propagation, such as `rslave`."""
    create_host_path: bool = attribute(BOOLEAN)
    """Whether a missing source is created as a directory."""
    recursive: str = attribute(STRING)
    """Whether mounts below the source come along, and how."""


class VolumeOptions(Model):
    """`services.*.volumes.*.volume`."""

    labels: Mapping[str, str] = attribute(MAPPING)
    """Labels of an anonymous volume."""
    nocopy: bool = attribute(BOOLEAN)
    """Whether a new volume stays empty rather than take the image's files."""
    subpath: str = attribute(STRING)
    """Path inside the volume that is mounted."""


class TmpfsOptions(Model):
    """`services.*.volumes.*.tmpfs`."""

    size: ByteSize = attribute(SIZE)
    """Size in bytes; 0 is unlimited."""
    mode: int = attribute(UNQUOTED)
    """Permission bits of the mount."""


class ImageOptions(Model):
    """`services.*.volumes.*.image`."""

    subpath: str = attribute(STRING)
    """Path inside the image that is mounted."""


class Mount(Model):
    """`services.*.volumes.*` (Compose Specification, "volumes")."""

    type: str = attribute(STRING)
    """`bind`, `volume`, `tmpfs`, `image`, `npipe` or `cluster`."""
    source: str = attribute(STRING)
    """Host path, key of a volume, or image; empty: an anonymous volume."""
    target: str = attribute(STRING)
    """Path in the container."""
    read_only: bool = attribute(BOOLEAN)
    """Whether the service cannot write to it."""
    consistency: str = attribute(STRING)
    """Consistency on platforms where the engine runs in a virtual machine."""
    bind: BindOptions | None = attribute(nested(BindOptions))
    """Options of a bind mount."""
    volume: VolumeOptions | None = attribute(nested(VolumeOptions))
    """Options of a volume."""
    tmpfs: TmpfsOptions | None = attribute(nested(TmpfsOptions))
    """Options of a tmpfs."""
    image: ImageOptions | None = attribute(nested(ImageOptions))
    """Options of an image mount."""
